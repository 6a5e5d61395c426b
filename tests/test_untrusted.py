"""What a file, a list, an archive or a name from somebody else must not be able to do."""

from __future__ import annotations

import ast
import gzip
import hashlib
import io
import json
import os
import struct
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml
from PIL import Image
from safetensors.numpy import load_file, save

from pipeline.base.csv_tables import read_table, write_table
from pipeline.base.errors import LONGEST, PipelineError
from pipeline.base.files import sha256_of_json
from pipeline.base.text import shown
from pipeline.cli.output import print_table, say
from pipeline.cli.settings import read_params
from pipeline.collection.export import plan
from pipeline.collection.result import Collection
from pipeline.collection.undo import UNDO, UNDO_COLUMNS, undo
from pipeline.features import hdf5
from pipeline.features.components import Components
from pipeline.features.manifest import MANIFEST_NAME, check_shards, read_manifest, read_split
from pipeline.features.vectors import read_vectors
from pipeline.heads.head import Head
from pipeline.heads.predictions import PREDICTED_COLUMNS
from pipeline.heads.saved import FORMAT, SavedModel, load_model, save_model
from pipeline.heads.training import HeadModel
from pipeline.images import limits, listing
from pipeline.images.datasets.cifar import read_cifar10
from pipeline.images.datasets.idx import read_idx
from pipeline.images.decoding import decode
from pipeline.images.examination import Rejected, examine
from pipeline.images.listing import ImageRecord, open_image, read_list, write_list
from pipeline.methods import METHODS
from pipeline.methods.kmeans import Centroids
from pipeline.methods.voting import Labelled
from tests.conftest import ROOT
from tests.fuzzing import written_cache

# No file is code.

CALLS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "os.system",
    "os.popen",
    "os.execv",
    "pickle.load",
    "marshal.loads",
    "shelve.open",
    "joblib.load",
    "yaml.unsafe_load",
    "yaml.full_load",
    "pandas.read_pickle",
    "tarfile.open",
    "shutil.unpack_archive",
}
"""What no module calls: code from data, and archives, which torchvision unpacks."""
GUARDED: dict[str, Callable[[ast.Call], bool]] = {
    "np.load": lambda call: argument(call, "allow_pickle") is False,
    "torch.load": lambda call: argument(call, "weights_only") is True,
    "yaml.load": lambda call: ast.unparse(call.args[1]) == "LOADER",
}


def argument(call: ast.Call, name: str) -> object:
    return next((ast.literal_eval(each.value) for each in call.keywords if each.arg == name), None)


