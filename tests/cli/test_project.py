"""The project that a command works in: its parameters and the names in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands import failure

Project = Callable[..., Path]


def test_unknown_names_offer_the_near_ones(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project()
    line = failure(capsys, monkeypatch, "extract", "--backbone", "clip-vitb23")
    assert "--backbone: unknown backbone 'clip-vitb23'; did you mean clip-vitb32" in line
    line = failure(capsys, monkeypatch, "fit", "--dataset", "stl-10")
    assert "--dataset: unknown data set 'stl-10'; did you mean stl10?" in line
    project(**{"run.backbones": ["efficientnet-lite"]})
    line = failure(capsys, monkeypatch, "metrics")
    assert "params.yaml: run.backbones: unknown backbone 'efficientnet-lite'; did you mean efficientnet-lite" in line
    project(
        datasets={
            "fashion-mnist-maxi": {"clusters": 10, "balance_weight": 5.0, "image_size": None, "geometry": "published"}
        }
    )
    assert "params.yaml: datasets: unknown data set 'fashion-mnist-maxi'" in failure(capsys, monkeypatch, "prepare")


def test_outside_of_a_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "params.yaml: not found; run the command in the project's folder" in failure(capsys, monkeypatch, "fit")
    assert list(tmp_path.iterdir()) == []
