"""The scores of the study of robustness, on cases that can be counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.base.csv_tables import read_table, write_table
from pipeline.config.disturbed import SCORE_COLUMNS, SCORES, SUBSET_COLUMNS
from pipeline.config.names import LABEL_COLUMNS
from pipeline.evaluation.robustness import against_clean, evaluate_robustness, purity
from pipeline.evaluation.subsets import uneven, write_subsets
from tests.conftest import write_images

CLEAN = np.array([0, 0, 0, 0, 1, 1, 1, 1])


def test_purity_counts_the_most_frequent_class_of_each_cluster() -> None:
    assert purity(np.array([0, 0, 0, 1, 1]), np.array([7, 7, 8, 8, 8])) == pytest.approx(4 / 5)
    assert purity(np.arange(5), np.array([7, 7, 8, 8, 8])) == 1


def test_a_head_that_predicts_the_same_has_moved_nothing() -> None:
    assert dict(against_clean(CLEAN, CLEAN, np.ones(8), None)) == {"same": 1.0, "moved": 0.0}


def test_numbers_of_clusters_mean_something_where_one_head_has_given_them() -> None:
    swapped = 1 - CLEAN
    assert dict(against_clean(swapped, CLEAN, np.ones(8), None)) == {"same": 1.0, "moved": 1.0}
    assert dict(against_clean(swapped, CLEAN, None, None)) == {"same": 1.0, "moved": 0.0}


def test_confidence_foretells_what_moves_where_the_least_sure_do() -> None:
    moved = CLEAN.copy()
    moved[[3, 7]] = [1, 0]
    confidences = np.array([0.9, 0.9, 0.9, 0.3, 0.9, 0.9, 0.9, 0.4])
    found = dict(against_clean(moved, CLEAN, confidences, None))
    assert found["moved"] == 0.25
    assert found["foretold"] == 1.0


def test_a_cluster_of_corrupted_pictures_is_seen() -> None:
    marked = np.array([0, 0, 0, 1, 0, 0, 0, 1], bool)
    mixed = np.array([0, 0, 0, 2, 1, 1, 1, 2])
    found = dict(against_clean(mixed, CLEAN, None, marked))
    assert found["gathered"] == 1.0
    assert found["left"] == 0.0
    assert found["moved"] == 0.25


def test_each_table_is_scored_by_the_labels_of_its_pictures(tmp_path: Path) -> None:
    ids = [f"p{number}" for number in range(8)]
    labels, tables, out = tmp_path / "labels", tmp_path / "tables", tmp_path / "out"
    write_table(labels / "own.csv", LABEL_COLUMNS, [(name, "ab"[number // 4]) for number, name in enumerate(ids)])
    write_table(labels / "other.csv", LABEL_COLUMNS, [("x", "a"), ("y", "b")])
    write_table(tables / "clean.csv", ("id", "m:0"), zip(ids, CLEAN, strict=True))
    write_table(tables / "confidence.csv", ("id", "m:0"), zip(ids, np.linspace(0.1, 0.9, 8), strict=True))
    worse = [1, *CLEAN[1:]]
    write_table(tables / "predicted_fog-1.csv", ("id", "m:0"), zip(ids, worse, strict=True))
    write_table(tables / "shifted_other.csv", ("id", "m:0"), [("x", 0), ("y", 1)])
    write_table(tables / "subsample.csv", ("id", "m:0"), zip(ids[2:6], CLEAN[2:6], strict=True))
    count = evaluate_robustness(tables, labels, "own", out)
    rows = read_table(out / SCORES, SCORE_COLUMNS, "")
    assert len(rows) == count
    found = {(row["trial"], row["metric"]): float(row["value"]) for row in rows}
    assert found["clean", "acc"] == found["shifted_other", "acc"] == found["subsample", "same"] == 1
    assert found["predicted_fog-1", "acc"] == 0.875
    assert found["predicted_fog-1", "moved"] == 0.125
    assert found["predicted_fog-1", "foretold"] == 1
    assert ("shifted_other", "moved") not in found


def test_without_labels_there_is_the_rest(tmp_path: Path) -> None:
    write_table(tmp_path / "labels" / "own.csv", LABEL_COLUMNS, [])
    for name in ("clean", "confidence", "refitted_fog-1"):
        write_table(tmp_path / "tables" / f"{name}.csv", ("id", "m:0"), [("a", 0), ("b", 1), ("c", 1)])
    evaluate_robustness(tmp_path / "tables", tmp_path / "labels", "own", tmp_path / "out")
    rows = read_table(tmp_path / "out" / SCORES, SCORE_COLUMNS, "")
    assert {(row["trial"], row["metric"]) for row in rows} == {("refitted_fog-1", "same"), ("refitted_fog-1", "moved")}


def test_uneven_classes_fall_in_equal_steps_of_ratio() -> None:
    classes = np.repeat(np.arange(3), [100, 120, 110])
    rows = uneven(classes, 0.01, False, 0)
    assert np.bincount(classes[rows]).tolist() == [100, 10, 1]
    assert np.array_equal(rows, uneven(classes, 0.01, False, 0))
    assert not np.array_equal(rows, uneven(classes, 0.01, False, 1))


def test_half_of_the_classes_are_small_and_the_others_whole() -> None:
    classes = np.repeat(np.arange(5), [100, 120, 110, 100, 130])
    rows = uneven(classes, 0.1, True, 0)
    assert np.bincount(classes[rows]).tolist() == [100, 100, 100, 10, 10]


def test_subsets_hold_ids_and_no_label(tmp_path: Path, pictures: np.ndarray) -> None:
    records = write_images(tmp_path / "images", pictures[:40])
    labels = [(record.id, "ab"[number % 2]) for number, record in enumerate(records)]
    write_table(tmp_path / "labels.csv", LABEL_COLUMNS, labels)
    wanted = {"0.5": (0.5, False), "half-0.1": (0.1, True)}
    write_subsets(tmp_path / "images", tmp_path / "labels.csv", 30, wanted, 0, tmp_path / "subsets.csv")
    rows = read_table(tmp_path / "subsets.csv", SUBSET_COLUMNS, "")
    assert {row["subset"] for row in rows} == {*wanted}
    assert all(set(row) == set(SUBSET_COLUMNS) for row in rows)
    write_table(tmp_path / "labels.csv", LABEL_COLUMNS, [])
    write_subsets(tmp_path / "images", tmp_path / "labels.csv", 30, wanted, 0, tmp_path / "subsets.csv")
    assert read_table(tmp_path / "subsets.csv", SUBSET_COLUMNS, "") == []
