"""What the sections of the page say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.report.projects import (
    RUNS,
    Elements,
    make_cell,
    make_report,
    rows_of,
)


def test_the_page_tells_what_is_ours_and_what_needed_labels(page: str) -> None:
    text = Elements(page).text
    assert "oracle: chosen with labels" in text
    assert "The kept run has the lowest training loss, a choice without labels ours" in text
    assert "The paper reports the best of 50 runs" in text
    assert "Published numbers: there are none for toy." in text


def test_mistakes_are_marked_by_more_than_colour(page: str) -> None:
    assert page.count('class="wrong"') == page.count("<span>≠ class") > 0


def test_published_numbers_stand_beside_ours(tmp_path: Path) -> None:
    text = Elements(make_report(tmp_path, make_cell(tmp_path, "cifar10"))).text
    assert "SCP, ours" in text
    leaks = "best run chosen on test labels; values tuned by data set"
    assert f"SCP CLIP ViT-B/32 93.2 85.5 85.7 train / test best of 50 runs {leaks} arXiv 2502.04226 table 2" in text
    assert "k-means CLIP ViT-B/32 75.2 71.3 62.6" in text
    assert "there are none" not in text


def test_without_labels_the_page_has_neither_scores_nor_classes(tmp_path: Path) -> None:
    page = make_report(tmp_path, make_cell(tmp_path, classes=0))
    text = Elements(page).text
    assert "This data set has no labels" in text
    for absent in ("ACC", "oracle", "Matched to", "by class", "Confusion", "≠"):
        assert absent not in text
    assert page.count('class="map"') == 2
    scores = json.loads((tmp_path / "metrics.json").read_text())["toy"]["backbone"]["scp"]
    assert scores == {"runs": RUNS, "clusters_used": 3}
    assert rows_of(tmp_path / "plots" / "confusion.csv") == []


def test_without_a_test_split_the_train_split_is_shown(tmp_path: Path) -> None:
    text = Elements(make_report(tmp_path, make_cell(tmp_path, splits=("train",)))).text
    assert "SCP, kept run, train split" in text


@pytest.mark.parametrize(("clusters", "classes", "pictures"), [(5, 3, 0), (2, 4, 0), (3, 22, 2), (45, 3, 2)])
def test_clusters_and_classes_may_differ_in_number(tmp_path: Path, clusters: int, classes: int, pictures: int) -> None:
    page = make_report(tmp_path, make_cell(tmp_path, clusters=clusters, classes=classes, images=50))
    assert page.count('class="matrix-picture"') == pictures
    assert 1 < page.count('class="cluster"') <= clusters
    assert clusters <= classes or "unmatched" in Elements(page).text