def calls(tree: ast.AST) -> list[tuple[str, ast.Call]]:
    return [(ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def test_no_module_runs_what_a_file_says() -> None:
    seen = set()
    for path in sorted((ROOT / "pipeline").rglob("*.py")):
        for name, call in calls(ast.parse(path.read_text())):
            assert name not in CALLS, f"{path}:{call.lineno}"
            assert argument_is_not(call, "shell", True), f"{path}:{call.lineno}"
            # CIFAR-100 comes as pickles, which torchvision has just held against their checksums.
            assert name != "pickle.loads" or path.name == "cifar.py", f"{path}:{call.lineno}"
            # An .npz is an archive, and so is NLTK's WordNet: named members are read, with a bound, and never unpacked
            # to the disk.
            assert name != "zipfile.ZipFile" or path.name in ("vector_files.py", "nouns.py"), f"{path}:{call.lineno}"
            if name in GUARDED:
                assert GUARDED[name](call), f"{path}:{call.lineno}"
                seen.add(name)
    assert seen == set(GUARDED)


def argument_is_not(call: ast.Call, name: str, value: object) -> bool:
    return not any(each.arg == name and ast.unparse(each.value) == repr(value) for each in call.keywords)


@pytest.mark.parametrize("text", ["!!python/object/apply:os.system [id]", "!!python/name:os.system", "!!int x"])
def test_a_tag_in_params_is_no_call(text: str, tmp_path: Path) -> None:
    """Guards against !!int and its like, whose conversions raise what they like."""
    path = tmp_path / "params.yaml"
    path.write_text(f"run: {text}\n")
    with pytest.raises(PipelineError, match=r"params\.yaml: not YAML"):
        read_params(path)


# A small file cannot ask for much memory or time.


def test_yaml_that_expands_is_shown_short(tmp_path: Path) -> None:
    lines = ["run: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{key}: &{key} [{', '.join([f'*{before}'] * 9)}]" for before, key in zip("abcdefg", "bcdefgh", strict=True)
    ]
    path = tmp_path / "params.yaml"
    path.write_text("\n".join([*lines, "prepare: *h"]))
    with pytest.raises(PipelineError) as error:
        read_params(path)
    path.write_text("\n".join([*lines, "? *h"]))
    with pytest.raises(PipelineError):
        read_params(path)
    assert len(str(error.value)) < LONGEST


@pytest.mark.parametrize("text", ["[" * 5000, "- " * 50_000, "a: " + "9" * 5000, "2001-99-99", "\0"])
def test_odd_yaml_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(PipelineError):
        read_params(tmp_path / "params.yaml")


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 10**400])
def test_a_number_in_params_is_finite(value: float, tmp_path: Path) -> None:
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["datasets"]["stl10"]["balance_weight"] = value
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(PipelineError, match="balance_weight: expected a number"):
        read_params(tmp_path / "params.yaml")


@pytest.mark.parametrize("name", ["../../home", "/etc", "a b", "a;id", "$(id)", ".git", "", 3])
def test_a_data_set_has_a_name_that_is_safe_in_paths_and_commands(name: object, tmp_path: Path) -> None:
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["datasets"][name] = values["datasets"]["stl10"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(PipelineError, match="datasets: expected names of letters, digits"):
        read_params(tmp_path / "params.yaml")


def test_deep_json_is_refused(tmp_path: Path) -> None:
    written_cache(tmp_path)
    (tmp_path / MANIFEST_NAME).write_text("[" * 100_000)
    with pytest.raises(PipelineError, match="not JSON"):
        read_manifest(tmp_path)


def tiled(side: int) -> bytes:
    """A TIFF of 8 x 8 pixels whose one tile is much larger."""
    packer = zlib.compressobj()
    body = b"".join([packer.compress(bytes(side)) for _ in range(3 * side)]) + packer.flush()
    tags = [(256, 8), (257, 8), (258, 8), (259, 8), (262, 2), (277, 3), (322, side), (323, side), (325, len(body))]
    entries = sorted([*tags, (324, 8 + 2 + 12 * 10 + 4)])
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4) + body


