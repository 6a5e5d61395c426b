"""The streams of a backbone: batches of views that are computed beside each other, halved where memory runs out."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from tqdm import tqdm

from pipeline.backbones.forward import Asked, OnDevice, forward
from pipeline.backbones.registry import Backbone
from pipeline.base.errors import PipelineError
from pipeline.config.settings import ExtractSettings
from pipeline.extraction.clean_views import CleanViews
from pipeline.extraction.inputs import Stacked, stack, to_input
from pipeline.extraction.rendering import Change, Rendered, read_ahead
from pipeline.extraction.resampling import Pending
from pipeline.images.listing import ImageRecord

MOST_STREAMS = 8
"""Batches at a time on a CPU at most, as each takes its memory; of more cores every stream gets several."""
ON_CUDA = 5
"""Batches at a time on a CUDA device: one is computed, one asked for, and the others are stacked, which on a slow
processor takes longer than the device needs for a batch. (On an H100 beside such a one, three were always at work.)"""
MOST_READERS = 8
"""Threads that read, however many cores there are."""
MOST_COPIERS = 2
"""Those of them where the views of arrays are left to the device: a copy is so little work that more threads would wait
for the interpreter, and the streams with them."""


@dataclass(frozen=True)
class Done:
    """What became of a batch."""

    embeddings: np.ndarray
    """float16 (views, dim)."""
    augment: float
    """Seconds spent on its blur and normalisation."""
    forward: float
    """Seconds spent in the backbone."""


class Streams:
    """A backbone that takes several batches at a time.

    On a CPU each stream has a thread: two batches on a core each are sooner done than two cores are with one batch
    after the other, as nothing waits for the slower half of a layer, and the threads that read find a core free. The
    bytes so depend on no number of cores up to `MOST_STREAMS`. A CUDA device computes one batch after the other, and
    meanwhile the next ones are stacked and asked for. It also makes the views, see `resampling`; on a CPU
    Pillow does, in the threads that read, as it has no pixel too many to compute. That is no part of a cache's
    fingerprint, as the device itself is not: the embeddings of the two have a cosine above 0.9999 on the mean.

    Every batch has the same number of views, the last one too, see `filled` and `OnDevice`. So on a CPU an embedding
    has the same bytes whatever else is in its batch.

    Where memory runs out, the batch that did not fit and all that follow go through in parts of half the size, and so
    on down to one view. Their embeddings may then differ in the last bits, so it is told, and counted in `halved`.
    """

    def __init__(self, module: torch.nn.Module, backbone: Backbone, settings: ExtractSettings, device: str) -> None:
        """Nothing is computed yet.

        Args:
            module: the backbone, on its device.
            backbone: what it is.
            settings: views, precision and batch size.
            device: ``cpu`` or a CUDA device.
        """
        self.module, self.backbone, self.settings, self.device = module, backbone, settings, device
        self.cores = torch.get_num_threads()
        self.count = min(self.cores, MOST_STREAMS) if device == "cpu" else ON_CUDA
        self.resamples = device != "cpu"
        """Whether views shall be left to the device."""
        self.threads = max(1, self.cores // self.count)
        self.most = settings.batch
        """Views that fit into memory together, as far as is known."""
        self.halved = 0
        self._lock = Lock()
        self._on_device = None if device == "cpu" else OnDevice(module, settings.precision, settings.batch)
        self._asking: Executor
        """Where a CUDA device is asked, while the streams are running."""

    def read_ahead(
        self,
        folder: Path,
        records: Sequence[ImageRecord],
        known: Sequence[int] | None = None,
        cores: int | None = None,
        change: Change | None = None,
        clean: CleanViews | None = None,
    ) -> Generator[Rendered, None, None]:
        """The images as these streams want them, see the function `read_ahead`; with a thread a core.

        Args:
            folder: of the image list.
            records: the images.
            known: how many embeddings of each need not be computed; None: none.
            cores: to use; None: all.
            change: of the decoded pictures; None: they stay as they are.
            clean: views that were made before; None: none were.
        """
        copied = self.resamples and all(record.index is not None for record in records)
        workers = min(MOST_COPIERS if copied else MOST_READERS, cores or os.cpu_count() or 1)
        return read_ahead(folder, records, self.backbone, self.settings, workers, self.resamples, known, change, clean)

    @contextmanager
    def running(self) -> Iterator[Callable[[list[np.ndarray | Pending], list[float]], Future[Done]]]:
        """Starts the streams; gives what takes a batch, its rendered views and their blurs.

        At its end the block waits for the batches in work and drops those that wait.
        """
        with (
            ThreadPoolExecutor(1, thread_name_prefix="ask") as self._asking,
            ThreadPoolExecutor(
                self.count, thread_name_prefix="embed", initializer=torch.set_num_threads, initargs=(self.threads,)
            ) as pool,
        ):
            try:
                yield lambda pixels, sigmas: pool.submit(self._run, pixels, sigmas)
            finally:
                pool.shutdown(cancel_futures=True)
                torch.set_num_threads(self.cores)  # The streams have set theirs for threads that begin later, too.

    def _run(self, pixels: list[np.ndarray | Pending], sigmas: list[float]) -> Done:
        parts: list[Done] = []
        first = 0
        while first < len(pixels):
            most = self.most
            size = min(most, len(pixels) - first)
            try:
                parts.append(self._part(pixels[first : first + size], sigmas[first : first + size], most))
                first += size
                continue
            except (RuntimeError, MemoryError) as error:
                if not _is_shortage(error):
                    raise
                reason = str(error).strip().partition("\n")[0]
            # Here the error is gone, and with it what its frames held.
            self._halve(most, reason)
        embeddings = parts[0].embeddings if len(parts) == 1 else np.concatenate([part.embeddings for part in parts])
        return Done(embeddings, sum(part.augment for part in parts), sum(part.forward for part in parts))

    def _part(self, pixels: list[np.ndarray | Pending], sigmas: list[float], usual: int) -> Done:
        began = time.perf_counter()
        stacked = stack(pixels, self.backbone, self.device)
        if self._on_device is None:
            batch = to_input(stacked, sigmas, self.backbone, self.device)
            ready = time.perf_counter()
            embeddings = forward(self.module, filled(batch, usual), self.settings.precision)[: len(batch)]
        else:
            # One thread asks for one batch after the other: side by side two would end at the same time, and the device
            # then wait for the next.
            asked, ready = self._asking.submit(self._ask, self._on_device, stacked, sigmas).result()
            embeddings = asked.fetched()
        return Done(embeddings, ready - began, time.perf_counter() - ready)

    def _ask(self, on_device: OnDevice, stacked: Stacked, sigmas: list[float]) -> tuple[Asked, float]:
        batch = to_input(stacked, sigmas, self.backbone, self.device)
        ready = time.perf_counter()
        return on_device.ask(batch), ready

    def _halve(self, size: int, reason: str) -> None:
        name = f"{self.backbone.name} on {self.device}"
        if size == 1:
            raise PipelineError(
                f"{name}: expected room for one view at a time, found none ({reason}); end what else needs the memory, "
                "or choose a smaller image_size or backbone, or another --device; what is finished is kept"
            )
        if self._on_device is not None:
            self._asking.submit(self._on_device.forget).result()
            torch.cuda.empty_cache()
        with self._lock:
            if self.most <= size // 2:
                return  # Another stream was there before.
            self.most = size // 2
            self.halved += 1
        with suppress(OSError):
            told = f"{name}: memory ran out with {size} views at a time, going on with {size // 2}"
            tqdm.write(f"{told}; the last bits of embeddings may differ", file=sys.stderr)


def filled(batch: torch.Tensor, usual: int) -> torch.Tensor:
    """A batch with black views after its own, so many in all: of another number the libraries compute by other means,
    with other last bits, and an embedding would depend on how many are computed with it."""
    if len(batch) >= usual:
        return batch
    views = batch.new_zeros(usual, *batch.shape[1:]).contiguous(memory_format=torch.channels_last)
    views[: len(batch)] = batch
    return views


SHORTAGES = ("DefaultCPUAllocator", "not enough memory", "out of memory", "ALLOC_FAILED")
"""What RuntimeErrors of torch and its libraries say where memory ran out."""


def _is_shortage(error: Exception) -> bool:
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(word in str(error) for word in SHORTAGES)
