"""predict: a fitted head and new pictures -> the cluster of each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.base.errors import PipelineError
from pipeline.collection.embedder import Embedder
from pipeline.collection.known import Known, known_to
from pipeline.collection.rules import Rules, read_rules
from pipeline.features.scaling import LARGEST, recorded, rounded
from pipeline.features.vectors import read_vectors
from pipeline.heads.head_file import head_file
from pipeline.heads.saved import SavedModel, load_model
from pipeline.images.examination import Rejected, examine
from pipeline.images.listing import ImageRecord, LostPictureError
from pipeline.images.skipping import said
from pipeline.images.sources import find_files, is_vectors
from pipeline.methods import METHODS

NOWHERE = Path(os.devnull)
Row = tuple[str, int, str, int, str, str]


@dataclass(frozen=True)
class Predicted:
    """What the head says of the pictures, and which files are none."""

    rows: list[Row]
    """In the columns `NAMED_COLUMNS`; confidences with six digits."""
    rejected: list[Rejected]
    remarks: list[tuple[str, str]]
    """Paths of pictures that were used in part, and what is missing."""
    skipped: str = ""
    """What was passed over unseen, for people."""
    alone: bool = False
    """Whether the confidences are the head's own (softmax), as no result is around it; see docs/confidence.md."""


def predict(head: Path, sources: Sequence[str], device: str, exclude: Sequence[str] = ()) -> Predicted:
    """Assigns pictures by a saved head alone: it knows its backbone, the preprocessing and the weights' hash.

    What people corrected lies beside it: numbers and names, clusters that were merged or split, and the pictures that
    were moved, which are known by their content. Confidences are those of `cluster` where the result is around the
    head, and else the head's own.

    Args:
        head: the folder of the head, or its file.
        sources: folders, files, patterns, lists; or one file of embeddings, or a folder of such.
        device: ``cpu`` or a CUDA device.
        exclude: patterns of what to pass over in the sources.

    Raises:
        PipelineError: if the head cannot be read, its backbone has another preprocessing or other weights here, or a
            source is not there.
    """
    path = head_file(head)
    saved = load_model(path, METHODS)
    dim = sum(part["dim"] for part in saved.embedding["parts"])
    rules = read_rules(path.parent, saved.model.logits(np.zeros((1, dim), np.float32)).shape[1], dim)
    known = known_to(path, saved.embedding)
    if is_vectors(sources):
        return Predicted(_predict_vectors(saved, rules, known, Path(sources[0])), [], [], alone=known is None)
    embedder = Embedder(saved.embedding, device, str(head))
    found = find_files(sources, NOWHERE, exclude)
    looked = examine(found.root, found.paths, "new", ranges=embedder.ranges)
    records = [record for record in looked if isinstance(record, ImageRecord)]
    rejected = [record for record in looked if isinstance(record, Rejected)]
    rows: list[Row] = []
    remarks: list[tuple[str, str]] = []
    while records:
        try:
            clean = embedder.embed(records).astype(np.float32)
        except LostPictureError as lost:
            rejected.append(Rejected(lost.image_id, "lost while this ran"))
            records = [record for record in records if record.id != lost.image_id]
            continue
        names = [_shown(Path(record.path)) for record in records]
        remarks = [(name, record.remark) for name, record in zip(names, records, strict=True) if record.remark]
        rows = _rows(saved, rules, known, clean, names, [record.digest for record in records])
        break
    named = [Rejected(_shown(found.root / path), reason) for path, reason in rejected]
    return Predicted(rows, named, remarks, said(found.skipped), known is None)


def _predict_vectors(saved: SavedModel, rules: Rules, known: Known | None, path: Path) -> list[Row]:
    """The same for embeddings that were brought, after the very scaling that the head's own had."""
    vectors = read_vectors(path, fewest=1)
    parts = saved.embedding["parts"]
    dim = sum(part["dim"] for part in parts)
    if vectors.views.shape[2] != dim:
        made_by = "+".join(part["backbone"] for part in parts)
        raise PipelineError(
            f"{path}: expected embeddings of {dim} numbers ({made_by}), as the head was fitted on, found "
            f"{vectors.views.shape[2]}"
        )
    # As the cache rounds them, so that the same row has the same cluster again.
    scaling = recorded(parts[0], dim) if len(parts) == 1 else None
    clean = rounded(vectors.views[:, 0], scaling)
    bad = ~np.isfinite(clean).all(axis=1)
    if bad.any() or (scaling is None and np.abs(clean).max() < LARGEST[0]):
        what = f"row {int(bad.argmax())} far outside of it" if bad.any() else f"no number above {LARGEST[0]:g}"
        raise PipelineError(
            f"{path}: expected embeddings in the range of those that the head was fitted on, found {what}; bring them "
            "as those were made"
        )
    return _rows(saved, rules, known, clean.astype(np.float32), vectors.ids)


def _rows(
    saved: SavedModel,
    rules: Rules,
    known: Known | None,
    clean: np.ndarray,
    names: Sequence[str],
    digests: Sequence[str] = (),
) -> list[Row]:
    logits = saved.model.logits(clean)
    order = np.argsort(-logits, axis=1, kind="stable")
    first, second, place = rules.choices(order, clean, digests)
    if known is not None:
        both = known.confidences(clean, digests or names, [first, second])
    else:
        every, confidences = np.arange(len(order)), saved.model.confidences(logits)
        both = [confidences[every, order[:, 0]], confidences[every, order[every, place]]]
    best = [each.tolist() for each in both]
    return [
        (name, one, f"{p:.6f}", other, f"{q:.6f}", rules.numbers.called(one))
        for name, one, p, other, q in zip(names, first.tolist(), best[0], second.tolist(), best[1], strict=True)
    ]


def _shown(path: Path) -> str:
    """A path as people type it here: relative where it lies below the current folder."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
