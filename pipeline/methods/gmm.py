"""Mixtures of Gaussians on principal components, with full or with diagonal covariances (scikit-learn)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from pipeline.config.types import Count, Range
from pipeline.features.components import Components
from pipeline.heads.problem import Problem, Run


@dataclass(frozen=True)
class Settings:
    """A mixture of Gaussians."""

    components: Count
    starts: Count
    iterations: Count
    floor: Annotated[float, Range(1e-9)]
    """Added to every variance, as a share of the mean variance of all images."""


@dataclass(frozen=True)
class Gaussians:
    """The model: the Gaussian wins that is the most probable origin."""

    components: Components
    log_weights: np.ndarray
    """float32 (clusters,): of a row's density at the centre, the logarithm, share of the cluster included."""
    means: np.ndarray
    """float32 (clusters, components)."""
    scales: np.ndarray
    """float32 (clusters, components, components), or (clusters, components) where diagonal: makes the covariance 1."""

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        """The logarithm of each cluster's share times its density."""
        rows = self.components.project(embeddings)
        logits = np.empty((len(rows), len(self.means)), np.float32)
        with threadpool_limits(1):
            for cluster, (mean, scale) in enumerate(zip(self.means, self.scales, strict=True)):
                apart = rows - mean
                white = apart @ scale if scale.ndim == 2 else apart * scale
                logits[:, cluster] = self.log_weights[cluster] - 0.5 * (white**2).sum(1)
        return logits

    def confidences(self, logits: np.ndarray) -> np.ndarray:
        """The probability that a cluster is the origin."""
        shares: np.ndarray = softmax(logits, axis=1)
        return shares

    def config(self) -> dict[str, Any]:
        """Nothing: the numbers say it all."""
        return {}

    def tensors(self) -> dict[str, np.ndarray]:
        """The Gaussians and the components."""
        return {
            **self.components.tensors(),
            "log_weights": self.log_weights,
            "means": self.means,
            "scales": self.scales,
        }


class Mixture:
    """The method, with one of the two kinds of covariance."""

    Settings = Settings

    def __init__(self, kind: str) -> None:
        """Takes ``full`` or ``diag``."""
        self.kind = kind

    def fit(self, problem: Problem, seeds: list[int]) -> Iterator[Run]:
        """One mixture for each seed, the best of several k-means starts; the loss is minus the mean log likelihood."""
        settings = problem.settings.section(f"gmm_{self.kind}", Settings)
        components = problem.components(settings.components)
        rows = components.project(problem.views[:, 0]).astype(np.float64)
        # Relative to the data's own variance; where there is none, any floor does.
        floor = settings.floor * float(rows.var(0).mean()) or settings.floor
        for number, seed in enumerate(seeds):
            problem.progress(f"run {number + 1} of {len(seeds)}")
            mixture = GaussianMixture(
                problem.dataset.clusters,
                covariance_type=self.kind,
                reg_covar=floor,
                max_iter=settings.iterations,
                n_init=settings.starts,
                random_state=seed,
            )
            with threadpool_limits(1), warnings.catch_warnings():
                # A run that would still gain a little is as good as its likelihood, which is its loss; and of equal
                # images there are fewer than clusters now and then.
                warnings.simplefilter("ignore", ConvergenceWarning)
                mixture.fit(rows)
            yield Run(_model(components, mixture), -float(mixture.lower_bound_))

    def restore(self, config: dict[str, Any], tensors: dict[str, np.ndarray]) -> Gaussians:
        """The model from its numbers."""
        return Gaussians(Components.restore(tensors), tensors["log_weights"], tensors["means"], tensors["scales"])


def _model(components: Components, mixture: GaussianMixture) -> Gaussians:
    scales = mixture.precisions_cholesky_
    diagonals = np.diagonal(scales, axis1=1, axis2=2) if scales.ndim == 3 else scales
    log_weights = np.log(mixture.weights_) + np.log(diagonals).sum(1) - 0.5 * scales.shape[1] * np.log(2 * np.pi)
    log_weights, means, scales = (each.astype(np.float32) for each in (log_weights, mixture.means_, scales))
    return Gaussians(components, log_weights, means, scales)


FULL = Mixture("full")
DIAGONAL = Mixture("diag")
