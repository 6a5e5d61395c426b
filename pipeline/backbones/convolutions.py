"""Convolutions made ready for inference: normalisation, padding and activations folded in, bf16 kept near float32."""

from __future__ import annotations

import platform
import sys
from functools import cache

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights

from pipeline.backbones.in_fp32 import BOTTLENECK, PIXELS


class Same(nn.Conv2d):
    """A convolution that pads as TensorFlow does: by one more at the end than at the start where the sum is odd."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """See the class."""
        sizes = zip(pixels.shape[-2:], self.kernel_size, self.stride, self.dilation, strict=True)
        # What the kernel, at the last of ceil(size / stride) places, reaches beyond the pixels.
        sums = [
            max(0, (-(-size // step) - 1) * step + (width - 1) * far + 1 - size) for size, width, step, far in sizes
        ]
        above, left = sums[0] // 2, sums[1] // 2
        padded = functional.pad(pixels, (left, sums[1] - left, above, sums[0] - above))
        return functional.conv2d(padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


class Strided(nn.Conv2d):
    """A convolution of stride 2 whose kernel has a zero row and column in front, see `fold_padding`."""

    def kernel(self, pixels: torch.Tensor) -> torch.Tensor:
        """The weights for pixels of this size."""
        # An odd side is padded alike at both ends anyway: there the zeros are left out.
        return self.weight[..., pixels.shape[-2] % 2 :, pixels.shape[-1] % 2 :]

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return functional.conv2d(pixels, self.kernel(pixels), self.bias, 2, self.padding, 1, self.groups)


USUAL = 32
"""Pictures in a batch, for whose convolutions the weights are laid out."""
FEWEST = 16
"""Pictures in a batch below which PyTorch convolves float32 by other means, with other last bits; so does it here."""
ACTIVATIONS: dict[type[nn.Module], tuple[str, list[float]]] = {nn.ReLU: ("relu", []), nn.ReLU6: ("hardtanh", [0, 6])}
"""Activations that oneDNN computes with the convolution before them, by its names for them."""


@cache
def packs(dtype: torch.dtype) -> bool:
    """Whether oneDNN's convolutions, on an x86 processor with weights laid out for it, can be called in this type."""
    if platform.machine() not in ("x86_64", "AMD64") or not torch.backends.mkldnn.is_available():
        return False
    known = all(hasattr(torch.ops.mkldnn, name) for name in ("_convolution_pointwise", "_reorder_convolution_weight"))
    if dtype == torch.bfloat16:
        return known and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return known and dtype == torch.float32


def keep_sums(weight: torch.Tensor) -> torch.Tensor:
    """A convolution's weights in bfloat16, so rounded that the sum of each of its kernels stays.

    The error of a weight is carried on to the next one. Rounded one by one, the weights of a kernel are together too
    large or too small for every pixel of every picture, and no mean takes that out again.

    Args:
        weight: float32 (out, in, height, width); what is zero stays zero.
    """
    kernels = weight.flatten(2)
    rounded = torch.zeros_like(kernels, dtype=torch.bfloat16)
    carried = torch.zeros_like(kernels[..., 0])
    for place in range(kernels.shape[-1]):
        wanted = kernels[..., place] + carried
        rounded[..., place] = torch.where(kernels[..., place] == 0, 0, wanted)
        carried = wanted - rounded[..., place].float()
    return rounded.view_as(weight)


