"""The readers on small files in the real on-disk formats, read by the real loaders with their real checksum code."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torchvision.datasets

from pipeline.datasets import DATASETS, FASHION_MNIST_CLASSES, Dataset, get_dataset, read_idx
from pipeline.errors import PipelineError
from pipeline.params import read_params
from tests.conftest import DATASET, ROOT

SIZES = {"train": 10, "test": 4}
RNG = np.random.default_rng(0)


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def idx(path: Path, values: np.ndarray) -> Path:
    header = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(gzip.compress(header + values.tobytes()))
    return path


@pytest.mark.parametrize("shape", [(5,), (3, 4, 2)])
def test_idx_round_trip(tmp_path: Path, shape: tuple[int, ...]) -> None:
    values = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    assert np.array_equal(read_idx(idx(tmp_path / "x.gz", values)), values)


def test_damaged_idx_files_are_refused(tmp_path: Path) -> None:
    path = idx(tmp_path / "x.gz", np.random.default_rng(0).integers(0, 255, (50, 28, 28), dtype=np.uint8))
    good = path.read_bytes()
    raw = gzip.decompress(good)
    for bad in (
        good[:100],
        good[: len(good) // 2],
        b"plain",
        b"",
        gzip.compress(raw[:-1]),
        gzip.compress(b"\x89PNG"),
        gzip.compress(b""),
        good[:200] + bytes(50) + good[250:],
    ):
        path.write_bytes(bad)
        with pytest.raises(PipelineError, match=r"x\.gz: .*; bring the original again") as error:
            read_idx(path)
        assert "\n" not in str(error.value)
    path.unlink()
    with pytest.raises(PipelineError, match="missing"):
        read_idx(path)


def test_the_embedded_data_are_the_official_split(tmp_path: Path) -> None:
    source = ROOT / DATASETS[DATASET].source
    splits = DATASETS[DATASET].reader(source)
    pictures, labels = read_idx(source / "t10k-images-idx3-ubyte.gz"), read_idx(source / "t10k-labels-idx1-ubyte.gz")
    assert {name: len(split.pictures) for name, split in splits.items()} == {"train": 8000, "test": 2000}
    assert np.array_equal(splits["test"].pictures, pictures[-2000:])
    assert splits["train"].labels == [FASHION_MNIST_CLASSES[label] for label in labels[:8000]]
    # The official test split is balanced: 1,000 of each class.
    assert np.bincount(labels).tolist() == [1000] * 10


def write_cifar(root: Path, monkeypatch: pytest.MonkeyPatch, fine: bool) -> dict[str, tuple[np.ndarray, list[int]]]:
    """CIFAR's pickled batches: rows of 3072 bytes, the red plane first."""
    loader: Any = torchvision.datasets.CIFAR100 if fine else torchvision.datasets.CIFAR10
    folder = root / loader.base_folder
    folder.mkdir(parents=True)
    batches = {"train": ["train"], "test": ["test"]}
    if not fine:
        batches = {"train": [f"data_batch_{n}" for n in range(1, 6)], "test": ["test_batch"]}
    written = {}
    for split, files in batches.items():
        pictures = RNG.integers(0, 255, (SIZES[split], 32, 32, 3), dtype=np.uint8)
        labels = RNG.integers(0, 10, SIZES[split]).tolist()
        for part, file in enumerate(files):
            rows = np.array_split(np.arange(SIZES[split]), len(files))[part]
            values: dict[str, Any] = {"data": pictures[rows].transpose(0, 3, 1, 2).reshape(len(rows), -1)}
            chosen = [labels[row] for row in rows]
            values |= {"fine_labels": chosen, "coarse_labels": [c // 2 for c in chosen]} if fine else {"labels": chosen}
            (folder / file).write_bytes(pickle.dumps(values))
        monkeypatch.setattr(loader, f"{split}_list", [[file, md5(folder / file)] for file in files])
        written[split] = (pictures, labels)
    names = {
        "fine_label_names": [f"fine {n}" for n in range(10)],
        "coarse_label_names": [f"coarse {n}" for n in range(5)],
    }
    meta = folder / loader.meta["filename"]
    meta.write_bytes(pickle.dumps(names if fine else {"label_names": [f"class {n}" for n in range(10)]}))
    monkeypatch.setattr(loader, "meta", {**loader.meta, "md5": md5(meta)})
    return written


def write_stl10(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[np.ndarray, list[int]]]:
    """STL-10's binary files: pictures by columns, labels from 1."""
    loader: Any = torchvision.datasets.STL10
    folder = root / loader.base_folder
    folder.mkdir(parents=True)
    (folder / "class_names.txt").write_text("".join(f"class {n}\n" for n in range(10)))
    (folder / "fold_indices.txt").write_text("0 1 2\n")
    (folder / "unlabeled_X.bin").write_bytes(b"")
    written = {}
    for split in ("train", "test"):
        pictures = RNG.integers(0, 255, (SIZES[split], 96, 96, 3), dtype=np.uint8)
        labels = RNG.integers(0, 10, SIZES[split])
        (folder / f"{split}_X.bin").write_bytes(pictures.transpose(0, 3, 2, 1).tobytes())
        (folder / f"{split}_y.bin").write_bytes((labels + 1).astype(np.uint8).tobytes())
        written[split] = (pictures, labels.tolist())
    for name in ("train_list", "test_list"):
        files = [file for file, _ in getattr(loader, name)]
        monkeypatch.setattr(loader, name, [[file, md5(folder / file)] for file in files])
    return written


def write_fashion_mnist(root: Path) -> dict[str, tuple[np.ndarray, list[int]]]:
    """The four IDX files, unpacked, as torchvision leaves them."""
    folder = root / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    written = {}
    for split, prefix in (("train", "train"), ("test", "t10k")):
        pictures = RNG.integers(0, 255, (SIZES[split], 28, 28), dtype=np.uint8)
        labels = RNG.integers(0, 10, SIZES[split], dtype=np.uint8)
        for name, values in (("images-idx3", pictures), ("labels-idx1", labels)):
            packed = idx(folder / f"{prefix}-{name}-ubyte.gz", values)
            packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        written[split] = (pictures, labels.tolist())
    return written


def small(name: str, root: Path) -> Dataset:
    return replace(DATASETS[name], source=str(root), sizes=SIZES)


LABEL_NAMES: dict[str, Callable[[int], str]] = {
    "cifar10": "class {}".format,
    "cifar20": lambda label: f"coarse {label // 2}",
    "cifar100": "fine {}".format,
    "stl10": "class {}".format,
    "fashion-mnist": FASHION_MNIST_CLASSES.__getitem__,
}


@pytest.mark.parametrize("name", LABEL_NAMES)
def test_pictures_labels_and_order_are_right(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name.startswith("cifar"):
        written = write_cifar(tmp_path, monkeypatch, fine=name != "cifar10")
    elif name == "stl10":
        written = write_stl10(tmp_path, monkeypatch)
    else:
        written = write_fashion_mnist(tmp_path)
    splits = small(name, tmp_path).read()
    for split, (pictures, labels) in written.items():
        assert splits[split].pictures.dtype == np.uint8
        assert np.array_equal(splits[split].pictures, pictures)
        assert splits[split].labels == [LABEL_NAMES[name](label) for label in labels]


@pytest.mark.parametrize(("name", "file"), [("cifar10", "test_batch"), ("cifar100", "train"), ("stl10", "test_X.bin")])
@pytest.mark.parametrize("fault", ["missing", "damaged"])
def test_a_file_that_is_not_whole_ends_in_one_line(
    name: str, file: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "stl10":
        write_stl10(tmp_path, monkeypatch)
    else:
        write_cifar(tmp_path, monkeypatch, fine=name == "cifar100")
    (path,) = tmp_path.rglob(file)
    path.unlink() if fault == "missing" else path.write_bytes(path.read_bytes()[:-1] + b"x")

    def no_network(*_: object, **__: object) -> None:
        raise OSError("no network")

    module = "cifar" if name.startswith("cifar") else "stl10"
    monkeypatch.setattr(f"torchvision.datasets.{module}.download_and_extract_archive", no_network)
    with pytest.raises(
        PipelineError, match=rf"{name}: its files are not whole in .*no network.*pipeline prepare"
    ) as error:
        small(name, tmp_path).read()
    assert "\n" not in str(error.value)


def test_another_size_is_refused(tmp_path: Path) -> None:
    write_fashion_mnist(tmp_path)
    with pytest.raises(PipelineError, match=r"expected \{'train': 60000, 'test': 10000\} pictures of fashion-mnist"):
        replace(DATASETS["fashion-mnist"], source=str(tmp_path)).read()


def test_missing_labels_are_refused(tmp_path: Path) -> None:
    # Guards against a ValueError deep in prepare: the pictures alone were counted.
    write_fashion_mnist(tmp_path)
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


def test_every_data_set_has_its_parameters() -> None:
    assert set(read_params(ROOT / "params.yaml").datasets) == set(DATASETS)


def test_near_names_are_offered() -> None:
    with pytest.raises(PipelineError, match="unknown data set 'fashion-mnist-mni'; did you mean fashion-mnist-mini"):
        get_dataset("fashion-mnist-mni")