def test_a_tile_counts_as_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a TIFF of 1 MB and 8 x 8 pixels that took 1.2 GB."""
    monkeypatch.setattr(limits, "allowed", lambda: 0.1)
    (tmp_path / "small.tiff").write_bytes(tiled(256))
    (tmp_path / "large.tiff").write_bytes(tiled(512))
    assert decode(tmp_path / "small.tiff").size == (8, 8)
    (found,) = examine(tmp_path, [Path("large.tiff")], "train")
    assert isinstance(found, Rejected)
    assert found.reason.startswith("a tile of 262,144 pixels, expected at most 100,000; --most-megapixels")


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "GIF", "BMP", "JPEG"])
def test_a_size_is_refused_before_it_is_decoded(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "picture"
    Image.new("RGB", (400, 300)).save(path, kind)

    def load(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(limits, "allowed", lambda: 0.1)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    (found,) = examine(tmp_path, [Path("picture")], "train")
    assert isinstance(found, Rejected)
    assert f"120,000 pixels, expected at most {'33,333 of WEBP' if kind == 'WEBP' else '100,000'};" in found.reason


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG"])
def test_of_many_frames_one_is_decoded(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "allowed", lambda: 0.002)
    frames = [Image.new("RGB", (20, 20), (level, 0, 0)) for level in range(100)]
    frames[0].save(tmp_path / "film", kind, save_all=True, append_images=frames[1:])
    assert decode(tmp_path / "film").size == (20, 20)


def test_a_gzip_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    real = gzip.GzipFile.read

    def counted(self: gzip.GzipFile, size: int | None = -1) -> bytes:
        data = real(self, size)
        read.append(len(data))
        return data

    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    for shape, message in (((2, 2), "declares 4 values, found more"), ((2**16, 2**16), "expected at most 1073741824")):
        head = b"\0\0\x08\2" + struct.pack(">II", *shape)
        (tmp_path / "a.gz").write_bytes(gzip.compress(head + bytes(10**6)))
        with pytest.raises(PipelineError, match=message):
            read_idx(tmp_path / "a.gz")
    assert max(read[:3]) < 20


def test_a_shape_that_the_file_is_too_short_for_is_refused(tmp_path: Path) -> None:
    head = str({"descr": "<f4", "fortran_order": False, "shape": (10**10, 10**3)}).encode()
    data = b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(PipelineError, match=r"not a readable \.npy file"):
        read_vectors(tmp_path / "a.npy")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("embeddings", (10**9, 10**3), "f4", chunks=(10, 10))
    with pytest.raises(PipelineError, match="says that it holds 4,000,000,000,000 bytes, of which 0 are in the file"):
        read_vectors(tmp_path / "a.h5")


def test_a_head_that_claims_to_be_wide_takes_no_memory(tmp_path: Path) -> None:
    about = {"format": 2, "method": "scp", "config": {"hidden": [10**8, 10**8]}}
    about["embedding"] = {"parts": [{"backbone": "x", "dim": 2}]}
    tensors = {"mean": np.zeros(2, np.float32), "layers.6.weight": np.zeros((2, 2), np.float32)}
    (tmp_path / "head").write_bytes(save(tensors, {"pipeline": json.dumps(about)}))
    with pytest.raises(PipelineError, match="not a saved head"):
        load_model(tmp_path / "head", METHODS)


@pytest.mark.parametrize(
    ("method", "config"),
    [
        ("scp", {"hidden": [3, 0]}),
        ("scp", {"hidden": [3, 3.0]}),
        ("scp", {"hidden": [3, 3], "unit": 1}),
        ("agglomerative", {"clusters": 10**12, "voters": 2}),
        ("agglomerative", {"clusters": 3, "voters": 0.5}),
        ("agglomerative", {"clusters": 2, "voters": 2}),
        ("kmeans", {}),
    ],
)
def test_a_head_whose_parts_do_not_fit_is_refused(method: str, config: dict[str, Any], tmp_path: Path) -> None:
    rows = np.eye(6, 4, dtype=np.float32)
    models: dict[str, Any] = {
        "scp": HeadModel(Head(4, (3, 3), 3)),
        "agglomerative": Labelled(Components.of(rows, 2), rows[:, :2], np.arange(6) % 3, 3, 2),
        "kmeans": Centroids(np.full((3, 4), 3e38, np.float32)),
    }
    path = tmp_path / "head"
    embedding = {"parts": [{"backbone": "x", "dim": 4}]}
    save_model(path, SavedModel(method, models[method], embedding))
    tensors = load_file(path)
    about = {"format": FORMAT, "method": method, "config": config, "embedding": embedding}
    path.write_bytes(save(tensors, {"pipeline": json.dumps(about)}))
    with pytest.raises(PipelineError, match="not a saved head"):
        load_model(path, METHODS)


def test_a_manifest_that_claims_to_be_large_takes_no_memory(tmp_path: Path) -> None:
    manifest = written_cache(tmp_path)
    with pytest.raises(PipelineError, match="too few for them"):
        read_split(tmp_path, replace(manifest, dim=10**12), "train")


# HDF5.


@pytest.mark.parametrize(("fault", "message"), [("crash", "HDF5 crashes on it"), ("circle", "HDF5 comes to no end")])
def test_hdf5_may_die_and_the_next_file_is_read(
    fault: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against what HDF5 does on damaged files, with a child that does it for certain."""
    path = tmp_path / "some.h5"
    with h5py.File(path, "w") as file:
        file["embeddings"] = np.ones((3, 2), np.float32)
    hdf5._end()
    script = tmp_path / "child.py"
    ends = {"crash": "os.kill(os.getpid(), signal.SIGSEGV)", "circle": "while True: pass"}
    script.write_text(
        "import json, os, signal, sys\n"
        "os.write(1, b'ready')\n"
        "seconds = json.loads(sys.stdin.readline())['seconds']\n"
        "signal.setitimer(signal.ITIMER_PROF, seconds)\n"
        f"{ends[fault]}\n"
    )
    with monkeypatch.context() as patch:
        patch.setattr(hdf5, "__file__", str(script))
        patch.setattr(hdf5, "PATIENCE", 0.1)
        with pytest.raises(PipelineError, match=message):
            read_vectors(path)
    assert read_vectors(path).views.shape == (3, 1, 2)


