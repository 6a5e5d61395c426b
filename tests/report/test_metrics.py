"""The stage `metrics`: its outputs, and the page as one safe, accessible file."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from pipeline.base.errors import PipelineError
from pipeline.config.names import SCORES
from pipeline.config.paths import Cell
from pipeline.report.metrics import PAGE
from tests.report.projects import (
    SCRIPT,
    Elements,
    make_cell,
    make_report,
)


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path, root: Path, cell: Cell, page: str) -> None:
    make_report(tmp_path, cell)
    files = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert [str(file) for file in files] == [
        "metrics.json",
        "plots/confusion.csv",
        "plots/history.csv",
        f"report/{PAGE}",
        "scores.json",
    ]
    for file in files:
        assert (tmp_path / file).read_bytes() == (root / file).read_bytes()


def test_the_page_makes_no_request(page: str) -> None:
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", re.sub(r"base64,[A-Za-z0-9+/=]+", "", page))
    for tag, attributes in Elements(page).found:
        assert tag not in {"script", "iframe", "object", "embed", "base"}
        for name in ("src", "href", "xlink:href", "srcset", "data"):
            address = attributes.get(name) or "#"
            assert address.startswith(("#", "data:")), (tag, address[:50])


def test_names_stay_text(page: str) -> None:
    elements = Elements(page)
    assert SCRIPT not in page
    assert not any(name.startswith("on") for _, attributes in elements.found for name in attributes)
    titles = [attributes["title"] or "" for tag, attributes in elements.found if tag == "img" and "title" in attributes]
    assert any(title.startswith(SCRIPT) for title in titles)
    assert any(title.startswith("ß'\"&") for title in titles)
    assert any(title.startswith("caf\N{REPLACEMENT CHARACTER}") for title in titles)
    assert "class 1 <b>" in elements.text


def test_the_page_is_well_formed_and_accessible(page: str) -> None:
    found = Elements(page).found
    ids = Counter(attributes["id"] for _, attributes in found if "id" in attributes)
    assert ids.most_common(1)[0][1] == 1
    assert all(attributes.get("alt") for tag, attributes in found if tag == "img")
    links = {(attributes["href"] or "")[1:] for tag, attributes in found if tag == "a"}
    assert links <= set(ids)
    for tag in ("table", "section", "details", "figure", "ul", "div", "article"):
        assert page.count(f"<{tag}") == page.count(f"</{tag}>"), tag


def test_several_cells_stand_on_one_page_with_an_overview(tmp_path: Path, cell: Cell) -> None:
    page = make_report(tmp_path, cell, make_cell(tmp_path, "other", classes=0))
    assert page.count("<article") == 2
    assert page.count('href="#cell-2"') == 2
    assert set(json.loads((tmp_path / "metrics.json").read_text())) == {"toy", "other"}


def test_a_failed_report_leaves_the_last_one(tmp_path: Path) -> None:
    cell = make_cell(tmp_path)
    before = make_report(tmp_path, cell)
    (cell.evaluation / "scp" / SCORES).unlink()
    with pytest.raises(PipelineError):
        make_report(tmp_path, cell)
    assert (tmp_path / "report" / PAGE).read_text(encoding="utf-8") == before


def test_what_a_method_left_that_is_not_fitted_any_more_is_not_shown(tmp_path: Path) -> None:
    cell = make_cell(tmp_path)
    for folder in (cell.heads, cell.predictions, cell.evaluation):
        (folder / "scp").rename(folder / "spectral")
    text = Elements(make_report(tmp_path, cell, methods=("kmeans",))).text
    assert "k-means" in text
    assert "spectral" not in text
    for file in ("metrics.json", "scores.json"):
        assert set(json.loads((tmp_path / file).read_text())["toy"]["backbone"]) == {"kmeans"}
