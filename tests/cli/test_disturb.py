"""The command of the study of robustness: what it refuses, and that its parts go from pictures to a page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.cli.disturb import disturb
from pipeline.cli.graph import prepare
from tests.commands import failure
from tests.conftest import DATASET


def test_an_unknown_part_is_refused_with_the_near_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, project: Callable[..., Path]
) -> None:
    project()
    assert "unknown part 'extracts'; did you mean extract?" in failure(capsys, monkeypatch, "disturb", "extracts")


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("kinds", ["jpeg", "saturation"], "kinds: unknown corruption 'saturation'; did you mean saturate?"),
        ("refitted", ["jpeg-2"], "refitted: unknown corruption 'jpeg-2'; did you mean jpeg-"),
        ("methods", ["tac"], "methods: unknown method 'tac'"),
        ("severities", [3, 3], "severities: expected no number twice"),
        ("methods", ["kmean"], "methods: unknown method 'kmean'; did you mean kmeans"),
        ("shifts", [["emoji", "emojis"]], "shifts: unknown data set 'emojis'; did you mean emoji"),
    ],
)
def test_names_of_nothing_are_refused_before_anything_is_computed(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    project: Callable[..., Path],
    key: str,
    value: list[object],
    told: str,
) -> None:
    project(**{f"studies.robustness.{key}": value})
    assert f"params.yaml: studies.robustness.{told}" in failure(capsys, monkeypatch, "disturb", "evaluate")


def test_a_corruption_of_all_pictures_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, project: Callable[..., Path]
) -> None:
    project(**{"extract.corruption": {"kind": "jpeg", "severity": 3}})
    assert "extract.corruption: the study corrupts the pictures itself" in failure(capsys, monkeypatch, "disturb")


def test_a_mix_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, project: Callable[..., Path]
) -> None:
    project()
    mix = ("--backbone", "efficientnet-lite0+efficientnet-lite1")
    assert "expected single backbones, found a mix" in failure(capsys, monkeypatch, "disturb", *mix)


def test_without_a_fit_the_command_that_makes_it_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, project: Callable[..., Path]
) -> None:
    project()
    assert "run 'pipeline disturb fit --dataset" in failure(capsys, monkeypatch, "disturb", "evaluate")


@pytest.mark.slow
def test_one_command_goes_from_pictures_to_the_page(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, project: Callable[..., Path]
) -> None:
    study = {"images": 40, "kinds": ["jpeg"], "severities": [3], "refitted": ["jpeg-3"], "methods": ["kmeans"]}
    changes = {f"studies.robustness.{key}": value for key, value in study.items()}
    root = project(**changes, **{f"datasets.{DATASET}.image_size": 32})
    prepare()
    disturb("all", device="cpu")
    told = capsys.readouterr()
    assert "extract: at most 2 sets of pictures, 240 embeddings" in told.err
    assert "| kmeans |" in told.out
    tables = root / "data" / "tables" / "robustness"
    page = (tables / "robustness.html").read_bytes()
    disturb("all", device="cpu")
    assert "0 fits of each method" in capsys.readouterr().out
    assert (tables / "robustness.html").read_bytes() == page
    # What the study asks for now is not what lies there.
    for key, value, parts in (("seed", 3, ("fit", "evaluate", "tables")), ("runs", 4, ("evaluate", "tables"))):
        project(**{**changes, f"studies.robustness.{key}": value}, **{f"datasets.{DATASET}.image_size": 32})
        for part in parts:
            error = failure(capsys, monkeypatch, "disturb", part)
            asks = f"made with studies.robustness.{key}"
            assert asks in error or "subsets" in error
            assert "run 'pipeline disturb" in error


@pytest.mark.slow
def test_caches_of_other_settings_are_not_fitted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, project: Callable[..., Path]
) -> None:
    study = {"images": 20, "kinds": ["jpeg"], "severities": [3], "refitted": ["jpeg-3"], "methods": ["kmeans"]}
    changes = {f"studies.robustness.{key}": value for key, value in study.items()}
    project(**changes, **{f"datasets.{DATASET}.image_size": 32})
    prepare()
    disturb("extract", device="cpu")
    disturb("subsets")
    project(**changes, **{f"datasets.{DATASET}.image_size": 32, "extract.seed": 7})
    told = failure(capsys, monkeypatch, "disturb", "fit")
    assert "robustness's cache" in told
    assert "made with extract.seed 0" in told
    assert "asks for 7; run 'pipeline disturb extract --dataset" in told
    project(**{**changes, "studies.robustness.images": 30}, **{f"datasets.{DATASET}.image_size": 32})
    assert "made from other images than" in failure(capsys, monkeypatch, "disturb", "fit")