@pytest.mark.parametrize("way", ["soft link", "link to a file", "bytes of a file", "mapping"])
def test_hdf5_does_not_lead_to_other_files(way: str, tmp_path: Path) -> None:
    other, path = tmp_path / "other.h5", tmp_path / "some.h5"
    (tmp_path / "secret").write_bytes(bytes(range(24)))
    with h5py.File(other, "w") as file:
        file["embeddings"] = np.ones((3, 2), np.float32)
    with h5py.File(path, "w") as file:
        if way == "soft link":
            file["embeddings"] = h5py.SoftLink("/elsewhere")
        if way == "link to a file":
            file["embeddings"] = h5py.ExternalLink(str(other), "embeddings")
        if way == "bytes of a file":
            file.create_dataset("embeddings", (3, 2), "f4", external=[(str(tmp_path / "secret"), 0, 24)])
        if way == "mapping":
            layout = h5py.VirtualLayout((3, 2), "f4")
            layout[:] = h5py.VirtualSource(str(other), "embeddings", (3, 2))
            file.create_virtual_dataset("embeddings", layout)
    with pytest.raises(PipelineError, match="found neither"):
        read_vectors(path)


# Paths stay below their root.


@pytest.mark.parametrize("file", ["../x.h5", "/etc/passwd", "a/b.h5", "", ".", "..", "a\0b", 3])
def test_a_shard_lies_in_its_cache(file: Any, tmp_path: Path) -> None:
    manifest = written_cache(tmp_path)
    manifest.splits["train"][0] = replace(manifest.splits["train"][0], file=file)
    manifest.write(tmp_path)  # With the fingerprint that fits.
    with pytest.raises(PipelineError, match=r"not the manifest of a feature cache"):
        read_manifest(tmp_path)


def test_a_shard_with_a_name_of_any_length_is_missing(tmp_path: Path) -> None:
    manifest = written_cache(tmp_path)
    manifest.splits["train"][0] = replace(manifest.splits["train"][0], file="9" * 300)
    for read in (
        lambda: read_split(tmp_path, manifest, "train"),
        lambda: check_shards(tmp_path, manifest, False),
    ):
        with pytest.raises(PipelineError, match="File name too long"):
            read()


@pytest.mark.parametrize("key", ["dim", "views", "dataset", "settings", "dtype", "splits"])
@pytest.mark.parametrize("value", [None, True, -1, 0.5, ["x"]])
def test_a_manifest_with_its_right_fingerprint_may_still_be_none(key: str, value: Any, tmp_path: Path) -> None:
    written_cache(tmp_path)
    path = tmp_path / MANIFEST_NAME
    known = json.loads(path.read_text())
    known[key] = value
    content = {name: each for name, each in known.items() if name != "fingerprint"}
    if isinstance(known["splits"], dict) and key != "splits":
        content["splits"] = {name: split["shards"] for name, split in known["splits"].items()}
    path.write_text(json.dumps({**known, "fingerprint": sha256_of_json(content)}))
    with pytest.raises(PipelineError, match=r"not the manifest of a feature cache"):
        read_manifest(tmp_path)


