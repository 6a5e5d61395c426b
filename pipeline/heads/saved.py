"""A model on disk: one safetensors file with the tensors and, in its header, all that predicting needs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from pipeline.base.errors import PipelineError, entry_of
from pipeline.base.files import write_bytes
from pipeline.base.text import quoted
from pipeline.features.scaling import recorded
from pipeline.heads.head_file import AGAIN, missing
from pipeline.heads.method import Methods
from pipeline.heads.problem import Model

FORMAT = 2


class Saveable(Protocol):
    """What of a model is saved; see `pipeline.heads.problem.Model`."""

    def config(self) -> dict[str, Any]:
        """Plain data."""

    def tensors(self) -> dict[str, np.ndarray]:
        """The model's numbers by name."""


@dataclass(frozen=True)
class SavedModel:
    """A model with the name of its method and the embedding that it takes."""

    method: str
    model: Model
    embedding: dict[str, Any]
    """``parts``: for each backbone its name, hash of the weights, dimension, precision, geometry and normalisation; of
    embeddings that were brought what was done to them, if anything was. ``ranges``, where pictures had more than eight
    bits: the values that were black and white."""


def save_model(path: Path, saved: SavedModel) -> None:
    """Writes a model, whole or not at all; the same model gives the same bytes."""
    write_model(path, saved.method, saved.model, saved.embedding)


def write_model(path: Path, method: str, model: Saveable, embedding: dict[str, Any]) -> None:
    """As `save_model`, of what need not be able to predict."""
    about = {"format": FORMAT, "method": method, "config": model.config(), "embedding": embedding}
    # safetensors writes an array's memory as it lies, whatever its strides say.
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in model.tensors().items()}
    # One key alone: the header keeps no order among several.
    data = save(tensors, metadata={"pipeline": json.dumps(about, sort_keys=True)})
    write_bytes(path, data)


def load_model(path: Path, methods: Methods) -> SavedModel:
    """Reads a model that `save_model` wrote; no code that the file may carry is run.

    Args:
        path: the file.
        methods: those that it may be of.

    Raises:
        PipelineError: if the file is missing, damaged, or no model of this pipeline.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            about = json.loads((file.metadata() or {})["pipeline"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a dict
        if any(0 in tensor.shape for tensor in tensors.values()):
            raise ValueError("a tensor without numbers")
        if about["format"] != FORMAT:
            raise PipelineError(f"{path}: expected format {FORMAT}, found {about['format']!r}; {AGAIN}")
        method, embedding = about["method"], about["embedding"]
        model = entry_of(methods, "method", method, str(path)).load().restore(about["config"], tensors)
        _try(model, _dim(embedding))
        return SavedModel(method, model, embedding)
    except FileNotFoundError:
        raise missing(path) from None
    except (
        SafetensorError,
        OSError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        ArithmeticError,
        RuntimeError,
        RecursionError,
        MemoryError,
    ) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise PipelineError(f"{path}: not a saved head ({reason}); {AGAIN}") from None


def _dim(embedding: dict[str, Any]) -> int:
    """The length of the embedding that a head takes, of what it says of its backbones."""
    parts = embedding["parts"]
    for part in parts:
        name, dim = part["backbone"], part["dim"]
        # It names a folder of the cache, too.
        if not isinstance(name, str) or Path(name).name != name:
            raise ValueError(f"expected the name of a backbone, found {quoted(name)}")
        if not isinstance(dim, int) or not 0 < dim < MOST_DIMENSIONS:
            raise ValueError(f"expected the length of an embedding, found {quoted(dim)}")
        recorded(part, dim)
    return sum(part["dim"] for part in parts)


MOST_DIMENSIONS = 10**6


def _try(model: Model, dim: int) -> None:
    """Has a restored model predict once, so that whatever does not fit is found here."""
    with np.errstate(over="raise", invalid="raise"):
        logits = model.logits(np.eye(2, dim, dtype=np.float32))
        if logits.ndim != 2 or logits.shape[1] < 2 or not np.isfinite(logits).all():
            raise ValueError("its numbers are not those of a head")
        model.confidences(logits)
