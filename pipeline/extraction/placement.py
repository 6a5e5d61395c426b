"""Where a view lies in a picture: which part of it is resized to how many pixels, and where these lie in the view."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.backbones.geometry import Geometry

LONGEST = 500
"""Long side by short side, up to which the clean view resizes the whole picture before it cuts out the middle. Beyond,
that is hopeless (a strip of 20,000 x 1 pixels becomes a billion), and the middle is cut out first: the same but for
rounding, which the caches of normal pictures must not see."""
ROOM = 0.8
"""Share of the view's side that a padded picture takes (ours, settled with labels in sight, see docs/pictures.md)."""

Box = tuple[float, float, float, float]
"""Left, upper, right and lower border in pixels of a picture."""
Crop = tuple[float, float, float]
"""Linear scale of a crop against the frame, then its horizontal and vertical place in 0..1."""


class Placement(NamedTuple):
    """What of a picture a view shows, and how."""

    box: Box
    """The part that is resized."""
    target: tuple[int, int]
    """Width and height that it is resized to."""
    corner: tuple[int, int]
    """The view's left upper corner in that; where it is negative, the background shows."""


def place(crop: Crop | None, geometry: Geometry, width: int, height: int) -> Placement:
    """Where a view lies in a picture of this size; `crop` None: the clean view."""
    whole: Box = (0, 0, width, height)
    if geometry.fit == "pad":
        return _padded(_part(crop, width, height, width, height) if crop else whole, geometry.size)
    size = geometry.size, geometry.size
    if geometry.fit == "squash":
        return Placement(_part(crop, width, height, width, height) if crop else whole, size, (0, 0))
    if crop:
        side = min(width, height) * geometry.size / geometry.resize
        return Placement(_part(crop, side, side, width, height), size, (0, 0))
    target, (left, top) = _middle(geometry, width, height)
    if is_strip(width, height) and geometry.resize >= geometry.size:
        (right, bottom), (across, down) = (left + geometry.size, top + geometry.size), target
        box = (left * width / across, top * height / down, right * width / across, bottom * height / down)
        return Placement(box, size, (0, 0))
    return Placement(whole, target, (left, top))


def is_strip(width: int, height: int) -> bool:
    """Whether a picture is too long for the whole of it to be resized, see `LONGEST`."""
    return max(width, height) > LONGEST * min(width, height)


def _part(crop: Crop, frame_width: float, frame_height: float, width: int, height: int) -> Box:
    """The box of a crop: the frame, scaled, anywhere in the picture."""
    scale, x, y = crop
    crop_width, crop_height = scale * frame_width, scale * frame_height
    left, top = x * (width - crop_width), y * (height - crop_height)
    return (left, top, left + crop_width, top + crop_height)


def _padded(box: Box, size: int) -> Placement:
    """A box with its aspect kept, in the middle of the view."""
    across, down = box[2] - box[0], box[3] - box[1]
    scale = ROOM * size / max(across, down)
    target = (max(1, round(across * scale)), max(1, round(down * scale)))
    return Placement(box, target, (-((size - target[0]) // 2), -((size - target[1]) // 2)))


def _middle(geometry: Geometry, width: int, height: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """What the clean view resizes a whole picture to, and the left upper corner of the middle that it cuts out."""
    # As torchvision rounds: the long side is cut to a whole number, and the crop's corner is rounded half to even.
    short, long = min(width, height), max(width, height)
    resized_long = int(geometry.resize * long / short)
    target = (geometry.resize, resized_long) if width <= height else (resized_long, geometry.resize)
    return target, (round((target[0] - geometry.size) / 2.0), round((target[1] - geometry.size) / 2.0))