def test_a_list_leads_to_no_other_folder(tmp_path: Path) -> None:
    for record, message in (
        (ImageRecord("a", "train", "../a.npy", 0, "0f"), "a path leads out of its folder"),
        (ImageRecord("a", "train", "a\0", None, "0f"), "a path leads out of its folder"),
        (ImageRecord("a", "train", "a.npy", -1, "0f"), "an index is no whole number"),
        # It is part of a thumbnail's path.
        (ImageRecord("a", "train", "a.png", None, "../../x"), "a digest is none"),
    ):
        write_list(tmp_path, [record])
        with pytest.raises(PipelineError, match=message):
            read_list(tmp_path)


def collection_of(tmp_path: Path, *pictures: tuple[str, str]) -> Collection:
    """A result that says where which pictures are."""
    collection = Collection(tmp_path / "made")
    write_list(collection.images, [ImageRecord(name, "train", path, None, "0f") for name, path in pictures])
    rows = [(name, 0, "1.0", 1, "0.0") for name, _ in pictures]
    write_table(collection.assignments.with_suffix(".csv"), PREDICTED_COLUMNS, rows)
    for _, path in pictures:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(b"")
    return collection


@pytest.mark.parametrize("name", ["../a.png", "/a.png", "other.png", "b/../a.png"])
def test_export_writes_nowhere_else(name: str, tmp_path: Path) -> None:
    collection = collection_of(tmp_path, (name, str(tmp_path / "pictures" / "a.png")))
    with pytest.raises(PipelineError, match="expected a picture below its folder under its own name"):
        plan(collection, tmp_path / "sorted", "copy")


def test_export_takes_pictures_of_one_folder(tmp_path: Path) -> None:
    pictures = [("a.png", str(tmp_path / "pictures" / "a.png")), ("id_rsa", str(tmp_path / ".ssh" / "id_rsa"))]
    with pytest.raises(PipelineError, match="expected pictures below one folder"):
        plan(collection_of(tmp_path, *pictures), tmp_path / "sorted", "move")


@pytest.mark.parametrize(
    ("now", "before"),
    [
        ("../../a.png", "home/a.png"),
        ("cluster-0/a.png", "home/.bashrc"),
        ("/etc/hostname", "home/hostname"),
        ("cluster-0/../../a.png", "home/a.png"),
        ("a.png", "home/a.png"),
    ],
)
@pytest.mark.parametrize("name", ["", ".bashrc"])
def test_undo_moves_nothing_else(now: str, before: str, name: str, tmp_path: Path) -> None:
    folder = tmp_path / "sorted"
    write_table(folder / UNDO, UNDO_COLUMNS, [(now, str(tmp_path / before), "", name)])
    (folder / "cluster-0").mkdir()
    (folder / "cluster-0" / "a.png").write_bytes(b"")
    with pytest.raises(PipelineError, match="nothing was changed"):
        undo(folder / UNDO)
    assert not (tmp_path / before).exists()


def archive(path: Path, kind: str) -> None:
    with tarfile.open(path, "w:gz") as file:
        member = tarfile.TarInfo(
            {"above": "../escaped", "absolute": str(path.parents[2] / "escaped")}.get(kind, "link")
        )
        if kind == "link":
            member.type, member.linkname = tarfile.SYMTYPE, "../../.."
        file.addfile(member, io.BytesIO(b""))