class Convolution(nn.Module):
    """A convolution and the activation after it, in inference.

    At every call PyTorch lays a convolution's weights out anew for the processor, and it goes over the output once more
    for the activation. Where the processor `packs`, the layout is kept and the activation computed along, by the
    operation that torch.compile would take. In float32 the numbers are the same.

    Under autocast to bf16 the errors that count are those of the weights, which are the same for every pixel. So the
    bias stays in float32 where the processor packs; convolutions of `PIXELS` and into a `BOTTLENECK` compute in
    float32; and a depthwise one, which has no arithmetic to gain by, computes in the type that it is given, in bf16
    with weights that `keep_sums`, or in float32 where the processor does not pack. EfficientNet-Lite0's embeddings of
    the default data's 50,000 views so have a cosine of at least 0.9975 to those in float32, where all in bf16 alike
    left 0.95.
    """

    def __init__(self, inner: nn.Conv2d, activation: nn.Module | None = None) -> None:
        super().__init__()
        self.inner = inner
        self.activation = activation or nn.Identity()
        self.depthwise = inner.groups == inner.in_channels > 1
        self.exact = inner.in_channels <= PIXELS or inner.out_channels <= BOTTLENECK
        plain = type(inner) in (nn.Conv2d, Strided) and inner.padding_mode == "zeros"
        self.packable = plain and not isinstance(inner.padding, str)
        self.fused = ACTIVATIONS.get(type(self.activation), ("none", []))
        self._packed: tuple[tuple[object, ...], torch.Tensor] | None = None

    @property
    def weight(self) -> torch.Tensor:
        """What transformers asks for the type of its input."""
        return self.inner.weight

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """As the convolution's; see the class."""
        if self.depthwise:
            exact = planes.dtype != torch.bfloat16 or not self._packs(planes, torch.bfloat16)
        else:
            exact = self.exact
        if not exact:
            return self._compute(planes)
        with torch.autocast(planes.device.type, enabled=False):
            return self._compute(planes.float())

    def _packs(self, planes: torch.Tensor, dtype: torch.dtype) -> bool:
        enough = dtype == torch.bfloat16 or len(planes) >= FEWEST
        return self.packable and enough and planes.device.type == "cpu" and packs(dtype)

    def _compute(self, planes: torch.Tensor) -> torch.Tensor:
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else planes.dtype
        if self._packs(planes, dtype):
            return self._packed_compute(planes.to(dtype))
        result: torch.Tensor = self.activation(self.inner(planes))
        return result

    def _packed_compute(self, planes: torch.Tensor) -> torch.Tensor:
        inner = self.inner
        how = (list(inner.padding), list(inner.stride), list(inner.dilation), inner.groups)
        # One layout for batches of any number, or the bytes would depend on which of them came first.
        kind = (planes.dtype, planes.shape[-2:])
        packed = self._packed
        if packed is None or packed[0] != kind:
            kernel = inner.kernel(planes) if isinstance(inner, Strided) else inner.weight
            rounds = self.depthwise and planes.dtype == torch.bfloat16
            kernel = keep_sums(kernel) if rounds else kernel.to(planes.dtype)
            kernel = kernel.contiguous(memory_format=torch.channels_last)
            packed = kind, torch.ops.mkldnn._reorder_convolution_weight(kernel, *how, [USUAL, *planes.shape[1:]])
            self._packed = packed  # At once, as several threads may be here.
        result: torch.Tensor = torch.ops.mkldnn._convolution_pointwise(
            planes, packed[1], inner.bias, *how, *self.fused, ""
        )
        return result


def fold_batch_norm(module: nn.Module) -> nn.Module:
    """Folds every batch norm that directly follows a convolution into it, in place.

    An activation inside the batch norm comes behind the convolution, as a `nn.Sequential` of both.

    One without running statistics stays. In eval mode both are linear, so the embeddings change by
    rounding alone (about 1e-6), and EfficientNet-Lite0 gets a fifth to twice faster on a CPU.
    """
    for parent in module.modules():
        before, previous = "", None
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
                setattr(parent, name, nn.Identity())
                activation = getattr(child, "act", None)
                if activation is not None:
                    setattr(parent, before, nn.Sequential(previous, activation))
            before, previous = name, child
    return module


def fold_padding(module: nn.Module) -> nn.Module:
    """Spares every TensorFlow-like convolution of stride 2 the padded copy of its input, in place.

    Such a convolution pads an even side by one more at the end than at the start, which PyTorch's cannot, so it
    copies the input into a larger tensor, ours as well as timm's. A kernel with a zero row and column in front, padded
    alike at both ends, sees the same pixels. On a CPU EfficientNet-Lite0 gives the same bits a fifth to half as fast
    again.
    """
    kinds: tuple[type[nn.Conv2d], ...] = (Same,)
    if "timm" in sys.modules:  # Else no module is timm's, and its import takes seconds.
        from timm.layers import Conv2dSame

        kinds = (Same, Conv2dSame)
    for parent in module.modules():
        for name, child in list(parent.named_children()):
            if isinstance(child, kinds) and child.stride == (2, 2) and child.dilation == (1, 1):
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


def wrap_convolutions(module: nn.Module) -> nn.Module:
    """Makes every convolution a `Convolution`, in place, with its activation where a `nn.Sequential` shows it.

    Elsewhere the order of a module's parts does not say in which order they compute.
    """
    for parent in list(module.modules()):
        # Not `named_children`, which leaves out a part that comes again.
        parts = [(name, child) for name, child in parent._modules.items() if not isinstance(child, nn.Identity)]
        for (name, child), (after, following) in zip(parts, [*parts, ("", None)][1:], strict=True):
            if isinstance(child, nn.Conv2d):
                joined = isinstance(parent, nn.Sequential) and type(following) in ACTIVATIONS
                setattr(parent, name, Convolution(child, following if joined else None))
                if joined:
                    setattr(parent, after, nn.Identity())
    return module
