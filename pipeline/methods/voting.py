"""The model of methods that give an assignment and no rule: the images with their clusters, which vote on new ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.base.errors import PipelineError
from pipeline.config.types import Count
from pipeline.features.components import Components
from pipeline.features.neighbours import nearest
from pipeline.heads.problem import Problem

SAME = 2.0**-10
"""Up to this distance, as a share of its length, an embedding counts as a known one; float16 rounds by half of it."""


@dataclass(frozen=True)
class AssignmentSettings:
    """How a method that gives an assignment and no rule predicts; see `pipeline.methods.voting`."""

    components: Count
    voters: Count


@dataclass(frozen=True)
class Labelled:
    """The model: the nearest known images vote.

    A known image keeps its own cluster, whatever its neighbours have, unless another one looks exactly alike.
    """

    components: Components
    rows: np.ndarray
    """float16 (images, components), of the known images."""
    assigned: np.ndarray
    """int32 (images,), the cluster of each."""
    clusters: int
    voters: int

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        """The share of the votes of the nearest known images, those further off counting less, down to 1/e.

        An embedding that is known gets 1 more for its own cluster.
        """
        queries = self.components.project(embeddings)
        found, distances = nearest(self.rows.astype(np.float32), queries, self.voters)
        votes = np.exp(-((distances / np.maximum(distances[:, -1:], 1e-12)) ** 2))
        logits = np.zeros((len(queries), self.clusters), np.float32)
        which = np.arange(len(queries))
        np.add.at(logits, (which[:, None], self.assigned[found]), votes / votes.sum(1, keepdims=True))
        # Anew from the difference: by the search's products a distance of 0 comes out as one of 0.0003.
        off = np.linalg.norm(self.rows[found[:, 0]].astype(np.float32) - queries, axis=1)
        known = off <= SAME * np.linalg.norm(queries, axis=1)
        logits[which[known], self.assigned[found[known, 0]]] += 1
        return logits

    def confidences(self, logits: np.ndarray) -> np.ndarray:
        """Shares of the votes; of a known image its own cluster counts as much as all votes together."""
        shares: np.ndarray = logits / logits.sum(1, keepdims=True)
        return shares

    def config(self) -> dict[str, Any]:
        """Number of clusters and of votes."""
        return {"clusters": self.clusters, "voters": self.voters}

    def tensors(self) -> dict[str, np.ndarray]:
        """The known images and the components."""
        return {**self.components.tensors(), "rows": self.rows, "assigned": self.assigned}


def of_assignment(problem: Problem, assigned: np.ndarray, clusters: int, settings: AssignmentSettings) -> Labelled:
    """The model of an assignment of the train images, int (images,)."""
    clean = problem.views[:, 0]
    components = problem.components(settings.components)
    rows = components.project(clean).astype(np.float16)
    return Labelled(components, rows, assigned.astype(np.int32), clusters, settings.voters)


def restore(config: dict[str, Any], tensors: dict[str, np.ndarray]) -> Labelled:
    """The model from what it saved."""
    rows, assigned, clusters, voters = tensors["rows"], tensors["assigned"], config["clusters"], config["voters"]
    if type(clusters) is not int or type(voters) is not int:
        raise ValueError("expected whole numbers of clusters and of votes, found others")
    if not 0 <= assigned.min() <= assigned.max() < clusters <= len(rows) == len(assigned) or voters < 1:
        raise ValueError("its clusters are not those of its images")
    return Labelled(Components.restore(tensors), rows, assigned, clusters, voters)


def check_size(method: str, images: int, most: int) -> None:
    """Refuses more images than a method can take whose time or memory grows with their square.

    Raises:
        PipelineError: if there are more.
    """
    if images > most:
        raise PipelineError(
            f"{method}: expected at most {most:,} images, as every pair of them is looked at, found {images:,}; leave "
            f"the method out, or raise fit.{method.replace('-', '_')}.most_images in params.yaml"
        )
