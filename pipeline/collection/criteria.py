"""How many clusters are there? Several ways to ask embeddings, none of which sees a label.

Each gives a curve over the number of clusters and its own choice. What they are worth is measured by `pipeline trial`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csgraph
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, silhouette_score
from threadpoolctl import threadpool_limits

from pipeline.collection.settings import EstimateSettings
from pipeline.features.lengths import unit_length
from pipeline.features.neighbour_graph import shared_neighbours
from pipeline.features.neighbours import neighbours
from pipeline.features.quality import linear_kappa
from pipeline.heads.training import one_thread_each
from pipeline.methods import umap_kmeans
from pipeline.methods.umap_layout import lay_out, near_graph
from pipeline.report.projection import COMPONENTS, sample

if TYPE_CHECKING:
    import networkx

SMALLEST_SHARE = 0.01
"""A group with a smaller share of the pictures is taken for outliers, not for a cluster."""
SUBSAMPLES, KEPT = 3, 0.8
"""So many subsamples, of this share of the pictures, tell whether communities last."""


@dataclass(frozen=True)
class Criterion:
    """One way to ask, and its answer."""

    name: str
    choice: int | None
    """Its number of clusters; None: it has no answer."""
    curve: dict[int, float]
    """A value for each number of clusters."""
    text: str
    """What the values are, and which of them is the choice."""


def prepared(rows: np.ndarray, settings: EstimateSettings) -> np.ndarray:
    """What every criterion works on: a sample of the embeddings, of length 1, reduced to their principal components.

    Where all are the same, which has no components, a column of zeros.

    Args:
        rows: float (n, dim).
        settings: size of the sample, and the seed.
    """
    chosen = unit_length(rows[sample(len(rows), settings.images, settings.seed)].astype(np.float32))
    if not np.ptp(chosen, axis=0).any():
        return np.zeros((len(chosen), 1), np.float32)
    # One thread, here and below: how sums are split among threads decides their last bits.
    with threadpool_limits(1):
        pca = PCA(min(COMPONENTS, *chosen.shape), random_state=settings.seed)
        result: np.ndarray = pca.fit_transform(chosen).astype(np.float32)
    return result


def joined(rows: np.ndarray) -> networkx.Graph:
    """The graph that joins each row to its neighbours, the more strongly the more they share."""
    import networkx  # Takes half a second, and who names a number of clusters asks for no communities.

    return networkx.from_scipy_sparse_array(shared_neighbours(rows))


def communities(graph: networkx.Graph, settings: EstimateSettings) -> Criterion:
    """Communities of the graph of `joined`.

    They are found by the Louvain method (Blondel et al., Fast unfolding of communities in large networks, 2008). Their
    number depends on the resolution, so it is counted at several, and the median is the choice (ours). The curve is the
    share of the partitions with so many communities.
    """
    return _counted("communities", graph, settings.resolutions, settings)


def finer_communities(graph: networkx.Graph, settings: EstimateSettings) -> Criterion:
    """The same at one larger resolution."""
    return _counted("finer communities", graph, (settings.fine_resolution,), settings)


def stability(graph: networkx.Graph, rows: np.ndarray, settings: EstimateSettings) -> float:
    """How well communities last where pictures are missing: the mean adjusted Rand index, 1 at most, by chance 0.

    Those of subsamples are compared with those of all rows, whose graph it is, at the middle one of the resolutions.
    """
    resolution = [settings.resolutions[len(settings.resolutions) // 2]]
    (whole,) = _partitions(graph, resolution, [settings.seed])
    values = []
    for number in range(SUBSAMPLES):
        order = np.random.default_rng([settings.seed, number]).permutation(len(rows))
        kept = np.sort(order[: max(2, int(KEPT * len(rows)))])
        (part,) = _partitions(joined(rows[kept]), resolution, [settings.seed])
        # What is one community as a whole and in part is the same, but divides nothing.
        values.append(adjusted_rand_score(whole[kept], part) if part.any() else 0.0)
    return float(np.mean(values))


def _partitions(graph: networkx.Graph, resolutions: Sequence[float], seeds: Sequence[int]) -> Iterator[np.ndarray]:
    """The community of each row, int (n,), at each resolution with each seed."""
    import networkx

    for resolution in resolutions:
        for seed in seeds:
            labels = np.empty(len(graph), np.int64)
            for number, members in enumerate(
                networkx.community.louvain_communities(graph, resolution=resolution, seed=seed)
            ):
                labels[list(members)] = number
            yield labels


def _counted(name: str, graph: networkx.Graph, resolutions: Sequence[float], settings: EstimateSettings) -> Criterion:
    least = max(2, SMALLEST_SHARE * len(graph))
    seeds = range(settings.seed, settings.seed + settings.partitions)
    counts = [int((np.bincount(labels) >= least).sum()) for labels in _partitions(graph, resolutions, seeds)]
    curve = {count: counts.count(count) / len(counts) for count in range(min(counts), max(counts) + 1)}
    span = " to ".join(dict.fromkeys(f"{resolution:g}" for resolution in (resolutions[0], resolutions[-1])))
    text = f"share of the partitions of the neighbour graph (resolution {span}) with so many; the median is the choice"
    # A half counts as the larger number: what two clusters split can be put together by the eye, not the reverse.
    return Criterion(name, int(np.floor(np.median(counts) + 0.5)), curve, text)


def eigengap(rows: np.ndarray, settings: EstimateSettings) -> Criterion:
    """The largest gap between eigenvalues of the neighbour graph's normalised Laplacian (von Luxburg, 2007)."""
    with threadpool_limits(1):
        values = np.linalg.eigvalsh(csgraph.laplacian(shared_neighbours(rows), normed=True).toarray())
    curve = {k: float(values[k] - values[k - 1]) for k in range(2, min(settings.most, len(rows) - 1) + 1)}
    return _largest("eigengap", curve, "gap after the k-th eigenvalue of the neighbour graph's Laplacian")


