from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from pipeline.backbones import convolutions
from pipeline.backbones.convolutions import Convolution
from pipeline.backbones.loaders import made_ready
from pipeline.backbones.registry import BACKBONES, Backbone
from tests.backbones.references import REFERENCES, randomised, relative


@pytest.mark.parametrize("backbone", [b for b in BACKBONES.values() if b.any_size], ids=lambda b: str(b.name))
def test_folded_batch_norm_changes_nothing(backbone: Backbone) -> None:
    # In float64, since networks with random weights multiply a rounding error a hundredfold.
    module = randomised(REFERENCES[backbone.library](backbone).module).double()
    folded = convolutions.fold_batch_norm(copy.deepcopy(module))
    assert any(isinstance(child, nn.BatchNorm2d) for child in module.modules())
    assert not any(isinstance(child, nn.BatchNorm2d) for child in folded.modules())
    pixels = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with torch.inference_mode():
        assert (relative(folded(pixels).numpy(), module(pixels).numpy()) < 1e-10).all()


@pytest.mark.parametrize("size", [96, 95, 64, 33])
def test_folded_padding_changes_nothing(size: int) -> None:
    import timm
    from timm.layers import Conv2dSame

    module = randomised(timm.create_model("tf_efficientnet_lite0", num_classes=0)).double()
    folded = convolutions.fold_padding(copy.deepcopy(module))
    assert any(isinstance(child, Conv2dSame) for child in module.modules())
    assert not any(isinstance(child, Conv2dSame) for child in folded.modules())
    pixels = torch.randn(2, 3, size, size + size % 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with torch.inference_mode():
        assert (relative(folded(pixels).numpy(), module(pixels).numpy()) < 1e-10).all()


def plain(convolution: Convolution, planes: torch.Tensor, exact: bool) -> torch.Tensor:
    """What the parts of a `Convolution` give when called one after the other."""
    with torch.autocast("cpu", enabled=torch.is_autocast_enabled("cpu") and not exact):
        result: torch.Tensor = convolution.activation(convolution.inner(planes))
    return result


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("activation", [None, nn.ReLU(), nn.ReLU6(inplace=True)])
@pytest.mark.parametrize(
    "inner",
    [
        nn.Conv2d(96, 40, 1, bias=False),
        nn.Conv2d(64, 64, 3, stride=2, padding=1),
        nn.Conv2d(96, 96, 5, padding=2, groups=96),
        nn.Conv2d(8, 24, 3, padding=2, dilation=2),
        nn.Conv2d(64, 24, 3, padding="same"),
        nn.Conv2d(64, 24, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(3, 32, 3, stride=2, padding=1),
        nn.Conv2d(96, 16, 1),
    ],
    ids=["pointwise", "strided", "depthwise", "dilated", "same", "reflect", "pixels", "bottleneck"],
)
def test_a_convolution_with_its_activation_is_both_one_after_the_other(
    inner: nn.Conv2d, activation: nn.Module | None, bf16: bool
) -> None:
    convolution = Convolution(inner.to(memory_format=torch.channels_last).requires_grad_(False), activation)
    exact = inner.groups > 1 or inner.in_channels == 3 or inner.out_channels == 16  # Float32 is what they are given.
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        # Sizes and numbers change, as last batches do.
        for count, height, width in ((20, 12, 12), (3, 12, 12), (16, 9, 14), (32, 12, 12)):
            planes = 4 * torch.randn(count, inner.in_channels, height, width, generator=generator)
            for given in (planes, planes.to(memory_format=torch.channels_last)):
                found, expected = convolution(given), plain(convolution, given, exact)
                assert found.dtype == expected.dtype
                tolerance = 1e-2 if bf16 else 1e-5
                torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
                assert 0 < (expected == 0).float().mean() < 1 or activation is None


def test_a_kernels_sum_stays_when_its_weights_are_rounded() -> None:
    weight = torch.randn(500, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    weight[:, :, 0] = weight[:, :, :, 0] = 0  # As the kernel of a `Strided` has it.
    kept = convolutions.keep_sums(weight)
    assert kept.dtype == torch.bfloat16
    assert ((kept == 0) == (weight == 0)).all()
    # bfloat16 has eight binary digits: next to a number, at most as far away as 1/128 of it. What is carried is half.
    steps = weight.abs() / 128
    assert ((kept.float() - weight).abs() <= steps + steps.amax((2, 3), keepdim=True) / 2).all()
    error = (kept.double() - weight.double()).sum((1, 2, 3)).abs()
    assert (error <= steps.double().amax((1, 2, 3)) / 2).all()
    plainly = (weight.bfloat16().double() - weight.double()).sum((1, 2, 3)).abs()
    assert error.mean() < plainly.mean() / 4


def test_bf16_keeps_the_bias_and_the_mean_of_depthwise_convolutions() -> None:
    inner = nn.Conv2d(64, 64, 5, padding=2, groups=64).to(memory_format=torch.channels_last).requires_grad_(False)
    # What is even comes out as zero, so that the rounding of the result itself is none.
    inner.bias = nn.Parameter(-inner.weight.sum((1, 2, 3)), requires_grad=False)
    convolution = Convolution(inner)
    even = torch.ones(2, 64, 9, 9, dtype=torch.bfloat16)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        left, plainly = (each(even)[:, :, 4, 4].float().abs().mean() for each in (convolution, inner))
    assert left < plainly / 4


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_depthwise_convolution_computes_in_the_type_that_it_is_given(dtype: torch.dtype) -> None:
    convolution = Convolution(nn.Conv2d(32, 32, 3, groups=32).requires_grad_(False))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        result = convolution(torch.zeros(2, 32, 5, 5, dtype=dtype))
    assert result.dtype == (dtype if convolutions.packs(torch.bfloat16) else torch.float32)


def test_bf16_gives_the_same_numbers_in_batches_of_any_size() -> None:
    module = made_ready(randomised(REFERENCES["torchvision"](BACKBONES["resnet50"]).module))
    pixels = torch.randn(20, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        whole = module(pixels)
        parts = torch.cat([module(part) for part in pixels.split(7)])
    tolerance = 0 if convolutions.packs(torch.bfloat16) else 1e-2
    torch.testing.assert_close(parts, whole, rtol=tolerance, atol=tolerance)


def test_weights_are_laid_out_once_for_a_size() -> None:
    convolution = Convolution(nn.Conv2d(64, 64, 1).requires_grad_(False))
    with torch.inference_mode():
        convolution(torch.zeros(32, 64, 8, 8))
        first = convolution._packed
        convolution(torch.zeros(17, 64, 8, 8))
        assert convolution._packed is first
        convolution(torch.zeros(32, 64, 6, 6))
    assert (first is not None) == convolutions.packs(torch.float32)
    assert first is None or convolution._packed is not first


def test_only_a_sequence_shows_which_activation_follows() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)
            self.relu = nn.ReLU()

        def forward(self, planes: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.relu(planes + self.conv(planes))
            return result

    again = nn.ReLU()
    given = nn.Sequential(Residual(), nn.Conv2d(3, 8, 1), nn.Identity(), again, nn.Conv2d(8, 8, 1), nn.Tanh())
    given.extend([nn.Conv2d(8, 8, 1), again]).eval().requires_grad_(False)
    pixels = torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = given(pixels)
        wrapped = convolutions.wrap_convolutions(copy.deepcopy(given))
        torch.testing.assert_close(wrapped(pixels), expected)
    found = [type(part.activation) for part in wrapped.modules() if isinstance(part, Convolution)]
    assert found == [nn.Identity, nn.ReLU, nn.Identity, nn.ReLU]


@pytest.mark.parametrize("backbone", [b for b in BACKBONES.values() if b.any_size], ids=lambda b: str(b.name))
def test_no_convolution_of_a_backbone_is_left_out(backbone: Backbone) -> None:
    module = made_ready(randomised(REFERENCES[backbone.library](backbone).module))
    wrapped = {part.inner for part in module.modules() if isinstance(part, Convolution)}
    assert wrapped == {part for part in module.modules() if isinstance(part, nn.Conv2d)}
