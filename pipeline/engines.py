"""How planned shards become written ones: here on this machine, one after the other; in `ray_engine` on many."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from pipeline import backbones, cache
from pipeline.backbones import Backbone
from pipeline.embedding import Streams, Timings, embed, read_ahead, shown_progress
from pipeline.images import ImageRecord
from pipeline.settings import ExtractSettings


@dataclass(frozen=True)
class Planned:
    """A shard to be: its file, its images, and the fingerprint it must have."""

    split: str
    file: str
    records: Sequence[ImageRecord]
    fingerprint: str


@dataclass(frozen=True)
class Work:
    """What the shards of an extraction have in common."""

    title: str
    """For the progress."""
    total: int
    """Images of all shards, those that are reused among them."""
    backbone: Backbone
    weights: Path
    weights_sha256: str
    images: Path
    """The folder of the image list."""
    features: Path
    """The cache that is filled."""
    settings: ExtractSettings
    device: str


class Engine(Protocol):
    """Makes shards and writes them to the cache."""

    def __call__(self, work: Work, shards: Sequence[Planned], timings: Timings) -> Generator[cache.Shard, None, None]:
        """Each shard as soon as it is written, in any order; what it took is added to `timings`. Close it to stop.

        Raises:
            PipelineError: if a picture or the weights cannot be had, or a shard cannot be written.
        """


def here(work: Work, shards: Sequence[Planned], timings: Timings) -> Generator[cache.Shard, None, None]:
    """Makes the shards in this process."""
    yield from made(backbones.load(work.backbone, work.weights).to(work.device), work, shards, timings)


def made(
    module: torch.nn.Module, work: Work, shards: Sequence[Planned], timings: Timings
) -> Generator[cache.Shard, None, None]:
    """As `here`, with a backbone that is loaded: the pictures of the next shard are read while one is computed."""
    pending = [record for shard in shards for record in shard.records]
    reader = read_ahead(work.images, pending, work.backbone, work.settings, workers=min(8, os.cpu_count() or 1))
    streams = Streams(module, work.backbone, work.settings, work.device)
    with closing(reader), shown_progress(work.title, work.total, timings.reused) as progress:
        for shard in shards:
            rows = embed(streams, reader, len(shard.records), timings, progress)
            yield write(work, shard, rows, timings)


def write(work: Work, shard: Planned, rows: np.ndarray, timings: Timings) -> cache.Shard:
    """Writes the embeddings of a planned shard into the cache."""
    began = time.perf_counter()
    ids = [record.id for record in shard.records]
    written = cache.write_shard(work.features / shard.file, ids, rows, shard.fingerprint)
    timings.write += time.perf_counter() - began
    timings.images += len(ids)
    return written
