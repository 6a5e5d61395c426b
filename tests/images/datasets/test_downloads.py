"""What torchvision downloads: read right, held against its checksums, fetched again where it is not whole."""

from __future__ import annotations

import hashlib
import http.server
import pickle
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from pipeline.base.errors import PipelineError
from pipeline.images.datasets.fashion_mnist import FASHION_MNIST_CLASSES
from pipeline.images.datasets.registry import DATASETS
from tests.images.datasets.files import LOADERS, idx, md5, pack, place_for, small, write_files

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


def refusal(name: str, root: Path) -> str:
    """The one line that reading a data set ends in."""
    with pytest.raises(PipelineError) as error:
        small(name, root).read()
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(f"{name}: its files are not whole in {root} and cannot be fetched (")
    assert f"run 'pipeline prepare --dataset {name}' where there is a network" in message
    return message


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
