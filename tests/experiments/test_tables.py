from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.base.csv_tables import write_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import write_json
from pipeline.config.names import CONFUSION, TERMS
from pipeline.config.paths import Cell, study_paths
from pipeline.experiments.studies import with_tables
from pipeline.experiments.studies.ablation import TERM_SETS, term_set_name
from pipeline.experiments.tables import tables
from pipeline.methods import METHODS
from tests.report.test_latex import check


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def evaluated(study: str, values: Mapping[str, dict[str, Any]], backbone: str = "resnet50") -> dict[str, Cell]:
    """Variants of a study on STL-10 with these scores."""
    cells = {}
    for name, scores in values.items():
        cells[name] = study_paths(study, "stl10", backbone, name)
        for method, found in scores.items():
            write_json(cells[name].evaluation / method / "scores.json", found)
    return cells


def scp(acc: float, used: int = 10, runs: int = 5, **splits: Any) -> dict[str, Any]:
    values = {"mean": acc, "std": 0.01, "kept": acc + 0.1, "oracle": 0.9}
    found = {split: {"acc": values, "nmi": values, "ari": values} for split in ("train", "test")}
    return {"scp": {"runs": runs, "clusters_used": used, **(splits or found)}}


def rows_of(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]


def test_the_ablation_has_a_row_for_each_set_of_terms(tmp_path: Path) -> None:
    values = {term_set_name(terms): scp(0.5, used=number) for number, terms in enumerate(TERM_SETS)}
    text = tables("ablation", [evaluated("ablation", values)], [], tmp_path / "out", METHODS)
    assert (tmp_path / "out" / "ablation.md").read_text() == text
    head, _, *rows = rows_of(text)
    used = 2 + len(TERMS)
    assert head[: used + 2] == ["data set", "backbone", *TERMS, "clusters used", "runs"]
    assert len(rows) == len(TERM_SETS)
    assert rows[0][: used + 2] == ["stl10", "resnet50", "✓", *[""] * (len(TERMS) - 1), "0", "5"]
    assert rows[0][used + 2 : used + 6] == ["50.0 ± 1.0", "48.8 to 51.2", "60.0", "90.0"]
    assert rows[-1][2 : used + 1] == [*["✓"] * len(TERMS), str(len(TERM_SETS) - 1)]


@pytest.mark.parametrize(("study", "column", "names"), [("balance", "λ", ["0.5", "10"]), ("views", "K", ["2", "8"])])
def test_a_curve_is_a_table_too(study: str, column: str, names: list[str], tmp_path: Path) -> None:
    cells = [evaluated(study, {name: scp(0.6) for name in names}, backbone) for backbone in ("resnet50", "a+b")]
    head, _, *rows = rows_of(tables(study, cells, [], tmp_path / "out", METHODS))
    assert head[2] == column
    assert [row[1:3] for row in rows] == [[backbone, name] for backbone in ("resnet50", "a+b") for name in names]
    assert rows[0][4:9] == ["5", "60.0 ± 1.0", "58.8 to 61.2", "70.0", "90.0"]


def test_without_labels_the_clusters_are_told(tmp_path: Path) -> None:
    unlabelled = {"scp": {"runs": 5, "clusters_used": 3}}
    assert rows_of(tables("views", [evaluated("views", {"2": unlabelled})], [], tmp_path / "out", METHODS))[2] == [
        "stl10", "resnet50", "2", "3", "5",
    ]  # fmt: skip


