from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps
from PIL.Image import Transpose
from scipy.ndimage import gaussian_filter

from pipeline.collection.duplicates import close, grouped, same_pictures
from pipeline.features.neighbours import neighbours
from pipeline.images.signatures import Signatures, signature, stacked


def test_nearly_the_same_goes_by_way_of_others() -> None:
    # 4 and 1 are close, 1 and 5 are, 0 and 2 are; 3 is close to nobody.
    near = np.array([[2], [5], [0], [4], [1], [1]])
    distances = np.array([[0.1], [0.1], [0.1], [0.9], [0.1], [0.1]])
    assert grouped(6, close(near, distances, 0.1)).tolist() == [0, 1, 0, -1, 1, 1]
    assert grouped(6, close(near, distances, 0.05)).tolist() == [-1] * 6
    assert grouped(6, close(near, np.zeros((6, 1)), 0.0)).tolist() == [0, 1, 0, 1, 1, 1]


def scene(seed: int) -> Image.Image:
    """A picture with colours, soft and sharp, as a photograph has them."""
    rng = np.random.default_rng(seed)
    values = gaussian_filter(rng.normal(size=(90, 120, 3)), (9, 9, 0))
    values = 255 * (values - values.min()) / np.ptp(values)
    picture = Image.fromarray(np.uint8(values))
    draw = ImageDraw.Draw(picture)
    for _ in range(5):
        x, y = rng.integers(0, 90, 2).tolist()
        draw.ellipse([x, y, x + 25, y + 18], fill=tuple(rng.integers(0, 256, 3).tolist()))
    return picture


def coded(picture: Image.Image, kind: str = "JPEG", quality: int = 85) -> Image.Image:
    data = io.BytesIO()
    picture.save(data, kind, quality=quality)
    return Image.open(data).convert("RGB")


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half": lambda image: image.resize((60, 45)),
    "strong JPEG": lambda image: coded(image, quality=20),
    "rotated by 90": lambda image: coded(image.transpose(Transpose.ROTATE_90)),
    "rotated by 180": lambda image: coded(image.transpose(Transpose.ROTATE_180)),
    "rotated by 270": lambda image: coded(image.transpose(Transpose.ROTATE_270)),
    "mirrored": lambda image: coded(ImageOps.mirror(image)),
    "grey": lambda image: ImageOps.grayscale(image),
    "middle": lambda image: coded(image.crop((6, 4, 114, 86))),
    "corner": lambda image: coded(image.crop((0, 9, 108, 90))),
    "WebP": lambda image: coded(image, "WebP"),
}


def groups(pictures: list[Image.Image], alike: bool = True) -> list[int]:
    """Their groups, where all embeddings are alike, or none."""
    signatures = stacked([signature(picture) for picture in pictures], [str(row) for row in range(len(pictures))])
    found: list[int] = grouped(len(pictures), pairs_of(signatures, alike)).tolist()
    return found


def pairs_of(signatures: Signatures, alike: bool) -> np.ndarray:
    rows = np.eye(len(signatures.aspect), dtype=np.float32)
    near, distances = neighbours(rows, 8)
    return same_pictures(signatures, near, distances * 0 if alike else distances)


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_is_found_among_others(kind: str) -> None:
    others = [scene(seed) for seed in range(1, 6)]
    found = groups([scene(0), *others, COPIES[kind](scene(0))])
    assert found == [0, *[-1] * 5, 0]


@pytest.mark.parametrize("kind", [kind for kind in COPIES if kind != "corner"])
def test_a_copy_is_found_whatever_its_embedding_is(kind: str) -> None:
    assert groups([scene(0), COPIES[kind](scene(0))], alike=False) == [0, 0]


def test_blank_pictures_are_no_copies_unless_their_files_are_the_same() -> None:
    blank = [Image.new("RGB", (40, 40), (grey, grey, grey)) for grey in (255, 255, 254, 0)]
    assert groups(blank) == [-1] * 4
    signatures = stacked([signature(each) for each in blank], ["a", "a", "b", ""])
    assert grouped(4, pairs_of(signatures, True)).tolist() == [0, 0, -1, -1]


def test_pieces_of_one_texture_are_no_copies() -> None:
    rng = np.random.default_rng(0)
    texture = gaussian_filter(rng.normal(size=(400, 400)), 2)
    texture = (255 * (texture - texture.min()) / np.ptp(texture)).astype(np.uint8)
    places = [(0, 0), (200, 0), (0, 200), (250, 250), (100, 100)]
    assert groups([Image.fromarray(texture[y : y + 100, x : x + 100]) for y, x in places]) == [-1] * 5


def icon(colour: tuple[int, int, int], sign: int) -> Image.Image:
    picture = Image.new("RGB", (64, 64), "white")
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle([4, 4, 60, 60], 8, fill=colour)
    draw.polygon([(20, 20), (44, 20), (44, 20 + 8 * sign), (32, 50), (20, 20 + 8 * sign)], fill="white")
    return picture


def test_icons_of_a_series_and_in_other_colours_are_no_copies() -> None:
    red, green = (200, 40, 40), (40, 125, 40)
    assert groups([icon(red, 0), icon(red, 2), icon(green, 0), icon(green, 2)]) == [-1] * 4
    assert groups([icon(red, 0), coded(icon(red, 0))]) == [0, 0]


def test_a_few_pictures_and_unknown_ones_do_no_harm() -> None:
    assert groups([scene(0), scene(1)]) == [-1, -1]
    found = stacked([signature(scene(0)), signature(scene(0))], ["a", "b"])
    found.aspect[1] = 0
    assert grouped(2, pairs_of(found, True)).tolist() == [-1, -1]
