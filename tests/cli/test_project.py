"""The project that a command works in: its parameters and the names in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands import failure
from tests.conftest import DATASET

Project = Callable[..., Path]


def test_unknown_names_offer_the_near_ones(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project()
    line = failure(capsys, monkeypatch, "extract", "--backbone", "clip-vitb23")
    assert "--backbone: unknown backbone 'clip-vitb23'; did you mean clip-vitb32" in line
    line = failure(capsys, monkeypatch, "fit", "--dataset", "stl-10")
    assert "--dataset: unknown data set 'stl-10'; did you mean stl10?" in line
    own = {"clusters": 3, "balance_weight": 5.0, "image_size": None, "geometry": "pad", "folder": "photos"}
    project(datasets={"my-photos": own, DATASET: {key: value for key, value in own.items() if key != "folder"}})
    line = failure(capsys, monkeypatch, "fit", "--dataset", "my-photo")
    assert "--dataset: unknown data set 'my-photo'; did you mean my-photos" in line
    project(**{"run.backbones": ["efficientnet-lite"]})
    line = failure(capsys, monkeypatch, "metrics")
    assert "params.yaml: run.backbones: unknown backbone 'efficientnet-lite'; did you mean efficientnet-lite" in line
    project(
        datasets={
            "fashion-mnist-maxi": {"clusters": 10, "balance_weight": 5.0, "image_size": None, "geometry": "published"}
        }
    )
    assert "params.yaml: datasets: unknown data set 'fashion-mnist-maxi'" in failure(capsys, monkeypatch, "prepare")


def test_methods_of_a_study_are_named_at_their_place(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project(**{"studies.systems.methods": ["iic", "kmean"]})
    for command in ("fit", "evaluate"):
        line = failure(capsys, monkeypatch, command, "--study", "systems")
        assert "params.yaml: studies.systems.methods: unknown method 'kmean'; did you mean kmeans" in line
    project(**{"fit.methods": ["scp", "kmean"]})
    assert "params.yaml: fit.methods: unknown method 'kmean'" in failure(capsys, monkeypatch, "fit")


def test_a_study_without_tables_says_what_makes_them(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project()
    line = failure(capsys, monkeypatch, "tables", "--study", "systems")
    assert "--study systems: nothing to write of this study alone" in line
    assert "'pipeline systems'" in line
    assert "unknown study 'sistems'; did you mean" in failure(capsys, monkeypatch, "tables", "--study", "sistems")


def test_outside_of_a_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "params.yaml: not found; run the command in the project's folder" in failure(capsys, monkeypatch, "fit")
    assert list(tmp_path.iterdir()) == []
