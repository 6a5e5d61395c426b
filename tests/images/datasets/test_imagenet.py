"""The subsets of ImageNet-1k, on folders like its own."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.base.errors import PipelineError
from pipeline.images.datasets.imagenet import IMAGENET10_CLASSES, IMAGENET_DOGS_CLASSES
from pipeline.images.datasets.registry import DATASETS, find_dataset
from pipeline.images.prepare import prepare
from tests.images.datasets.files import write_imagenet, write_photo


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
