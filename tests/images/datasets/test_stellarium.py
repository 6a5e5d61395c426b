"""What Stellarium shows in the sky, on small files of the package's formats."""

from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path

import pytest

from pipeline.base.errors import PipelineError
from pipeline.images.datasets import stellarium
from pipeline.images.datasets.deep_sky import CATALOGUES, read_catalogue
from pipeline.images.datasets.entry import Split
from pipeline.images.datasets.stellarium import CULTURES
from tests.images.datasets.files import small, write_photo

OBJECTS = {("m", 31): 0, ("n", 2244): 16, ("barnard", 33): 12, ("sh2-", 101): 17, ("ic", 418): 11}


def text(value: str | None) -> bytes:
    """A text as Qt writes it; None is one that is not even empty."""
    data = b"" if value is None else value.encode("utf-16-be")
    return struct.pack(">I", 0xFFFFFFFF if value is None else len(data)) + data


def write_catalogue(objects: dict[tuple[str, int], int]) -> bytes:
    """The catalogue of these objects, each with one number; fields that are not read have values of their own."""
    data = text("3.16") + text("standard")
    for row, ((catalogue, number), kind) in enumerate(objects.items()):
        numbers = [number if each == catalogue else 0 for each in CATALOGUES]
        data += struct.pack(">I4di", row + 1, 3.2, 1.0, 99.0, 9.7, kind) + text("SA(s)b")
        data += struct.pack(">2di6d", 0.5, 0.25, 35, 99.0, 0.0, 0.0, 0.0, 0.77, 0.0)
        data += struct.pack(">14I", *numbers) + text("Ced 1") + struct.pack(">2I", 7, 0)
        data += b"".join(map(text, ("120+09.1", "", None, "ACO", "", "", ""))) + struct.pack(">5I", *range(5))
    return data


def test_the_catalogue_gives_the_type_of_each_number() -> None:
    assert read_catalogue(write_catalogue(OBJECTS)) == OBJECTS


def test_photographs_have_the_type_of_the_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = gzip.compress(write_catalogue(OBJECTS))
    (tmp_path / "catalog.dat").write_bytes(data)
    monkeypatch.setattr(stellarium, "CATALOGUE_SHA256", hashlib.sha256(data).hexdigest())
    for name in ("m31", "n2244-vasey", "barnard33", "sh2-101-vasey", "ic418", "m310", "pleiades"):
        write_photo(tmp_path / f"{name}.png")
    splits = small("stellarium-deep-sky", tmp_path, {"train": 4}).read()
    pictures = [Path(f"{name}.png") for name in ("ic418", "m31", "n2244-vasey", "sh2-101-vasey")]
    assert splits == {"train": Split(pictures, ["planetary nebula", "galaxy", "nebula", "nebula"])}


def test_another_catalogue_is_refused(tmp_path: Path) -> None:
    (tmp_path / "catalog.dat").write_bytes(gzip.compress(write_catalogue(OBJECTS)))
    with pytest.raises(PipelineError, match=r"catalog\.dat: expected the file of stellarium-data .*; run 'apt-get "):
        small("stellarium-deep-sky", tmp_path).read()


def test_constellations_are_those_of_the_cultures_tables(tmp_path: Path) -> None:
    """Guards against the pictures of a culture's description, and those that it draws twice."""
    for folder in CULTURES:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "constellationsart.fab").write_text(
            "# abbreviation, picture, stars\n\nOne one.png 24 56\n"
        )
        write_photo(tmp_path / folder / "about.png")
    (tmp_path / "maya" / "constellationsart.fab").write_text("A 1.png 1 2 3\nB 2.png 4 5 6\nC 1.png 7 8 9\n")
    split = small("stellarium-constellations", tmp_path, {"train": 16}).read()["train"]
    labels = dict(zip(map(str, split.pictures), split.labels or (), strict=True))
    assert labels == {
        **{f"{folder}/one.png": label for folder, label in CULTURES.items() if folder != "maya"},
        "maya/1.png": "Maya",
        "maya/2.png": "Maya",
    }
