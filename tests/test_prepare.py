from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.datasets import DATASETS, FASHION_MNIST_CLASSES
from pipeline.errors import PipelineError
from pipeline.images import digest_of, open_image, read_list
from pipeline.prepare import prepare
from pipeline.tables import LABEL_COLUMNS, read_table
from tests.conftest import DATASET, write_images


def test_images_and_labels_are_written_apart(project: Callable[..., Path]) -> None:
    folder = project()
    images, labels = folder / "data/images/x", folder / "data/labels/x.csv"
    line = prepare(DATASETS[DATASET], images, labels)
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
    source = DATASETS[DATASET].read()["test"].pictures
    last = open_image(images, records[-1])
    assert last.mode == "L"
    assert np.array_equal(np.asarray(last), source[-1])
    assert records[-1].digest == digest_of(source[-1].tobytes())


def test_preparing_twice_gives_the_same_bytes(project: Callable[..., Path]) -> None:
    folder = project()
    contents = []
    for name in ("one", "two"):
        prepare(DATASETS[DATASET], folder / name, folder / f"{name}.csv")
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
        ("a,b\n", "expected the columns id,split,path,index,digest, found a,b"),
        (good.splitlines()[0] + "\n", "the list is empty"),
        (good + good.splitlines()[1] + "\n", "an image id stands in it twice"),
        (good.replace("train.npy,1", "train.npy,one"), "no whole number"),
        (good + "x,y\n", "line 5: expected 5 values, found 2"),
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
