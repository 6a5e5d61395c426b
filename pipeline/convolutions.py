"""Convolutions made ready for inference: normalisation and padding folded in, narrow ones kept exact."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights

NARROW = 64
"""Input channels of a convolution, or of each of its groups, below which it stays in float32."""


class Exact(nn.Module):
    """A convolution in float32, whatever autocast says."""

    def __init__(self, inner: nn.Conv2d) -> None:
        super().__init__()
        self.inner = inner

    @property
    def weight(self) -> torch.Tensor:
        """What transformers asks for the type of its input."""
        return self.inner.weight

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """See the class."""
        with torch.autocast(planes.device.type, enabled=False):
            result: torch.Tensor = self.inner(planes.float())
        return result


class Strided(nn.Conv2d):
    """A convolution of stride 2 whose kernel has a zero row and column in front, see `fold_padding`."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """See the class."""
        # An odd side is padded alike at both ends anyway: there the zeros are left out.
        kernel = self.weight[..., pixels.shape[-2] % 2 :, pixels.shape[-1] % 2 :]
        return functional.conv2d(pixels, kernel, self.bias, 2, self.padding, 1, self.groups)


def keep_narrow_exact(module: nn.Module) -> nn.Module:
    """Has convolutions of few input channels, such as depthwise ones, compute in float32 under autocast too, in place.

    They are a small part of the arithmetic and most of the error: of EfficientNet-Lite0's embeddings of 96 cropped and
    blurred views in bf16 the worst had a cosine of 0.98 to the one in float32, and has 0.999 so.
    """
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d) and child.in_channels // child.groups < NARROW:
                setattr(parent, name, Exact(child))
    return module


def fold_batch_norm(module: nn.Module) -> nn.Module:
    """Folds every batch norm that directly follows a convolution into it, in place; an activation inside is kept.

    One without running statistics stays. In eval mode both are linear, so the embeddings change by
    rounding alone (about 1e-6), and EfficientNet-Lite0 gets a fifth to twice faster on a CPU.
    """
    for parent in module.modules():
        previous: nn.Module | None = None
        for name, child in list(parent.named_children()):
            if (
                isinstance(child, nn.BatchNorm2d)
                and isinstance(previous, nn.Conv2d)
                and child.running_mean is not None
                and child.running_var is not None
            ):
                previous.weight, bias = fuse_conv_bn_weights(
                    previous.weight,
                    previous.bias,
                    child.running_mean,
                    child.running_var,
                    child.eps,
                    child.weight,
                    child.bias,
                )
                previous.bias = bias
                setattr(parent, name, getattr(child, "act", None) or nn.Identity())
            previous = child
    return module


def fold_padding(module: nn.Module) -> nn.Module:
    """Spares every TensorFlow-like convolution of stride 2 the padded copy of its input, in place.

    Such a convolution pads an even side by one more at the end than at the start, which PyTorch's cannot, so timm
    copies the input into a larger tensor. A kernel with a zero row and column in front, padded alike at both ends,
    sees the same pixels. On a CPU EfficientNet-Lite0 gives the same bits a fifth to half as fast again.
    """
    from timm.layers import Conv2dSame

    for parent in module.modules():
        for name, child in list(parent.named_children()):
            if isinstance(child, Conv2dSame) and child.stride == (2, 2) and child.dilation == (1, 1):
                height, width = child.kernel_size
                if height == width and width % 2 == 1 and width > 1:
                    setattr(parent, name, _strided(child))
    return module


def _strided(same: nn.Conv2d) -> nn.Module:
    """What `fold_padding` puts in the place of a convolution."""
    width = same.kernel_size[0]
    with torch.device("meta"):
        strided = Strided(same.in_channels, same.out_channels, width + 1, 2, width // 2, groups=same.groups)
    strided.weight = nn.Parameter(functional.pad(same.weight.detach(), (1, 0, 1, 0)), requires_grad=False)
    strided.bias = same.bias
    return strided
