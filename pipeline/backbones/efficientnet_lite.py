"""EfficientNet-Lite (Google, 2020), as far as an embedding needs it: TensorFlow's padding, ReLU6, no squeezing.

timm has it too. But timm brings torchvision, and that PyTorch's compiler, which takes longer to import than a folder of
pictures to embed.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from pipeline.backbones.convolutions import Same

STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
"""Of EfficientNet-B0 (arXiv 1905.11946, table 1): kernel, stride, expansion, channels and number of blocks."""
SCALES = {"0": (1.0, 1.0), "1": (1.0, 1.1), "2": (1.1, 1.2)}
"""Of the channels and of the number of blocks, for each variant."""
STEM, TOP = 32, 1280
"""Channels of the first and of the last convolution, which stay in every variant."""
EPSILON = 1e-3
"""Of the batch norms."""


class Block(nn.Sequential):
    """Widened, convolved channel by channel, narrowed; and added to its input where the two are alike."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, expansion: int) -> None:
        wide = before * expansion
        widened = [layer(before, wide, 1)] if expansion > 1 else []
        super().__init__(
            *widened, layer(before * expansion, wide, kernel, stride, wide), layer(wide, after, 1, ends=True)
        )
        self.added = stride == 1 and before == after

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """See the class."""
        found = planes
        for each in self:
            found = each(found)
        return found + planes if self.added else found


class EfficientNetLite(nn.Module):
    """The network without its classifier: float (batch, 3, height, width) -> (batch, 1280)."""

    def __init__(self, variant: str) -> None:
        """With the parameters that PyTorch draws.

        Args:
            variant: a key of `SCALES`.
        """
        super().__init__()
        width, depth = SCALES[variant]
        self.stem = layer(3, STEM, 3, 2)
        before, blocks = STEM, []
        for number, (kernel, stride, expansion, channels, count) in enumerate(STAGES):
            after = rounded(channels * width)
            # The first stage and the last one stay as they are.
            many = count if number in (0, len(STAGES) - 1) else math.ceil(count * depth)
            for place in range(many):
                blocks.append(Block(before, after, kernel, 1 if place else stride, expansion))
                before = after
        self.blocks = nn.Sequential(*blocks)
        self.top = layer(before, TOP, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """See the class."""
        pooled: torch.Tensor = self.pool(self.top(self.blocks(self.stem(planes))))
        return pooled.flatten(1)


def layer(before: int, after: int, kernel: int, stride: int = 1, groups: int = 1, ends: bool = False) -> nn.Sequential:
    """A convolution, its batch norm, and ReLU6 unless a block `ends` with it."""
    convolution = (
        nn.Conv2d(before, after, kernel, 1, kernel // 2, groups=groups, bias=False)
        if stride == 1
        else Same(before, after, kernel, stride, groups=groups, bias=False)
    )
    norm = nn.BatchNorm2d(after, EPSILON)
    return nn.Sequential(convolution, norm) if ends else nn.Sequential(convolution, norm, nn.ReLU6(inplace=True))


def rounded(channels: float, step: int = 8) -> int:
    """The nearest multiple of a step, but not a tenth less than asked for."""
    near = max(step, int(channels + step / 2) // step * step)
    return near if near >= 0.9 * channels else near + step
