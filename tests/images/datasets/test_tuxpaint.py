"""The stamps of Tux Paint, on a small tree of the package's layout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.base.errors import PipelineError
from pipeline.images.datasets.registry import DATASETS
from pipeline.images.datasets.tuxpaint import STAMPS
from pipeline.images.listing import open_image, read_list
from pipeline.images.prepare import prepare
from tests.images.datasets.files import small, write_cut_out


def write_stamps(root: Path) -> Path:
    """Stamps beside what else the package has: sounds, texts, drawings as SVG, and folders that are no class."""
    for folder in STAMPS:
        write_cut_out(root / folder / "one.png")
        for other in ("one.txt", "one_desc.ogg", "two.svg", "one.dat"):
            (root / folder / other).write_bytes(b"")
    write_cut_out(root / "animals" / "mammals" / "cats" / "cat.png")
    write_cut_out(root / "vehicles" / "ship" / "boat.png")
    for folder in ("seasonal/christmas", "animals/fish", "symbols/math"):
        write_cut_out(root / folder / "one.png")
    return root


def test_stamps_are_read_from_their_folders(tmp_path: Path) -> None:
    split = small("tuxpaint", write_stamps(tmp_path / "stamps"), {"train": 12}).read()["train"]
    assert split.labels is not None
    assert dict(zip(map(str, split.pictures), split.labels, strict=True)) == {
        **{f"{folder}/one.png": label for folder, label in STAMPS.items()},
        "animals/mammals/cats/cat.png": "mammal",
        "vehicles/ship/boat.png": "vehicle",
    }


def test_stamps_are_prepared_on_white(tmp_path: Path) -> None:
    images = tmp_path / "images"
    entry = small("tuxpaint", write_stamps(tmp_path / "stamps"), {"train": 12})
    line = prepare(entry, images, tmp_path / "labels.csv", tmp_path / "classes.csv")
    assert line == "tuxpaint: 12 train, 10 classes"
    stamp = np.asarray(open_image(images, read_list(images)[0]))
    assert (stamp[0, 0].tolist(), stamp[5, 5].tolist()) == ([255] * 3, [0] * 3)


def test_other_stamps_than_were_tested_are_refused(tmp_path: Path) -> None:
    entry = replace(DATASETS["tuxpaint"], source=str(write_stamps(tmp_path)))
    with pytest.raises(
        PipelineError, match=r"expected \{'train': 333\} .* found \{'train': 12\}; run 'apt-get install"
    ):
        entry.read()
