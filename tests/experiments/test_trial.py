"""The trial of the estimate: subsets with known classes, and the tables of how close it comes."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.base.csv_tables import write_table
from pipeline.base.errors import PipelineError
from pipeline.cli.settings import Settings
from pipeline.config import paths
from pipeline.config.names import LABEL_COLUMNS
from pipeline.config.paths import Cell
from pipeline.experiments import trial
from pipeline.experiments.settings import EstimatesStudy
from pipeline.experiments.trial import Labelled, digits, labelled_cell, subsets
from pipeline.features.manifest import Manifest
from pipeline.features.shards import write_shard
from tests.collection.test_criteria import blobs
from tests.report.test_latex import check

STUDY = EstimatesStudy(classes=(2, 4, 9), uneven=(4,), ratio=8, images=80, seed=0)


@pytest.fixture
def cell(project: Callable[..., Path]) -> Cell:
    """Four groups as the embeddings of a labelled cell."""
    project()
    made = paths.cell_paths("mine", "embeddings")
    rows, which = blobs(4, 160)
    ids = [f"picture {number}" for number in range(len(rows))]
    shard = write_shard(made.features / "train-00000.h5", ids, rows[:, None], "f")
    Manifest("mine", "embeddings", "f", 16, 0, {}, {"train": [shard]}).write(made.features)
    write_table(made.labels, LABEL_COLUMNS, zip(ids[::-1], (f"class {group}" for group in which[::-1]), strict=True))
    return made


def test_labels_meet_their_pictures_by_id(cell: Cell) -> None:
    data = labelled_cell(cell)
    assert data.name == "mine x embeddings"
    assert np.array_equal(data.classes, blobs(4, 160)[1])


def test_pictures_without_a_label_are_refused(cell: Cell) -> None:
    write_table(cell.labels, LABEL_COLUMNS, [("picture 0", "class 0")])
    with pytest.raises(PipelineError, match="expected a label for each of 160 images, 159 have none"):
        labelled_cell(cell)


def test_subsets_have_the_classes_and_the_ratio_that_were_asked_for() -> None:
    which = np.repeat(np.arange(5), 40)
    # The embedding is the class, so that a subset shows what it is made of.
    made = list(subsets(Labelled("x", which[:, None].astype(float), which), STUDY))
    assert [(each.classes, each.uneven) for each in made] == [(2, False), (4, False), (4, True)]
    for each in made:
        sizes = np.unique(each.rows, return_counts=True)[1]
        assert len(sizes) == each.classes
        assert len(each.rows) <= STUDY.images
        expected = STUDY.ratio if each.uneven else 1
        assert sizes.max() / sizes.min() == pytest.approx(expected, rel=0.4)
    again = list(subsets(Labelled("x", which[:, None].astype(float), which), STUDY))
    assert all(np.array_equal(one.rows, other.rows) for one, other in zip(made, again, strict=True))


def test_the_digits_are_there() -> None:
    data = digits()
    assert data.rows.shape == (1797, 64)
    assert len(np.unique(data.classes)) == 10


def test_the_tables_say_how_close_each_way_comes(
    cell: Cell, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "digits", lambda: labelled_cell(cell))
    quick = replace(settings.cluster.estimate, most=6, most_of_heads=3, steps=5, runs=2, too_many=6, hidden=(8,))
    choice, study = replace(settings.cluster, estimate=quick), replace(STUDY, images=160)
    said: list[str] = []
    text = trial.trial([cell], study, choice, settings.fit, "cpu", tmp_path / "out", said.append)
    with (tmp_path / "out" / "estimates.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["classes"] for row in rows] == ["2", "4", "4"] * 2
    assert [row["recommended"] for row in rows[:2]] == ["2", "4"]
    assert len(said) == len(rows)
    exact = sum(row["recommended"] == row["classes"] for row in rows)
    assert f"| recommended | {exact} of 6 |" in text
    assert len(check((tmp_path / "out" / "estimates.tex").read_text())) == 1 + len(rows)
    assert check((tmp_path / "out" / "closeness.tex").read_text())[1][0].strip() == "recommended"
    assert (tmp_path / "out" / "closeness.csv").read_text().startswith("estimate,exact,")
    written = (tmp_path / "out" / "estimates.md").read_text()
    assert written.startswith(text)
    assert "| mine x embeddings | 80 | 2 |  | 2 |" in written
