"""Names for clusters, suggested: what the paths or dates of their pictures share, or what a classifier says of them.

They are shown as suggestions, and are never taken for names until a person does. No label of a data set is read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np

MOST_SHARE, LEAST_LIFT = 0.5, 2.0
"""A word names a cluster if so large a share of its pictures have it, and so many times as many as of all others."""
LEAST_PROBABILITY = 0.3
"""On average over a cluster, of a class that names it; on drawings a classifier of photographs guesses below that."""
MOST_CLASSES = 2
AT_A_TIME = 8192
"""Pictures: the probabilities of all for thousands of nouns would take gigabytes."""
LEAST_OF_NOUNS, MOST_NOUNS = 0.05, 1
"""The same of a noun among thousands, many of which say nearly the same."""
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
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)

SOURCES = ("folders", "file names", "classes", "text", "dates")
"""Of several suggestions for a cluster the first of these counts."""


@dataclass(frozen=True)
class Classes:
    """What a classifier says of pictures."""

    source: str
    """``classes``: the backbone's own, of ImageNet; ``text``: nouns, by the text tower that was trained with it."""
    names: Sequence[str]
    of: Callable[[np.ndarray], np.ndarray]
    """The probabilities, float (m, classes), of m pictures, from their rows."""

    def total(self, rows: np.ndarray) -> np.ndarray:
        """The sum of the probabilities of pictures, float64 (classes,)."""
        parts = [rows[first : first + AT_A_TIME] for first in range(0, len(rows), AT_A_TIME)]
        result: np.ndarray = sum(self.of(part).sum(0, dtype=np.float64) for part in parts)
        return result


@dataclass(frozen=True)
class Suggestion:
    """A name for a cluster."""

    text: str
    source: str
    """Where it comes from, one of `SOURCES`."""
    share: float
    """Of the pictures that have it, or the mean probability of the class or noun, 0..1."""

    def plain(self) -> dict[str, Any]:
        """For the page."""
        return {**asdict(self), "share": round(self.share, 3)}


def suggest(
    paths: Sequence[str], clusters: np.ndarray, taken: Sequence[str] = (), classes: Sequence[Classes] = ()
) -> dict[int, Suggestion]:
    """At most one suggestion for each cluster, no text twice: the cluster that has it most gets it.

    Args:
        paths: of the pictures, from the collection's folder on.
        clusters: int (n,), the number of each picture's cluster.
        taken: when each was taken, see `Facts.taken`; where it is empty, or there are none, a date in the path counts.
        classes: what classifiers say of the pictures.

    Returns:
        by the numbers of the clusters.
    """
    months = [_month(date) or _months(path) for date, path in zip(taken or [""] * len(paths), paths, strict=True)]
    found = _shared([_folder_words(path) for path in paths], clusters, "folders")
    found += _shared([_file_words(path) for path in paths], clusters, "file names")
    found += _shared(months, clusters, "dates")
    for each in classes:
        found += _likely(each, clusters)
    found.sort(key=lambda each: (SOURCES.index(each[1].source), -each[1].share, each[0], each[1].text))
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
    return {_spelled(year, month) for year, month in DATE.findall(path)}


def _month(taken: str) -> set[str]:
    year, _, rest = taken.partition("-")
    return {_spelled(year, rest[:2])} if taken else set()


def _spelled(year: str, month: str) -> str:
    return f"{MONTHS[int(month) - 1]} {year}"


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


def _likely(classes: Classes, clusters: np.ndarray) -> list[tuple[int, Suggestion]]:
    """The classes that a cluster's pictures are likeliest of, and likelier than the others."""
    least, most = (LEAST_OF_NOUNS, MOST_NOUNS) if classes.source == "text" else (LEAST_PROBABILITY, MOST_CLASSES)
    found = []
    numbers = np.unique(clusters).tolist()
    members = [np.flatnonzero(clusters == number) for number in numbers]
    totals = [classes.total(rows) for rows in members]
    overall = np.sum(totals, 0)
    for number, rows, inside in zip(numbers, members, totals, strict=True):
        others = max(len(clusters) - len(rows), 1)
        mean, outside = inside / len(rows), (overall - inside) / others
        fits = np.flatnonzero((mean >= least) & (mean >= LEAST_LIFT * outside))
        best = fits[np.argsort(-mean[fits], kind="stable")][:most]
        if len(best):
            text = ", ".join(classes.names[c] for c in best)
            found.append((number, Suggestion(text, classes.source, float(mean[best[0]]))))
    return found
