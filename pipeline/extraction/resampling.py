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

from pipeline.backbones.geometry import Geometry
from pipeline.config.devices import staged
from pipeline.extraction import views
from pipeline.extraction.views import View

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
"""Values of one channel that views made together may have before or between the two multiplications: 400 MB for three.
"""


@dataclass(frozen=True, eq=False)
class Pending:
    """A view that the device is to make."""

    picture: np.ndarray
    """uint8 (height, width) or (height, width, 3); of one picture all views hold the same array."""
    view: View


def suits(picture: Image.Image | np.ndarray) -> bool:
    """Whether the views of a picture are made here, where the device is for it: not of huge ones and not of strips."""
    width, height = picture.size if isinstance(picture, Image.Image) else picture.shape[1::-1]
    return width * height <= MOST_PIXELS and not views.is_strip(width, height)


@dataclass(frozen=True)
class Group:
    """Pictures of one shape, made together."""

    pictures: torch.Tensor
    """uint8 (pictures, height, width) or (pictures, height, width, 3), on the host."""
    shown: torch.Tensor
    """Which picture each view shows, int64, on the host."""
    rows_first: bool
    """Whether the rows are resized before the columns."""


@dataclass(frozen=True)
class Arranged:
    """Pending views, ready for a device: what of it is the host's work is done."""

    groups: list[Group]
    spans: torch.Tensor
    """See `_spans`, of the views in the order in which they are made, on the host."""
    places: torch.Tensor | None
    """Which of the made views each pending one is, int64, on the host; None: they are in order."""
    size: int
    """Of the views."""
    reach: int
    """Pixels that the filter sees on either side, where nothing is scaled down."""
    taps: int
    """Pixels of a picture that a pixel of a view is made from, at most."""


def arrange(pending: Sequence[Pending], geometry: Geometry, device: str) -> Arranged:
    """Sorts views by what can be made together, and stacks their pictures where the device finds them.

    Each view has its own box. Pictures of the same shape go through the same multiplications; a picture that several
    views share is there once, or twice if the order of the two resizes differs, and a view that is there more than once
    is made once.

    Args:
        pending: the views, at least one.
        geometry: the backbone's input.
        device: which will make them.
    """
    numbers: dict[Pending, int] = {}
    shown = [numbers.setdefault(each, len(numbers)) for each in pending]
    distinct = list(numbers)
    spans = _spans(distinct, geometry)
    groups: list[Group] = []
    order: list[int] = []
    for members, rows_first in _grouped(distinct, _are_rows_first(spans), geometry.size):
        pictures = staged([distinct[views_of[0]].picture for views_of in members], device)
        numbers_of = np.repeat(np.arange(len(members)), [len(views_of) for views_of in members])
        groups.append(Group(pictures, staged([numbers_of], device)[0], rows_first))
        order += [view for views_of in members for view in views_of]
    places = np.empty(len(distinct), np.int64)
    places[order] = np.arange(len(order))
    reach = REACH[geometry.interpolation]
    taps = 2 * math.ceil(reach * max(1.0, spans[..., 1].max())) + 1
    wanted = places[shown]
    in_order = np.array_equal(wanted, np.arange(len(order)))
    ordered = staged([spans[order]], device)[0]
    return Arranged(groups, ordered, None if in_order else staged([wanted], device)[0], geometry.size, reach, taps)


def resample_on_device(arranged: Arranged, device: str) -> torch.Tensor:
    """What `views.resample` makes of each view's picture, on the device. Nothing here waits for it.

    Args:
        arranged: the views.
        device: where to compute.

    Returns:
        float32 (views, channels, size, size) of whole numbers in 0..255; one channel if all pictures are grey.
    """
    spans = arranged.spans.to(device, non_blocking=True)
    first, weights = _bands(spans, arranged.size, arranged.reach, arranged.taps)
    channels = max(3 if group.pictures.ndim == 4 else 1 for group in arranged.groups)
    made, begin = [], 0
    for group in arranged.groups:
        end = begin + len(group.shown)
        pictures, shown = (each.to(device, non_blocking=True) for each in (group.pictures, group.shown))
        planes = _made(pictures, shown, first[begin:end], weights[begin:end], arranged.size, group.rows_first)
        made.append(planes.expand(-1, channels, -1, -1))
        begin = end
    planes = made[0] if len(made) == 1 else torch.cat(made)  # Of one, too, it would make a copy.
    return planes if arranged.places is None else planes[arranged.places.to(device, non_blocking=True)]


def _grouped(
    pending: Sequence[Pending], rows_first: Sequence[bool], size: int
) -> Iterator[tuple[list[list[int]], bool]]:
    """The pictures of one shape each, in parts that there is room for: for each picture which views are its."""
    kinds: dict[tuple[tuple[int, ...], bool], dict[int, list[int]]] = {}
    for index, (each, is_first) in enumerate(zip(pending, rows_first, strict=True)):
        kind = each.picture.shape, is_first
        kinds.setdefault(kind, {}).setdefault(id(each.picture), []).append(index)
    for ((height, width, *_), is_first), members in kinds.items():
        most = ROOM // (width * max(height, size) if is_first else height * max(width, size))
        part: list[list[int]] = []
        count = 0
        for views_of in members.values():
            if part and count + len(views_of) > most:
                yield part, is_first
                part, count = [], 0
            part.append(views_of)
            count += len(views_of)
        yield part, is_first


def _are_rows_first(spans: np.ndarray) -> list[bool]:
    """Whether Pillow resizes the rows first: where more than twice as many of them go as of columns (#9549 there)."""
    if not ROWS_FIRST:
        return [False] * len(spans)
    across, down = spans[:, 0, 2], spans[:, 1, 2]
    width, height = spans[:, 0, 4], spans[:, 1, 4]
    result: list[bool] = ((down < height) & (height - down > 2 * (width - across))).tolist()
    return result


def _spans(pending: Sequence[Pending], geometry: Geometry) -> np.ndarray:
    """Where columns and rows of views come from, float64 (views, 2, 5).

    For either axis: where in the picture the resized picture begins, pixels of the picture by one of those, how many
    there are of those, which of them the view begins with, and the picture's length.
    """
    whole: tuple[tuple[int, int], tuple[int, int]] = (geometry.size, geometry.size), (0, 0)
    frames = []
    for each in pending:
        height, width = each.picture.shape[:2]
        box = views.box_of(each.view, geometry, width, height)
        target, corner = whole if box else views.middle(geometry, width, height)
        frames.append((*(box or (0, 0, width, height)), *target, *corner, width, height))
    begin, end, counts, corners, lengths = np.array(frames, np.float64).reshape(-1, 5, 2).transpose(1, 0, 2)
    begin, end = begin.astype(np.float32), end.astype(np.float32)  # As Pillow keeps a box.
    return np.stack([begin, (end - begin) / counts, counts, corners, lengths], 2)


def _bands(spans: torch.Tensor, size: int, reach: int, taps: int) -> tuple[torch.Tensor, torch.Tensor]:
    """What is not zero of the matrices of views.

    Args:
        spans: float64 (views, 2, 5), see `_spans`; it is computed where they are.
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


def _made(
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
        first: see `_bands`.
        weights: as well.
        size: of the views.
        rows_first: resize the rows before the columns.
    """
    if rows_first:
        turned = _made(pictures.transpose(1, 2), shown, first.flip(1), weights.flip(1), size, False)
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
