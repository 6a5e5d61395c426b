"""The loader for timm."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.backbones.parameters import load_strictly, read_parameters
from pipeline.backbones.registry import Backbone

if TYPE_CHECKING:
    import torch


def load(backbone: Backbone, path: Path) -> torch.nn.Module:
    """A model of timm, without its classifier."""
    import timm
    import torch

    with torch.device("meta"):
        model: torch.nn.Module = timm.create_model(backbone.model, pretrained=False, num_classes=0)
    load_strictly(model, read_parameters(backbone, path), backbone, path)
    return model
