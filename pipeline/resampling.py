"""The crop and resize of views as matrix multiplications, for devices that are faster in these than Pillow is on a CPU.

A resize is linear: every column of the result is a weighted sum of a few columns of the picture, and then every row one
of rows. So each view has two matrices, which are zero outside a band, made by Pillow's rule from the view's own box.
What Pillow rounds is rounded here too, so the pixels are its own but for a few that differ by one level of 255.

Source: ``src/libImaging/Resample.c`` of Pillow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import PIL
import torch
from PIL import Image

from pipeline import views
from pipeline.devices import upload
from pipeline.views import Geometry, View

REACH = {"bicubic": 2, "bilinear": 1}
"""Pixels that a filter sees on either side, where nothing is scaled down."""
ROWS_FIRST = int(PIL.__version__.partition(".")[0]) >= 13
"""Whether Pillow begins with the rows where that leaves less to do, see `_is_rows_first`; before it never did."""
FRACTION = 2.0**22
"""Pillow's weights are whole multiples of one part in so many; in single precision these have no error."""
MOST_PIXELS = 2**21
"""Of a picture whose views are made here. The decoded pictures, not their small views, wait to be taken: up to 400 at a
time with eight threads that read, at 6 MB each. Of a larger one Pillow's threads make the views."""
ROOM = 2**25
"""Values of one channel that pictures made together may have between the two multiplications: 400 MB for three."""


@dataclass(frozen=True, eq=False)
class Pending:
    """A view that the device is to make."""

    picture: np.ndarray
    """uint8 (height, width) or (height, width, 3); of one picture all views hold the same array."""
    view: View


def suits(image: Image.Image) -> bool:
    """Whether the views of a picture are made here, where the device is for it: not of huge ones and not of strips."""
    return image.width * image.height <= MOST_PIXELS and not views.is_strip(*image.size)


@dataclass(frozen=True)
class Group:
    """Pictures of one shape, made together."""

    pictures: list[np.ndarray]
    members: list[list[int]]
    """For each picture which of the pending views are its."""
    rows_first: bool
    """Whether the rows are resized before the columns."""

    @property
    def slots(self) -> int:
        """Views that each picture has room for: all take part in the same multiplications, some are made in vain."""
        return max(len(each) for each in self.members)


def resample_on_device(pending: Sequence[Pending], geometry: Geometry, device: str) -> torch.Tensor:
    """What `views.resample` makes of each view's picture, on the device.

    Each view has its own box. Pictures of the same shape go through the same multiplications; a picture that several
    views share is copied once, or twice if the order of the two resizes differs, and a view that is there more than
    once is made once. Nothing here waits for the device.

    Args:
        pending: the views, at least one.
        geometry: the backbone's input.
        device: where to compute.

    Returns:
        float32 (views, channels, size, size) of whole numbers in 0..255; one channel if all pictures are grey.
    """
    numbers: dict[Pending, int] = {}
    shown = [numbers.setdefault(each, len(numbers)) for each in pending]
    distinct = list(numbers)
    spans = np.array([_spans(each, geometry) for each in distinct])
    groups = list(_grouped(distinct, spans, geometry.size))
    # The views in the order in which they are made. Where a picture has fewer than others its last is made again.
    order = [
        picture[min(slot, len(picture) - 1)]
        for group in groups
        for picture in group.members
        for slot in range(group.slots)
    ]
    first, weights = _bands(spans[order], geometry, device)
    channels = max(3 if group.pictures[0].ndim == 3 else 1 for group in groups)
    made, begin = [], 0
    for group in groups:
        end = begin + len(group.pictures) * group.slots
        pictures = upload(group.pictures, device)
        planes = _made(pictures, first[begin:end], weights[begin:end], geometry.size, group.rows_first)
        made.append(planes.expand(-1, channels, -1, -1))
        begin = end
    places = np.empty(len(distinct), np.int64)
    places[order] = np.arange(len(order))
    return torch.cat(made)[upload([places[shown]], device)[0]]


