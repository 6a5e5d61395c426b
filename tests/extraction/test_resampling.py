from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image

from pipeline.backbones import loaders
from pipeline.backbones.geometry import Geometry
from pipeline.backbones.registry import Backbone
from pipeline.backbones.weights import find_weights
from pipeline.config.settings import ExtractSettings
from pipeline.extraction import resampling, views
from pipeline.extraction.batches import embed
from pipeline.extraction.inputs import stack, to_input
from pipeline.extraction.rendering import read_ahead, render
from pipeline.extraction.resampling import Pending, arrange, resample_on_device
from pipeline.extraction.streams import Streams
from pipeline.extraction.timings import Timings
from pipeline.extraction.views import CLEAN, View
from pipeline.images.listing import ImageRecord, digest_of
from tests.conftest import SMALL, write_images

DEVICES = ["cpu", *(["cuda:0"] if torch.cuda.is_available() else [])]
"""The CPU stands in for a GPU where there is none."""
SIZES = [(28, 28), (60, 45), (97, 131), (100, 300), (320, 213)]
"""Width and height: smaller and larger than the views, and tall enough for Pillow to begin with the rows."""


def noise(width: int, height: int, seed: int = 0) -> np.ndarray:
    """No picture is harder: each pixel differs from its neighbours, and many sums leave 0..255."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def drawn(count: int, seed: int = 0) -> list[View]:
    """Random crops, down to a twentieth of the frame's area."""
    rng = np.random.default_rng(seed)
    return [View((math.sqrt(rng.uniform(0.05, 1)), rng.random(), rng.random())) for _ in range(count)]


def resampled(pending: Sequence[Pending], geometry: Geometry, device: str) -> torch.Tensor:
    """The views, as the device makes them."""
    return resample_on_device(arrange(pending, geometry, device), device)


def by_pillow(picture: np.ndarray, geometry: Geometry, chosen: Sequence[View]) -> np.ndarray:
    """What `resampled` shall give, as whole numbers."""
    made = np.stack([views.resample(Image.fromarray(picture), geometry, view) for view in chosen]).astype(int)
    return made[:, None] if picture.ndim == 2 else made.transpose(0, 3, 1, 2)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("interpolation", views.RESAMPLING)
@pytest.mark.parametrize(
    ("size", "resize", "fit"), [(48, 48, "centre"), (64, 73, "centre"), (64, 64, "squash"), (64, 64, "pad")]
)
def test_pixels_are_pillows(device: str, interpolation: str, size: int, resize: int, fit: str) -> None:
    geometry, chosen = Geometry(size, resize, fit, interpolation), [CLEAN, *drawn(5)]
    differ = []
    for each in SIZES:
        for picture in (noise(*each), noise(*each)[:, :, 0].copy()):
            found = resampled([Pending(picture, view) for view in chosen], geometry, device).cpu().numpy()
            difference = np.abs(found - by_pillow(picture, geometry, chosen))
            # By one level, where a sum lies so near a half that single precision and Pillow's integers round apart.
            assert difference.max() <= 1
            differ.append((difference > 0).mean())
    # The weights of small whole ratios make sums of exactly a half, which are more often found with the triangle.
    assert np.mean(differ) <= (0.002 if interpolation == "bilinear" else 0.0001)


def test_a_view_larger_than_the_resized_picture_has_a_black_border() -> None:
    geometry, picture = Geometry(50, 40), noise(60, 45)
    found = resampled([Pending(picture, CLEAN)], geometry, "cpu").numpy()
    assert np.abs(found - by_pillow(picture, geometry, [CLEAN])).max() <= 1
    assert not found[:, :, :5].any()


