"""Three nested levels to choose from, coarse, medium and fine, where no number of clusters stands out (ours)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from pipeline.collection.grouping import COARSE, FINE, grouped
from pipeline.collection.settings import EstimateSettings, WantedSettings
from pipeline.features.neighbours import neighbours

NEAR = 10
"""A level is the better the more of so many nearest pictures share a cluster."""


@dataclass(frozen=True)
class Level:
    """A number of clusters, and what such clusters look like."""

    name: str
    clusters: int
    smallest: int
    """Pictures of the smallest cluster, about: a quick clustering counts them."""
    largest: int
    together: float
    """The share of a picture's nearest that are in its cluster."""

    def line(self) -> str:
        """It in words, for people."""
        sizes = f"of about {self.smallest:,} to {self.largest:,} pictures"
        near = f"{self.together:.0%} of a picture's {NEAR} nearest are in its own"
        return f"{self.name:6} -k {self.clusters}: clusters {sizes}; {near}"


def wanted_numbers(found: int, images: int, wanted: WantedSettings) -> tuple[int, int, int]:
    """Numbers of clusters for the levels.

    The medium one lies halfway, on a scale of ratios, between what was found and the middle of what people want. The
    others are further by the page's ratios, as far as people want them.

    Args:
        found: clusters that the embeddings speak for, if weakly.
        images: pictures.
        wanted: what people want.
    """
    most = max(2, min(wanted.most, images // wanted.pictures))
    fewest = max(2, min(wanted.fewest, most // 2))
    medium = min(max(round(math.sqrt(max(2, found) * math.sqrt(fewest * most))), fewest), most)
    return min(medium, max(fewest, round(COARSE * medium))), medium, max(medium, min(most, round(FINE * medium)))


def proposed_levels(
    rows: np.ndarray, numbers: tuple[int, int, int], images: int, settings: EstimateSettings
) -> list[Level]:
    """What distinguishes the levels; one whose number is another's is left out, and there is none below two.

    k-means finds the clusters of the finest one, and Ward's method joins them for the others.

    Args:
        rows: float (n, dim), see `pipeline.collection.criteria.prepared`.
        numbers: of clusters, for coarse, medium and fine.
        images: pictures that the rows are a sample of.
        settings: the seed.
    """
    coarse, medium, fine = numbers
    if coarse == fine or len(np.unique(rows, axis=0)) < fine:
        return []
    with threadpool_limits(1):  # How sums are split among threads decides their last bits.
        finest = KMeans(fine, n_init=3, random_state=settings.seed).fit(rows)
    sizes = np.bincount(finest.labels_, minlength=fine)
    near, _ = neighbours(rows, NEAR)
    levels = []
    for name, count in (("coarse", coarse), ("medium", medium), ("fine", fine)):
        if name != "medium" and count == medium:
            continue
        clusters = grouped(finest.cluster_centers_, sizes, count)[finest.labels_]
        scaled = np.bincount(clusters) * images / len(rows)
        together = float((clusters[near] == clusters[:, None]).mean())
        levels.append(Level(name, count, round(float(scaled.min())), round(float(scaled.max())), together))
    return levels
