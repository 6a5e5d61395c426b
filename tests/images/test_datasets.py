"""The readers on small files in the real on-disk formats, read by the real loaders with their real checksum code."""

from __future__ import annotations

import errno
import gzip
import hashlib
import http.server
import os
import pickle
import shutil
import struct
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torchvision.datasets
from PIL import Image

from pipeline.base.errors import PipelineError
from pipeline.cli.project import read_params
from pipeline.images.datasets import (
    DATASETS,
    FASHION_MNIST_CLASSES,
    IMAGENET10_CLASSES,
    IMAGENET_DOGS_CLASSES,
    Dataset,
    Split,
    find_dataset,
    get_dataset,
    read_idx,
)
from pipeline.images.prepare import prepare
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
    assert np.array_equal(np.asarray(splits["test"].pictures), pictures[-2000:])
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


def refusal(name: str, root: Path) -> str:
    """The one line that reading a data set ends in."""
    with pytest.raises(PipelineError) as error:
        small(name, root).read()
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(f"{name}: its files are not whole in {root} and cannot be fetched (")
    assert f"run 'pipeline prepare --dataset {name}' where there is a network" in message
    return message


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
    written = write_files(name, tmp_path, monkeypatch)
    splits = small(name, tmp_path).read()
    for split, (pictures, labels) in written.items():
        found = np.asarray(splits[split].pictures)
        assert found.dtype == np.uint8
        assert np.array_equal(found, pictures)
        assert splits[split].labels == [LABEL_NAMES[name](label) for label in labels]


every_file = pytest.mark.parametrize(
    ("name", "file"), [(name, file) for name in LOADERS for file in DATASETS[name].files]
)


