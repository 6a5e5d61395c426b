from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.base.csv_tables import read_table
from pipeline.base.errors import PipelineError
from pipeline.config.names import CLASS_COLUMNS, LABEL_COLUMNS
from pipeline.images import limits
from pipeline.images.datasets.fashion_mnist import FASHION_MNIST_CLASSES
from pipeline.images.datasets.registry import DATASETS, find_dataset
from pipeline.images.examination import REJECTED_COLUMNS
from pipeline.images.listing import digest_of, open_image, read_list
from pipeline.images.prepare import prepare
from tests.conftest import DATASET, write_images


def test_images_and_labels_are_written_apart(project: Callable[..., Path]) -> None:
    folder = project()
    images, labels = folder / "data/images/x", folder / "data/labels/x.csv"
    line = prepare(DATASETS[DATASET], images, labels, folder / "classes.csv")
    assert line == "fashion-mnist-mini: 8,000 train, 2,000 test, 10 classes"
    records = read_list(images)
    rows = read_table(labels, LABEL_COLUMNS, "")
    assert [record.id for record in records] == [row["id"] for row in rows]
    assert records[0].id == "train-00000"
    assert records[-1].id == "test-01999"
    # Nothing beside the pictures tells a class.
    listed = (images / "images.csv").read_text()
    assert not any(name in listed for name in FASHION_MNIST_CLASSES)
    assert sorted(path.name for path in images.iterdir()) == ["images.csv", "test.npy", "train.npy"]
    assert [row["class"] for row in read_table(folder / "classes.csv", CLASS_COLUMNS, "")] == sorted(
        FASHION_MNIST_CLASSES
    )
    source = np.asarray(DATASETS[DATASET].read()["test"].pictures)
    last = open_image(images, records[-1])
    assert last.mode == "L"
    assert np.array_equal(np.asarray(last), source[-1])
    assert records[-1].digest == digest_of(source[-1].tobytes())


def test_preparing_twice_gives_the_same_bytes(project: Callable[..., Path]) -> None:
    folder = project()
    contents = []
    for name in ("one", "two"):
        prepare(DATASETS[DATASET], folder / name, folder / f"{name}.csv", folder / "classes.csv")
        files = sorted(path for path in (folder / name).iterdir())
        contents.append([path.read_bytes() for path in [*files, folder / f"{name}.csv"]])
    assert contents[0] == contents[1]


def test_a_list_that_does_not_fit_is_refused(tmp_path: Path, pictures: np.ndarray) -> None:
    folder = tmp_path / "pets"
    with pytest.raises(PipelineError, match="not there yet; run 'pipeline prepare --dataset pets'"):
        read_list(folder)
    write_images(folder, pictures[:3])
    path = folder / "images.csv"
    good = path.read_text()
    for bad, message in (
        ("", "found an empty file"),
        ("a,b\n", "expected the columns id,split,path,index,digest,range,remark, found a,b"),
        (good.splitlines()[0] + "\n", "the list is empty"),
        (good + good.splitlines()[1] + "\n", "an image id stands in it twice"),
        (good.replace("train.npy,1", "train.npy,one"), "no whole number"),
        (good + "x,y\n", "line 5: expected 7 values, found 2"),
    ):
        path.write_text(bad)
        with pytest.raises(PipelineError, match=message):
            read_list(folder)


def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path, pictures: np.ndarray) -> None:
    record = write_images(tmp_path, pictures[:3])[2]
    np.save(tmp_path / "train.npy", pictures[:2])
    with pytest.raises(PipelineError, match=r"train\.npy: cannot be read as a picture"):
        open_image(tmp_path, record)
    other = type(record)("x", "train", "x.png", None, "")
    with pytest.raises(PipelineError, match=r"x\.png: the picture is gone"):
        open_image(tmp_path, other)
    (tmp_path / "x.png").write_bytes(b"\x89PNG nonsense")
    with pytest.raises(PipelineError, match=r"x\.png: cannot be read as a picture"):
        open_image(tmp_path, other)


def prepare_folder(tmp_path: Path) -> tuple[str, Path]:
    images = tmp_path / "images"
    dataset = find_dataset("pets", str(tmp_path / "pets"), None)
    return prepare(dataset, images, tmp_path / "labels.csv", tmp_path / "classes.csv"), images


def test_files_stay_where_they_are(tmp_path: Path, pictures: np.ndarray) -> None:
    names = [b"cat/\xff not UTF-8.png".decode("utf-8", "surrogateescape"), 'cat/a, "b".png', "dog/\u4e2d\n.png"]
    for name, picture in zip(names, pictures, strict=False):
        path = tmp_path / "pets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    line, images = prepare_folder(tmp_path)
    assert line == "pets: 3 train, 2 classes"
    records = read_list(images)
    assert sorted(record.id for record in records) == sorted(names)
    for record in records:
        assert Path(record.path) == tmp_path / "pets" / record.id
        assert record.digest == digest_of((tmp_path / "pets" / record.id).read_bytes())
        assert np.array_equal(np.asarray(open_image(images, record)), pictures[names.index(record.id)])
    assert {row["id"]: row["label"] for row in read_table(tmp_path / "labels.csv", LABEL_COLUMNS, "")} == {
        name: name[:3] for name in names
    }
    assert read_table(images / "rejected.csv", REJECTED_COLUMNS, "") == []


