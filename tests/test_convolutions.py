from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from pipeline import convolutions
from pipeline.backbones import BACKBONES, Backbone
from tests.test_backbones import REFERENCES, randomised, relative


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
