"""What of a cache fits into the memory that a process may take."""

from __future__ import annotations

from pipeline.base.timing import process_memory
from pipeline.features.cache import Features
from pipeline.features.shards import DTYPE

RESERVED = 400_000_000
"""Bytes that the libraries, the head and a batch take beside the embeddings, and what an image takes is below."""
BYTES_AN_IMAGE = 250
COPIES = 4
"""float32 copies of the clean embeddings that a method and the search for neighbours make at most."""


def fits(features: Features, memory: int) -> bool:
    """Whether all embeddings can be in the memory that the process may take, with what a fit needs beside them."""
    images = sum(features.splits.values())
    return process_memory() + RESERVED + images * (bytes_of_image(features) + BYTES_AN_IMAGE) <= memory


def bytes_left(features: Features, memory: int) -> int:
    """What is left for embeddings of the memory that the process may take."""
    return memory - process_memory() - RESERVED - sum(features.splits.values()) * BYTES_AN_IMAGE


def bytes_of_image(features: Features) -> int:
    """What an image's embeddings take in memory: as they are stored, and the copies."""
    return features.dim * (DTYPE.itemsize * (1 + features.views) + 4 * COPIES)
