"""The corruptions: against a reference implementation, and what they depend on."""

from __future__ import annotations

import hashlib
from typing import cast

import numpy as np
import pytest
from PIL import Image

from pipeline.extraction.corruptions import KINDS, SEVERITIES, corrupted, described
from pipeline.extraction.corruptions.occlusion import GRID, occlusion
from tests.extraction.corruptions.reference import FILE, picture, places

REFERENCE = dict(np.load(FILE))
PUBLISHED = sorted(KINDS.keys() - {"occlusion"})


def noisy(width: int, height: int) -> Image.Image:
    drawn = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(drawn)


def test_each_published_kind_has_its_reference() -> None:
    assert sorted(REFERENCE) == PUBLISHED


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("kind", PUBLISHED)
def test_the_pixels_are_those_of_imagecorruptions(kind: str, severity: int) -> None:
    drawn = cast(np.random.Generator, np.random.RandomState(severity))  # The stream that the reference draws from.
    entry = KINDS[kind]
    pixels = entry.apply(Image.fromarray(picture()), entry.large[severity - 1], 1.0, drawn)
    if pixels.dtype != np.uint8:
        pixels = (np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    difference = np.abs(pixels[places()].astype(int) - REFERENCE[kind][severity - 1])
    assert difference.max() <= 1
    assert difference.mean() < 0.2


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (500, 3), (28, 28), (65, 64), (70, 333), (500, 400)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_of_any_size_keeps_it(kind: str, size: tuple[int, int]) -> None:
    for severity in SEVERITIES:
        result = corrupted(noisy(*size), kind, severity, 0, "a")
        assert (result.size, result.mode) == (size, "RGB")


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_of_one_level_is_no_trouble(kind: str, level: int) -> None:
    for side in (2, 30, 100):
        corrupted(Image.new("RGB", (side, side), (level, level, level)), kind, 5, 0, "a")


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_call_gives_the_same_bytes_and_leaves_the_picture(kind: str) -> None:
    image = noisy(80, 90)
    before = image.tobytes()
    first, second = (corrupted(image, kind, 3, 5, identity).tobytes() for identity in ("a", b"a"))
    assert first == second != before
    assert image.tobytes() == before


DRAWN = ("gaussian-noise", "shot-noise", "impulse-noise", "speckle-noise", "motion-blur", "fog", "occlusion")


@pytest.mark.parametrize("kind", KINDS)
def test_seed_and_identity_decide_what_is_drawn(kind: str) -> None:
    image = noisy(80, 90)
    made = {corrupted(image, kind, 3, seed, name).tobytes() for seed in (0, 1) for name in ("a", "b")}
    assert len(made) == (4 if kind in DRAWN else 1)


@pytest.mark.parametrize("side", [32, 224])
@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"saturate"}))
def test_a_higher_severity_is_further_from_the_picture(kind: str, side: int) -> None:
    image = Image.fromarray(picture()).resize((side, side))
    clean = np.asarray(image).astype(int)

    def away(severity: int) -> float:
        return float(np.abs(np.asarray(corrupted(image, kind, severity, 0, "a")).astype(int) - clean).mean())

    assert 0 < away(1) < away(5)


@pytest.mark.parametrize("kind", ["gaussian-noise", "shot-noise", "impulse-noise", "speckle-noise"])
def test_what_is_done_to_large_pictures_is_still_seen_when_they_are_small(kind: str) -> None:
    """A picture of 896 pixels has noise in grains of four, so a fourth of its side is as noisy as a picture of 224."""
    usual = Image.fromarray(picture()).crop((0, 0, 224, 224))
    large = usual.resize((896, 896), Image.Resampling.NEAREST)

    def away(image: Image.Image) -> float:
        seen = corrupted(image, kind, 3, 0, "a").resize((224, 224), Image.Resampling.BOX)
        return float(np.abs(np.asarray(seen).astype(int) - np.asarray(usual)).mean())

    assert away(large) == pytest.approx(away(usual), rel=0.1)


def test_lengths_scale_with_the_shorter_side() -> None:
    """A blur of a picture at twice the size is the blur at its own, at twice the size."""
    smooth = Image.fromarray(picture()).resize((300, 224))
    twice = smooth.resize((600, 448), Image.Resampling.BICUBIC)
    for kind in ("gaussian-blur", "defocus-blur"):
        own = np.asarray(corrupted(smooth, kind, 4, 0, "a")).astype(int)
        halved = np.asarray(corrupted(twice, kind, 4, 0, "a").resize(smooth.size, Image.Resampling.BOX))
        assert np.abs(halved - own).mean() < 1.5


@pytest.mark.parametrize("severity", SEVERITIES)
def test_occlusion_hides_its_share_of_the_cells(severity: int) -> None:
    share = KINDS["occlusion"].large[severity - 1][0]
    white = Image.new("RGB", (GRID * 10, GRID * 7), "white")
    cells = np.asarray(corrupted(white, "occlusion", severity, 0, "a"))[:, :, 0].reshape(GRID, 7, GRID, 10)
    assert (cells == cells[:, :1, :, :1]).all()
    assert (cells[:, 0, :, 0] == 0).sum() == round(share * GRID * GRID)
    assert occlusion(white, (0.0,), 1.0, np.random.default_rng(0)).all()


def test_the_published_values_are_those_of_the_papers_tables() -> None:
    """A change of a value, by mistake, makes other sets than the published ones: this digest is of all of them."""
    values = [described(kind, severity) for kind in sorted(KINDS) for severity in SEVERITIES]
    text = "\n".join(str(sorted(each.items())) for each in values)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "09ec32c31db977e6"
