"""predict: a fitted head and new pictures -> the cluster of each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from pipeline import backbones
from pipeline.backbones import Backbone, get_backbone
from pipeline.embedding import Timings, embed, read_ahead
from pipeline.errors import PipelineError
from pipeline.features import unit_length
from pipeline.images import ImageRecord, Rejected, examine
from pipeline.methods.saved import load_model
from pipeline.names import HEAD
from pipeline.predictions import best_two
from pipeline.settings import Augmentation, ExtractSettings
from pipeline.sources import find_files

NO_VIEWS = Augmentation(0.0, (1.0, 1.0), 0.0, (0.0, 0.0))
NOWHERE = Path(os.devnull)
BATCH = 32
COLUMNS = ("path", "cluster", "confidence", "second", "second_confidence")


@dataclass(frozen=True)
class Predicted:
    """What the head says of the pictures, and which files are none."""

    rows: list[tuple[str, int, str, int, str]]
    """In the columns `COLUMNS`; confidences with six digits."""
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
    ready = [(part, *_prepared(head, part)) for part in saved.embedding["parts"]]
    found = find_files(sources, NOWHERE)
    looked = examine(found.root, found.paths, "new")
    records = [record for record in looked if isinstance(record, ImageRecord)]
    rejected = [
        Rejected(_shown(found.root / record.path), record.reason) for record in looked if isinstance(record, Rejected)
    ]
    if not records:
        return Predicted([], rejected)
    parts = [_embed(records, backbone, weights, part["precision"], device) for part, backbone, weights in ready]
    clean = parts[0] if len(parts) == 1 else np.concatenate([unit_length(part) for part in parts], 1)
    logits = saved.model.logits(clean.astype(np.float32))
    order, best = best_two(logits, saved.model.confidences(logits))
    rows = [
        (_shown(Path(record.path)), int(first), f"{p:.6f}", int(second), f"{q:.6f}")
        for record, (first, second), (p, q) in zip(records, order, best, strict=True)
    ]
    return Predicted(rows, rejected)


def _prepared(head: Path, part: dict[str, Any]) -> tuple[Backbone, Path]:
    """The backbone as the head knows it, and its weights here."""
    entry = get_backbone(part["backbone"], str(head))
    backbone = entry if asdict(entry.geometry) == part["geometry"] else entry.at_size(part["geometry"]["size"])
    here = {
        "model": backbone.model,
        "geometry": asdict(backbone.geometry),
        "mean": list(backbone.mean),
        "std": list(backbone.std),
        "dim": backbone.dim,
    }
    for key, found in here.items():
        if part[key] != found:
            raise PipelineError(
                f"{head}: the head was fitted on {entry.name} with {key} {part[key]}, this version has {found}; "
                "use the version that fitted it, or fit again"
            )
    weights, sha256 = backbones.find_weights(backbone)
    if sha256 != part["weights_sha256"]:
        raise PipelineError(
            f"{head}: the head was fitted on weights of {entry.name} with the SHA-256 {part['weights_sha256']}, found "
            f"{sha256} in {weights}; bring those weights, or fit again"
        )
    return backbone, weights


def _embed(records: list[ImageRecord], backbone: Backbone, weights: Path, precision: str, device: str) -> np.ndarray:
    """Clean embeddings, float16 (images, dim)."""
    settings = ExtractSettings(0, 0, NO_VIEWS, precision, BATCH, len(records))
    module = backbones.load(backbone, weights).to(device)
    reader = read_ahead(Path(), records, backbone, settings, workers=min(8, os.cpu_count() or 1))
    with tqdm(total=len(records), desc=backbone.name, unit=" images", disable=None, leave=False) as progress:
        return embed(module, backbone, reader, len(records), settings, device, Timings(), progress)[:, 0]


def _shown(path: Path) -> str:
    """A path as people type it here: relative where it lies below the current folder."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
