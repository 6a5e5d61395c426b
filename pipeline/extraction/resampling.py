"""The crop and resize of views on a device that is faster in it than Pillow is on a CPU; see `resize`.

The host sorts the views by what can be made together, and the device makes them.
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
from pipeline.extraction.background import background
from pipeline.extraction.placement import is_strip, place
from pipeline.extraction.resize import REACH, bands, resized
from pipeline.extraction.views import View

ROWS_FIRST = int(PIL.__version__.partition(".")[0]) >= 13
"""Whether Pillow begins with the rows where that leaves less to do, see `_is_rows_first`; before it never did."""
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
    return width * height <= MOST_PIXELS and not is_strip(width, height)


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
    backgrounds: torch.Tensor | None
    """Colours of the backgrounds of padded views, float32 (views, 3, 1, 1), in the order of `spans`, on the host."""


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
    places_of = None if in_order else staged([wanted], device)[0]
    backgrounds = staged([_backgrounds(distinct)[order]], device)[0] if geometry.fit == "pad" else None
    return Arranged(groups, ordered, places_of, geometry.size, reach, taps, backgrounds)


def resample_on_device(arranged: Arranged, device: str) -> torch.Tensor:
    """What `views.resample` makes of each view's picture, on the device. Nothing here waits for it.

    Args:
        arranged: the views.
        device: where to compute.

    Returns:
        float32 (views, channels, size, size) of whole numbers in 0..255; one channel if all pictures are grey.
    """
    spans = arranged.spans.to(device, non_blocking=True)
    first, weights = bands(spans, arranged.size, arranged.reach, arranged.taps)
    channels = max(3 if group.pictures.ndim == 4 else 1 for group in arranged.groups)
    made, begin = [], 0
    for group in arranged.groups:
        end = begin + len(group.shown)
        pictures, shown = (each.to(device, non_blocking=True) for each in (group.pictures, group.shown))
        planes = resized(pictures, shown, first[begin:end], weights[begin:end], arranged.size, group.rows_first)
        if arranged.backgrounds is not None:
            colours = arranged.backgrounds[begin:end, : planes.shape[1]].to(device, non_blocking=True)
            planes = torch.where(_is_free(spans[begin:end], arranged.size), colours, planes)
        made.append(planes.expand(-1, channels, -1, -1))
        begin = end
    planes = made[0] if len(made) == 1 else torch.cat(made)  # Of one, too, it would make a copy.
    return planes if arranged.places is None else planes[arranged.places.to(device, non_blocking=True)]


def _backgrounds(pending: Sequence[Pending]) -> np.ndarray:
    """The background of each view's picture, float32 (views, 3, 1, 1)."""
    known = {
        id(picture): background(picture) for picture in {id(each.picture): each.picture for each in pending}.values()
    }
    colours = np.empty((len(pending), 3, 1, 1), np.float32)
    for row, each in enumerate(pending):
        colours[row, :, 0, 0] = known[id(each.picture)]
    return colours


def _is_free(spans: torch.Tensor, size: int) -> torch.Tensor:
    """Where views show no pixel of their picture, bool (views, 1, size, size)."""
    count, corner = spans[..., 2:3], spans[..., 3:4]
    places = corner + torch.arange(size, device=spans.device)
    free = (places < 0) | (places >= count)
    return free[:, 0, None, None, :] | free[:, 1, None, :, None]


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
    frames = []
    for each in pending:
        height, width = each.picture.shape[:2]
        box, target, corner = place(each.view.crop, geometry, width, height)
        frames.append((*box, *target, *corner, width, height))
    begin, end, counts, corners, lengths = np.array(frames, np.float64).reshape(-1, 5, 2).transpose(1, 0, 2)
    begin, end = begin.astype(np.float32), end.astype(np.float32)  # As Pillow keeps a box.
    return np.stack([begin, (end - begin) / counts, counts, corners, lengths], 2)
