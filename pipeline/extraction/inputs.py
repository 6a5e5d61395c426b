"""Rendered views as the backbone's input: stacked on the host, and on the device resized, blurred and normalised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from pipeline.backbones.registry import Backbone
from pipeline.config.devices import staged, upload
from pipeline.extraction import resampling, views
from pipeline.extraction.resampling import Arranged, Pending


@dataclass(frozen=True)
class Stacked:
    """The views of a batch on the host, as a device takes them."""

    made: torch.Tensor | None
    """uint8 (views, size, size) or (views, size, size, 3), of those that Pillow made."""
    arranged: Arranged | None
    """Those that are left to the device."""
    order: torch.Tensor | None
    """Where both are: which of them, one after the other, each view is."""


def stack(pixels: Sequence[np.ndarray | Pending], backbone: Backbone, device: str) -> Stacked:
    """The host's part of a batch's input.

    Args:
        pixels: uint8 (size, size) or (size, size, 3) each, or a view that is left to the device.
        backbone: for its geometry.
        device: where the input shall be.
    """
    made = [(place, each) for place, each in enumerate(pixels) if isinstance(each, np.ndarray)]
    left = [(place, each) for place, each in enumerate(pixels) if isinstance(each, Pending)]
    stacked = arranged = order = None
    if made:
        arrays = [array for _, array in made]
        if len({array.ndim for array in arrays}) > 1:
            arrays = [np.repeat(array[:, :, None], 3, axis=2) if array.ndim == 2 else array for array in arrays]
        stacked = staged(arrays, device)
    if left:
        arranged = resampling.arrange([view for _, view in left], backbone.geometry, device)
    if made and left:
        order = staged([np.argsort([place for place, _ in (*made, *left)])], device)[0]
    return Stacked(stacked, arranged, order)


def to_input(stacked: Stacked, sigmas: list[float], backbone: Backbone, device: str) -> torch.Tensor:
    """Views as the backbone's input: those that are left to the device made, scaled to 0..1, blurred, normalised.

    Args:
        stacked: the views; grey ones are spread to three channels after the blur.
        sigmas: standard deviation of each view's blur, 0 for none.
        backbone: for mean and standard deviation of the normalisation.
        device: where the tensor shall be.

    Returns:
        float32 (views, 3, size, size), channels last.
    """
    planes = _planes(stacked, device)
    if planes.is_cuda:
        return _normalised(views.blur_(planes, sigmas), backbone)
    planes = views.blur_(planes.div_(255), sigmas)
    count, _, height, width = planes.shape
    # A row of a picture at a time, with its channels: processors are slow at three numbers.
    rows = planes.permute(0, 2, 3, 1).expand(-1, -1, -1, 3).reshape(count, height, width * 3)
    of_channels = np.array([backbone.mean, backbone.std], np.float32)
    mean, std = upload([np.tile(of_channels, width)], device)[0]
    return rows.sub_(mean).div_(std).view(count, height, width, 3).permute(0, 3, 1, 2)


def _normalised(planes: torch.Tensor, backbone: Backbone) -> torch.Tensor:
    """Planes in 0..255 as the backbone's input, in one pass over memory, which is what this costs on a CUDA device."""
    std = np.array(backbone.std)
    factors = np.array([1 / (255 * std), -np.array(backbone.mean) / std], np.float32).reshape(2, 1, 3, 1, 1)
    scale, shift = upload([factors], planes.device)[0]
    shape = len(planes), 3, *planes.shape[2:]
    batch = torch.empty(shape, device=planes.device, memory_format=torch.channels_last)
    return torch.addcmul(shift, planes, scale, out=batch)


def _planes(stacked: Stacked, device: str) -> torch.Tensor:
    """The views before blur: float32 (views, channels, size, size) in 0..255, one channel where all are grey."""
    parts = []
    if stacked.made is not None:
        made = stacked.made.to(device, non_blocking=True)
        parts.append((made[:, None] if made.ndim == 3 else made.permute(0, 3, 1, 2)).float())
    if stacked.arranged is not None:
        parts.append(resampling.resample_on_device(stacked.arranged, device))
    if stacked.order is None:
        return parts[0]
    channels = max(part.shape[1] for part in parts)
    joined = torch.cat([part.expand(-1, channels, -1, -1) for part in parts])
    return joined[stacked.order.to(device, non_blocking=True)]
