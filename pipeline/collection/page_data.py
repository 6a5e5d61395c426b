"""What the page to browse knows of a collection, as JSON: the script reads it in `data.js`."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from pipeline.base.text import printable
from pipeline.collection.copies import Copy
from pipeline.collection.edits import Action
from pipeline.collection.estimate import Estimate
from pipeline.collection.layout import Layout
from pipeline.collection.levels import Levels
from pipeline.collection.numbers import Numbers
from pipeline.collection.questions import Question
from pipeline.heads.predictions import Assignments
from pipeline.images.facts import Facts
from pipeline.images.listing import ImageRecord
from pipeline.images.sources import absolute
from pipeline.images.thumbnails import thumbnail_path

INSIDE = 64 * 2**20
"""Thumbnails of so many bytes together go into the page, which is then one file; more stay beside it."""
FIRST = 24
"""Of each cluster, whose thumbnails come before the script, which waits for no others: a line of the overview."""


def page_data(
    records: list[ImageRecord],
    found: Assignments,
    margins: np.ndarray,
    layout: Layout,
    root: Path,
    about: str,
    run: str,
    numbers: Numbers,
    estimate: Estimate | None = None,
    thumbnails: dict[str, str] | None = None,
    folder: Path | None = None,
    actions: Sequence[Action] = (),
    changes: dict[str, int] | None = None,
    suggestions: dict[str, Any] | None = None,
    questions: Sequence[Question] = (),
    copies: Sequence[Sequence[Copy]] = (),
    facts: Sequence[Facts | None] = (),
    levels: Levels | None = None,
    stability: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """All that the page shows but enlarged pictures; without `thumbnails` these stand beside it.

    It looks for a picture on the way from `folder`, where it is itself, and then where `root` was.

    `margins`, float (n,), order the pictures of a cluster from typical to uncertain: the confidences without rounding.
    `copies` are the groups of near-duplicates, each from the best to the worst; `facts` those of every picture.

    Clusters go by their lasting `numbers`, as the head has them: the script applies the `actions` of edits.json itself.
    `changes` says how many pictures are new, gone, moved and renamed since the run before, if there was one.
    `suggestions` are names for clusters as people see them, by their numbers; `questions` what to ask people.
    `stability` is what `stability_files.read_stability` gives; the page without it knows of none.
    """
    row_of = {record.id: row for row, record in enumerate(records)}
    return {
        "about": printable(about),
        "root": printable(str(root)),
        "roots": [f"{place}/" for place in (folder and way_to(root, folder), address(root)) if place],
        "run": run,
        "result": numbers.result,
        "numbers": list(numbers.numbers),
        "next": numbers.next,
        "edits": list(actions),
        "changes": changes,
        "suggestions": suggestions or {},
        "questions": [asdict(question) for question in questions],
        "paths": [printable(record.id) for record in records],
        # Only where the path as text does not lead to the file.
        "addresses": {row: address(Path(r.id)) for row, r in enumerate(records) if printable(r.id) != r.id},
        "digests": [record.digest for record in records],
        "cluster": numbers.of(found.clusters).tolist(),
        "confidence": [round(value, 4) for value in found.confidences.tolist()],
        "margin": [float(f"{value:.5g}") for value in margins.tolist()],
        "second": numbers.of(found.seconds).tolist(),
        "second_confidence": [round(value, 4) for value in found.second_confidences.tolist()],
        # As in `Layout`, the places with x and y in turn.
        "places": [round(value, 4) for value in layout.places.ravel().tolist()],
        "near": layout.neighbours.tolist(),
        "remoteness": [float(f"{value:.4g}") for value in layout.remoteness.tolist()],
        "copies": layout.copies.tolist(),
        # By row the place in its group, the best first.
        "ranks": {row_of[each.record.id]: place for group in copies for place, each in enumerate(group)},
        # Width and height in turn, and bytes; 0: unknown. Dates where there are any.
        "sizes": [value for each in facts for value in ((each.width, each.height) if each else (0, 0))],
        "bytes": [each.size if each else 0 for each in facts],
        "dates": {row: each.taken for row, each in enumerate(facts) if each and each.taken},
        # As in `Levels`.
        "levels": None if levels is None else {"groups": levels.groups, "parts": levels.parts.tolist()},
        "thumbnails": thumbnails,
        "estimate": None if estimate is None else {"line": estimate.line(), **asdict(estimate)},
        **({} if stability is None else {"stability": stability}),
    }


def read_thumbnails(folder: Path, records: list[ImageRecord]) -> dict[str, str] | None:
    """The thumbnails in base64 by the digest of their picture; None: they are too much for one page."""
    files = {
        digest: thumbnail_path(folder, digest) for digest in sorted({record.digest for record in records}) if digest
    }
    there = {digest: file for digest, file in files.items() if file.is_file()}
    if sum(file.stat().st_size for file in there.values()) > INSIDE:
        return None
    return {digest: base64.b64encode(file.read_bytes()).decode("ascii") for digest, file in there.items()}


def split_thumbnails(data: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The data of a page with the thumbnails that it shows first, and the other thumbnails."""
    if data["thumbnails"] is None:
        return data, {}
    clusters = np.array(data["cluster"])
    order = np.lexsort((-np.array(data["margin"]), clusters))
    place = np.arange(len(order)) - np.searchsorted(clusters[order], clusters[order])
    soon = {data["digests"][row] for row in order[place < FIRST].tolist()}
    parts: tuple[dict[str, str], dict[str, str]] = {}, {}
    for digest, thumbnail in data["thumbnails"].items():
        parts[digest not in soon][digest] = thumbnail
    return {**data, "thumbnails": parts[0]}, parts[1]


def way_to(root: Path, folder: Path) -> str | None:
    """The way from a folder to another as a relative URL; None where there is none, as between drives of Windows."""
    try:
        return "./" + address(Path(os.path.relpath(root, absolute(folder))))
    except ValueError:
        return None


def address(path: Path) -> str:
    """The URL of a path, absolute with its scheme or relative."""
    return ("file://" if path.is_absolute() else "") + quote(os.fsencode(path))
