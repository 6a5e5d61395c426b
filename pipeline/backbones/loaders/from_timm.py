"""The loader for timm."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.backbones.parameters import load_strictly, read_parameters
from pipeline.backbones.registry import Backbone

if TYPE_CHECKING:
    import torch


def load(backbone: Backbone, path: Path) -> torch.nn.Module:
    """A model of timm, without its classifier, which its files carry."""
    import timm
    import torch

    with torch.device("meta"):
        whole: torch.nn.Module = timm.create_model(backbone.model, pretrained=False)
        model: torch.nn.Module = timm.create_model(backbone.model, pretrained=False, num_classes=0)
    load_strictly(model, read_parameters(backbone, path), backbone, path, classifiers(whole, model))
    # Tables that follow from the architecture, such as the places of attention biases, stand in no file.
    tables = [name for name, buffer in model.named_buffers() if buffer.is_meta]
    if tables:
        built = dict(timm.create_model(backbone.model, pretrained=False, num_classes=0).named_buffers())
        for name in tables:
            place, _, last = name.rpartition(".")
            setattr(model.get_submodule(place), last, built[name])
    return model


def classifiers(whole: torch.nn.Module, bare: torch.nn.Module) -> set[str]:
    """The names of a model's classifiers: as timm lists them, and what the model without them lacks.

    timm lists too few (LeViT's have a norm of their own), and a model published without a classifier has none to lack.
    """
    listed = getattr(whole, "pretrained_cfg", {}).get("classifier") or ()
    lacked = whole.state_dict().keys() - bare.state_dict().keys()
    return {*((listed,) if isinstance(listed, str) else listed), *lacked}
