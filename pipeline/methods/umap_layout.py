"""UMAP's layout (McInnes, Healy and Melville, arXiv 1802.03426): near images are drawn together, random ones apart.

The graph and the forces are the paper's, with a least distance of 0, as for clusters. Ours is how the forces are
followed: those of an epoch move all images at once, where umap-learn moves two at a time; 200 such epochs give clusters
as good as its 500 (docs/speed.md), without a compiler.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.sparse import coo_array

A, B = 1.932808, 0.790495
"""Of the curve 1 / (1 + A d^2B) that is nearest to exp(-d), which a least distance of 0 and a spread of 1 ask for."""
APART = 5
"""Random images that one is driven from each time that it is drawn to a near one."""
STRONGEST = 4.0
"""No force is stronger in any dimension."""
SIDE = 10.0
"""The start reaches so far from 0."""
HALVINGS = 64
PAIRS = 1 << 17
"""Pairs whose forces are in memory together."""


def near_graph(found: np.ndarray, distances: np.ndarray) -> coo_array:
    """How near each image is to each other one, 0 to 1, symmetric, (n, n): the paper's fuzzy simplicial set.

    Args:
        found: int (n, near), the nearest other images of each.
        distances: float (n, near), their distances, the least first.
    """
    images, near = found.shape
    exact = distances.astype(np.float64)
    least = np.where(exact > 0, exact, np.inf).min(1)
    least[np.isinf(least)] = 0  # All of its neighbours look the same.
    beyond = np.maximum(exact - least[:, None], 0)
    weights = np.exp(-beyond / _scales(beyond, exact, least)[:, None])
    rows = np.repeat(np.arange(images), near)
    graph = coo_array((weights.ravel(), (rows, found.ravel())), shape=(images, images)).tocsr()
    joined: coo_array = (graph + graph.T - graph.multiply(graph.T)).tocoo()
    return joined


def _scales(beyond: np.ndarray, distances: np.ndarray, least: np.ndarray) -> np.ndarray:
    """By which an image's neighbours together weigh log2 of their number, itself counted; float (n,)."""
    wanted = math.log2(beyond.shape[1] + 1)
    low, high, scale = np.zeros(len(beyond)), np.full(len(beyond), np.inf), np.ones(len(beyond))
    for _ in range(HALVINGS):
        above = np.exp(-beyond / scale[:, None]).sum(1) > wanted
        low, high = np.where(above, low, scale), np.where(above, scale, high)
        scale = np.where(np.isinf(high), 2 * scale, (low + high) / 2)
    # Where all neighbours are equally far, any scale would do: umap-learn's least one.
    usual = np.where(least > 0, distances.mean(1), distances.mean())
    floored: np.ndarray = np.maximum(scale, np.maximum(1e-3 * usual, 1e-12))
    return floored


def lay_out(graph: coo_array, start: np.ndarray, epochs: int, seed: int) -> np.ndarray:
    """The places of the images after so many epochs.

    Args:
        graph: see `near_graph`.
        start: float (n, dimensions), such as principal components.
        epochs: in each a pair of near images is drawn together as often as its weight says.
        seed: of what is drawn.

    Returns:
        float32 (n, dimensions).
    """
    generator = torch.Generator().manual_seed(seed)
    share = graph.data / graph.data.max()
    seen = share * epochs >= 1  # Weaker pairs would be drawn less than once.
    first, second = (torch.from_numpy(each[seen].astype(np.int64)) for each in (graph.row, graph.col))
    chances = torch.from_numpy(share[seen].astype(np.float32))
    places = torch.from_numpy((start * (SIDE / max(float(np.abs(start).max()), 1e-12))).astype(np.float32))
    places += 1e-4 * torch.randn(places.shape, generator=generator)
    for epoch in range(epochs):
        drawn = torch.rand(len(chances), generator=generator) < chances
        ones, others = first[drawn], second[drawn]
        moves = torch.zeros_like(places)
        for some in zip(ones.split(PAIRS), others.split(PAIRS), strict=True):
            _draw_together(places, *some, moves)
        weights = torch.bincount(ones, minlength=len(places))[:, None].float()
        for _ in range(APART):
            _drive_apart(places, torch.randint(len(places), (len(places),), generator=generator), weights, moves)
        places += (1 - epoch / epochs) * moves
    result: np.ndarray = places.numpy()
    return result


def _draw_together(places: torch.Tensor, ones: torch.Tensor, others: torch.Tensor, moves: torch.Tensor) -> None:
    """Adds what draws both images of each pair together."""
    way = places[ones] - places[others]
    squares = way.square().sum(1, keepdim=True)
    pull = (2 * A * B) * squares.clamp(min=1e-12).pow(B - 1) / (1 + A * squares.pow(B))
    force = (pull * way).clamp_(-STRONGEST, STRONGEST)
    moves.index_add_(0, ones, force, alpha=-1)
    moves.index_add_(0, others, force)


def _drive_apart(places: torch.Tensor, others: torch.Tensor, weights: torch.Tensor, moves: torch.Tensor) -> None:
    """Adds what drives each image away from another one, as many times as it was drawn to a near one."""
    way = places - places[others]
    squares = way.square().sum(1, keepdim=True)
    push = (2 * B) / ((1e-3 + squares) * (1 + A * squares.pow(B)))
    moves.add_((weights * push * way).clamp_(-STRONGEST, STRONGEST))
