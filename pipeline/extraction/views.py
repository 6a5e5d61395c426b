"""Augmented views: which crop and blur a view gets, and how they are applied.

A view is a function of (seed, image id, view index) alone. Order, batch size, number of workers, restarts and the
number of machines never change a crop, and two backbones with the same geometry see the same pictures.
"""

from __future__ import annotations

import hashlib
import math
import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from pipeline.backbones.geometry import Geometry
from pipeline.config.settings import Augmentation
from pipeline.extraction.background import background
from pipeline.extraction.placement import Box, Crop, is_strip, place

if TYPE_CHECKING:
    import torch

RESAMPLING = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
SUPPORT = 2
"""Pixels that the wider of these filters sees on either side, where nothing is scaled down."""


class View(NamedTuple):
    """What one view does to a picture; ``View()`` is the clean one."""

    crop: Crop | None = None
    """None: no crop."""
    sigma: float = 0.0
    """Standard deviation of the blur in pixels; 0: no blur."""


CLEAN = View()


def draw(augmentation: Augmentation, seed: int, digest: str, index: int) -> View:
    """The view with this index of the picture with this digest; index 0 is the clean one.

    The random numbers are a BLAKE2b hash of (seed, digest, index): six of them in [0, 1), each with 53 bits. Unlike
    a generator's state, a hash costs a microsecond and needs no agreement between workers.
    """
    if index == 0:
        return CLEAN
    key = f"{seed}\0{digest}\0{index}".encode("utf-8", "surrogateescape")
    words = struct.unpack("<6Q", hashlib.blake2b(key, digest_size=48).digest())
    crops, area, x, y, blurs, blur = [(word >> 11) * 2.0**-53 for word in words]
    crop = None
    if crops < augmentation.crop_probability:
        low, high = augmentation.crop_area
        crop = (math.sqrt(low + (high - low) * area), x, y)
    sigma = 0.0
    if blurs < augmentation.blur_probability:
        low, high = augmentation.blur_sigma
        sigma = low + (high - low) * blur
    return View(crop, sigma)


def resample(image: Image.Image, geometry: Geometry, view: View = CLEAN) -> np.ndarray:
    """The view's crop of the image at the backbone's input size; the blur is not applied here, see `blur_`.

    Without a crop this is, pixel for pixel, what the libraries' own transforms do on a Pillow image: resize (bicubic or
    bilinear, antialiased), then centre crop. A crop keeps the frame's shape (the centre square's side, or for
    ``squash`` and ``pad`` the whole picture), may lie anywhere in the picture, and is resized in one step. What ``pad``
    leaves free has the picture's own `background`.

    Args:
        image: in mode ``L`` or ``RGB``.
        geometry: the backbone's input.
        view: the view to make.

    Returns:
        uint8, (size, size) for an image in mode ``L`` and (size, size, 3) for ``RGB``.
    """
    box, target, (left, top) = place(view.crop, geometry, *image.size)
    shown = _resized(image, target, RESAMPLING[geometry.interpolation], box)
    size = geometry.size, geometry.size
    if geometry.fit == "pad":
        padded = Image.new(image.mode, size, background(image))
        padded.paste(shown, (-left, -top))
        return np.asarray(padded)
    return np.asarray(shown if shown.size == size else shown.crop((left, top, left + size[0], top + size[1])))


def _resized(image: Image.Image, target: tuple[int, int], method: Image.Resampling, box: Box) -> Image.Image:
    """The box of an image at a width and a height."""
    if is_strip(*image.size):
        # Pillow keeps a box in single precision, which far out in a strip is no place for one of a pixel.
        scales = [max(1.0, (box[axis + 2] - box[axis]) / target[axis]) for axis in (0, 1)]
        reach = [math.ceil(SUPPORT * scale) + 1 for scale in scales]
        first = [max(0, math.floor(box[axis]) - reach[axis]) for axis in (0, 1)]
        last = [min(image.size[axis], math.ceil(box[axis + 2]) + reach[axis]) for axis in (0, 1)]
        image = image.crop((first[0], first[1], last[0], last[1]))
        box = (box[0] - first[0], box[1] - first[1], box[2] - first[0], box[3] - first[1])
        # A filter over millions of pixels would take gigabytes for its weights: whole blocks are averaged first.
        return image.resize(target, method, box=box, reducing_gap=3.0)
    return image.resize(target, method, box=box)