@pytest.mark.parametrize("device", DEVICES)
def test_a_batch_is_each_view_by_itself(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    geometry, pictures = Geometry(48, 54), [noise(*size, seed) for size in SIZES for seed in range(3)]
    pending = [Pending(each, view) for n, each in enumerate(pictures) for view in [CLEAN, *drawn(n % 4, n)]]
    pending = [pending[n] for n in np.random.default_rng(0).permutation(len(pending))]
    alone = torch.cat([resampled([each], geometry, device) for each in pending])
    for room in (resampling.ROOM, 1):
        monkeypatch.setattr(resampling, "ROOM", room)
        together = resampled(pending, geometry, device)
        # Another size of a multiplication may add in another order: the last bit decides where a sum is a half.
        assert (together - alone).abs().max() <= 1
        assert (together != alone).float().mean() <= 1e-4


def test_views_that_differ_in_blur_alone_are_made_once(
    tmp_path: Path, pictures: np.ndarray, small: ExtractSettings
) -> None:
    (record,) = write_images(tmp_path, pictures[:1])
    blurred = replace(small, views=8, augmentation=replace(small.augmentation, crop_probability=0.0))
    pixels = render(tmp_path, record, SMALL, blurred, on_device=True).pixels
    assert len(pixels) > 2
    pending = [each for each in pixels if isinstance(each, Pending)]
    assert len(arrange(pending, SMALL.geometry, "cpu").spans) == 1
    found = resampled(pending, SMALL.geometry, "cpu")
    assert torch.equal(found, resampled(pending[:1], SMALL.geometry, "cpu").expand_as(found))


def test_grey_beside_colour_has_three_channels() -> None:
    grey, colour = noise(60, 45)[:, :, 0].copy(), noise(60, 45)
    found = resampled([Pending(grey, CLEAN), Pending(colour, CLEAN)], SMALL.geometry, "cpu")
    assert found.shape == (2, 3, 32, 32)
    assert torch.equal(found[0], resampled([Pending(grey, CLEAN)], SMALL.geometry, "cpu")[0].expand(3, 32, 32))
    assert torch.equal(found[0, 0], found[1, 0])


def test_large_pictures_and_strips_are_left_to_pillow() -> None:
    assert resampling.suits(Image.new("L", (1448, 1448)))
    assert not resampling.suits(Image.new("L", (1449, 1449)))
    assert not resampling.suits(Image.new("L", (501, 1)))


def test_what_pillow_made_goes_with_what_the_device_makes() -> None:
    grey, colour = noise(60, 45)[:, :, 0].copy(), noise(97, 131)
    crop = drawn(1)[0]
    made = views.resample(Image.fromarray(grey), SMALL.geometry, crop)
    pixels: list[np.ndarray | Pending] = [Pending(colour, CLEAN), made, Pending(colour, crop)]
    found = to_input(stack(pixels, SMALL, "cpu"), [0.0, 1.0, 2.0], SMALL, "cpu")
    for row, (each, sigma) in enumerate(zip(pixels, [0.0, 1.0, 2.0], strict=True)):
        torch.testing.assert_close(found[row], to_input(stack([each], SMALL, "cpu"), [sigma], SMALL, "cpu")[0])


def embedded(
    folder: Path,
    records: list[ImageRecord],
    backbone: Backbone,
    settings: ExtractSettings,
    device: str,
    on_device: bool,
) -> np.ndarray:
    module = loaders.load(backbone, find_weights(backbone)[0]).to(device)
    with closing(read_ahead(folder, records, backbone, settings, 1, on_device)) as reader:
        streams = Streams(module, backbone, settings, device)
        rows = embed(streams, reader, len(records), Timings(), lambda: None)
    return np.asarray(rows, np.float64)


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    return np.asarray((one * other).sum(-1) / lengths)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("size", [32, 96])
@pytest.mark.parametrize("kind", ["grey", "photos"])
def test_embeddings_are_those_of_pillows_views(
    tmp_path: Path, pictures: np.ndarray, small: ExtractSettings, kind: str, size: int, device: str
) -> None:
    if kind == "grey":
        records = write_images(tmp_path, pictures[:48])
    else:
        parts: dict[str, np.ndarray] = {}
        for name in ("china", "flower"):
            photo = load_sample_image(f"{name}.jpg")
            parts |= {
                f"{name}-whole": photo,
                f"{name}-tall": photo[:, 100:300],
                f"{name}-small": photo[100:180, 200:330],
            }
        records = []
        for name, part in parts.items():
            Image.fromarray(part).save(tmp_path / f"{name}.png")
            data = (tmp_path / f"{name}.png").read_bytes()
            records.append(ImageRecord(name, "train", f"{name}.png", None, digest_of(data)))
    backbone, settings = SMALL.at_size(size), replace(small, precision="fp32")
    here = embedded(tmp_path, records, backbone, settings, "cpu", on_device=False)
    there = embedded(tmp_path, records, backbone, settings, device, on_device=True)
    found = cosines(here, there)
    # The project asks for 0.999 on the mean; found were 0.99999996, and 0.9999995 for the worst view.
    assert found.mean() >= 0.9999
    assert found.min() >= 0.999


def test_a_cpu_leaves_the_views_to_pillow(small: ExtractSettings) -> None:
    assert not Streams(torch.nn.Identity(), SMALL, small, "cpu").resamples
    assert Streams(torch.nn.Identity(), SMALL, small, "cuda:0").resamples
