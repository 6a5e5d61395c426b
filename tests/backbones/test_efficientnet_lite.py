"""Our EfficientNet-Lite is timm's, to the bit."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from pipeline.backbones.efficientnet_lite import SCALES, EfficientNetLite


@pytest.mark.parametrize("variant", SCALES)
@pytest.mark.parametrize("size", [64, 33])
def test_it_computes_what_timm_s_does(variant: str, size: int) -> None:
    import timm

    torch.manual_seed(0)
    theirs = timm.create_model(f"tf_efficientnet_lite{variant}", num_classes=0).eval()
    own = EfficientNetLite(variant).eval()
    # Both list the same parameters in the same order.
    own.load_state_dict(dict(zip(own.state_dict(), theirs.state_dict().values(), strict=True)))
    pixels = torch.randn(2, 3, size, size + 1)
    with torch.inference_mode():
        assert torch.equal(own(pixels), theirs(pixels))


def test_the_default_backbone_is_loaded_without_pytorch_s_compiler() -> None:
    code = """
import sys
from pipeline.backbones import loaders
from pipeline.backbones.classifier import class_names
from pipeline.backbones.registry import get_backbone
from pipeline.backbones.weights import find_weights
backbone = get_backbone("efficientnet-lite0")
loaders.load(backbone, find_weights(backbone)[0])
assert len(class_names()) == 1000
print(sorted({"timm", "torchvision", "torch._dynamo", "sympy"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
