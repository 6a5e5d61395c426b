"""What people are told of the trials of a result: what they cost, and in a few lines how stable it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.collection.stability import APART, BORDER, HOLDS, REFITS, Planned, Stability, mean_of, verdict

VERDICTS = {
    HOLDS: ("holds together", "hold together"),
    BORDER: ("has an uncertain border", "have an uncertain border"),
    APART: ("falls apart", "fall apart"),
}
"""Of one cluster, and of several."""


def lines(found: Stability) -> list[str]:
    """A line of the clusters, and one each of the fits, the disturbances and the confidence."""
    refits = np.array([kind in REFITS for kind in found.kinds])
    told = [_clusters(found)]
    for what, chosen in (("fitted once more", refits), ("disturbed", ~refits)):
        if chosen.any():
            told.append(f"{what}: ARI {found.ari[chosen].mean():.2f}, {_percent(found.moved[chosen].mean())} move")
    auroc = mean_of(found.auroc[None])[0]
    if not np.isnan(auroc):
        told.append(f"a low confidence foretells which: AUROC {auroc:.2f} (0.5: not at all)")
    return told


def _clusters(found: Stability) -> str:
    verdicts = [verdict(jaccard) for jaccard in found.jaccard.tolist()]
    counts = [(verdicts.count(word), one, more) for word, (one, more) in VERDICTS.items()]
    told = ", ".join(f"{count:,} {one if count == 1 else more}" for count, one, more in counts if count)
    wanders = int(found.wandering.sum())
    verb = "wanders" if wanders == 1 else "wander"
    return f"of {len(verdicts):,} clusters {told}; {wanders:,} of {len(found.clusters):,} pictures {verb}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def cost(missing: Sequence[Planned], method: str, embedding: float, fit: float | None) -> str:
    """What is to be computed, and about how long that takes, for people.

    Args:
        missing: the trials.
        method: that is fitted.
        embedding: seconds that one takes.
        fit: likewise; None: nobody knows yet.
    """
    embeddings = sum(plan.count for plan in missing if plan.kind not in REFITS)
    fits = sum(plan.kind in REFITS for plan in missing)
    if not missing:
        return "all of it was computed before, and is kept"
    told = [f"{embeddings:,} embeddings of disturbed pictures"] if embeddings else []
    told += [f"{fits:,} fits of {method}"] if fits else []
    known = duration(embeddings * embedding + fits * (fit or 0))
    if fits and fit is None:
        known = (
            f"{known} for the embeddings; the first fit tells the rest" if embeddings else "the first tells how long"
        )
    return f"to compute: {' and '.join(told)}, {known}"


def duration(seconds: float) -> str:
    """A time as people say it."""
    minutes = round(seconds / 60)
    return "less than a minute" if minutes < 1 else f"about {minutes:,} minute{'s' if minutes > 1 else ''}"
