"""Reading a cell: what is missing, damaged or of other images is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.base.csv_tables import write_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import write_json
from pipeline.config.names import CLASSES, CONFUSION, HEAD, LABEL_COLUMNS, SCORES, SUMMARY
from pipeline.config.paths import Cell
from pipeline.features.manifest import Manifest
from pipeline.features.shards import write_shard
from pipeline.heads.predictions import ASSIGNMENTS
from pipeline.report.cells import ordered
from tests.report.projects import (
    DIM,
    MANIFEST_SETTINGS,
    make_cell,
    make_report,
)


@pytest.mark.parametrize(
    ("missing", "stage"),
    [
        (lambda cell: cell.evaluation, "evaluate"),
        (lambda cell: cell.evaluation / "scp" / CLASSES, "evaluate"),
        (lambda cell: cell.evaluation / "scp" / CONFUSION, "evaluate"),
        (lambda cell: cell.heads, "fit"),
        (lambda cell: cell.heads / "kmeans" / HEAD, "fit"),
        (lambda cell: cell.heads / "scp" / SUMMARY, "fit"),
        (lambda cell: cell.predictions / "scp" / ASSIGNMENTS, "fit"),
        (lambda cell: cell.features, "extract"),
        (lambda cell: cell.images, "prepare"),
        (lambda cell: cell.images / "all.npy", "prepare"),
    ],
)
def test_a_missing_input_is_one_line_that_names_the_stage(
    tmp_path: Path, missing: Callable[[Cell], Path], stage: str
) -> None:
    cell = make_cell(tmp_path)
    path = missing(cell)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    with pytest.raises(PipelineError, match=rf"run 'pipeline {stage}") as error:
        make_report(tmp_path, cell)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "\x00"])
def test_damaged_scores_are_refused(tmp_path: Path, content: str) -> None:
    cell = make_cell(tmp_path)
    (cell.evaluation / "kmeans" / SCORES).write_text(content)
    with pytest.raises(PipelineError, match=r"scores\.json: .*run 'pipeline evaluate --dataset toy"):
        make_report(tmp_path, cell)


@pytest.mark.parametrize(("file", "stage"), [("evaluation", "evaluate"), ("heads", "fit")])
def test_a_summary_without_its_keys_is_refused(tmp_path: Path, file: str, stage: str) -> None:
    cell = make_cell(tmp_path)
    path = cell.evaluation / "scp" / SCORES if file == "evaluation" else cell.heads / "scp" / SUMMARY
    write_json(path, {"runs": 2})
    with pytest.raises(PipelineError, match=rf"expected '\w+', found .*run 'pipeline {stage} --dataset toy"):
        make_report(tmp_path, cell)


def test_labels_of_other_images_are_refused(tmp_path: Path) -> None:
    cell = make_cell(tmp_path)
    write_table(cell.evaluation / "scp" / CLASSES, LABEL_COLUMNS, [("another", "class")])
    with pytest.raises(PipelineError, match=r"expected a class for every image.*run 'pipeline evaluate"):
        make_report(tmp_path, cell)


def test_a_cache_of_other_images_is_refused(tmp_path: Path) -> None:
    cell = make_cell(tmp_path)
    shutil.rmtree(cell.features)
    shard = write_shard(cell.features / "test-00000.h5", ["a"], np.ones((1, 3, DIM)), "f" * 64)
    Manifest("toy", "backbone", "0" * 64, DIM, 2, MANIFEST_SETTINGS, {"test": [shard]}).write(cell.features)
    with pytest.raises(PipelineError, match=r"expected the 1 images of the split 'test'.*found 24.*run 'pipeline fit"):
        make_report(tmp_path, cell)


def test_the_test_split_is_shown_first() -> None:
    assert ordered({"validation": 1, "train": 2, "test": 3}) == ["test", "train", "validation"]
