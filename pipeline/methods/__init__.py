"""The clustering methods: one entry each in `METHODS`, all behind the same seam.

A method gets embeddings and the number of clusters, and never a label. Each of its runs leaves a model that predicts
from an embedding alone, and a loss by which the kept run is chosen.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np

from pipeline.base.errors import PipelineError, unknown
from pipeline.heads.problem import Model, Problem, Run


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
    ensemble: bool = False
    """Whether one run of it is made of many already."""
    text: bool = False
    """Whether it reads text: class names, never the label of an image."""
    member: str = ""
    """What of the module is the method; empty: the module itself."""
    package: str = ""
    """The optional package that fitting needs and predicting does not; empty: none."""


METHODS: dict[str, MethodEntry] = {
    "scp": MethodEntry("pipeline.methods.scp", "SCP"),
    "scan": MethodEntry("pipeline.methods.scan", "SCAN"),
    "temi": MethodEntry("pipeline.methods.temi", "TEMI"),
    "turtle": MethodEntry("pipeline.methods.turtle", "TURTLE"),
    "pro-dsc": MethodEntry("pipeline.methods.pro_dsc", "PRO-DSC"),
    "kmeans": MethodEntry("pipeline.methods.kmeans", "k-means"),
    "spherical-kmeans": MethodEntry("pipeline.methods.spherical_kmeans", "spherical k-means"),
    "gmm-full": MethodEntry("pipeline.methods.gmm", "Gaussian mixture, full", member="FULL"),
    "gmm-diag": MethodEntry("pipeline.methods.gmm", "Gaussian mixture, diagonal", member="DIAGONAL"),
    "spectral": MethodEntry("pipeline.methods.spectral", "spectral clustering"),
    "umap-kmeans": MethodEntry("pipeline.methods.umap_kmeans", "UMAP and k-means", package="umap-learn"),
    "agglomerative": MethodEntry("pipeline.methods.agglomerative", "agglomerative (Ward)"),
    "hdbscan": MethodEntry("pipeline.methods.hdbscan", "HDBSCAN"),
    "consensus": MethodEntry("pipeline.methods.consensus", "Consensus of heads", ensemble=True),
    "auto": MethodEntry("pipeline.methods.auto", "Auto", ensemble=True),
    "zero-shot": MethodEntry("pipeline.methods.zero_shot", "CLIP zero-shot", text=True),
}


def get_method(name: str, where: str = "") -> Method:
    """The method of this name.

    Raises:
        PipelineError: if there is none; near names are offered.
    """
    if name not in METHODS:
        raise unknown("method", name, METHODS, where)
    entry = METHODS[name]
    module = importlib.import_module(entry.module)
    return cast(Method, getattr(module, entry.member) if entry.member else module)


def check_package(name: str) -> None:
    """Refuses to fit a method whose optional package is not installed.

    Raises:
        PipelineError: if it is not.
    """
    package = METHODS[name].package
    if not package:
        return
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        raise PipelineError(
            f"{name}: it needs {package}, which is not here; run 'uv pip install {package}', or leave the method out"
        ) from None


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
