"""Features larger than the memory that they may take: read shard by shard, again in every epoch.

Ours. An epoch takes the shards in an order of its own, some of them at a time, and shuffles the images of these among
each other; meanwhile the next ones are read. Each image is seen once an epoch, as it is from memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from pipeline.base.errors import PipelineError
from pipeline.features.cache import Features
from pipeline.features.shards import DTYPE
from pipeline.heads.head import Statistics, statistics_of
from pipeline.heads.pairs import two_views

READERS = 2
"""Runs that may read at a time, whatever the number of cores: what each holds in memory decides its pairs."""
HELD = 2
"""Groups of shards that a run holds: one that is used, and one that is being read."""
IN_WORK = 3
"""Times the size of a shard that reading one takes beside."""


@dataclass(frozen=True)
class Stream:
    """A split's embeddings, of which so many bytes are in memory at a time."""

    features: Features
    split: str
    views: int | None
    """The first so many augmented views alone; None: all."""
    memory: int
    """Bytes for all readers together."""
    readers: int = READERS

    def __post_init__(self) -> None:
        if self.memory < self.least:
            raise PipelineError(
                f"{self.features.folder}: expected {self.least / 1e6:,.0f} MB at least for shards of "
                f"{self._shard_bytes / 1e6:,.0f} MB, found {max(self.memory, 0) / 1e6:,.0f} MB left for them; give "
                "--memory more"
            )

    @property
    def images(self) -> int:
        """Of the split."""
        return sum(self._rows)

    @property
    def least(self) -> int:
        """Bytes of memory below which nothing can be read."""
        return self.readers * (HELD + IN_WORK) * self._shard_bytes

    @property
    def group(self) -> int:
        """Shards whose images are shuffled among each other."""
        return (self.memory // self.readers - IN_WORK * self._shard_bytes) // (HELD * self._shard_bytes)

    @cached_property
    def _rows(self) -> list[int]:
        return self.features.shard_rows(self.split)

    @property
    def _kept(self) -> int:
        return self.features.views if self.views is None else self.views

    @property
    def _shard_bytes(self) -> int:
        return max(self._rows) * (1 + self.features.views) * self.features.dim * DTYPE.itemsize

    def statistics(self, unit: bool = False) -> Statistics:
        """Mean and deviation of each dimension, over all views, as they are or at length 1."""
        blocks = self.features.blocks(self.split, self.views)
        return statistics_of((torch.from_numpy(block.views).flatten(0, 1) for block in blocks), unit)

    def pairs(self, batch: int, steps: int, generator: torch.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Both halves of each step's pairs, two augmented views of an image, float16 (batch, dim) each.

        Args:
            batch: images a step, at most as many as there are.
            steps: number of batches.
            generator: the source of all randomness, on the CPU.

        Raises:
            PipelineError: if a shard is missing, foreign or damaged.
        """
        held: list[tuple[torch.Tensor, torch.Tensor]] = []
        count = made = 0
        for group in self._groups(generator):
            order = torch.randperm(len(group), generator=generator)
            first, second = two_views(len(group), self._kept, generator)
            start = 0
            while start < len(group):
                rows = order[start : start + batch - count]
                held.append((group[rows, first[rows] - 1], group[rows, second[rows] - 1]))
                start, count = start + len(rows), count + len(rows)
                if count < batch:
                    continue
                ones, others = (torch.cat(halves) for halves in zip(*held, strict=True))
                yield ones, others
                held, count, made = [], 0, made + 1
                if made == steps:
                    return
            # Or it would be in memory until the next one takes its name, when the one after that is being read.
            del group

    def _groups(self, generator: torch.Generator) -> Iterator[torch.Tensor]:
        """The augmented views of some shards after those of others, float16 (images, views, dim), without an end."""

        def read(numbers: list[int]) -> torch.Tensor:
            total = sum(self._rows[number] for number in numbers)
            group = np.empty((total, self._kept, self.features.dim), DTYPE)
            start = 0
            for block in self.features.blocks(self.split, self.views, numbers):
                group[start : start + len(block.ids)] = block.views[:, 1:]
                start += len(block.ids)
            return torch.from_numpy(group)

        def numbers() -> Iterator[list[int]]:
            while True:
                order = torch.randperm(len(self._rows), generator=generator).tolist()
                for first in range(0, len(order), self.group):
                    yield order[first : first + self.group]

        coming = numbers()
        with ThreadPoolExecutor(1, thread_name_prefix="shards") as pool:
            waiting = pool.submit(read, next(coming))
            while True:
                group = waiting.result()
                waiting = pool.submit(read, next(coming))
                yield group
                del group

    def sample(self, images: int, seed: int) -> np.ndarray:
        """So many of the images drawn at random, in their order, float16 (images, 1 + views, dim)."""
        chosen = np.sort(np.random.default_rng(seed).permutation(self.images)[:images])
        views = np.empty((len(chosen), 1 + self._kept, self.features.dim), DTYPE)
        start = filled = 0
        for block in self.features.blocks(self.split, self.views):
            end = start + len(block.ids)
            rows = chosen[np.searchsorted(chosen, start) : np.searchsorted(chosen, end)] - start
            views[filled : filled + len(rows)] = block.views[rows]
            start, filled = end, filled + len(rows)
        return views


@dataclass(frozen=True)
class Clean:
    """The clean embeddings of all splits in pieces, float32 (n, dim) each, again whenever they are asked for."""

    features: Features

    def __iter__(self) -> Iterator[np.ndarray]:
        for split in self.features.splits:
            for block in self.features.blocks(split, 0):
                yield block.clean
