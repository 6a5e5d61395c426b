"""The loader for torchvision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.backbones.parameters import load_strictly, read_parameters
from pipeline.backbones.registry import Backbone
from pipeline.base.errors import PipelineError

if TYPE_CHECKING:
    import torch


def load(backbone: Backbone, path: Path) -> torch.nn.Module:
    """A model of torchvision, without its last linear layer: the classifier, which its files carry.

    Raises:
        PipelineError: if the model does not end in one, or the file does not hold its weights.
    """
    import torch
    import torchvision

    with torch.device("meta"):
        model: torch.nn.Module = torchvision.models.get_model(backbone.model, weights=None)
    # It is called fc, classifier.6, heads.head or head, by the architecture.
    linear = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    if not linear:
        raise PipelineError(
            f"{backbone.name}: expected a model of torchvision that ends in a linear layer, found {backbone.model}; "
            f"name another in its entry in {Backbone.__module__}"
        )
    model.set_submodule(linear[-1], torch.nn.Identity())
    load_strictly(model, read_parameters(backbone, path), backbone, path, [linear[-1]])
    return model
