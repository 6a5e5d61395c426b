"""Pillow's resize as matrix multiplications, on the device.

A resize is linear: every column of the result is a weighted sum of a few columns of the picture, and then every row one
of rows. So each view has two matrices, which are zero outside a band, made by Pillow's rule from the view's own box.
What Pillow rounds is rounded here too, so the pixels are its own but for a few that differ by one level of 255.

Source: ``src/libImaging/Resample.c`` of Pillow.
"""

from __future__ import annotations

import torch

REACH = {"bicubic": 2, "bilinear": 1}
"""Pixels that a filter sees on either side, where nothing is scaled down."""
FRACTION = 2.0**22
"""Pillow's weights are whole multiples of one part in so many; in single precision these have no error."""


def bands(spans: torch.Tensor, size: int, reach: int, taps: int) -> tuple[torch.Tensor, torch.Tensor]:
    """What is not zero of the matrices of views.

    Args:
        spans: float64 (views, 2, 5), see `resampling._spans`; it is computed where they are.
        size: of the views.
        reach: see `Arranged`.
        taps: as well.

    Returns:
        the first pixel of the picture that each pixel of the view is made from, int64 (views, 2, size); the weights of
        that and of the following ones, float32 (views, 2, size, taps). As in Pillow's ``Resample.c``: the filter is as
        much wider as the picture is scaled down, and is cut off and made up for at the borders.
    """
    begin, scale, count, corner, length = spans.unsqueeze(2).unbind(-1)
    places = corner + torch.arange(size, device=spans.device)
    centre = begin + (places + 0.5) * scale
    stretch = scale.clamp(min=1)
    first = (centre - reach * stretch + 0.5).floor().clamp(min=0).minimum(length)
    last = (centre + reach * stretch + 0.5).floor().minimum(length)
    sources = first.unsqueeze(-1) + torch.arange(taps, device=spans.device)
    weights = _filter((sources - centre.unsqueeze(-1) + 0.5) * (1 / stretch).unsqueeze(-1), reach)
    # Where a view is larger than the resized picture, what lies outside is black. (Not torch.where: it copies a plain
    # number to the device and waits for that, and so for all that the device was asked for.)
    unseen = (sources >= last.unsqueeze(-1)) | ((places < 0) | (places >= count)).unsqueeze(-1)
    weights = weights.masked_fill(unseen, 0)
    total = weights.sum(-1, keepdim=True)
    weights = weights / total.masked_fill(total == 0, 1)
    return first.long(), (weights.mul(FRACTION).round() / FRACTION).float()


def _filter(distances: torch.Tensor, reach: int) -> torch.Tensor:
    """Pillow's filters: the triangle, and Keys' cubic convolution with a = -1/2."""
    x = distances.abs()
    if reach == REACH["bilinear"]:
        return (1 - x).clamp(min=0)
    near = (1.5 * x - 2.5) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * -0.5
    return torch.where(x < 1, near, far.masked_fill(x >= 2, 0))


def resized(
    pictures: torch.Tensor,
    shown: torch.Tensor,
    first: torch.Tensor,
    weights: torch.Tensor,
    size: int,
    rows_first: bool,
) -> torch.Tensor:
    """The views of pictures of one shape: float32 (views, channels, size, size).

    Args:
        pictures: uint8 (pictures, height, width) or (pictures, height, width, 3).
        shown: which picture each view shows.
        first: see `bands`.
        weights: as well.
        size: of the views.
        rows_first: resize the rows before the columns.
    """
    if rows_first:
        turned = resized(pictures.transpose(1, 2), shown, first.flip(1), weights.flip(1), size, False)
        return turned.transpose(2, 3)
    height, width = pictures.shape[1:3]
    pictures = pictures if pictures.ndim == 4 else pictures.unsqueeze(-1)
    count, channels = len(shown), pictures.shape[3]
    across = _matrices(first[:, 0], weights[:, 0], width)
    down = _matrices(first[:, 1], weights[:, 1], height)
    planes = pictures.permute(0, 2, 3, 1).contiguous()[shown].float().view(count, width, channels * height)
    halfway = _levels(torch.bmm(across, planes)).view(count, size * channels, height)
    result = _levels(torch.bmm(halfway, down.transpose(1, 2)))
    return result.view(count, size, channels, size).permute(0, 2, 3, 1)


def _matrices(first: torch.Tensor, weights: torch.Tensor, length: int) -> torch.Tensor:
    """The matrices (views, size, length) of one axis; they lie in memory with a margin on the right."""
    count, size, taps = weights.shape
    matrices = torch.zeros(count, size, length + taps, device=weights.device)
    matrices.scatter_(2, first.unsqueeze(-1) + torch.arange(taps, device=weights.device), weights)
    return matrices[:, :, :length]


def _levels(values: torch.Tensor) -> torch.Tensor:
    """Values as the whole numbers of uint8, in place; a half goes up, as in Pillow."""
    return values.add_(0.5).floor_().clamp_(0, 255)
