"""CLIP's zero-shot classification (Radford et al., ICML 2021): the nearest class name wins. It reads text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import softmax

from pipeline.features.lengths import unit_length

SCALE = 100.0
"""What CLIP's cosines are multiplied with before the softmax: the limit that its training reaches."""


@dataclass(frozen=True)
class ClassNames:
    """The model: an embedding of length 1 for each class, made from prompts with its name."""

    embeddings: np.ndarray
    """float32 (classes, dim)."""

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        """The scaled cosine to each class."""
        logits: np.ndarray = SCALE * unit_length(embeddings.astype(np.float32)) @ self.embeddings.T
        return logits

    def confidences(self, logits: np.ndarray) -> np.ndarray:
        """The softmax of the logits."""
        probabilities: np.ndarray = softmax(logits, axis=1)
        return probabilities

    def config(self) -> dict[str, Any]:
        """Nothing: the embeddings say it all."""
        return {}

    def tensors(self) -> dict[str, np.ndarray]:
        """The embeddings of the classes."""
        return {"classes": self.embeddings}


def from_prompts(embeddings: np.ndarray) -> ClassNames:
    """The model of embedded prompts, float (classes, templates, dim): the mean of each class's unit vectors."""
    return ClassNames(unit_length(unit_length(embeddings.astype(np.float32)).mean(1)))


def restore(config: dict[str, Any], tensors: dict[str, np.ndarray]) -> ClassNames:
    """The model from its saved embeddings."""
    return ClassNames(tensors["classes"])