def silhouette(rows: np.ndarray, settings: EstimateSettings) -> Criterion:
    """The mean silhouette of k-means (Rousseeuw, 1987)."""
    return _largest("silhouette", _silhouettes(rows, settings), "mean silhouette of k-means")


def silhouette_of_layout(rows: np.ndarray, settings: EstimateSettings, umap: umap_kmeans.Settings) -> Criterion:
    """The same on UMAP's layout, whose distances are those along the groups."""
    graph = near_graph(*neighbours(rows, umap.neighbours - 1))  # The image itself counts as one.
    with one_thread_each():  # The order in which threads add up changes the last bits.
        layout = lay_out(graph, rows[:, : umap.dimensions], umap.epochs, settings.seed)
    return _largest("UMAP's silhouette", _silhouettes(layout, settings), "mean silhouette of k-means on UMAP's layout")


def _silhouettes(rows: np.ndarray, settings: EstimateSettings) -> dict[int, float]:
    curve = {}
    with threadpool_limits(1):
        for k in range(2, min(settings.most, len(np.unique(rows, axis=0)) - 1) + 1):
            curve[k] = float(silhouette_score(rows, KMeans(k, n_init=3, random_state=settings.seed).fit(rows).labels_))
    return curve


def agreement(runs: dict[int, list[np.ndarray]]) -> Criterion:
    """How alike the clusterings of heads are that differ in their seed alone: the mean adjusted Rand index.

    Args:
        runs: for each number of clusters the clusters of each run, int (n,).
    """
    curve = {}
    for k, each in runs.items():
        pairs = [(one, other) for number, one in enumerate(each) for other in each[:number]]
        curve[k] = float(np.mean([adjusted_rand_score(one, other) for one, other in pairs]))
    return _largest("heads' agreement", curve, "mean adjusted Rand index between heads of different seeds")


def linear_accuracy(rows: np.ndarray, runs: dict[int, list[np.ndarray]]) -> Criterion:
    """How well a linear model predicts a head's clusters: the mean of `linear_kappa`.

    Args:
        rows: float (n, dim).
        runs: for each number of clusters the clusters of each run, int (n,).
    """
    curve = {}
    for k, each in runs.items():
        values = [value for value in (linear_kappa(rows, labels) for labels in each) if value is not None]
        if values:
            curve[k] = float(np.mean(values))
    return _largest("linear model", curve, "cross-validated kappa of a linear model on the heads' clusters")


def survivors(labels: np.ndarray, asked: int) -> Criterion:
    """Clusters in use of a head that was asked for too many, with a weak balance term.

    Args:
        labels: int (n,), the head's clusters.
        asked: how many it was asked for.
    """
    shares = np.sort(np.bincount(labels, minlength=asked))[::-1] / len(labels)
    curve = {rank: float(share) for rank, share in enumerate(shares, 1)}
    used = int((shares >= SMALLEST_SHARE).sum())
    text = f"share of the k-th largest cluster of a head asked for {asked}; those above {SMALLEST_SHARE:.0%} count"
    return Criterion("survivors", used, curve, text)


def rate_reduction(lengths: dict[int, float]) -> Criterion:
    """CPP's choice (Chu et al., ICLR 2024): where a net's vectors and its clusters take the fewest nats to write down.

    Args:
        lengths: for each number of clusters the nats; see `pipeline.heads.cpp.coding_lengths`.
    """
    choice = min(lengths, key=lambda k: (lengths[k], k)) if lengths else None
    text = "nats that the vectors of a CPP net take, written down by its clusters; the least is the choice"
    return Criterion("rate reduction", choice, lengths, text)


def _largest(name: str, curve: dict[int, float], text: str) -> Criterion:
    choice = max(curve, key=lambda k: (curve[k], -k)) if curve else None
    return Criterion(name, choice, curve, f"{text}; the largest is the choice")
