"""Embeddings of length one, whose Euclidean distances order them as their cosines do."""

from __future__ import annotations

import numpy as np


def unit_length(embeddings: np.ndarray) -> np.ndarray:
    """Embeddings (..., dim) divided by their Euclidean length, in the same type; a zero embedding stays zero."""
    exact = embeddings.astype(np.float32)
    lengths = np.linalg.norm(exact, axis=-1, keepdims=True)
    result: np.ndarray = (exact / np.maximum(lengths, 1e-12)).astype(embeddings.dtype)
    return result
