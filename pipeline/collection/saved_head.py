"""A saved head for use from Python: the clusters of new embeddings, and what makes such embeddings."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pipeline.collection.rules import Rules, read_rules
from pipeline.config.names import MIX_SIGN
from pipeline.features.scaling import recorded, rounded
from pipeline.heads.head_file import head_file
from pipeline.heads.problem import Model
from pipeline.heads.saved import load_model
from pipeline.methods import METHODS


@dataclass(frozen=True, eq=False)
class SavedHead:
    """A fitted head, and what it knows of its embeddings.

    Attributes
    ----------
    method : str
        The method that fitted it, such as ``scp``.
    backbone : str
        What makes its embeddings, such as ``efficientnet-lite0``; of a mix ``first+second``; ``embeddings`` where they
        were brought in a file.
    dim : int
        Length of an embedding.
    n_clusters : int
        Clusters that it tells apart.
    numbers : ndarray of int, shape (n_clusters,)
        Their numbers, which later runs keep: column i of `predict_proba` is cluster ``numbers[i]``. They are 0, 1, ...
        unless ``clusters.json`` beside the head says otherwise.
    embedding : dict
        ``parts``: for each backbone its name, model, SHA-256 of the weights, length of the embedding, precision,
        geometry of the pictures, and normalisation. ``ranges``, where pictures had more than eight bits: the least and
        the most value that they are opened with.
    """

    method: str
    backbone: str
    dim: int
    n_clusters: int
    numbers: np.ndarray
    embedding: dict[str, Any]
    model: Model
    rules: Rules

    def predict(self, embeddings: ArrayLike) -> np.ndarray:
        """The cluster of each embedding, as the page and the tables number it.

        Merges and splits that lie beside the head are heeded. Pictures that were moved are not known here.

        Parameters
        ----------
        embeddings : array-like of shape (n, dim)
            As `backbone` makes them, not scaled: where a clustering scaled those in its file,
            the head does so too. They are rounded to float16, as a cache holds them.

        Returns
        -------
        ndarray of int, shape (n,)

        Raises
        ------
        ValueError
            If they have another shape, or numbers that are not finite.
        """
        rows = self._rows(embeddings)
        return self.rules.resolve(self.model.logits(rows).argmax(1), rows)

    def predict_proba(self, embeddings: ArrayLike) -> np.ndarray:
        """How clear-cut each of the head's clusters is for each embedding; not how often the head is right.

        Parameters
        ----------
        embeddings : array-like of shape (n, dim)
            See `predict`.

        Returns
        -------
        ndarray of float, shape (n, n_clusters)
            The confidences, 0 to 1.

        Raises
        ------
        ValueError
            See `predict`.
        """
        return self.model.confidences(self.model.logits(self._rows(embeddings)))

    def _rows(self, embeddings: ArrayLike) -> np.ndarray:
        given = np.asarray(embeddings)
        given = given.astype(np.float32 if np.can_cast(given.dtype, np.float32) else np.float64, copy=False)
        if given.ndim != 2 or given.shape[1] != self.dim:
            raise ValueError(
                f"expected embeddings of the shape (n, {self.dim}), as {self.backbone} makes them, found {given.shape}"
            )
        parts = self.embedding["parts"]
        rows = rounded(given, recorded(parts[0], self.dim) if len(parts) == 1 else None)
        if not np.isfinite(rows).all():
            raise ValueError("expected finite numbers that float16 can hold, found others")
        return rows.astype(np.float32)


def load_head(path: str | os.PathLike[str]) -> SavedHead:
    """Loads a head that ``pipeline fit`` or ``pipeline cluster`` has saved. No code that the file may carry is run.

    Parameters
    ----------
    path : path
        The folder of the head, such as ``pictures-clusters/head``, or the file in it.

    Returns
    -------
    SavedHead

    Raises
    ------
    PipelineError
        If there is no head, or it or what lies beside it is damaged.
    """
    file = head_file(Path(path))
    saved = load_model(file, METHODS)
    parts = saved.embedding["parts"]
    dim = sum(part["dim"] for part in parts)
    clusters = saved.model.logits(np.zeros((1, dim), np.float32)).shape[1]
    backbone = MIX_SIGN.join(part["backbone"] for part in parts)
    rules = read_rules(file.parent, clusters, dim)
    numbers = np.array(rules.numbers.numbers, dtype=np.int64)
    return SavedHead(saved.method, backbone, dim, clusters, numbers, saved.embedding, saved.model, rules)
