"""The theorem's experiment: its pictures and its bound, and the whole of it on few pictures."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.experiments.gratings import MIDDLE, SIDE, WAVES, Latents, best_accuracy
from pipeline.experiments.theorem import chance_of
from tests.commands import failure
from tests.methods.test_protocol import command


def quadratures(pictures: np.ndarray) -> np.ndarray:
    """The squared length of each picture in the plane of each class, whatever its phase: float (n, classes)."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    waves = np.exp(2j * np.pi * (WAVES[:, 0, None, None] * x + WAVES[:, 1, None, None] * y))
    found: np.ndarray = np.abs(np.einsum("nyx,kyx->nk", pictures - MIDDLE, waves)) ** 2
    return found


def test_classes_are_orthogonal_at_any_phase_and_of_the_same_energy() -> None:
    latents = Latents.drawn(40, np.random.default_rng(0))
    stripes = latents.stripes(20.0)
    assert np.bincount(latents.classes).tolist() == [5] * len(WAVES)
    assert ((stripes - MIDDLE) ** 2).sum((1, 2)) == pytest.approx(20**2 / 2 * SIDE**2)
    found = quadratures(stripes)
    assert found.argmax(1).tolist() == latents.classes.tolist()
    assert np.sort(found, 1)[:, :-1] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("noise", [80.0, 160.0, 320.0])
def test_the_bound_is_what_the_best_reader_reaches(noise: float) -> None:
    rng = np.random.default_rng(1)
    latents = Latents.drawn(4000, rng)
    shown = latents.stripes(20.0) + noise * rng.standard_normal((4000, SIDE, SIDE))
    reached = (quadratures(shown).argmax(1) == latents.classes).mean()
    assert reached == pytest.approx(best_accuracy(20.0, noise), abs=0.025)


def test_the_bound_begins_at_one_and_ends_at_chance() -> None:
    assert best_accuracy(20.0, 0.0) == 1
    assert best_accuracy(20.0, 1e6) == pytest.approx(1 / len(WAVES), abs=1e-6)


def test_a_statement_is_exact_and_a_picture_without_noise_follows_from_it() -> None:
    latents = Latents.drawn(24, np.random.default_rng(2))
    said = latents.statements()
    assert len(np.unique(said[:, :2].round(6), axis=0)) == len(WAVES)
    assert np.arctan2(said[:, 3], said[:, 2]) % (2 * np.pi) == pytest.approx(latents.phases)
    again = latents.pictures(20.0, 0.0, np.random.default_rng(3))
    assert np.array_equal(again, latents.pictures(20.0, 0.0, np.random.default_rng(4)))
    assert not np.array_equal(again, latents.pictures(20.0, 5.0, np.random.default_rng(4)))
    noisy = latents.pictures(20.0, 500.0, np.random.default_rng(4))
    assert noisy.dtype == np.uint8
    assert (noisy.min(), noisy.max()) == (0, 255)


def test_chance_has_the_luck_of_the_best_matching() -> None:
    # Of very many pictures it is 1 in k; of few the matching of clusters and classes finds more.
    many, few = (chance_of(np.arange(count) % len(WAVES), 0) for count in (80_000, 240))
    assert many == pytest.approx(100 / len(WAVES), abs=0.6)
    assert few == pytest.approx(20.6, abs=0.5)


@pytest.fixture
def small(project: Callable[..., Path]) -> Path:
    study = {"images": 80, "noise": [2000.0, 0.0], "runs": 2, "hidden": [32] * 4, "steps": 100, "batch": 40}
    root = project(**{f"studies.theorem.{key}": value for key, value in study.items()})
    return root / "data" / "tables" / "theorem"


@pytest.mark.slow
def test_the_clearer_the_pictures_the_nearer_to_the_text(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command(monkeypatch, "theorem", "--device", "cpu")
    assert {path.name for path in small.iterdir()} == {f"theorem.{kind}" for kind in ("md", "csv", "svg", "png")}
    with (small / "theorem.csv").open(newline="") as file:
        noisy, clear = ({name: float(value or 0) for name, value in row.items()} for row in csv.DictReader(file))
    assert noisy["best possible"] < 20
    assert clear["best possible"] == 100
    assert noisy["text reader ACC mean"] == clear["text reader ACC mean"] > 60
    assert noisy["text-free ACC mean"] + 15 < clear["text-free ACC mean"]
    first = {path.name: path.read_bytes() for path in small.iterdir()}
    shutil.rmtree(small)
    command(monkeypatch, "theorem", "--device", "cpu")
    assert {path.name: path.read_bytes() for path in small.iterdir()} == first


def test_an_unknown_backbone_is_named(
    project: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project(**{"studies.theorem.backbone": "efficientnet", "studies.theorem.steps": 1, "studies.theorem.runs": 1})
    assert "studies.theorem.backbone: unknown backbone 'efficientnet'" in failure(capsys, monkeypatch, "theorem")
