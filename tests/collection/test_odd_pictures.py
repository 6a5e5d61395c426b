"""`pipeline cluster`, `predict` and `search` on pictures as people have them: deep, with odd EXIF, cut off."""

from __future__ import annotations

import csv
import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.base.csv_tables import read_table
from pipeline.features.cache import open_features
from pipeline.heads.predictions import NAMED_COLUMNS, read_assignments
from pipeline.heads.saved import load_model
from pipeline.images.listing import read_list
from pipeline.methods import METHODS
from tests.collection.test_cluster import pipeline, table

CLUSTER = ("-k", "3", "--method", "kmeans")


@pytest.mark.slow
def test_fourteen_bits_are_clustered_as_the_eight_bits_that_they_were_made_of(
    tmp_path: Path, pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Guards against thermal pictures of three grey levels, and a head that opens new ones in another way."""
    monkeypatch.chdir(tmp_path)
    shapes = pictures[:30].copy()
    shapes[0, 0, 0], shapes[0, 0, 1] = 0, 255
    for folder, values in (("eight", shapes), ("deep", shapes.astype(np.uint16) * 3 + 7200)):
        (tmp_path / folder).mkdir()
        for number, each in enumerate(values):
            Image.fromarray(each).save(tmp_path / folder / f"{number}.png")
        code, _, err = pipeline(monkeypatch, capfd, "cluster", folder, *CLUSTER)
        assert code == 0, err
    eight, deep = (table(tmp_path / f"{name}-clusters" / "assignments.csv") for name in ("eight", "deep"))
    assert deep == eight
    made = tmp_path / "deep-clusters"
    assert {record.range for record in read_list(made / "cache" / "images")} == {"grey 7200 7965"}
    assert open_features(made / "cache" / "features" / "efficientnet-lite0").describe()["ranges"] == {
        "grey": [7200, 7965]
    }
    head = load_model(made / "head" / "head.safetensors", METHODS)
    assert head.embedding["ranges"] == {"grey": [7200, 7965]}
    assert "ranges" not in load_model(tmp_path / "eight-clusters" / "head" / "head.safetensors", METHODS).embedding

    # Alone, a picture has a range of its own, which is not the one that the head knows.
    code, out, _ = pipeline(monkeypatch, capfd, "predict", "deep-clusters/head", "deep/7.png")
    (row,) = csv.DictReader(out.splitlines())
    (method,) = (made / "cache" / "predictions").iterdir()
    expected = read_assignments(method)
    place = expected.ids.index("7.png")
    assert code == 0
    assert int(row["cluster"]) == expected.clusters[place]
    shown = read_table(made / "assignments.csv", NAMED_COLUMNS, "")[place]
    assert shown["path"] == "7.png"
    assert float(row["confidence"]) == pytest.approx(float(shown["confidence"]), abs=1e-3)
    code, out, err = pipeline(monkeypatch, capfd, "search", "deep/7.png", "--in", "deep-clusters", "--count", "1")
    assert code == 0, err
    (found,) = csv.DictReader(out.splitlines())
    assert (found["path"], float(found["distance"]) < 0.05) == ("7.png", True)


def write_pngs(folder: Path, pictures: np.ndarray) -> None:
    folder.mkdir()
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{number}.png")


def test_odd_exif_ends_no_run_and_what_is_used_in_part_is_counted(
    tmp_path: Path, pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_pngs(tmp_path / "photos", pictures[:6])
    entries = struct.pack("<HHII", 0x10F, 5, 1, 26) + struct.pack("<HHIHH", 0x112, 3, 1, 6, 0)
    odd = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(12)
    Image.fromarray(pictures[7]).resize((40, 20)).save(tmp_path / "photos" / "turned.jpg", exif=odd)
    data = io.BytesIO()
    Image.fromarray(pictures[8]).save(data, "JPEG")
    (tmp_path / "photos" / "cut.jpg").write_bytes(data.getvalue()[:-2])

    remark = "the last bytes are missing; all rows are there"
    for _ in range(2):  # The second time from what the first has kept.
        code, out, err = pipeline(monkeypatch, capfd, "cluster", "photos", *CLUSTER)
        assert code == 0, err
        assert f"8 pictures in {tmp_path / 'photos'}; 1 used in part, see cache/images/images.csv" in out
        records = {record.id: record for record in read_list(tmp_path / "photos-clusters" / "cache" / "images")}
        assert {name: record.remark for name, record in records.items() if record.remark} == {"cut.jpg": remark}
    small = tmp_path / "photos-clusters" / "thumbnails"
    digest = records["turned.jpg"].digest
    with Image.open(small / digest[:2] / f"{digest}.webp") as upright:
        assert upright.size == (20, 40)
    code, out, err = pipeline(monkeypatch, capfd, "predict", "photos-clusters/head", "photos")
    assert (code, len(out.splitlines())) == (0, 9)
    assert f"photos/cut.jpg: used in part, {remark}" in err
    code, out, err = pipeline(monkeypatch, capfd, "search", "photos/turned.jpg", "--in", "photos-clusters")
    assert code == 0, err
    assert "turned.jpg" in out.splitlines()[1]


def test_the_limit_is_an_option(
    tmp_path: Path, pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_pngs(tmp_path / "photos", pictures[:3])
    Image.new("L", (1100, 1000)).save(tmp_path / "photos" / "large.png")
    more = ("--most-megapixels", "1")
    code, out, _ = pipeline(monkeypatch, capfd, "cluster", "photos", "-k", "2", "--method", "kmeans", *more)
    assert code == 0
    assert "3 pictures in" in out
    (row,) = table(tmp_path / "photos-clusters" / "rejected.csv")
    assert row["reason"].startswith("1,100,000 pixels, expected at most 1,000,000; --most-megapixels")