def test_the_comparison_has_ours_the_published_and_zero_shot(tmp_path: Path) -> None:
    repeats = evaluated("repeats", {"all": scp(0.5, runs=50)})
    shot = {"zero-shot": scp(0.9, runs=1)["scp"]}
    zero_shot = evaluated("zero-shot", {"clean": shot}, "clip-vitb32")
    text = tables("repeats", [repeats], [zero_shot], tmp_path / "out", METHODS)
    methods = [row[0] for row in rows_of(text)]
    assert methods.count("SCP, ours") == 3
    assert "CLIP zero-shot, ours (uses text)" in methods
    assert methods.count("SCP") == 2
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"comparison.md", "comparison.tex", "comparison.csv", "comparison.html"}
    with (tmp_path / "out" / "comparison.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    (mean,) = [row for row in rows if row["protocol"].startswith("mean ± std of 50 runs")]
    assert [float(mean[name]) for name in ("acc", "acc std")] == [50.0, 1.0]
    assert float(mean["acc high"]) - float(mean["acc low"]) == pytest.approx(2 * 0.2842, abs=1e-3)
    assert "50.0 ± 1.0 [49.7, 50.3]" in text
    page = (tmp_path / "out" / "comparison.html").read_text()
    assert page.count('class="own"') == 4
    assert "mean ± std of 50 runs" in page
    assert re.search(r"CLIP zero-shot, ours <span[^>]*>uses text", page)
    assert "SCP, ours & resnet50" in (tmp_path / "out" / "comparison.tex").read_text()


@pytest.mark.parametrize("study", ["ablation", "balance", "views"])
def test_a_table_goes_into_a_paper_and_into_a_program(study: str, tmp_path: Path) -> None:
    names = [term_set_name(terms) for terms in TERM_SETS] if study == "ablation" else ["2", "8"]
    text = tables(study, [evaluated(study, {name: scp(0.6) for name in names}, "a_b")], [], tmp_path / "out", METHODS)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"{study}.{kind}" for kind in ("md", "tex", "csv")}
    assert "Student's t" in text
    latex = (tmp_path / "out" / f"{study}.tex").read_text()
    rows = check(latex)[1:]
    assert len(rows) == len(names)
    assert rows[0][1].strip() == "a\\_b"
    assert "chosen with labels" in latex
    with (tmp_path / "out" / f"{study}.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [float(found[0][f"test ACC {name}"]) for name in ("mean", "std", "kept", "oracle")] == [60, 1, 70, 90]
    assert found[0]["runs"] == "5"


@pytest.mark.parametrize("study", with_tables())
def test_missing_scores_are_named_and_nothing_is_lost(study: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old.md").write_text("precious")
    variant = {"x": study_paths(study, "stl10", "resnet50", "x")}
    with pytest.raises(PipelineError, match=f"run 'pipeline evaluate --study {study} --dataset stl10"):
        tables(study, [variant], [{}], tmp_path / "out", METHODS)
    assert (tmp_path / "out" / "old.md").read_text() == "precious"


def write_confusion(cell: Cell, method: str, counts: Mapping[tuple[int, str, str], int]) -> None:
    rows = [("test", *key, images) for key, images in counts.items()]
    rows += [("train", 0, "cat", "cat", 99)]
    write_table(cell.evaluation / method / CONFUSION, ("split", "cluster", "matched", "label", "images"), rows)


def test_text_against_no_text_stands_side_by_side_by_class(tmp_path: Path) -> None:
    names = ("scp", "tac")
    ours = evaluated("text-guided", {name: {name: scp(0.5)["scp"]} for name in names}, "clip-vitb32")
    theirs = evaluated("zero-shot", {"clean": {"zero-shot": scp(0.9, runs=1)["scp"]}}, "clip-vitb32")
    # Two of three clusters are matched; of the three dogs none lies in one that is.
    mixed = {(0, "cat", "cat"): 3, (0, "cat", "dog"): 1, (1, "", "dog"): 2, (2, "newt", "newt"): 2}
    right = {(0, "cat", "cat"): 3, (1, "dog", "dog"): 3, (2, "newt", "newt"): 1, (0, "cat", "newt"): 1}
    for cell, method, counts in (
        *((ours[name], name, mixed) for name in names),
        (theirs["clean"], "zero-shot", right),
    ):
        write_confusion(cell, method, counts)
    # The backbone of the second cell has no text tower.
    text = tables("text-guided", [ours, {}], [theirs, {}], tmp_path / "out", METHODS)
    titles = ["SCP", "TAC (uses text)", "CLIP zero-shot (uses text)"]
    assert [row[2] for row in rows_of(text)[2:]] == titles
    head, _, *rows = rows_of((tmp_path / "out" / "text-guided-classes.md").read_text())
    assert head[2:] == ["class", "images", *titles]
    assert [row[2:] for row in rows] == [
        ["cat", "3", "100.0", "100.0", "100.0"],
        ["dog", "3", "0.0", "0.0", "100.0"],
        ["newt", "2", "100.0", "100.0", "50.0"],
        ["all", "8", "62.5", "62.5", "87.5"],
    ]
    check((tmp_path / "out" / "text-guided-classes.tex").read_text())


def test_without_labels_no_class_is_named(tmp_path: Path) -> None:
    unlabelled = {"runs": 5, "clusters_used": 3}
    ours = evaluated("text-guided", {"scp": {"scp": unlabelled}})
    theirs = evaluated("zero-shot", {"clean": {"zero-shot": unlabelled}})
    assert "no labels" not in tables("text-guided", [ours], [theirs], tmp_path / "out", METHODS)
    assert len(rows_of((tmp_path / "out" / "text-guided-classes.md").read_text())) == 2
