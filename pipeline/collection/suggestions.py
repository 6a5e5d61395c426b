"""Names for clusters, suggested: from what the paths of their pictures share, or from the backbone's own classifier.

They are shown as suggestions, and are never taken for names until a person does. No label of a data set is read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np

MOST_SHARE, LEAST_LIFT = 0.5, 2.0
"""A word names a cluster if so large a share of its pictures have it, and so many times as many as of all others."""
LEAST_PROBABILITY = 0.3
"""On average over a cluster, of a class that names it; on drawings a classifier of photographs guesses below that."""
MOST_CLASSES = 2
WORD = re.compile(r"[^\W\d_]{3,}")
DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_.]?(0[1-9]|1[0-2])(?:[-_.]?(?:0[1-9]|[12]\d|3[01]))?(?!\d)")
NOTHING = frozenset(
    (
        *("img", "image", "images", "picture", "pictures", "photo", "photos", "pic", "pics", "dsc", "dscn", "dscf"),
        *(
            "pxl",
            "mvi",
            "dcim",
            "camera",
            "screenshot",
            "screenshots",
            "scan",
            "copy",
            "thumb",
            "thumbnail",
            "whatsapp",
        ),
        *("the", "and", "with", "from", "new", "untitled", "final", "edited", "export", "jpg", "jpeg", "png"),
    )
)
"""Words that name files and say nothing of what is on the picture."""


@dataclass(frozen=True)
class Suggestion:
    """A name for a cluster."""

    text: str
    source: str
    """Where it comes from: ``folders``, ``file names``, ``dates`` or ``classes``."""
    share: float
    """Of the pictures that have it, or the mean probability of the class, 0..1."""

    def plain(self) -> dict[str, Any]:
        """For the page."""
        return {**asdict(self), "share": round(self.share, 3)}


def suggest(
    paths: Sequence[str], clusters: np.ndarray, probabilities: np.ndarray | None = None, classes: Sequence[str] = ()
) -> dict[int, Suggestion]:
    """At most one suggestion for each cluster, no text twice: the cluster that has it most gets it.

    Args:
        paths: of the pictures, from the collection's folder on.
        clusters: int (n,), the number of each picture's cluster.
        probabilities: float (n, classes), of the backbone's classifier; None: it has none.
        classes: the names of its classes.

    Returns:
        by the numbers of the clusters.
    """
    found: list[tuple[int, Suggestion]] = []
    for source, of in (("folders", _folder_words), ("file names", _file_words), ("dates", _months)):
        found += _shared([of(path) for path in paths], clusters, source)
    if probabilities is not None:
        found += _likely(probabilities, clusters, classes)
    order = ("folders", "file names", "classes", "dates")
    found.sort(key=lambda each: (order.index(each[1].source), -each[1].share, each[0], each[1].text))
    chosen: dict[int, Suggestion] = {}
    for number, suggestion in found:
        if number not in chosen and suggestion.text not in {other.text for other in chosen.values()}:
            chosen[number] = suggestion
    return chosen


def _folder_words(path: str) -> set[str]:
    parts = PurePosixPath(path).parts[:-1]
    return {word for part in parts for word in _words(part)}


def _file_words(path: str) -> set[str]:
    return _words(PurePosixPath(path).stem)


def _words(text: str) -> set[str]:
    return {word.casefold() for word in WORD.findall(text)} - NOTHING


def _months(path: str) -> set[str]:
    return {f"{year}-{month}" for year, month in DATE.findall(path)}


def _shared(tokens: Sequence[set[str]], clusters: np.ndarray, source: str) -> list[tuple[int, Suggestion]]:
    """What many pictures of a cluster have, and few others."""
    sizes = Counter(clusters.tolist())
    everywhere = Counter(token for each in tokens for token in each)
    inside: dict[int, Counter[str]] = {number: Counter() for number in sizes}
    for number, each in zip(clusters.tolist(), tokens, strict=True):
        inside[number].update(each)
    found = []
    for number, counts in inside.items():
        others = len(clusters) - sizes[number]
        for token, count in counts.items():
            share = count / sizes[number]
            outside = (everywhere[token] - count) / others if others else 0.0
            if share >= MOST_SHARE and share >= LEAST_LIFT * outside and sizes[number] > 1:
                found.append((number, Suggestion(token, source, share)))
    return found


def _likely(probabilities: np.ndarray, clusters: np.ndarray, classes: Sequence[str]) -> list[tuple[int, Suggestion]]:
    """The classes that a cluster's pictures are likeliest of, and likelier than the others."""
    found = []
    overall = probabilities.sum(0, dtype=np.float64)
    for number in np.unique(clusters).tolist():
        members = clusters == number
        inside = probabilities[members].sum(0, dtype=np.float64)
        others = max(int((~members).sum()), 1)
        mean, outside = inside / members.sum(), (overall - inside) / others
        fits = np.flatnonzero((mean >= LEAST_PROBABILITY) & (mean >= LEAST_LIFT * outside))
        best = fits[np.argsort(-mean[fits], kind="stable")][:MOST_CLASSES]
        if len(best):
            found.append((number, Suggestion(", ".join(classes[c] for c in best), "classes", float(mean[best[0]]))))
    return found
