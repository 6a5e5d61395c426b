"""How stable a result is, in a few lines for people."""

from __future__ import annotations

import numpy as np

from pipeline.collection.stability import APART, BORDER, HOLDS, REFITS, Stability, mean_of, verdict


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
    words = {HOLDS: "hold together", BORDER: "have an uncertain border", APART: "fall apart"}
    told = [f"{verdicts.count(one):,} {word}" for one, word in words.items() if one in verdicts]
    wander = f"{found.wandering.sum():,} of {len(found.clusters):,} pictures wander"
    return f"of {len(verdicts):,} clusters {', '.join(told)}; {wander}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
