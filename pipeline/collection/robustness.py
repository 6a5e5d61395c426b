"""robustness: a finished result -> which clusters hold together, and which pictures wander. No labels, no text."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.collection.result import Collection
from pipeline.collection.trials import measure
from pipeline.config.devices import pick_device

Place = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class Robustness:
    """How stable the clusters of a result are.

    Attributes
    ----------
    ids : list of str
        The pictures by their paths in the result, or the ids of embeddings.
    clusters : ndarray of int, shape (n,)
        The number of each one's cluster, before anybody corrected it.
    stays : ndarray of float, shape (n,)
        The share of the fits made once more in which it is in its cluster; NaN where it was in none.
    goes_to : ndarray of int, shape (n,)
        Where it is most often if not there; -1: it never left.
    wandering : ndarray of bool, shape (n,)
        Whether it leaves in more than half of the fits, or of the disturbances.
    stability : dict
        By the number of a cluster how far it was found again, 0 to 1: the mean Jaccard index (Hennig, 2007).
    ari : dict
        By kind of trial the adjusted Rand index with the result.
    moved : dict
        By kind the share of the pictures that leave their cluster.
    auroc : dict
        By kind how well a low confidence foretells which do; 0.5: not at all.
    folder : Path
        The result, with ``robustness.csv`` and ``robustness.json``.
    page : Path
        Its HTML page, which shows it.
    """

    ids: list[str]
    clusters: np.ndarray
    stays: np.ndarray
    goes_to: np.ndarray
    wandering: np.ndarray
    stability: dict[int, float]
    ari: dict[str, float]
    moved: dict[str, float]
    auroc: dict[str, float]
    folder: Path
    page: Path


def robustness(result: Place, device: str = "auto", pictures: Place | None = None) -> Robustness:
    """Tries how stable the clusters of a result are, as ``pipeline robustness`` does: no labels, no text.

    The pictures are disturbed and given to the saved head, and the method is fitted once more to fewer of them and with
    other seeds. What was computed before is kept. Progress goes to standard error.

    Parameters
    ----------
    result : path
        The folder that ``cluster`` filled.
    device : str, default="auto"
        ``auto`` (CUDA where there is one), ``cpu``, ``cuda`` or ``cuda:N``.
    pictures : path, default=None
        The folder where the pictures are now, if they were moved. None: as when they were clustered.

    Returns
    -------
    Robustness

    Raises
    ------
    PipelineError
        If there is no result, it is of another version, or a part of it is missing or damaged.
    """

    def silent(line: str, err: bool = False) -> None:
        """The results are given back, so nobody needs to read of them."""

    collection = Collection(Path(result))
    place = None if pictures is None else Path(pictures)
    ids, found = measure(collection, pick_device(device), silent, place)

    def by_kind(values: np.ndarray) -> dict[str, float]:
        return dict(zip(found.kinds, values.tolist(), strict=True))

    return Robustness(
        ids=ids,
        clusters=found.clusters,
        stays=found.stays,
        goes_to=found.goes,
        wandering=found.wandering,
        stability=dict(zip(found.numbers, found.jaccard.tolist(), strict=True)),
        ari=by_kind(found.ari),
        moved=by_kind(found.moved),
        auroc=by_kind(found.auroc),
        folder=collection.folder,
        page=collection.page,
    )
