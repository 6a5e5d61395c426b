from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from pipeline.backbones.geometry import Geometry
from pipeline.cli.settings import Settings
from pipeline.extraction import placement, views
from pipeline.extraction.views import View

SQUARE = Geometry(size=96, resize=96)


def photo(width: int, height: int) -> Image.Image:
    """Smooth shapes with some noise, so that both interpolation and rounding matter."""
    y, x = np.mgrid[:height, :width] / 40
    waves = 127 + 80 * np.stack([np.sin(x), np.cos(y), np.sin(x + y)], -1)
    return Image.fromarray((waves + np.random.default_rng(0).normal(0, 10, waves.shape)).clip(0, 255).astype(np.uint8))


def test_a_view_depends_on_seed_digest_and_index_alone(settings: Settings) -> None:
    family = settings.extract.augmentation
    first = views.draw(family, 0, "a", 1)
    assert first == views.draw(family, 0, "a", 1)
    others = [views.draw(family, 1, "a", 1), views.draw(family, 0, "b", 1), views.draw(family, 0, "a", 2)]
    drawn = [view for seed in range(50) for view in [views.draw(family, seed, "a", 1)] if view != views.CLEAN]
    assert len(set(drawn)) == len(drawn) > 20
    assert any(view != first for view in others)


def test_the_bytes_of_a_view_are_pinned(settings: Settings) -> None:
    # Guards the caches that exist: a change here silently mixes old and new views under one fingerprint.
    view = views.draw(settings.extract.augmentation, 0, "train-00000", 6)
    assert view == View(crop=(0.76644391958645, 0.02844119701467851, 0.5385742170393235), sigma=1.3112654159196282)


def test_index_0_is_clean_and_probabilities_are_the_papers(settings: Settings) -> None:
    family = settings.extract.augmentation
    assert views.draw(family, 0, "a", 0) == views.CLEAN
    drawn = [views.draw(family, 0, f"image {i}", 1) for i in range(20_000)]
    crops = np.array([view.crop is not None for view in drawn])
    blurs = np.array([view.sigma > 0 for view in drawn])
    # Four standard deviations of a share over 20,000 draws.
    assert abs(crops.mean() - 0.5) < 0.0142
    assert abs(blurs.mean() - 0.5) < 0.0142
    assert abs((~crops & ~blurs).mean() - 0.25) < 0.0123
    areas = np.array([view.crop[0] ** 2 for view in drawn if view.crop])
    assert areas.min() >= 0.5
    assert areas.max() <= 1.0
    assert abs(areas.mean() - 0.75) < 0.006
    sigmas = np.array([view.sigma for view in drawn if view.sigma])
    assert sigmas.min() >= 0.1
    assert sigmas.max() <= 2.0


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (301, 224), (224, 224), (1000, 230)])
@pytest.mark.parametrize("geometry", [Geometry(224, 224), Geometry(224, 248), Geometry(224, 256, "centre", "bilinear")])
def test_the_clean_view_is_torchvisions_resize_and_centre_crop(size: tuple[int, int], geometry: Geometry) -> None:
    image = photo(*size)
    mode = v2.InterpolationMode(geometry.interpolation)
    theirs = v2.CenterCrop(geometry.size)(v2.Resize(geometry.resize, interpolation=mode, antialias=True)(image))
    assert np.array_equal(views.resample(image, geometry), np.asarray(theirs))


