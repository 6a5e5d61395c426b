"""A fit of several methods, or of a study, that is stopped: what was finished before is not computed again."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import main as cli
from pipeline.cli.settings import Settings
from pipeline.heads import scp
from pipeline.heads.problem import Problem, Run
from pipeline.methods import kmeans
from tests.conftest import BACKBONE, DATASET
from tests.features.test_cache import write_cache
from tests.methods.test_protocol import command


@pytest.fixture
def root(project: Callable[..., Path], settings: Settings) -> Path:
    made = project(
        **{
            "fit.runs": 2,
            "fit.methods": ["scp", "kmeans"],
            "fit.training.hidden": [8, 8, 8, 8],
            "fit.training.min_steps": 5,
            "fit.training.epochs": 1,
            f"datasets.{DATASET}.clusters": 2,
            f"datasets.{DATASET}.image_size": 32,
            "studies.balance": {"runs": 2, "weights": [1.0, 2.0]},
        }
    )
    write_cache(made / "data" / "features" / DATASET / BACKBONE, settings, 6)
    return made


def stopped(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["pipeline", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 130
    said = capsys.readouterr().err
    assert "pipeline: stopped; every run that has ended is kept, the same command goes on from there" in said


def counts(root: Path, *names: str) -> Any:
    return json.loads((root / "data" / "runs" / Path(*names)).with_suffix(".json").read_text())["runs"]


def interrupt(*_: Any) -> Iterator[Run]:
    raise KeyboardInterrupt


def test_the_methods_before_are_taken_as_they_are(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(kmeans, "fit", interrupt)
        stopped(patch, capsys, "fit", "--device", "cpu")
    command(monkeypatch, "fit", "--device", "cpu")
    assert counts(root, "fit", DATASET, BACKBONE, "scp") == {"scp": {"computed": 0, "kept": 2}}
    assert counts(root, "fit", DATASET, BACKBONE, "kmeans") == {"kmeans": {"computed": 2, "kept": 0}}
    # Nothing of them is left once all is fitted.
    assert not (root / "data" / "parts" / DATASET / BACKBONE).exists()
    command(monkeypatch, "fit", "--device", "cpu", "--method", "scp")
    assert counts(root, "fit", DATASET, BACKBONE, "scp") == {"scp": {"computed": 2, "kept": 0}}


def test_the_variants_before_are_taken_as_they_are(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = scp.fit

    def until_two(problem: Problem, seeds: list[int]) -> Iterator[Run]:
        if problem.dataset.balance_weight == 2.0:
            raise KeyboardInterrupt
        yield from fit(problem, seeds)

    with monkeypatch.context() as patch:
        patch.setattr(scp, "fit", until_two)
        stopped(patch, capsys, "fit", "--device", "cpu", "--study", "balance")
    command(monkeypatch, "fit", "--device", "cpu", "--study", "balance")
    found = [counts(root, "balance", "fit", DATASET, BACKBONE, f"{weight}.x") for weight in (1, 2)]
    assert found == [{"scp": {"computed": 0, "kept": 2}}, {"scp": {"computed": 2, "kept": 0}}]
    assert not list((root / "data" / "studies" / "balance" / "parts").rglob("*.part"))


def test_what_a_method_left_that_is_none_of_the_study_is_removed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = root / "data" / "studies" / "balance"
    for kind in ("heads", "predictions", "evaluation"):
        (study / kind / DATASET / BACKBONE / "1" / "spectral").mkdir(parents=True)
    command(monkeypatch, "fit", "--device", "cpu", "--study", "balance")
    found = sorted(str(path.relative_to(study)) for path in study.glob("*/*/*/1/*"))
    assert found == [f"{kind}/{DATASET}/{BACKBONE}/1/scp" for kind in ("heads", "predictions")]
