"""New pictures -> the embeddings that a saved head takes, made by the backbones that it was fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from pipeline.backbones import loaders
from pipeline.backbones.registry import Backbone, get_backbone
from pipeline.backbones.weights import find_weights
from pipeline.base.errors import PipelineError
from pipeline.config.names import OWN
from pipeline.config.settings import GEOMETRIES, Augmentation, ExtractSettings
from pipeline.extraction.batches import embed
from pipeline.extraction.rendering import Change
from pipeline.extraction.streams import Streams
from pipeline.extraction.timings import Timings
from pipeline.features.lengths import unit_length
from pipeline.images.depth import ranges_of
from pipeline.images.listing import ImageRecord

NO_AUGMENTATION = Augmentation(0.0, (1.0, 1.0), 0.0, (0.0, 0.0))
BATCH = 32
USUAL = 224
"""Pixels of a side of most backbones' input."""


class Embedder:
    """The backbones of a saved head, checked to be those that it knows."""

    def __init__(self, embedding: dict[str, Any], device: str, where: str) -> None:
        """Checks every backbone; nothing is loaded yet.

        Args:
            embedding: what the head knows of its embedding, see `pipeline.features.cache.Features.describe`.
            device: ``cpu`` or a CUDA device.
            where: the head's place, for errors.

        Raises:
            PipelineError: if a backbone is not known, or has another preprocessing or other weights here.
        """
        self.device = device
        try:
            self.ranges = ranges_of(embedding.get("ranges", {}))
        except (ValueError, OverflowError) as error:
            raise PipelineError(f"{where}: not a saved head ({error}); fit again") from None
        self.parts = [(*_checked(part, where), str(part["precision"])) for part in embedding["parts"]]

    @property
    def side(self) -> int:
        """Pixels of a side of the largest input of a backbone, and those of most at least: 224."""
        return max(USUAL, *(backbone.geometry.size for backbone, _, _ in self.parts))

    def embed(self, records: Sequence[ImageRecord], change: Change | None = None) -> np.ndarray:
        """The clean embeddings, float16 (images, dim); of several backbones joined as a mix is.

        Args:
            records: the pictures.
            change: of the decoded pictures; None: they stay as they are.

        Raises:
            PipelineError: if a picture is gone or cannot be read.
        """
        parts = [self._embed(records, change, *part) for part in self.parts]
        return parts[0] if len(parts) == 1 else np.concatenate([unit_length(part) for part in parts], 1)

    def _embed(
        self,
        records: Sequence[ImageRecord],
        change: Change | None,
        backbone: Backbone,
        weights: Path,
        precision: str,
    ) -> np.ndarray:
        batch = min(
            BATCH, len(records)
        )  # A batch is filled up, and for a picture alone that would be most of the time.
        settings = ExtractSettings(0, 0, NO_AUGMENTATION, precision, batch, batch, len(records))
        module = loaders.load(backbone, weights).to(self.device)
        streams = Streams(module, backbone, settings, self.device)
        reader = streams.read_ahead(Path(), records, change=change)
        with tqdm(total=len(records), desc=backbone.name, unit=" images", disable=None, leave=False) as progress:
            rows = embed(streams, reader, len(records), Timings(), progress.update)
        return rows[:, 0]


def _checked(part: dict[str, Any], where: str) -> tuple[Backbone, Path]:
    """The backbone as the head knows it, and its weights here."""
    if part["backbone"] == OWN:
        raise PipelineError(
            f"{where}: the head was fitted on embeddings that were brought in a file; give it a file of embeddings "
            "made the same way, not pictures"
        )
    entry = get_backbone(part["backbone"], where)
    ways = [entry.seeing(name, size) for name in GEOMETRIES for size in (None, part["geometry"]["size"])]
    backbone = next((each for each in ways if asdict(each.geometry) == part["geometry"]), entry)
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
                f"{where}: the head was fitted on {entry.name} with {key} {part[key]}, this version has {found}; "
                "use the version that fitted it, or fit again"
            )
    weights, sha256 = find_weights(backbone)
    if sha256 != part["weights_sha256"]:
        raise PipelineError(
            f"{where}: the head was fitted on weights of {entry.name} with the SHA-256 {part['weights_sha256']}, found "
            f"{sha256} in {weights}; bring those weights, or fit again"
        )
    return backbone, weights