def _grouped(pending: Sequence[Pending], spans: np.ndarray, size: int) -> Iterator[Group]:
    """The pictures of one shape each, in parts that there is room for."""
    kinds: dict[tuple[tuple[int, ...], bool], dict[int, list[int]]] = {}
    for index, (each, span) in enumerate(zip(pending, spans, strict=True)):
        kind = each.picture.shape, _is_rows_first(span)
        kinds.setdefault(kind, {}).setdefault(id(each.picture), []).append(index)
    for ((height, width, *_), rows_first), members in kinds.items():
        most = max(len(each) for each in members.values())
        kept = width * max(height, most * size) if rows_first else height * max(width, most * size)
        indices, step = list(members.values()), max(1, ROOM // kept)
        for begin in range(0, len(indices), step):
            part = indices[begin : begin + step]
            yield Group([pending[each[0]].picture for each in part], part, rows_first)


def _is_rows_first(span: np.ndarray) -> bool:
    """Whether Pillow resizes the rows first: where more than twice as many of them go as of columns (#9549 there)."""
    (_, _, across, _, width), (_, _, down, _, height) = span
    return ROWS_FIRST and bool(down < height and height - down > 2 * (width - across))


def _spans(pending: Pending, geometry: Geometry) -> list[tuple[float, ...]]:
    """Where columns and rows of a view come from.

    For either axis: where in the picture the resized picture begins, pixels of the picture by one of those, how many
    there are of those, which of them the view begins with, and the picture's length.
    """
    height, width = pending.picture.shape[:2]
    target, corner = (geometry.size, geometry.size), (0, 0)
    box = views.box_of(pending.view, geometry, width, height)
    if box is None:
        target, corner = views.middle(geometry, width, height)
        box = (0, 0, width, height)
    borders = np.array(box, np.float32)  # As Pillow keeps it.
    return [
        (borders[axis], float(borders[axis + 2] - borders[axis]) / target[axis], target[axis], corner[axis], length)
        for axis, length in enumerate((width, height))
    ]


def _bands(spans: np.ndarray, geometry: Geometry, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """What is not zero of the matrices of views.

    Args:
        spans: float64 (views, 2, 5), see `_spans`.
        geometry: the backbone's input.
        device: where to compute.

    Returns:
        the first pixel of the picture that each pixel of the view is made from, int64 (views, 2, size); the weights of
        that and of the following ones, float32 (views, 2, size, taps). As in Pillow's ``Resample.c``: the filter is as
        much wider as the picture is scaled down, and is cut off and made up for at the borders.
    """
    reach = REACH[geometry.interpolation]
    taps = 2 * math.ceil(reach * max(1.0, spans[..., 1].max())) + 1
    begin, scale, count, corner, length = upload([spans], device)[0].unsqueeze(2).unbind(-1)
    places = corner + torch.arange(geometry.size, device=device)
    centre = begin + (places + 0.5) * scale
    stretch = scale.clamp(min=1)
    first = (centre - reach * stretch + 0.5).floor().clamp(min=0).minimum(length)
    last = (centre + reach * stretch + 0.5).floor().minimum(length)
    sources = first.unsqueeze(-1) + torch.arange(taps, device=device)
    weights = _filter((sources - centre.unsqueeze(-1) + 0.5) * (1 / stretch).unsqueeze(-1), geometry.interpolation)
    # Where a view is larger than the resized picture, what lies outside is black.
    seen = (sources < last.unsqueeze(-1)) & ((places >= 0) & (places < count)).unsqueeze(-1)
    weights = torch.where(seen, weights, 0)
    total = weights.sum(-1, keepdim=True)
    weights = weights / torch.where(total == 0, 1, total)
    return first.long(), (weights.mul(FRACTION).round() / FRACTION).float()


def _filter(distances: torch.Tensor, interpolation: str) -> torch.Tensor:
    """Pillow's filters: the triangle, and Keys' cubic convolution with a = -1/2."""
    x = distances.abs()
    if interpolation == "bilinear":
        return (1 - x).clamp(min=0)
    near = (1.5 * x - 2.5) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * -0.5
    return torch.where(x < 1, near, torch.where(x < 2, far, 0))


def _made(
    pictures: torch.Tensor, first: torch.Tensor, weights: torch.Tensor, size: int, rows_first: bool
) -> torch.Tensor:
    """The views of pictures of one shape, so many of each: float32 (pictures * slots, channels, size, size).

    Args:
        pictures: uint8 (pictures, height, width) or (pictures, height, width, 3).
        first: see `_bands`; the views of the first picture, then those of the second, and so on.
        weights: as well.
        size: of the views.
        rows_first: resize the rows before the columns.
    """
    if rows_first:
        turned = _made(pictures.transpose(1, 2), first.flip(1), weights.flip(1), size, False)
        return turned.transpose(2, 3)
    number, height, width = pictures.shape[:3]
    pictures = pictures if pictures.ndim == 4 else pictures.unsqueeze(-1)
    channels, slots = pictures.shape[3], len(first) // number
    across = _matrices(first[:, 0], weights[:, 0], width)
    down = _matrices(first[:, 1], weights[:, 1], height)
    # Of the columns one multiplication makes all views of a picture.
    planes = pictures.permute(0, 2, 3, 1).contiguous().float().view(number, width, channels * height)
    halfway = _levels(torch.bmm(across.reshape(number, slots * size, width), planes))
    halfway = halfway.view(number * slots, size * channels, height)
    result = _levels(torch.bmm(halfway, down.transpose(1, 2)))
    return result.view(number * slots, size, channels, size).permute(0, 2, 3, 1)


def _matrices(first: torch.Tensor, weights: torch.Tensor, length: int) -> torch.Tensor:
    """The matrices (views, size, length) of one axis; they lie in memory with a margin on the right."""
    count, size, taps = weights.shape
    matrices = torch.zeros(count, size, length + taps, device=weights.device)
    matrices.scatter_(2, first.unsqueeze(-1) + torch.arange(taps, device=weights.device), weights)
    return matrices[:, :, :length]


def _levels(values: torch.Tensor) -> torch.Tensor:
    """Values as the whole numbers of uint8, in place; a half goes up, as in Pillow."""
    return values.add_(0.5).floor_().clamp_(0, 255)
