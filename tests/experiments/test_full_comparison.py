"""The comparison of all systems as the paper's data sets need it, on small files in their real formats."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.backbones import registry
from pipeline.images.datasets.imagenet import IMAGENET10_CLASSES
from pipeline.images.datasets.registry import DATASETS
from tests.backbones.tiny_clip import tiny_clip
from tests.collection.wordnet import write_wordnet
from tests.images.datasets import files
from tests.methods.test_protocol import command

NAMES = ["stl10", "cifar10", "imagenet10"]
"""As few as the ranks can be tested on."""


@pytest.mark.slow
def test_every_system_on_the_papers_data_sets(
    project: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, _ = tiny_clip(tmp_path)
    monkeypatch.setitem(registry.BACKBONES, clip.name, clip)
    write_wordnet(tmp_path / "wordnet")
    monkeypatch.setenv("WNSEARCHDIR", str(tmp_path / "wordnet"))
    monkeypatch.setitem(files.SIZES, "train", 30)
    monkeypatch.setitem(files.SIZES, "test", 20)
    for name in NAMES[:2]:
        files.write_files(name, tmp_path / "data" / "raw", monkeypatch)
    files.write_imagenet(tmp_path / "imagenet", IMAGENET10_CLASSES)
    for name in NAMES:
        sizes = {"train": 20, "test": 10} if name == "imagenet10" else dict(files.SIZES)
        monkeypatch.setitem(DATASETS, name, replace(DATASETS[name], sizes=sizes))
    backbones = [clip.name, f"{clip.name}+efficientnet-lite0"]
    project(
        **{
            "run": {"datasets": NAMES, "backbones": backbones},
            "prepare.imagenet_root": str(tmp_path / "imagenet"),
            **{f"datasets.{name}.image_size": 32 for name in NAMES},
            "extract.views": 2,
            "fit.training.hidden": [16, 16, 16, 16],
            "fit.training.epochs": 1,
            "fit.training.min_steps": 5,
            "fit.training.batch": 16,
            "fit.cpp": {"warmup": 5, "steps": 5},
            "fit.sic": {"epochs": 2},
            "studies.leaderboard.runs": 2,
            "studies.leaderboard.methods": ["kmeans", "agglomerative"],
            "studies.leaderboard.pairs": ["views"],
            "studies.systems": {"runs": 2, "methods": ["iic", "idfd", "jule", "cpp"]},
            "studies.text-guided.runs": 2,
        }
    )
    for stage in ("prepare", "extract", "nouns"):
        command(monkeypatch, stage)
    for study in ("leaderboard", "systems", "text-guided"):
        command(monkeypatch, "fit", "--study", study)
    command(monkeypatch, "zero-shot")
    for study in ("leaderboard", "systems", "text-guided", "zero-shot"):
        command(monkeypatch, "evaluate", "--study", study)
    command(monkeypatch, "systems")
    out = tmp_path / "data" / "tables" / "systems"
    with (out / "systems.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    # Three of the leaderboard, four objectives, and on the backbone with a text tower four that read text.
    assert len(rows) == len(NAMES) * (2 * 7 + 4)
    with (out / "published.csv").open(newline="") as file:
        theirs = [row for row in csv.DictReader(file) if row["data set"] == "stl10" and row["uses text"] == "yes"]
    assert {row["method"]: row["acc"] for row in theirs} == {"TAC": "98.2", "SIC": "98.1", "CLIP zero-shot": "97.1"}
    ranks = (out / "ranks.md").read_text()
    assert ranks.count("Friedman's test over 3 data sets") == len(backbones)
