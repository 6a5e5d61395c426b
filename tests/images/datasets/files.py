"""Small files in the real on-disk formats, for the real loaders with their real checksum code."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import shutil
import struct
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torchvision.datasets
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pipeline.images.datasets.entry import Dataset
from pipeline.images.datasets.registry import DATASETS

SIZES = {"train": 10, "test": 4}
RNG = np.random.default_rng(0)


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def idx(path: Path, values: np.ndarray) -> Path:
    header = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(gzip.compress(header + values.tobytes()))
    return path


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
    (folder / "unlabeled_X.bin").write_bytes(b"not read")
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


def write_fashion_mnist(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[np.ndarray, list[int]]]:
    """The four IDX files, packed."""
    loader: Any = torchvision.datasets.FashionMNIST
    folder = root / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    written = {}
    for split, prefix in (("train", "train"), ("test", "t10k")):
        pictures = RNG.integers(0, 255, (SIZES[split], 28, 28), dtype=np.uint8)
        labels = RNG.integers(0, 10, SIZES[split], dtype=np.uint8)
        for name, values in (("images-idx3", pictures), ("labels-idx1", labels)):
            idx(folder / f"{prefix}-{name}-ubyte.gz", values)
        written[split] = (pictures, labels.tolist())
    monkeypatch.setattr(loader, "resources", [(file, md5(folder / file)) for file, _ in loader.resources])
    return written


NOWHERE = "http://127.0.0.1:1"
"""An address where nobody answers."""
LOADERS: dict[str, Any] = {
    "cifar10": torchvision.datasets.CIFAR10,
    "cifar20": torchvision.datasets.CIFAR100,
    "cifar100": torchvision.datasets.CIFAR100,
    "stl10": torchvision.datasets.STL10,
    "fashion-mnist": torchvision.datasets.FashionMNIST,
}


def write_files(
    name: str, root: Path, monkeypatch: pytest.MonkeyPatch, address: str = NOWHERE
) -> dict[str, tuple[np.ndarray, list[int]]]:
    """The unpacked files of a data set, small; the download is to come from `address`."""
    loader = LOADERS[name]
    if name == "fashion-mnist":
        monkeypatch.setattr(loader, "mirrors", [f"{address}/"])
        return write_fashion_mnist(root, monkeypatch)
    monkeypatch.setattr(loader, "url", f"{address}/{loader.filename}")
    if name == "stl10":
        return write_stl10(root, monkeypatch)
    return write_cifar(root, monkeypatch, fine=name != "cifar10")


def pack(name: str, root: Path, offered: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What is downloaded of the files below `root`, put into a folder."""
    loader = LOADERS[name]
    if name == "fashion-mnist":
        return [Path(shutil.copy(root / "FashionMNIST" / "raw" / file, offered)) for file, _ in loader.resources]
    archive = offered / loader.filename
    with tarfile.open(archive, "w:gz") as file:
        file.add(root / loader.base_folder, loader.base_folder)
    monkeypatch.setattr(loader, "tgz_md5", md5(archive))
    return [archive]


def place_for(name: str, root: Path) -> Path:
    """The folder that the download goes to."""
    folder = root / "FashionMNIST" / "raw" if name == "fashion-mnist" else root
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def small(name: str, root: Path, sizes: dict[str, int] = SIZES) -> Dataset:
    """A known data set with few pictures, in a folder."""
    return replace(DATASETS[name], source=str(root), sizes=sizes)


def write_photo(path: Path) -> Path:
    """A small picture of random colours, in the format of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RNG.integers(0, 255, (9, 12, 3), dtype=np.uint8)).save(path)
    return path


def write_imagenet(root: Path, classes: dict[str, str]) -> Path:
    """ImageNet-1k's folders with two training and one validation picture a synset, and a synset of no subset."""
    for synset in [*classes, "n01440764"]:
        for number in range(2):
            write_photo(root / "train" / synset / f"{synset}_{number}.JPEG")
        write_photo(root / "val" / synset / f"ILSVRC2012_val_{synset}.JPEG")
    return root


def train(entry: Dataset) -> tuple[np.ndarray, list[str]]:
    """The pictures, of an array, and labels of a data set whose only split is train."""
    (split,) = entry.read().values()
    assert split.labels is not None
    return np.asarray(split.pictures), split.labels


def write_cut_out(path: Path) -> Path:
    """A black square on nothing, as the stamps are: what is transparent is black too. Files differ in their bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.zeros((12, 12, 4), np.uint8)
    values[4:8, 4:8, 3] = 255
    name = PngInfo()
    name.add_text("Title", str(path))
    Image.fromarray(values).save(path, pnginfo=name)
    return path