@pytest.mark.parametrize("size", [(20, 10_001), (10_001, 20), (7, 3_601)])
@pytest.mark.parametrize("geometry", [Geometry(64, 64), Geometry(56, 64), Geometry(64, 72, "centre", "bilinear")])
@pytest.mark.parametrize("view", [views.CLEAN, View(crop=(0.75, 0.9, 0.2))])
def test_a_strip_is_resized_as_any_picture_but_for_rounding(
    size: tuple[int, int], geometry: Geometry, view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = photo(*size)
    found = views.resample(image, geometry, view)
    monkeypatch.setattr(placement, "LONGEST", math.inf)
    expected = views.resample(image, geometry, view)
    assert found.shape == expected.shape == (geometry.size, geometry.size, 3)
    assert np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("size", [(20_000_000, 1), (1, 20_000_000)])
@pytest.mark.parametrize("view", [views.CLEAN, View(crop=(0.75, 0.9, 0.9))])
@pytest.mark.parametrize("fit", ["centre", "squash", "pad"])
def test_a_line_of_pixels_is_not_blown_up(size: tuple[int, int], view: View, fit: str) -> None:
    found = views.resample(Image.new("L", size, 200), Geometry(224, 224, fit), view)
    assert found.shape == (224, 224)
    assert np.abs(found.astype(int) - 200).max() <= 1


def test_squash_takes_the_whole_picture() -> None:
    image = photo(500, 300)
    theirs = image.resize((224, 224), Image.Resampling.BICUBIC)
    assert np.array_equal(views.resample(image, Geometry(224, 224, "squash")), np.asarray(theirs))


@pytest.mark.parametrize("size", [(500, 300), (300, 500), (96, 96), (40, 30), (600, 200)])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_padded_picture_is_whole_and_keeps_its_aspect(size: tuple[int, int], mode: str) -> None:
    """Black on white, so that what is seen of the picture is what is dark."""
    white = 255 if mode == "L" else (255, 255, 255)
    image = Image.new(mode, size, white)
    image.paste(0 if mode == "L" else (0, 0, 0), (2, 2, size[0] - 2, size[1] - 2))
    view = views.resample(image, Geometry(224, 224, "pad"))
    assert view.shape == ((224, 224) if mode == "L" else (224, 224, 3))
    dark = (view if mode == "L" else view[..., 0]) < 128
    rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
    across, down = columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1
    assert across / down == pytest.approx((size[0] - 4) / (size[1] - 4), rel=0.05)
    assert max(across, down) == pytest.approx(placement.ROOM * 224, rel=0.15)
    assert abs(columns[0] - (223 - columns[-1])) <= 1
    assert abs(rows[0] - (223 - rows[-1])) <= 1
    assert (view[0] == 255).all()


def test_the_background_is_the_border_s_own_colour() -> None:
    photo_on_blue = np.full((60, 180, 3), (10, 20, 200), np.uint8)
    photo_on_blue[20:40, 40:120] = (250, 240, 10)
    photo_on_blue[0, :50] = 255  # Less than half of the border.
    view = views.resample(Image.fromarray(photo_on_blue), Geometry(96, 96, "pad"))
    assert (view[0] == (10, 20, 200)).all()
    assert (view[-1] == (10, 20, 200)).all()


def test_a_padded_crop_shows_a_part_of_the_picture_with_its_aspect() -> None:
    wide = np.tile(np.linspace(0, 200, 300).astype(np.uint8), (100, 1))
    left = views.resample(Image.fromarray(wide), Geometry(96, 96, "pad"), View(crop=(0.5, 0.0, 0.5)))
    inside = left[48].astype(int)
    shown = inside[(96 - round(96 * placement.ROOM)) // 2 + 1 : 96 // 2]
    # The left half of the picture goes from 0 to 100, and its own left half to 50.
    assert shown[0] == pytest.approx(0, abs=4)
    assert shown[-1] == pytest.approx(50, abs=4)


def test_a_crop_keeps_the_aspect_and_shows_the_right_place() -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8), (256, 1))
    right = views.resample(Image.fromarray(ramp), Geometry(64, 64), View(crop=(0.5, 1.0, 0.0)))
    assert right.shape == (64, 64)
    assert right[:, 0].mean() == pytest.approx(128, abs=2)
    assert right[:, -1].mean() == pytest.approx(255, abs=2)
    # A landscape: the crop is a square of half the short side, so it spans 50 of the 200 columns.
    wide = np.tile(np.linspace(0, 200, 200).astype(np.uint8), (100, 1))
    left = views.resample(Image.fromarray(wide), Geometry(64, 64), View(crop=(0.5, 0.0, 0.5)))
    assert left[:, -1].mean() == pytest.approx(50, abs=2)


def test_a_crop_of_everything_is_the_clean_view() -> None:
    image = photo(200, 200)
    whole = views.resample(image, SQUARE, View(crop=(1.0, 0.0, 0.0)))
    assert np.array_equal(whole, views.resample(image, SQUARE))


def test_grey_stays_one_channel_and_equals_rgb() -> None:
    grey = photo(80, 60).convert("L")
    view = View(crop=(0.8, 0.3, 0.7))
    one, three = views.resample(grey, SQUARE, view), views.resample(grey.convert("RGB"), SQUARE, view)
    assert one.shape == (96, 96)
    assert all(np.array_equal(one, three[:, :, channel]) for channel in range(3))


@pytest.mark.parametrize(("channels", "size"), [(3, 96), (1, 96), (3, 50), (1, 224)])
def test_blur_equals_torchvisions_one_by_one(channels: int, size: int) -> None:
    pixels = torch.rand(4, channels, size, size, generator=torch.Generator().manual_seed(0))
    taps = views.blur_width(size)
    sigmas = [0.0, 0.1, 1.3, 2.0]
    ours = views.blur_(pixels.clone(), sigmas)
    assert torch.equal(ours[0], pixels[0])
    for row in (1, 2, 3):
        theirs = functional.gaussian_blur(pixels[row], [taps, taps], [sigmas[row], sigmas[row]])
        torch.testing.assert_close(ours[row], theirs, rtol=1e-5, atol=1e-6)


def test_a_blur_is_the_same_however_pictures_lie_in_memory() -> None:
    # Rows of a channel, channels last, and columns with their channels, as `resampling` leaves them.
    pixels, sigmas = torch.rand(5, 3, 40, 40), [1.0, 0.0, 2.0, 0.5, 0.0]
    expected = views.blur_(pixels.clone(), sigmas)
    for order, back in (((0, 2, 3, 1), (0, 3, 1, 2)), ((0, 3, 1, 2), (0, 2, 3, 1))):
        laid = pixels.permute(order).contiguous().permute(back)
        found = views.blur_(laid, sigmas)
        assert found is laid
        torch.testing.assert_close(found, expected)


def test_blur_of_nothing_gives_the_pixels_themselves() -> None:
    pixels = torch.rand(2, 1, 32, 32)
    before = pixels.clone()
    assert views.blur_(pixels, [0.0, 0.0]) is pixels
    assert torch.equal(pixels, before)


@pytest.mark.parametrize(("size", "taps"), [(28, 9), (96, 9), (224, 21), (256, 25)])
def test_blur_width_grows_with_the_input(size: int, taps: int) -> None:
    assert views.blur_width(size) == taps
    assert taps % 2 == 1
    assert math.isclose(taps / size, 9 / 96, rel_tol=0.05) or size < 96


@pytest.mark.parametrize("size", [96, 224, 336])
def test_no_weight_of_the_blur_is_too_small_to_be_multiplied_fast(size: int) -> None:
    sigmas = torch.linspace(0.1, 2, 200)
    weights = views._blur_matrices(size, sigmas)
    assert weights[weights > 0].min() > 1e-12
    torch.testing.assert_close(weights.sum(2), torch.ones(200, size))
