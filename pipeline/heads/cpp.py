"""CPP (Chu et al., Image Clustering via the Principle of Rate Reduction in the Age of Pretrained Models, ICLR 2024).

A net maps the embeddings so that all together spread over as many dimensions as they can, while the images that belong
together fill as few as they can: the difference is the rate reduction. Which ones belong together a second map says, by
a doubly stochastic matrix. The clusters are those of its spectrum, and how many there are, by `coding_lengths`, where
the images take the fewest nats to write down.

Ours: the input is standardised per dimension, and an image outside of the sample that is clustered follows it, see
`Subspaces`. Left out: the name that a cluster gets from CLIP's text tower, and the epoch of best test accuracy that
published figures are of: the last step counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch

from pipeline.config.types import Count, NotNegative, Range, Share
from pipeline.heads import subspaces
from pipeline.heads.problem import Problem, Run
from pipeline.heads.spectrum import read_off, spectrum
from pipeline.heads.subspaces import Net, NetSettings, Objective, both_vectors, coding_rate, fit_nets, memberships
from pipeline.heads.training import TOTAL

restore = subspaces.restore

NAMES = ("rate", "parts", "sharpness", TOTAL)


@dataclass(frozen=True)
class Settings(NetSettings):
    """CPP's net, objective and training; the paper's values are those for CIFAR-10."""

    hidden: Count = 512
    """Ours, for a processor's sake; paper: 4096."""
    width: Count = 128
    """Paper."""
    warmup: Annotated[int, Range(0)] = 50
    """Paper."""
    steps: Count = 195
    """Paper: five epochs of 49 steps, less the warm-up, which counts among them here (ours)."""
    batch: Annotated[int, Range(2)] = 256
    """Ours, for a processor's sake; paper: 1024."""
    learning_rate: Annotated[float, Range(1e-8)] = 0.0001
    """Paper, like the three below."""
    momentum: Share = 0.9
    weight_decay: NotNegative = 0.0001
    affinity_weight_decay: NotNegative = 0.005
    temperature: Annotated[float, Range(0.01)] = 0.175
    """Paper: eta, of the memberships; 0.13 on CIFAR-20, 0.1 on CIFAR-100, 0.12 on ImageNet-1k."""
    projections: Count = 5
    """Paper: of rows and columns to the sum 1."""
    sharpness_weight: NotNegative = 0.05
    """Paper: of the memberships' half squared norm."""
    distortion: Annotated[float, Range(0.0001)] = 0.1
    """Paper: epsilon squared of the coding rate."""
    sample: Annotated[int, Range(2)] = 2000
    """Ours: images whose memberships are clustered; all others follow them."""


def rate_of_parts(vectors: torch.Tensor, shares: torch.Tensor, distortion: float) -> torch.Tensor:
    """The coding rate of vectors within their parts, a part for each column of memberships.

    The sum over j of <s_j, 1> / 2n log det(1 + width / (<s_j, 1> distortion) Z^T diag(s_j) Z).

    Args:
        vectors: Z, (n, width).
        shares: (n, parts), not negative.
        distortion: epsilon squared.
    """
    count, width = vectors.shape
    sizes = shares.sum(0)
    products = (vectors[:, :, None] * vectors[:, None, :]).flatten(1)
    grams = ((shares / sizes).T @ products).unflatten(1, (width, width)) * (width / distortion)
    # Positive definite, so by Cholesky.
    factors = torch.linalg.cholesky(grams + torch.eye(width, device=vectors.device))
    rates: torch.Tensor = factors.diagonal(dim1=1, dim2=2).log().sum(1)
    return (sizes * rates).sum() / count


def cpp_terms(structure: torch.Tensor, codes: torch.Tensor, settings: Settings) -> dict[str, torch.Tensor]:
    """The terms of CPP's objective for a batch, and their total, rate negative.

    - ``rate``: see `coding_rate`; it is to be large;
    - ``parts``: see `rate_of_parts`, the parts being the images' own memberships;
    - ``sharpness``: half the sum of the squared memberships, from 1/2 where all belong together alike to n / 2.

    Args:
        structure: (n, width) of length 1.
        codes: the same of the other map.
        settings: temperature, projections, weight and distortion.
    """
    shares = memberships(codes, settings.temperature, settings.projections)
    terms = {
        "rate": coding_rate(structure, settings.distortion),
        "parts": rate_of_parts(structure, shares, settings.distortion),
        "sharpness": shares.square().sum() / 2,
    }
    return {**terms, TOTAL: terms["parts"] - terms["rate"] + settings.sharpness_weight * terms["sharpness"]}


def affinities_of(codes: np.ndarray, settings: Settings) -> np.ndarray:
    """The memberships of vectors (n, width), symmetric, float (n, n): so many projections leave them nearly so."""
    shares = memberships(torch.from_numpy(codes), settings.temperature, settings.projections).numpy()
    symmetric: np.ndarray = (shares + shares.T) / 2
    return symmetric


def coding_length(vectors: np.ndarray, labels: np.ndarray, distortion: float) -> float:
    """The nats that vectors and their clusters take to write down, up to a distortion (the paper's L).

    The sum over the clusters of (m + d) / 2 log det(1 + d / (distortion m) Z^T Z) - m log(m / n), m its images.

    Args:
        vectors: float (n, d) of length 1.
        labels: int (n,).
        distortion: epsilon.
    """
    count, width = vectors.shape
    total = 0.0
    for cluster in np.unique(labels):
        members = vectors[labels == cluster].astype(np.float64)
        size = len(members)
        rate = np.linalg.slogdet(np.eye(width) + members.T @ members * (width / (distortion * size))).logabsdet
        total += (size + width) / 2 * float(rate) - size * float(np.log(size / count))
    return total


def coding_lengths(net: Net, embeddings: np.ndarray, most: int, settings: Settings) -> dict[int, float]:
    """CPP's choice of the number of clusters: the coding length of each number's spectral clusters; the least counts.

    Args:
        net: trained, in eval mode.
        embeddings: float (n, dim), a sample.
        most: the largest number that is tried, at most n.
        settings: temperature, projections and distortion.
    """
    structure, codes = both_vectors(net, embeddings)
    leading = spectrum(affinities_of(codes, settings), most)
    return {k: coding_length(structure, read_off(leading[:, -k:]), settings.distortion) for k in range(2, most + 1)}


def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
    """One net for each seed; see `fit_nets`."""
    settings = problem.settings.section("cpp", Settings)
    objective = Objective(
        NAMES,
        settings.distortion,
        lambda structure, codes: cpp_terms(structure, codes, settings),
        settings.sample,
        lambda codes: affinities_of(codes, settings),
    )
    yield from fit_nets(problem, seeds, settings, objective)