def test_what_cannot_be_read_is_left_out_with_its_reason(
    tmp_path: Path, pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "pets"
    folder.mkdir()
    Image.fromarray(pictures[0]).save(folder / "good.png")
    Image.fromarray(np.repeat(pictures[0][:, :, None], 3, 2)).resize((64, 64)).save(folder / "short.jpg")
    (folder / "short.jpg").write_bytes((folder / "short.jpg").read_bytes()[:620])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.gif").write_text("not a picture")
    (folder / "dangling.png").symlink_to(tmp_path / "gone.png")
    Image.new("L", (1001, 1000)).save(folder / "bomb.png")
    monkeypatch.setattr(limits, "allowed", lambda: 1)
    line, images = prepare_folder(tmp_path)
    assert line == f"pets: 1 train, no classes; 5 files cannot be read, see {images / 'rejected.csv'}"
    assert [record.id for record in read_list(images)] == ["good.png"]
    rejected = {row["path"]: row["reason"] for row in read_table(images / "rejected.csv", REJECTED_COLUMNS, "")}
    assert set(rejected) == {"short.jpg", "empty.png", "text.gif", "dangling.png", "bomb.png"}
    assert rejected["short.jpg"]
    assert rejected["empty.png"] == rejected["text.gif"] == "not a picture of a known format"
    assert rejected["dangling.png"] == "No such file or directory"
    assert "--most-megapixels" in rejected["bomb.png"]
    # The list of what was rejected before does not survive.
    for name in rejected:
        (folder / name).unlink()
    assert prepare_folder(tmp_path)[0] == "pets: 1 train, no classes"


def test_deep_pictures_of_the_test_split_are_opened_as_those_of_the_training_split(
    tmp_path: Path, pictures: np.ndarray
) -> None:
    for split, picture in (("train", pictures[0].astype(np.uint16) + 1000), ("test", np.full((4, 4), 1100, np.uint16))):
        (tmp_path / "pets" / split).mkdir(parents=True)
        Image.fromarray(picture).save(tmp_path / "pets" / split / "a.png")
    _, images = prepare_folder(tmp_path)
    train, test = read_list(images)
    assert train.range == test.range == f"grey 1000 {1000 + int(pictures[0].max())}"
    assert np.asarray(open_image(images, test))[0, 0] == round(100 * 255 / int(pictures[0].max()))


def test_a_folder_of_nothing_but_damage_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pets").mkdir()
    (tmp_path / "pets" / "a.png").write_text("x")
    with pytest.raises(PipelineError, match=r"a\.png: expected a picture of pets, found none .* 1 such files in all"):
        prepare_folder(tmp_path)


def test_a_data_set_of_fixed_size_may_not_lose_a_picture(tmp_path: Path, pictures: np.ndarray) -> None:
    (tmp_path / "pets").mkdir()
    Image.fromarray(pictures[0]).save(tmp_path / "pets" / "a.png")
    (tmp_path / "pets" / "b.png").write_text("x")
    dataset = replace(find_dataset("pets", str(tmp_path / "pets"), None), sizes={"train": 2})
    with pytest.raises(PipelineError, match=r"b\.png: expected a picture of pets"):
        prepare(dataset, tmp_path / "images", tmp_path / "labels.csv", tmp_path / "classes.csv")


def line_of(tmp_path: Path, pictures: np.ndarray, *folders: str) -> str:
    """What `prepare` says of a data set with a picture in each of these folders."""
    for number, folder in enumerate(folders):
        path = tmp_path / "pets" / folder / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pictures[number]).save(path)
    return prepare(
        find_dataset("pets", str(tmp_path / "pets"), None), tmp_path / "x", tmp_path / "x.csv", tmp_path / "classes.csv"
    )


def test_a_class_in_one_split_alone_is_named(tmp_path: Path, pictures: np.ndarray) -> None:
    line = line_of(tmp_path, pictures, "train/cat", "train/dog", "test/dog", "test/ow\x1bl")
    assert line == "pets: 2 train, 2 test, 3 classes; in train alone: 'cat'; in test alone: 'ow\\x1bl'"


def test_many_classes_in_one_split_alone_are_counted(tmp_path: Path, pictures: np.ndarray) -> None:
    line = line_of(tmp_path, pictures, *(f"train/{number}" for number in range(8)), "test/0", "test/0")
    assert line.endswith("8 classes; in train alone: '1', '2', '3', '4', '5' and 2 more")


@pytest.mark.parametrize("folders", [["cat", "dog"], ["train/a", "train/b", "test/a", "test/b"], ["train/x", "test/x"]])
def test_where_no_class_is_alone_nothing_is_said(folders: list[str], tmp_path: Path, pictures: np.ndarray) -> None:
    assert "alone" not in line_of(tmp_path, pictures, *folders)
