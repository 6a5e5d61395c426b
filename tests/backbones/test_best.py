"""The best backbone whose weights are on this machine."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from pipeline.backbones.best import BEST_FIRST, best_here
from pipeline.backbones.registry import BACKBONES, get_backbone
from pipeline.config.names import parts_of

MIX = "efficientnet-lite0+efficientnet-lite2"


@pytest.fixture(autouse=True)
def _nothing_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    real = importlib.metadata.distribution
    lite2 = get_backbone("efficientnet-lite2").weights.package

    def distribution(name: str) -> importlib.metadata.Distribution:
        if name == lite2:
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr("importlib.metadata.distribution", distribution)


def bring(name: str, folder: Path) -> None:
    for file in get_backbone(name).weights.files:
        path = folder / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_the_shipped_one_is_taken_where_nothing_else_is_here_and_the_next_better_one_is_named(tmp_path: Path) -> None:
    name, line = best_here(tmp_path)
    assert name == "efficientnet-lite0"
    assert line.startswith(f"backbone: {name}, the best one whose weights are here; better: {MIX} (25 MB, 'uv pip ")
    assert "efficientnet-lite0_pytorch" not in line


def test_better_weights_are_taken_as_soon_as_they_are_here(tmp_path: Path) -> None:
    bring("clip-vitb32", tmp_path)
    name, line = best_here(tmp_path)
    assert name == "clip-vitb32"
    assert "better: dino-vitb16 (343 MB, '--backbone dino-vitb16' fetches it" in line

    bring("dinov2-vitb14", tmp_path)
    assert best_here(tmp_path)[0] == "dinov2-vitb14"


def test_with_all_of_them_nothing_better_is_offered(tmp_path: Path) -> None:
    bring(BEST_FIRST[0], tmp_path)
    assert best_here(tmp_path) == (
        BEST_FIRST[0],
        f"backbone: {BEST_FIRST[0]}, the best one whose weights are here",
    )


def test_all_of_them_are_in_the_registry() -> None:
    assert {part for name in BEST_FIRST for part in parts_of(name)} <= set(BACKBONES)
