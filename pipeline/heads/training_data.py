"""What a fit is given: all embeddings in memory, or a stream from the shards and a sample of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pipeline.config.names import TRAIN
from pipeline.features.cache import Features
from pipeline.features.memory import bytes_left, bytes_of_image, fits
from pipeline.heads.streaming import Clean, Stream

ASSIGNED = 16_384
"""Images that are assigned at a time: the logits of all are gigabytes where there are many clusters, too. A multiple of
`training.ROWS`, so that a head sees the same blocks as it would of all, and gives the same bits."""


@dataclass(frozen=True)
class Given:
    """What is fitted to, and what is assigned."""

    ids: list[str]
    splits: list[str]
    """Of each image."""
    clean: Iterable[np.ndarray]
    """float32 (n, dim) each, the clean embeddings of all images in pieces, as often as they are asked for."""
    train: np.ndarray
    """float16 (images, 1 + views, dim), of the train split, or a sample of it."""
    stream: Stream | None = None


def give(features: Features, views: int | None, memory: int | None, sampled: bool) -> Given:
    """Reads a cache, or as much of it as fits.

    Args:
        features: the cache or the mix.
        views: the first so many augmented views alone; None: all.
        memory: bytes that the process may take; None: everything is read.
        sampled: whether a method needs embeddings in memory, of which it then gets a sample; see `Stream`.

    Raises:
        PipelineError: if a shard is missing, foreign or damaged, or the memory is too little for a few shards.
    """
    if memory is None or fits(features, memory):
        return _read(features, views)
    return _streamed(features, views, bytes_left(features, memory), sampled)


def _read(features: Features, views: int | None) -> Given:
    splits = {name: features.read(name, views) for name in features.splits}
    ids = [image_id for split in splits.values() for image_id in split.ids]
    clean = np.concatenate([split.clean for split in splits.values()])
    pieces = [clean[first : first + ASSIGNED] for first in range(0, len(clean), ASSIGNED)]
    return Given(ids, _split_of_each(features), pieces, splits[TRAIN].views)


def _streamed(features: Features, views: int | None, left: int, sampled: bool) -> Given:
    """Half of the memory that is left for the stream, and half for the sample, if one is needed."""
    stream = Stream(features, TRAIN, views, left // 2 if sampled else left)
    ids = [image_id for split in features.splits for block in features.blocks(split, 0) for image_id in block.ids]
    sample = stream.sample(left // 2 // bytes_of_image(features) if sampled else 0, seed=0)
    return Given(ids, _split_of_each(features), Clean(features), sample, stream)


def _split_of_each(features: Features) -> list[str]:
    return [name for name, count in features.splits.items() for _ in range(count)]
