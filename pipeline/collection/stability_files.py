"""The files of a result's stability: robustness.csv has a row a picture, robustness.json all else and what wanders."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.base.csv_tables import write_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import read_json, sha256_of_json, write_json
from pipeline.base.text import printable
from pipeline.collection.result import Collection
from pipeline.collection.stability import NOWHERE, Stability, mean_of, verdict

AGAIN = "pipeline robustness"
COLUMNS = ("path", "cluster", "stays", "goes_to")
"""Of the table; then the kinds."""
VERSION = 1
"""Of the files: those of another one are shown no more."""


def key_of(fingerprint: str, head: str, clusters: np.ndarray) -> str:
    """What a clustering is known by: of another one nothing was measured.

    Args:
        fingerprint: of the embeddings.
        head: the SHA-256 of the head.
        clusters: int (n,), the lasting number that the head gives each picture.
    """
    return sha256_of_json([VERSION, fingerprint, head, clusters.tolist()])


def write_stability(
    collection: Collection, key: str, paths: Sequence[str], found: Stability, about: dict[str, Any]
) -> None:
    """Writes both files.

    Args:
        collection: where to.
        key: see `key_of`.
        paths: of the pictures.
        found: what was measured.
        about: how, as plain data.
    """
    collection.robustness.unlink(missing_ok=True)  # The table is not to stand beside what is of another one.
    goes = ["" if number == NOWHERE else number for number in found.goes.tolist()]
    shares = [[_cell(share) for share in column.tolist()] for column in (found.stays, *found.by_kind.T)]
    columns = (paths, found.clusters.tolist(), shares[0], goes, *shares[1:])
    write_table(collection.robustness.with_suffix(".csv"), (*COLUMNS, *found.kinds), zip(*columns, strict=True))
    clusters = zip(found.numbers, found.jaccard.tolist(), found.cluster_by_kind, strict=True)
    leaves = found.by_kind < 1
    whole = {
        "made_from": key,
        **about,
        "overall": {name: _share(mean_of(getattr(found, name)[None])[0]) for name in ("ari", "moved", "auroc")},
        **{name: _by_kind(found, getattr(found, name)) for name in ("ari", "moved", "auroc")},
        "clusters": [
            {
                "cluster": number,
                "pictures": int((found.clusters == number).sum()),
                "stability": _share(jaccard),
                "stays": _by_kind(found, stays),
            }
            for number, jaccard, stays in clusters
        ],
        "wandering": [
            {
                "row": row,
                "path": printable(paths[row]),
                "goes_to": goes[row] if goes[row] != "" else None,
                "stays": _share(found.stays[row]),
                "leaves": [kind for kind, is_left in zip(found.kinds, leaves[row], strict=True) if is_left],
            }
            for row in np.flatnonzero(found.wandering).tolist()
        ],
    }
    write_json(collection.robustness, whole)


def _cell(share: float) -> object:
    return "" if math.isnan(share) else round(share, 4)


def _share(share: float) -> float | None:
    return None if math.isnan(share) else round(float(share), 4)


def _by_kind(found: Stability, shares: np.ndarray) -> dict[str, float | None]:
    return {kind: _share(share) for kind, share in zip(found.kinds, shares.tolist(), strict=True)}


def read_stability(collection: Collection, key: str, pictures: int) -> dict[str, Any] | None:
    """What the page shows of robustness.json, as plain data; None: there is none of this very clustering.

    Args:
        collection: a result.
        key: see `key_of`.
        pictures: how many it has.
    """
    try:
        known = read_json(collection.robustness, AGAIN)
        if known["made_from"] != key:
            return None
        return {
            "disturbed": int(known["disturbed"]),
            "repeats": int(known["repeats"]),
            "percent": int(known["percent"]),
            "clusters": [
                {
                    "number": int(each["cluster"]),
                    "stability": _number(each["stability"]),
                    "verdict": verdict(math.nan if each["stability"] is None else float(each["stability"])),
                    "stays": _shares_in(each["stays"]),
                }
                for each in known["clusters"]
            ],
            "wandering": [
                {
                    "row": _row(each["row"], pictures),
                    "goes": None if each["goes_to"] is None else int(each["goes_to"]),
                    "leaves": [str(kind) for kind in each["leaves"]],
                }
                for each in known["wandering"]
            ],
        }
    except (PipelineError, LookupError, TypeError, ValueError, AttributeError):
        return None


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _shares_in(value: dict[str, Any]) -> dict[str, float]:
    """By kind, without those that nothing was tried of."""
    return {str(kind): float(share) for kind, share in value.items() if share is not None}


def _row(value: Any, pictures: int) -> int:
    if not 0 <= int(value) < pictures:
        raise ValueError("expected the number of a picture")
    return int(value)
