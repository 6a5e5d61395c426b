"""The loader for torchvision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.backbones.parameters import load_strictly, read_parameters
from pipeline.backbones.registry import Backbone

if TYPE_CHECKING:
    import torch


def load(backbone: Backbone, path: Path) -> torch.nn.Module:
    """A model of torchvision, without its classifier."""
    import torch
    import torchvision

    with torch.device("meta"):
        model: Any = torchvision.models.get_model(backbone.model, weights=None)
    load_strictly(model, read_parameters(backbone, path), backbone, path)
    model.fc = torch.nn.Identity()
    module: torch.nn.Module = model
    return module
