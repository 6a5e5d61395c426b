"""How planned shards become written ones: here, on one device or several; in `ray_engine` on many machines."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Lock
from typing import Protocol

import numpy as np
import torch

from pipeline.backbones import loaders
from pipeline.backbones.registry import Backbone
from pipeline.base.allocator import objects_set_aside
from pipeline.config.settings import ExtractSettings
from pipeline.extraction.batches import embed_each
from pipeline.extraction.clean_views import CleanViews
from pipeline.extraction.plan import Planned
from pipeline.extraction.reuse import joined
from pipeline.extraction.streams import Streams
from pipeline.extraction.timings import Timings, shown_progress
from pipeline.features.shards import Shard, write_shard


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
    clean: CleanViews | None = None
    """Views that were made before; None: none were."""


class Engine(Protocol):
    """Makes shards and writes them to the cache."""

    def __call__(self, work: Work, shards: Sequence[Planned], timings: Timings) -> Generator[Shard, None, None]:
        """Each shard some time after it is written, in any order; what it took is added to `timings`. Close it to stop.

        Raises:
            PipelineError: if a picture or the weights cannot be had, or a shard cannot be written.
        """


def here(work: Work, shards: Sequence[Planned], timings: Timings) -> Generator[Shard, None, None]:
    """Makes the shards in this process."""
    yield from made(loaders.load(work.backbone, work.weights).to(work.device), work, shards, timings)


def made(
    module: torch.nn.Module, work: Work, shards: Sequence[Planned], timings: Timings
) -> Generator[Shard, None, None]:
    """As `here`, with a backbone that is loaded: the next shard is begun before one is computed and written."""
    with shown_progress(work.title, work.total, timings.reused) as progress:
        yield from _made(Streams(module, work.backbone, work.settings, work.device), work, shards, timings, progress)


def _made(
    streams: Streams, work: Work, shards: Sequence[Planned], timings: Timings, progress: Callable[[], object]
) -> Generator[Shard, None, None]:
    pending = [shard.records[row] for shard in shards for row in shard.todo]
    known = [count for shard in shards for count in shard.todo.values()]
    sizes = [len(shard.todo) for shard in shards]
    with (
        objects_set_aside(),
        closing(streams.read_ahead(work.images, pending, known, clean=work.clean)) as reader,
        closing(embed_each(streams, reader, sizes, timings, progress)) as parts,
        ThreadPoolExecutor(1, thread_name_prefix="write") as pool,
    ):
        # A shard is written while the next is computed, and given before that one is written.
        writing: Future[Shard] | None = None
        for rows, shard in zip(parts, shards, strict=True):
            if writing is not None:
                yield writing.result()
            writing = pool.submit(write, work, shard, rows, timings)
        if writing is not None:
            yield writing.result()


def on(devices: Sequence[str]) -> Engine:
    """The engine for several devices of this machine: each makes its part of the shards, in a thread of its own.

    Threads are enough: torch and Pillow let go of the interpreter while they compute, decode and resize.

    Args:
        devices: such as ``cuda:0`` and ``cuda:1``, of the same kind, or the bytes depend on which made a shard.
    """

    def engine(work: Work, shards: Sequence[Planned], timings: Timings) -> Generator[Shard, None, None]:
        parts = shares(shards, len(devices))
        written: SimpleQueue[Shard | Exception | None] = SimpleQueue()
        stop, lock = Event(), Lock()

        def run(streams: Streams, part: Sequence[Planned], took: Timings, progress: Callable[[], object]) -> None:
            def step() -> None:
                if stop.is_set():
                    raise CancelledError
                with lock:
                    progress()

            try:
                with closing(_made(streams, work, part, took, step)) as each:
                    for shard in each:
                        written.put(shard)
            except Exception as error:
                written.put(error)
            else:
                written.put(None)

        loaded = []
        for device, part in zip(devices, parts, strict=True):
            if part:
                module = loaders.load(work.backbone, work.weights).to(device)
                loaded.append((Streams(module, work.backbone, work.settings, device), part, Timings()))
        with (
            shown_progress(work.title, work.total, timings.reused) as progress,
            ThreadPoolExecutor(len(loaded), thread_name_prefix="device") as pool,
        ):
            for each in loaded:
                pool.submit(run, *each, progress)
            try:
                left = len(loaded)
                while left:
                    ended = written.get()
                    if isinstance(ended, Exception):
                        raise ended
                    if ended is None:
                        left -= 1
                    else:
                        yield ended
            finally:
                stop.set()  # Those that are not done stop after the picture in work.
        for *_, took in loaded:
            timings.add(took)

    return engine


def shares(shards: Sequence[Planned], count: int) -> list[list[Planned]]:
    """So many parts of the shards, dealt out in turns, as even as can be; some are empty where shards are few."""
    return [list(shards[number::count]) for number in range(count)]


def write(work: Work, shard: Planned, rows: np.ndarray, timings: Timings) -> Shard:
    """Writes a planned shard into the cache.

    Args:
        work: what it has in common with others.
        shard: the planned one, at least one of whose rows was computed or is copied.
        rows: the embeddings that were computed, float16 (rows to do, 1 + views, dim).
        timings: what it takes is added here.
    """
    began = time.perf_counter()
    ids = [record.id for record in shard.records]
    whole = joined(work.features, shard, rows, work.settings)
    written = write_shard(work.features / shard.file, ids, whole, shard.fingerprint, shard.origin)
    timings.write += time.perf_counter() - began
    timings.images += len(rows)
    return written
