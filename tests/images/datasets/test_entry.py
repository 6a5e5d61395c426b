"""What every data set is held to, whatever its reader."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.base.errors import PipelineError
from pipeline.images.datasets.imagenet import IMAGENET10_CLASSES
from pipeline.images.datasets.registry import DATASETS, find_dataset
from tests.conftest import DATASET
from tests.images.datasets.files import idx, small, write_fashion_mnist, write_imagenet, write_photo


def test_another_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_fashion_mnist(tmp_path, monkeypatch)
    expected = (
        r"expected \{'train': 60000, 'test': 10000\} pictures of fashion-mnist, found .*; remove .*/FashionMNIST and"
    )
    with pytest.raises(PipelineError, match=expected):
        replace(DATASETS["fashion-mnist"], source=str(tmp_path)).read()


def test_nobody_is_told_to_remove_what_cannot_be_fetched(tmp_path: Path) -> None:
    """Guards against advice to delete one's own ImageNet."""
    for name in ("train", "t10k"):
        idx(tmp_path / f"{name}-images-idx3-ubyte.gz", np.zeros((3, 28, 28), np.uint8))
        idx(tmp_path / f"{name}-labels-idx1-ubyte.gz", np.zeros(3, np.uint8))
    with pytest.raises(PipelineError, match=rf"; restore them with 'git checkout -- {tmp_path}'$"):
        replace(DATASETS[DATASET], source=str(tmp_path)).read()
    root = write_imagenet(tmp_path / "imagenet", IMAGENET10_CLASSES)
    entry = replace(find_dataset("imagenet10", None, str(root)), sizes={"train": 20, "test": 10})
    write_photo(root / "val" / "n07747607" / "one more.JPEG")
    (root / "train" / "n02056570" / "n02056570_0.JPEG").unlink()
    with pytest.raises(PipelineError) as error:
        entry.read()
    assert "(1 of king penguin in train, 2 of orange in test); bring the pictures of its classes to" in str(error.value)


def test_missing_labels_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Guards against a ValueError deep in prepare: the pictures alone were counted.
    write_fashion_mnist(tmp_path, monkeypatch)
    short = replace(
        small("fashion-mnist", tmp_path),
        reader=lambda source: {
            name: replace(split, labels=(split.labels or [])[:-1])
            for name, split in DATASETS["fashion-mnist"].reader(source).items()
        },
    )
    with pytest.raises(
        PipelineError, match="expected a label for each of the 10 pictures of fashion-mnist, split train, found 9"
    ):
        short.read()
