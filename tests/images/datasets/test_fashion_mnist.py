"""Fashion-MNIST: the embedded split, and the files of the whole one."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from pipeline.base.errors import PipelineError
from pipeline.images.datasets.fashion_mnist import FASHION_MNIST_CLASSES
from pipeline.images.datasets.idx import read_idx
from pipeline.images.datasets.registry import DATASETS
from tests.conftest import DATASET, ROOT
from tests.images.datasets.files import idx, small, write_fashion_mnist


def test_the_embedded_data_are_the_official_split(tmp_path: Path) -> None:
    source = ROOT / DATASETS[DATASET].source
    splits = DATASETS[DATASET].reader(source)
    pictures, labels = read_idx(source / "t10k-images-idx3-ubyte.gz"), read_idx(source / "t10k-labels-idx1-ubyte.gz")
    assert {name: len(split.pictures) for name, split in splits.items()} == {"train": 8000, "test": 2000}
    assert np.array_equal(np.asarray(splits["test"].pictures), pictures[-2000:])
    assert splits["train"].labels == [FASHION_MNIST_CLASSES[label] for label in labels[:8000]]
    # The official test split is balanced: 1,000 of each class.
    assert np.bincount(labels).tolist() == [1000] * 10


def test_a_label_without_a_class_in_the_embedded_data(tmp_path: Path) -> None:
    idx(tmp_path / "t10k-images-idx3-ubyte.gz", np.zeros((3, 28, 28), np.uint8))
    idx(tmp_path / "t10k-labels-idx1-ubyte.gz", np.array([0, 9, 10], np.uint8))
    with pytest.raises(PipelineError, match="from 0 to 9, found 10; restore its files with 'git checkout -- "):
        small(DATASET, tmp_path).read()


def test_unpacked_files_of_fashion_mnist_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Guards against a half-unpacked file that failed every run, with the whole packed one beside it.
    written = write_fashion_mnist(tmp_path, monkeypatch)
    for file in DATASETS["fashion-mnist"].files:
        (tmp_path / file).with_suffix("").write_bytes(gzip.decompress((tmp_path / file).read_bytes())[:-9])
    assert np.array_equal(np.asarray(small("fashion-mnist", tmp_path).read()["test"].pictures), written["test"][0])
