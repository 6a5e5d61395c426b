"""The clustering methods: one entry each in `METHODS`, all behind the same seam.

A method gets embeddings and the number of clusters, and never a label. Each of its runs leaves a model that predicts
from an embedding alone, and a loss by which the kept run is chosen.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import numpy as np

from pipeline.errors import PipelineError, unknown
from pipeline.settings import DatasetSettings, FitSettings


class Model(Protocol):
    """What a run leaves behind."""

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        """float32 (n, clusters) from clean embeddings (n, dim); the largest marks the cluster."""

    def confidences(self, logits: np.ndarray) -> np.ndarray:
        """float32 (n, clusters) in 0..1 from logits, in the same order of clusters."""

    def config(self) -> dict[str, Any]:
        """Plain data from which, with the tensors, the method's `restore` makes the model again."""

    def tensors(self) -> dict[str, np.ndarray]:
        """The model's numbers by name."""


@dataclass(frozen=True)
class Run:
    """One run of a method."""

    model: Model
    loss: float
    """The training loss, made without labels: the run with the least is kept."""
    history: list[dict[str, float]] = field(default_factory=list)
    """Values along the training, one row a point in time, each with a ``step``."""
    snapshots: dict[int, Model] = field(default_factory=dict)
    """The model before each training step that the problem asks for; empty for a method without steps."""


@dataclass(frozen=True)
class Problem:
    """What a method is given."""

    views: np.ndarray
    """float16 (images, 1 + views, dim), the train split; index 0 is the clean view."""
    settings: FitSettings
    dataset: DatasetSettings
    device: str
    progress: Callable[[str], None]
    """Takes a short text that tells how far the method is; may be called from several threads."""
    steps: tuple[int, ...] = ()
    """Training steps before which the model is to be kept too."""
    neighbours: np.ndarray | None = None
    """int64 (images, count): pairs are then images and their neighbours, by clean views; None: two augmented views."""


class Method(Protocol):
    """A method's module: how to fit it and how to restore its model."""

    def fit(self, problem: Problem, seeds: list[int]) -> Iterator[Run]:
        """One run for each seed; a run depends on its own seed alone."""

    def restore(self, config: dict[str, Any], tensors: dict[str, np.ndarray]) -> Model:
        """The model that `config` and `tensors` describe."""


@dataclass(frozen=True)
class MethodEntry:
    """A method's place in the registry."""

    module: str
    """Imported only where the method is used."""
    title: str
    """The name as papers write it, and as the published results have it."""
    text: bool = False
    """Whether it reads text: class names, never the label of an image."""


METHODS: dict[str, MethodEntry] = {
    "scp": MethodEntry("pipeline.methods.scp", "SCP"),
    "kmeans": MethodEntry("pipeline.methods.kmeans", "k-means"),
    "zero-shot": MethodEntry("pipeline.methods.zero_shot", "CLIP zero-shot", text=True),
}


def get_method(name: str, where: str = "") -> Method:
    """The method of this name.

    Raises:
        PipelineError: if there is none; near names are offered.
    """
    if name not in METHODS:
        raise unknown("method", name, METHODS, where)
    return cast(Method, importlib.import_module(METHODS[name].module))


def run_seeds(seed: int, runs: int) -> list[int]:
    """A seed for each run; the seed of run r depends on (seed, r) alone. 31 bits, as faiss takes no more."""
    return [int(np.random.SeedSequence([seed, run]).generate_state(1)[0] >> 1) for run in range(runs)]


def check_clusters(clusters: int, images: int, what: str) -> None:
    """Refuses more clusters than images.

    Raises:
        PipelineError: if there are.
    """
    if clusters > images:
        raise PipelineError(
            f"{what}: {clusters} clusters were asked for, but its train split has {images} images; "
            f"lower datasets.{what}.clusters in params.yaml"
        )
