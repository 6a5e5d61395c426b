"""Pictures in every shape that people keep them in, decoded to the right pixels."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.base.errors import PipelineError
from pipeline.images import listing
from pipeline.images.listing import (
    ImageRecord,
    Rejected,
    decode,
    digest_of,
    examine,
    open_image,
    read_list,
    thumbnail,
    thumbnail_path,
)

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 255, (6, 8, 3), dtype=np.uint8)
GREY = RNG.integers(0, 255, (6, 8), dtype=np.uint8)


def decoded(image: Image.Image, path: Path, **options: Any) -> Image.Image:
    image.save(path, **options)
    return decode(path)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "webp"])
def test_colours_are_kept(suffix: str, tmp_path: Path) -> None:
    found = decoded(
        Image.fromarray(COLOURS), tmp_path / f"x.{suffix}", **({"lossless": True} if suffix == "webp" else {})
    )
    assert found.mode == "RGB"
    assert np.array_equal(np.asarray(found), COLOURS)


def test_another_array_at_the_same_path_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against the pictures of the project before, in a process that works on several."""
    for number, name in enumerate("ab"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        np.save("pictures.npy", GREY[None] + number)
        record = ImageRecord("x", "train", "pictures.npy", 0, "")
        assert np.array_equal(np.asarray(open_image(Path(), record)), GREY + number)


def test_grey_stays_grey(tmp_path: Path) -> None:
    found = decoded(Image.fromarray(GREY), tmp_path / "x.png")
    assert found.mode == "L"
    assert np.array_equal(np.asarray(found), GREY)
    bits = decoded(Image.fromarray(GREY > 100), tmp_path / "bits.png")
    assert np.array_equal(np.asarray(bits), np.where(GREY > 100, 255, 0))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_camera_held_sideways_gives_an_upright_picture(orientation: int, tmp_path: Path) -> None:
    # What the camera stores so that the orientation brings it back.
    stored = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation](COLOURS)
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = decoded(Image.fromarray(np.ascontiguousarray(stored)), tmp_path / "x.png", exif=exif)
    assert np.array_equal(np.asarray(found), COLOURS)


def test_what_is_transparent_shows_white(tmp_path: Path) -> None:
    alpha = np.where(GREY > 127, 255, 0).astype(np.uint8)
    expected = np.where(alpha[:, :, None] == 255, COLOURS, 255)
    found = decoded(Image.fromarray(np.dstack([COLOURS, alpha])), tmp_path / "x.png")
    assert np.array_equal(np.asarray(found), expected)
    palette = Image.fromarray(GREY % 4).convert("P")
    palette.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    found = decoded(palette, tmp_path / "p.png", transparency=1)
    assert {tuple(pixel) for pixel in np.asarray(found)[GREY % 4 == 1]} == {(255, 255, 255)}
    assert {tuple(pixel) for pixel in np.asarray(found)[GREY % 4 == 3]} == {(0, 0, 255)}


def test_in_parts_a_picture_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(0)
    clear = Image.fromarray(chance.integers(0, 255, (9, 13, 4), dtype=np.uint8))
    few = clear.convert("RGB").quantize(7)
    deep = Image.fromarray(chance.integers(0, 65535, (9, 13), dtype=np.uint16))
    found: list[list[bytes]] = []
    for block in (listing.BLOCK, 30, 1):
        monkeypatch.setattr(listing, "BLOCK", block)
        found.append([])
        for picture, options in ((clear, {}), (few, {"transparency": 2}), (deep, {})):
            data = io.BytesIO()
            picture.save(data, "PNG", **options)
            found[-1].append(decode(data).tobytes())
    assert found[0] == found[1] == found[2]


def test_sixteen_bits_are_scaled_and_not_cut(tmp_path: Path) -> None:
    deep = (GREY.astype(np.uint16) * 257).copy()
    found = decoded(Image.fromarray(deep), tmp_path / "x.png")
    assert found.mode == "L"
    assert np.array_equal(np.asarray(found), GREY)
    floats = decoded(Image.fromarray(GREY.astype(np.float32) / 255), tmp_path / "f.tiff")
    low, high = int(GREY.min()), int(GREY.max())
    assert np.array_equal(np.asarray(floats), np.rint((GREY - low) / (high - low) * 255))


def test_pixels_without_a_number_are_dark_and_raise_no_warning(tmp_path: Path) -> None:
    values = np.array([[np.nan, 2.0], [4.0, np.inf]], np.float32)
    found = decoded(Image.fromarray(values), tmp_path / "x.tiff")
    assert np.asarray(found).tolist() == [[0, 0], [255, 0]]


def test_of_an_animation_the_first_frame_is_taken(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    assert np.asarray(decode(tmp_path / "x.gif")).reshape(-1, 3).tolist() == [[255, 0, 0]] * 48


def test_print_colours_become_screen_colours(tmp_path: Path) -> None:
    found = decoded(Image.new("CMYK", (8, 6), (0, 255, 255, 0)), tmp_path / "x.tiff")
    assert found.mode == "RGB"
    assert np.asarray(found)[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize(("size", "mode", "expected"), [((28, 28), "L", (28, 28)), ((640, 320), "RGB", (64, 32))])
def test_a_thumbnail_is_small_and_the_picture_stays(
    size: tuple[int, int], mode: str, expected: tuple[int, int]
) -> None:
    image = Image.new(mode, size)
    assert Image.open(io.BytesIO(thumbnail(image, 64))).size == expected
    assert image.size == size


def test_pictures_with_the_same_content_share_a_thumbnail(tmp_path: Path) -> None:
    data = io.BytesIO()
    Image.fromarray(RNG.integers(0, 255, (300, 400, 3), dtype=np.uint8)).save(data, "PNG")
    names = [Path(f"{number}.png") for number in range(60)]
    for name in names:
        (tmp_path / name).write_bytes(data.getvalue())
    records = examine(tmp_path, names, "train", tmp_path / "thumbnails")
    assert [record for record in records if isinstance(record, Rejected)] == []
    (small,) = (path for path in (tmp_path / "thumbnails").rglob("*") if path.is_file())
    assert small == thumbnail_path(tmp_path / "thumbnails", digest_of(data.getvalue()))
    with Image.open(small) as picture:
        assert picture.size == (160, 120)


def test_a_picture_with_a_thumbnail_is_not_decoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(COLOURS).save(tmp_path / "x.png")
    first = examine(tmp_path, [Path("x.png")], "train", tmp_path / "thumbnails")
    monkeypatch.setattr(listing, "decode", None)
    assert examine(tmp_path, [Path("x.png")], "train", tmp_path / "thumbnails") == first


def test_a_thumbnail_that_cannot_be_written_is_no_fault_of_the_picture(tmp_path: Path) -> None:
    Image.fromarray(COLOURS).save(tmp_path / "x.png")
    (tmp_path / "thumbnails").write_text("a file in the way")
    with pytest.raises(OSError, match="thumbnails"):
        examine(tmp_path, [Path("x.png")], "train", tmp_path / "thumbnails")


def test_a_list_in_a_result_of_cluster_names_the_command_that_makes_it(tmp_path: Path) -> None:
    """Guards against a remedy that would make another list elsewhere."""
    folder = tmp_path / "my photos-clusters" / "cache" / "images"
    again = f"run 'pipeline cluster THE_SAME_PICTURES --out '{tmp_path}/my photos-clusters''"
    with pytest.raises(PipelineError, match=re.escape(again)):
        read_list(folder)
