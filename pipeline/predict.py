"""predict: a fitted head and new pictures -> the cluster of each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.embedder import Embedder
from pipeline.images import ImageRecord, Rejected, examine
from pipeline.methods.saved import load_model
from pipeline.names import HEAD
from pipeline.predictions import best_two
from pipeline.sources import find_files

NOWHERE = Path(os.devnull)


@dataclass(frozen=True)
class Predicted:
    """What the head says of the pictures, and which files are none."""

    rows: list[tuple[str, int, str, int, str]]
    """In the columns `PREDICTED_COLUMNS`; confidences with six digits."""
    rejected: list[Rejected]


def predict(head: Path, sources: Sequence[str], device: str) -> Predicted:
    """Assigns pictures by a saved head alone: it knows its backbone, the preprocessing and the weights' hash.

    Args:
        head: the folder of the head, or its file.
        sources: folders, files, patterns, lists.
        device: ``cpu`` or a CUDA device.

    Raises:
        PipelineError: if the head cannot be read, its backbone has another preprocessing or other weights here, or a
            source is not there.
    """
    saved = load_model(head / HEAD if head.is_dir() else head)
    embedder = Embedder(saved.embedding, device, str(head))
    found = find_files(sources, NOWHERE)
    looked = examine(found.root, found.paths, "new")
    records = [record for record in looked if isinstance(record, ImageRecord)]
    refused = [record for record in looked if isinstance(record, Rejected)]
    rejected = [Rejected(_shown(found.root / path), reason) for path, reason in refused]
    if not records:
        return Predicted([], rejected)
    logits = saved.model.logits(embedder.embed(records).astype(np.float32))
    order, best = best_two(logits, saved.model.confidences(logits))
    rows = [
        (_shown(Path(record.path)), int(first), f"{p:.6f}", int(second), f"{q:.6f}")
        for record, (first, second), (p, q) in zip(records, order, best, strict=True)
    ]
    return Predicted(rows, rejected)


def _shown(path: Path) -> str:
    """A path as people type it here: relative where it lies below the current folder."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
