"""PRO-DSC (Meng et al., Exploring a Principled Framework for Deep Subspace Clustering, ICLR 2025).

The embeddings are mapped so that each is a combination of others like it, while all together spread over as many
dimensions as they can (the coding rate), and the affinities between them fall into as many blocks as there are
clusters. The clusters are those of the affinities' spectrum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch

from pipeline.config.types import Count, NotNegative, Range
from pipeline.heads import subspaces
from pipeline.heads.problem import Problem, Run
from pipeline.heads.subspaces import NetSettings, Objective, coding_rate, fit_nets, memberships
from pipeline.heads.training import TOTAL

restore = subspaces.restore

NAMES = ("rate", "expression", "blocks", TOTAL)


def coefficients(vectors: torch.Tensor, temperature: float, projections: int) -> tuple[torch.Tensor, torch.Tensor]:
    """How much each image takes from each other one, and the affinities, (batch, batch) both.

    The affinities are the memberships without the diagonal, made symmetric; the coefficients have the cosines' signs.

    Args:
        vectors: (batch, width) of length 1.
        temperature: see `memberships`.
        projections: likewise.
    """
    cosines = vectors @ vectors.T
    others = memberships(vectors, temperature, projections) * (1 - torch.eye(len(vectors), device=vectors.device))
    affinities = (others + others.T) / 2
    return cosines.sign() * affinities, affinities


def terms_of(
    structure: torch.Tensor, affinity: torch.Tensor, clusters: int, settings: Settings
) -> dict[str, torch.Tensor]:
    """The three terms of PRO-DSC's objective for a batch, and their total, rate negative.

    - ``rate``: see `coding_rate`; it is to be large;
    - ``expression``: half the mean squared error of each vector by its combination of the others;
    - ``blocks``: the sum of the Laplacian's least eigenvalues, one a cluster, by the batch (BDR, Lu et al., 2019): 0
      where the affinities fall into so many blocks.

    Args:
        structure: (batch, width) of length 1.
        affinity: the same of the other map.
        clusters: number of blocks.
        settings: weights, temperature, projections and distortion.
    """
    taken, affinities = coefficients(affinity, settings.temperature, settings.projections)
    laplacian = torch.diag(affinities.sum(1)) - affinities
    terms = {
        "rate": coding_rate(structure, settings.distortion),
        "expression": (structure - taken.T @ structure).square().sum() / (2 * len(structure)),
        "blocks": torch.linalg.eigvalsh(laplacian)[:clusters].sum() / len(structure),
    }
    weighted = settings.expression_weight * terms["expression"] + settings.block_weight * terms["blocks"]
    return {**terms, TOTAL: weighted - terms["rate"]}


@dataclass(frozen=True)
class Settings(NetSettings):
    """PRO-DSC's net, objective and training."""

    expression_weight: NotNegative
    """Gamma."""
    block_weight: NotNegative
    """Beta."""
    temperature: Annotated[float, Range(0.01)]
    projections: Count
    distortion: Annotated[float, Range(0.0001)]
    """Epsilon squared of the coding rate."""
    sample: Annotated[int, Range(2)]
    """Images whose affinities are clustered; all others follow them."""


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One net for each seed; see `fit_nets`."""
    settings, clusters = problem.settings.section("pro_dsc", Settings), problem.dataset.clusters

    def terms(structure: torch.Tensor, affinity: torch.Tensor) -> dict[str, torch.Tensor]:
        return terms_of(structure, affinity, clusters, settings)

    def affinities(vectors: np.ndarray) -> np.ndarray:
        cosines: np.ndarray = np.abs(vectors @ vectors.T)
        return cosines

    objective = Objective(NAMES, settings.distortion, terms, settings.sample, affinities)
    yield from fit_nets(problem, seeds, settings, objective)