@pytest.mark.parametrize("kind", ["above", "absolute", "link"])
@pytest.mark.parametrize("sum_fits", [False, True])
def test_an_archive_unpacks_into_its_folder_alone(
    kind: str, sum_fits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its checksum is looked at first; even with one that fits no member leaves the folder."""
    from torchvision.datasets import CIFAR10

    source = tmp_path / "project" / "raw"
    source.mkdir(parents=True)
    path = source / CIFAR10.filename
    archive(path, kind)
    if sum_fits:
        monkeypatch.setattr(CIFAR10, "tgz_md5", hashlib.md5(path.read_bytes()).hexdigest())
    monkeypatch.setattr(CIFAR10, "url", "http://localhost:9/nothing")
    with pytest.raises(PipelineError, match="cifar10: its files are not whole"):
        read_cifar10(source)
    # An absolute name loses its slash, and is one below the folder.
    assert [each for each in tmp_path.rglob("*") if not each.is_relative_to(source)] == [source.parent]
    assert not any(each.is_symlink() for each in source.rglob("*"))


# What stands in a name is text.

NAMES = (
    "<script>alert(1)</script>.png",
    "$(id).png",
    "a'b\"c.png",
    "=1+1.png",
    "\u202egnp.exe",
    "\x1b[2J\a.png",
    "a\nb.png",
)


def test_names_reach_a_terminal_as_text() -> None:
    for name in NAMES:
        assert shown(name).isprintable()
    assert shown("日本 é.png") == "日本 é.png"
    assert shown("\x1b[2J\n\u202e\udcff") == "\\x1b[2J\\n\\u202e\\udcff"
    assert str(PipelineError("a\nb")) == "a\\nb"
    assert len(str(PipelineError("x" * 10**6 + "; do this"))) <= LONGEST
    assert str(PipelineError("x" * 10**6 + "; do this")).endswith("; do this")


def test_names_are_escaped_on_a_terminal_and_whole_in_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    print_table(("path",), [("\x1b[2J.png",)])
    assert capsys.readouterr().out == "path\n\x1b[2J.png\n"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_table(("path",), [("\x1b[2J.png",)])
    assert capsys.readouterr().out == "path\n\\x1b[2J.png\n"
    say("\x1b[2J.png")
    assert capsys.readouterr().out == "\\x1b[2J.png\n"


def test_names_come_back_from_a_table_as_they_were(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", ("path",), [(name,) for name in NAMES])
    assert tuple(row["path"] for row in read_table(tmp_path / "a.csv", ("path",), "")) == NAMES


def test_a_picture_that_is_a_row_is_looked_at_first(tmp_path: Path) -> None:
    """Guards against rows that are no pictures, and headers that end in errors of Python's own parser."""
    for array in (np.zeros((2, 3, 3), np.float32), np.zeros((2, 3, 3, 4), np.uint8), np.zeros(4, np.uint8)):
        np.save(tmp_path / "a.npy", array)
        listing._mapped.cache_clear()
        with pytest.raises(PipelineError, match="expected a picture in uint8"):
            open_image(tmp_path, ImageRecord("a", "train", "a.npy", 0, ""))
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\1\0\x04\0{'a(")
    listing._mapped.cache_clear()
    with pytest.raises(PipelineError, match="cannot be read as a picture"):
        open_image(tmp_path, ImageRecord("a", "train", "a.npy", 0, ""))
    listing._mapped.cache_clear()


def test_a_line_of_a_list_may_be_any_name(tmp_path: Path) -> None:
    from pipeline.images.sources import find_files

    (tmp_path / "list.txt").write_bytes(b"x/" * 3000 + b"\n~no-such-user/x\n//dev/null\n" + b"y" * 300)
    found = find_files([str(tmp_path / "list.txt")], tmp_path / "out")
    assert len(found.paths) == 4
    looked = examine(found.root, found.paths, "new")
    assert all(isinstance(each, Rejected) for each in looked)
    assert os.path.commonpath([found.root, tmp_path])


def test_an_empty_array_of_endless_length_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(bytes([0, 0, 8, 3]) + b"\xff" * 8 + bytes(4)))
    with pytest.raises(PipelineError, match=r"x\.gz: declares"):
        read_idx(path)