@every_file
@pytest.mark.parametrize("fault", ["missing", "damaged"])
def test_without_a_network_a_file_that_is_not_whole_ends_in_one_line(
    name: str, file: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Guards against an AttributeError (STL-10 without its class names) and damage that only a checksum shows.
    write_files(name, tmp_path, monkeypatch)
    assert small(name, tmp_path).is_here
    path = tmp_path / file
    data = path.read_bytes()
    path.unlink() if fault == "missing" else path.write_bytes(data[: len(data) // 2])
    assert small(name, tmp_path).is_here == (fault == "damaged")
    assert "refused" in refusal(name, tmp_path)


@pytest.mark.parametrize("name", LOADERS)
def test_a_flipped_byte_is_noticed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(name, tmp_path, monkeypatch)
    path = tmp_path / DATASETS[name].files[0]
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    assert "refused" in refusal(name, tmp_path)


def test_unpacked_files_of_fashion_mnist_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Guards against a half-unpacked file that failed every run, with the whole packed one beside it.
    written = write_fashion_mnist(tmp_path, monkeypatch)
    for file in DATASETS["fashion-mnist"].files:
        (tmp_path / file).with_suffix("").write_bytes(gzip.decompress((tmp_path / file).read_bytes())[:-9])
    assert np.array_equal(np.asarray(small("fashion-mnist", tmp_path).read()["test"].pictures), written["test"][0])


@pytest.mark.parametrize("name", LOADERS)
def test_a_corrupt_archive_without_a_network_ends_in_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "offered").mkdir()
    write_files(name, tmp_path / "made", monkeypatch)
    for archive in pack(name, tmp_path / "made", tmp_path / "offered", monkeypatch):
        (place_for(name, tmp_path / "raw") / archive.name).write_bytes(archive.read_bytes()[:-50] + bytes(50))
    assert "refused" in refusal(name, tmp_path / "raw")


@pytest.mark.parametrize("name", LOADERS)
def test_what_has_the_checksum_and_is_no_archive_ends_in_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = LOADERS[name]
    content = b"<html>moved</html>"
    write_files(name, tmp_path / "made", monkeypatch)
    files = [file for file, _ in loader.resources] if name == "fashion-mnist" else [loader.filename]
    for file in files:
        (place_for(name, tmp_path / "raw") / file).write_bytes(content)
    digest = hashlib.md5(content).hexdigest()
    if name == "fashion-mnist":
        monkeypatch.setattr(loader, "resources", [(file, digest) for file in files])
    else:
        monkeypatch.setattr(loader, "tgz_md5", digest)
    assert "not a" in refusal(name, tmp_path / "raw")


@pytest.mark.parametrize(
    ("name", "file"),
    [("stl10", "train_y.bin"), ("fashion-mnist", "t10k-labels-idx1-ubyte.gz"), ("cifar10", "test_batch"),
     ("cifar20", "test"), ("cifar100", "test")],
)  # fmt: skip
def test_a_label_without_a_class_ends_in_one_line(
    name: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Guards against an IndexError; labels begin at 0, STL-10's at 1.
    write_files(name, tmp_path, monkeypatch)
    (path,) = tmp_path.rglob(file)
    if name == "stl10":
        path.write_bytes(bytes([1] * 9 + [11]))
    elif name == "fashion-mnist":
        idx(path, np.array([0, 1, 2, 10], np.uint8))
    else:
        values = pickle.loads(path.read_bytes())
        path.write_bytes(pickle.dumps({k: v if k == "data" else [0, 1, 2, 10] for k, v in values.items()}))
    loader = LOADERS[name]
    listed = ["resources"] if name == "fashion-mnist" else ["train_list", "test_list"]
    for each in listed:
        files = [(entry, md5(path) if entry == file else digest) for entry, digest in getattr(loader, each)]
        monkeypatch.setattr(loader, each, files)
    limit = 4 if name == "cifar20" else 9
    assert f"expected labels from 0 to {limit}, found 10" in refusal(name, tmp_path)


def test_a_label_without_a_class_in_the_embedded_data(tmp_path: Path) -> None:
    idx(tmp_path / "t10k-images-idx3-ubyte.gz", np.zeros((3, 28, 28), np.uint8))
    idx(tmp_path / "t10k-labels-idx1-ubyte.gz", np.array([0, 9, 10], np.uint8))
    with pytest.raises(PipelineError, match="from 0 to 9, found 10; restore its files with 'git checkout -- "):
        small(DATASET, tmp_path).read()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server on this machine: its address, and the folder that it offers."""
    offered = tmp_path / "offered"
    offered.mkdir()
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(offered))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", offered
        running.shutdown()


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize("fault", ["nothing", "partial", "wrong checksum"])
def test_a_download_starts_again_where_it_broke_off(
    name: str, fault: str, tmp_path: Path, server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    loader, (address, offered) = LOADERS[name], server
    written = write_files(name, tmp_path / "made", monkeypatch, address)
    archives = pack(name, tmp_path / "made", offered, monkeypatch)
    root = tmp_path / "raw"
    if fault == "partial":
        (place_for(name, root) / archives[0].name).write_bytes(archives[0].read_bytes()[:-20])
    if fault == "wrong checksum":
        if name == "fashion-mnist":
            monkeypatch.setattr(loader, "resources", [(file, "0" * 32) for file, _ in loader.resources])
        else:
            monkeypatch.setattr(loader, "tgz_md5", "0" * 32)
        assert "not found or corrupted" in refusal(name, root)
        return
    assert np.array_equal(np.asarray(small(name, root).read()["test"].pictures), written["test"][0])
    assert small(name, root).is_here


@every_file
@pytest.mark.parametrize("fault", ["missing", "damaged"])
def test_a_file_that_is_not_whole_is_fetched_again(
    name: str, file: str, fault: str, tmp_path: Path, server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Guards against CIFAR's and STL-10's names of the classes, which torchvision itself never fetches again.
    address, offered = server
    root = tmp_path / "raw"
    written = write_files(name, root, monkeypatch, address)
    pack(name, root, offered, monkeypatch)
    path = root / file
    data = path.read_bytes()
    path.unlink() if fault == "missing" else path.write_bytes(data[: len(data) // 2])
    assert np.array_equal(np.asarray(small(name, root).read()["train"].pictures), written["train"][0])
    assert path.read_bytes() == data


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


def test_every_data_set_has_its_parameters() -> None:
    assert set(read_params(ROOT / "params.yaml").datasets) == set(DATASETS)


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


@pytest.mark.parametrize(
    ("name", "classes"), [("imagenet10", IMAGENET10_CLASSES), ("imagenet-dogs", IMAGENET_DOGS_CLASSES)]
)
def test_imagenet_s_subsets_are_read_from_its_folders(name: str, classes: dict[str, str], tmp_path: Path) -> None:
    root = write_imagenet(tmp_path, classes)
    sizes = {"train": 2 * len(classes), "test": len(classes)}
    splits = replace(find_dataset(name, None, str(root)), sizes=sizes).read()
    for split, folder in (("train", "train"), ("test", "val")):
        paths = [Path(path) for path in splits[split].pictures]
        assert all(path.parts[0] == folder and (root / path).is_file() for path in paths)
        assert splits[split].labels == [classes[path.parts[1]] for path in paths]
    with pytest.raises(PipelineError, match=rf"pictures of {name}, found {{'train': {2 * len(classes)}"):
        find_dataset(name, None, str(root)).read()


@pytest.mark.parametrize(
    ("name", "classes"), [("imagenet10", IMAGENET10_CLASSES), ("imagenet-dogs", IMAGENET_DOGS_CLASSES)]
)
def test_imagenet_is_here_with_all_its_folders_alone(name: str, classes: dict[str, str], tmp_path: Path) -> None:
    """Guards against any folder being taken for ImageNet."""
    root = write_imagenet(tmp_path, classes)
    assert find_dataset(name, None, str(root)).is_here
    last = list(classes)[-1]
    for path in (root / "val" / last).iterdir():
        path.unlink()
    assert not find_dataset(name, None, str(root)).is_here
    assert not find_dataset(name, None, str(tmp_path.parent)).is_here
    assert not find_dataset(name, None, str(tmp_path / "nowhere")).is_here


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_dataset("imagenet10", None, "~/imagenet").source == str(tmp_path / "imagenet")
    monkeypatch.setenv("IMAGENET_ROOT", "~/elsewhere")
    assert find_dataset("imagenet10", None, None).source == str(tmp_path / "elsewhere")
    assert find_dataset("pets", "~/pets", None).source == str(tmp_path / "pets")
    # Of a user who does not exist: as it is, and the error names it.
    assert find_dataset("pets", "~no-such-user/pets", None).source == "~no-such-user/pets"


def test_a_damaged_picture_of_imagenet_is_named(tmp_path: Path) -> None:
    root = write_imagenet(tmp_path / "imagenet", IMAGENET10_CLASSES)
    bad = root / "train" / "n02690373" / "n02690373_1.JPEG"
    bad.write_bytes(bad.read_bytes()[:200])
    entry = replace(find_dataset("imagenet10", None, str(root)), sizes={"train": 20, "test": 10})
    with pytest.raises(PipelineError, match=rf"{bad}: expected a picture of imagenet10.*bring the originals again"):
        prepare(entry, tmp_path / "images", tmp_path / "labels.csv", tmp_path / "classes.csv")


def test_the_subsets_have_the_paper_s_sizes() -> None:
    assert DATASETS["imagenet10"].sizes == {
        "train": 1300 * len(IMAGENET10_CLASSES),
        "test": 50 * len(IMAGENET10_CLASSES),
    }
    dogs = len(IMAGENET_DOGS_CLASSES)
    assert DATASETS["imagenet-dogs"].sizes == {"train": 1300 * dogs, "test": 50 * dogs}


def test_what_is_missing_of_imagenet_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMAGENET_ROOT", raising=False)
    with pytest.raises(PipelineError, match=r"prepare\.imagenet_root.*IMAGENET_ROOT"):
        find_dataset("imagenet10", None, None).read()
    monkeypatch.setenv("IMAGENET_ROOT", str(tmp_path / "nowhere"))
    with pytest.raises(PipelineError, match=r"class n02056570 \(king penguin\) in .*nowhere/train/n02056570"):
        find_dataset("imagenet10", None, None).read()
    root = write_imagenet(tmp_path / "imagenet", IMAGENET10_CLASSES)
    shutil.rmtree(root / "train" / "n07747607")
    with pytest.raises(PipelineError, match=r"class n07747607 \(orange\) in .*train/n07747607, found no such folder"):
        find_dataset("imagenet10", None, str(root)).read()
    (root / "train" / "n07747607").mkdir()
    with pytest.raises(PipelineError, match=r"the pictures of n07747607 \(orange\) in .*n07747607, found none"):
        find_dataset("imagenet10", None, str(root)).read()
    write_photo(root / "train" / "n07747607" / "x.JPEG")
    shutil.rmtree(root / "val")
    write_photo(root / "val" / "ILSVRC2012_val_00000001.JPEG")
    with pytest.raises(PipelineError, match="sort the validation pictures into one folder a synset"):
        find_dataset("imagenet10", None, str(root)).read()


def folder_of(tmp_path: Path, *names: str) -> dict[str, Split]:
    """The splits of a folder with pictures of these names."""
    for name in names:
        write_photo(tmp_path / name)
    return find_dataset("pets", str(tmp_path), None).read()


def names(split: Split) -> list[str]:
    return [str(path) for path in split.pictures]


def test_all_pictures_below_a_folder_are_one_split(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    splits = folder_of(tmp_path, "b.PNG", "a.jpg", "deep/er/c.webp", ".hidden/d.png", ".e.png", "deep/é 中.bmp")
    assert list(splits) == ["train"]
    assert names(splits["train"]) == ["a.jpg", "b.PNG", "deep/er/c.webp", "deep/é 中.bmp"]
    assert splits["train"].labels is None


def test_class_folders_are_labels(tmp_path: Path) -> None:
    splits = folder_of(tmp_path, "cat/a.png", "cat/more/b.png", "dog/a.png")
    assert splits["train"].labels == ["cat", "cat", "dog"]
    assert folder_of(tmp_path, "stray.png")["train"].labels is None


def test_one_class_folder_alone_is_no_label(tmp_path: Path) -> None:
    assert folder_of(tmp_path, "cat/a.png", "cat/b.png")["train"].labels is None


@pytest.mark.parametrize("held_out", ["test", "val"])
def test_folders_named_so_are_splits(held_out: str, tmp_path: Path) -> None:
    splits = folder_of(tmp_path, "train/cat/a.png", "train/dog/b.png", f"{held_out}/dog/a.png")
    assert {name: names(split) for name, split in splits.items()} == {
        "train": ["train/cat/a.png", "train/dog/b.png"],
        "test": [f"{held_out}/dog/a.png"],
    }
    assert splits["train"].labels == ["cat", "dog"]
    assert splits["test"].labels == ["dog"]
    # A third folder makes them classes like any other.
    assert list(folder_of(tmp_path, "other/c.png")) == ["train"]


def test_links_that_loop_end(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "again").symlink_to(tmp_path)
    assert names(folder_of(tmp_path, "cat/a.png", "dog/b.png")["train"]) == ["cat/a.png", "dog/b.png"]


@pytest.mark.parametrize(
    ("closed", "train", "test"),
    [
        ("train/cat", ["cat", "dog", "dog"], ["cat", "dog"]),
        ("train/cat/deep", ["cat", "cat", "dog", "dog"], ["cat", "dog"]),
        ("test", ["cat", "dog", "dog"], [""]),
    ],
)
def test_a_folder_that_cannot_be_listed_stands_for_its_pictures(
    closed: str, train: list[str], test: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against pictures that vanish without a word, and labels and splits with them."""
    (tmp_path / closed).mkdir(parents=True)
    scandir = os.scandir

    # The tests may run as a user to whom nothing is closed.
    def refuse(path: str) -> object:
        if Path(path) == tmp_path / closed:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    files = ["train/cat/1.png", "train/dog/1.png", "train/dog/2.png", "test/cat/1.png", "test/dog/1.png"]
    splits = folder_of(tmp_path, *files)
    assert (splits["train"].labels, splits["test"].labels) == (train, test)
    assert closed in [*names(splits["train"]), *names(splits["test"])]
    prepare(find_dataset("pets", str(tmp_path), None), tmp_path / "images", tmp_path / "l.csv", tmp_path / "c.csv")
    assert (tmp_path / "images" / "rejected.csv").read_text() == f"path,reason\n{closed},Permission denied\n"


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"expected pictures \(\.bmp .*\), found none"):
        folder_of(tmp_path)
    with pytest.raises(PipelineError, match="expected a folder of pictures, found nothing"):
        find_dataset("pets", str(tmp_path / "gone"), None).read()
    with pytest.raises(PipelineError, match="expected a folder of pictures, found a file"):
        find_dataset("pets", str(write_photo(tmp_path / "a.png")), None).read()


def test_a_folder_needs_a_name_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="'stl10' has a folder, but is the name of a known data set"):
        find_dataset("stl10", str(tmp_path), None, "params.yaml: datasets")


def test_near_names_are_offered() -> None:
    with pytest.raises(PipelineError, match="unknown data set 'fashion-mnist-mni'; did you mean fashion-mnist-mini"):
        get_dataset("fashion-mnist-mni")
