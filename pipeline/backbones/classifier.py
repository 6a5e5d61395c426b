"""What a backbone's own classifier says of embeddings: the thousand classes of ImageNet, that many weight files know.

It was trained with labels, of ImageNet and of no other data. It suggests names, and no clustering depends on it.
"""

from __future__ import annotations

import importlib.util
import runpy
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.backbones.parameters import read_parameters
from pipeline.backbones.registry import Backbone
from pipeline.base.errors import PipelineError

AT_A_TIME = 8192


@dataclass(frozen=True)
class Classifier:
    """The last layer of a network."""

    weight: np.ndarray
    """float32 (classes, dim)."""
    bias: np.ndarray
    """float32 (classes,)."""
    names: list[str]
    """Of the classes."""

    def probabilities(self, embeddings: np.ndarray) -> np.ndarray:
        """The softmax over the classes, float32 (n, classes), of clean embeddings (n, dim) as they are in the cache."""
        parts = []
        for first in range(0, len(embeddings), AT_A_TIME):
            logits = embeddings[first : first + AT_A_TIME].astype(np.float32) @ self.weight.T + self.bias
            shares = np.exp(logits - logits.max(1, keepdims=True))
            parts.append(shares / shares.sum(1, keepdims=True))
        return np.concatenate(parts) if parts else np.empty((0, len(self.names)), np.float32)


def read_classifier(backbone: Backbone, path: Path) -> Classifier | None:
    """The classifier in a backbone's weight file; None where there is none.

    Args:
        backbone: its entry names the layer.
        path: of the weights, checked; see `pipeline.backbones.weights.find_weights`.

    Raises:
        PipelineError: if the file cannot be read, or holds another layer than one of a thousand classes.
    """
    if backbone.classifier is None:
        return None
    parameters = read_parameters(backbone, path)
    found = [parameters.get(f"{backbone.classifier}.{name}") for name in ("weight", "bias")]
    names = class_names()
    shapes = [None if value is None else tuple(value.shape) for value in found]
    if shapes != [(len(names), backbone.dim), (len(names),)]:
        raise PipelineError(
            f"{path}: expected a layer '{backbone.classifier}' from {backbone.dim} numbers to {len(names)} classes, "
            f"found {shapes[0]}"
        )
    weight, bias = (value.float().numpy() for value in found if value is not None)
    return Classifier(weight, bias, names)


def class_names() -> list[str]:
    """The names of ImageNet's thousand classes in their usual order, from torchvision.

    Its module of them, which imports nothing, is run by itself: torchvision as a whole brings PyTorch's compiler, whose
    import takes longer than all suggestions.
    """
    package = importlib.util.find_spec("torchvision")
    names: list[str]
    if package is not None and package.origin is not None:
        with suppress(OSError, LookupError):
            names = runpy.run_path(str(Path(package.origin).with_name("models") / "_meta.py"))["_IMAGENET_CATEGORIES"]
            return names
    from torchvision.models import ResNet50_Weights

    names = ResNet50_Weights.DEFAULT.meta["categories"]
    return names