def blur_width(size: int) -> int:
    """Taps of the blur at this input size: 9 at 96 pixels and in proportion above, always odd (ours)."""
    return max(9, 9 * size // 96 | 1)


BAND = 32
"""Rows of a picture that `blur_` makes together: of so many, hardly more are read than made, and a multiplication is
still worth its call (16 to 64 are as fast, at 96 as at 336 pixels)."""

NOTHING = 1e-9
"""A weight of the blur that counts as zero, where the largest is 1."""


def blur_(pixels: torch.Tensor, sigmas: list[float]) -> torch.Tensor:
    """Blurs each picture with its own Gaussian, in place, borders mirrored; sigma 0 leaves a picture as it is.

    A Gaussian is a banded matrix on the rows and the same one on the columns, so it is two matrix multiplications, in
    bands: on one thread they take a third of the time of a convolution whose every channel has its own kernel. On a
    CUDA device they are in half precision, whose 11 bits are enough for a pixel's 8, and several times faster.

    Args:
        pixels: float (batch, channels, size, size), on any scale up to 0..255.
        sigmas: one standard deviation in pixels for each picture.

    Returns:
        `pixels`.
    """
    import torch

    from pipeline.config.devices import upload

    chosen = [i for i, sigma in enumerate(sigmas) if sigma > 0]
    if not chosen:
        return pixels
    rows = upload([np.array(chosen)], pixels.device)[0]
    count, channels, size = len(chosen), pixels.shape[1], pixels.shape[-1]
    deviations = upload([np.array([sigmas[i] for i in chosen])], pixels.device)[0].to(pixels.dtype)
    kind = torch.half if pixels.is_cuda else pixels.dtype
    matrices = _blur_matrices(size, deviations).to(kind)
    reach = blur_width(size) // 2
    band = BAND if pixels.device.type == "cpu" else size  # A GPU is slower at the many calls than at the zeros.
    bands = [(top, min(top + band, size)) for top in range(0, size, band)]
    seen = [slice(max(0, top - reach), min(size, end + reach)) for top, end in bands]
    # What `resampling` makes has the numbers of a column one after the other: there columns stand for rows, as
    # a blur is the same either way round.
    upright = pixels if pixels.stride(-1) <= pixels.stride(-2) else pixels.transpose(2, 3)
    # Rows first, then channels, then columns: either direction is one multiplication for all channels.
    lines = upright.transpose(1, 2)
    before = lines[rows].reshape(count, size, channels * size).to(kind)
    down = torch.empty_like(before)
    for (top, end), near in zip(bands, seen, strict=True):
        torch.bmm(matrices[:, top:end, near], before[:, near], out=down[:, top:end])
    down = down.view(count, size * channels, size)
    across = torch.empty_like(down)
    for (left, end), near in zip(bands, seen, strict=True):
        torch.bmm(down[:, :, near], matrices[:, left:end, near].transpose(1, 2), out=across[:, :, left:end])
    blurred = across.view(count, size, channels, size).to(pixels.dtype)
    if pixels.stride(1) == 1:
        # Pictures lie in memory channels last: so every copy has many numbers in a row.
        upright.permute(0, 2, 3, 1).index_copy_(0, rows, blurred.transpose(2, 3).contiguous())
    else:
        lines.index_copy_(0, rows, blurred)
    return pixels


def _blur_matrices(size: int, sigmas: torch.Tensor) -> torch.Tensor:
    """For each standard deviation the matrix (size, size) that blurs a column of pixels, borders mirrored."""
    import torch

    reach = blur_width(size) // 2
    offsets = torch.arange(-reach, reach + 1, device=sigmas.device)
    taps = torch.exp(-0.5 * (offsets / sigmas[:, None]) ** 2)
    # Less than float32 can add to a pixel; what is below 1e-38 would be multiplied a hundred times slower.
    taps.masked_fill_(taps < NOTHING, 0)
    taps /= taps.sum(1, keepdim=True)
    count, width, length = len(sigmas), len(offsets), size + 2 * reach
    wide = torch.zeros(count, size, length, device=sigmas.device, dtype=sigmas.dtype)
    # Each row has the taps one further to the right than the row above: a view whose rows are one number longer.
    wide.as_strided((count, size, width), (size * length, length + 1, 1)).copy_(taps[:, None])
    matrices, left, right = wide[:, :, reach : reach + size], wide[:, :, :reach], wide[:, :, reach + size :]
    matrices[:, :, 1 : reach + 1] += left.flip(2)
    matrices[:, :, size - 1 - reach : size - 1] += right.flip(2)
    return matrices
