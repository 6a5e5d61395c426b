"""Images -> embeddings: read ahead, the views of each rendered from one decode, batches through the backbone."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from pipeline.backbones.forward import Asked, OnDevice, forward
from pipeline.backbones.registry import Backbone
from pipeline.base.errors import PipelineError
from pipeline.config.settings import ExtractSettings
from pipeline.extraction import resampling, views
from pipeline.extraction.inputs import Stacked, stack, to_input
from pipeline.extraction.resampling import Pending
from pipeline.features.shards import DTYPE
from pipeline.images import listing
from pipeline.images.listing import ImageRecord

CHUNK = 16
"""Images a task of the reading threads: enough to hide a task's own cost, few enough to keep the queue short."""


LOG_SECONDS = 30.0
"""How often progress is told where stderr is no terminal."""


@dataclass
class Timings:
    """Where the time of an extraction went, in seconds.

    All but `wall` is the sum over threads that work beside each other, so the parts may add up to several times `wall`.
    """

    images: int = 0
    reused: int = 0
    read: float = 0.0
    augment: float = 0.0
    forward: float = 0.0
    write: float = 0.0
    wall: float = 0.0
    halved: int = 0
    """How often the batch was halved, as memory ran out."""

    def add(self, other: Timings) -> None:
        """Adds what another part of the extraction took, which may have run at the same time."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    def line(self, device: str) -> str:
        """The summary for people."""
        rate = self.images / self.wall if self.wall else 0.0
        return (
            f"{self.images:,} images on {device} in {self.wall:.1f} s ({rate:.0f} images/s), {self.reused:,} reused; "
            f"read {self.read:.1f} s, augment {self.augment:.1f} s, backbone {self.forward:.1f} s, "
            f"write {self.write:.1f} s"
            + (f"; the batch was halved {self.halved} times, as memory ran out" if self.halved else "")
        )


@dataclass(frozen=True)
class Rendered:
    """The distinct views of one image, before blur."""

    pixels: list[np.ndarray | Pending]
    sigmas: list[float]
    places: list[list[int]]
    """For each distinct view the view indices that show it: a view that drew neither crop nor blur is the clean one."""
    read: float
    """Seconds spent reading and decoding."""
    augment: float
    """Seconds spent cropping and resizing."""


def render(
    folder: Path, record: ImageRecord, backbone: Backbone, settings: ExtractSettings, on_device: bool = False
) -> Rendered:
    """Reads one image and makes its distinct views, or leaves them to the device; one decode serves them all."""
    began = time.perf_counter()
    source = listing.read_picture(folder, record)
    decoded = time.perf_counter()
    places: dict[views.View, list[int]] = {}
    for index in range(1 + settings.views):
        view = views.draw(settings.augmentation, settings.seed, record.id, index)
        places.setdefault(view, []).append(index)
    # Before blur, views of one crop are the same: those without one are the clean view.
    sharp = {view.crop: views.View(view.crop) for view in places}
    made: dict[tuple[float, float, float] | None, np.ndarray | Pending]
    if on_device and resampling.suits(source):
        picture = np.asarray(source)
        made = {crop: Pending(picture, view) for crop, view in sharp.items()}
    else:
        image = source if isinstance(source, Image.Image) else Image.fromarray(source)
        made = {crop: views.resample(image, backbone.geometry, view) for crop, view in sharp.items()}
    pixels = [made[view.crop] for view in places]
    sigmas = [view.sigma for view in places]
    return Rendered(pixels, sigmas, list(places.values()), decoded - began, time.perf_counter() - decoded)


def read_ahead(
    folder: Path,
    records: Sequence[ImageRecord],
    backbone: Backbone,
    settings: ExtractSettings,
    workers: int,
    on_device: bool = False,
) -> Generator[Rendered, None, None]:
    """Renders the images in order, in threads, a bounded number of images ahead of the reader; close it to stop them.

    Threads are enough: Pillow and NumPy release the interpreter while they decode and resize.

    Args:
        folder: of the image list.
        records: the images.
        backbone: for its geometry.
        settings: views, augmentation and seed.
        workers: threads.
        on_device: leave the views to the streams that will take them, see `Streams.resamples`.
    """
    chunks = (records[first : first + CHUNK] for first in range(0, len(records), CHUNK))

    def task(chunk: Sequence[ImageRecord]) -> list[Rendered]:
        return [render(folder, record, backbone, settings, on_device) for record in chunk]

    with ThreadPoolExecutor(workers, thread_name_prefix="read") as pool:
        waiting: deque[Future[list[Rendered]]] = deque()
        try:
            for chunk in chunks:
                waiting.append(pool.submit(task, chunk))
                if len(waiting) > 2 * workers:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def shown_progress(title: str, total: int, reused: int) -> Iterator[Callable[..., object]]:
    """Shows on stderr how far an extraction is; gives what is to be called after an image, or after so many.

    A bar in a terminal; in a log a plain line at the start and every `LOG_SECONDS`.
    """
    if sys.stderr.isatty():
        with tqdm(total=total, initial=reused, desc=title, unit=" images", mininterval=0.2, smoothing=0.05) as bar:
            yield bar.update
        return
    began = told = time.monotonic()
    count = reused

    def say(text: str) -> None:
        with suppress(OSError):  # A log that cannot be written, on a full disk, is no reason to stop.
            print(f"{title}: {count:,} of {total:,} images{text}", file=sys.stderr, flush=True)

    def update(images: int = 1) -> None:
        nonlocal count, told
        count += images
        now = time.monotonic()
        if now - told >= LOG_SECONDS:
            told = now
            rate = (count - reused) / (now - began)
            say(f", {rate:.1f} images/s, {timedelta(seconds=round((total - count) / rate))} left")

    say("")
    yield update


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
        self, folder: Path, records: Sequence[ImageRecord], cores: int | None = None
    ) -> Generator[Rendered, None, None]:
        """The images as these streams want them, see the function `read_ahead`; with a thread a core.

        Args:
            folder: of the image list.
            records: the images.
            cores: to use; None: all.
        """
        copied = self.resamples and all(record.index is not None for record in records)
        workers = min(MOST_COPIERS if copied else MOST_READERS, cores or os.cpu_count() or 1)
        return read_ahead(folder, records, self.backbone, self.settings, workers, self.resamples)

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
            size = min(self.most, len(pixels) - first)
            try:
                parts.append(self._part(pixels[first : first + size], sigmas[first : first + size]))
                first += size
                continue
            except (RuntimeError, MemoryError) as error:
                if not _is_shortage(error):
                    raise
                reason = str(error).strip().partition("\n")[0]
            # Here the error is gone, and with it what its frames held.
            self._halve(size, reason)
        embeddings = parts[0].embeddings if len(parts) == 1 else np.concatenate([part.embeddings for part in parts])
        return Done(embeddings, sum(part.augment for part in parts), sum(part.forward for part in parts))

    def _part(self, pixels: list[np.ndarray | Pending], sigmas: list[float]) -> Done:
        began = time.perf_counter()
        stacked = stack(pixels, self.backbone, self.device)
        if self._on_device is None:
            batch = to_input(stacked, sigmas, self.backbone, self.device)
            ready = time.perf_counter()
            embeddings = forward(self.module, batch, self.settings.precision)
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


SHORTAGES = ("DefaultCPUAllocator", "not enough memory", "out of memory", "ALLOC_FAILED")
"""What RuntimeErrors of torch and its libraries say where memory ran out."""


def _is_shortage(error: Exception) -> bool:
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(word in str(error) for word in SHORTAGES)


def embed(
    streams: Streams, reader: Iterator[Rendered], rows: int, timings: Timings, progress: Callable[[], object]
) -> np.ndarray:
    """The embeddings of the next `rows` images of the reader, float16 (rows, 1 + views, dim); see `embed_each`."""
    (result,) = embed_each(streams, reader, [rows], timings, progress)
    return result


@dataclass(frozen=True)
class Batch:
    """Views that are in work."""

    result: np.ndarray
    """Where their embeddings go."""
    places: list[tuple[int, list[int]]]
    """The row of each view, and the view indices that show it."""
    done: Future[Done]
    is_last: bool
    """Whether nothing is missing in the result after it."""

    def put(self, embeddings: np.ndarray) -> None:
        """Writes the embeddings of the views into the result."""
        # One assignment: one for each view would keep the threads that read from the interpreter.
        shown = [(row, index, view) for view, (row, indices) in enumerate(self.places) for index in indices]
        rows, indices, views = np.array(shown).T
        self.result[rows, indices] = embeddings[views]


def embed_each(
    streams: Streams,
    reader: Iterator[Rendered],
    parts: Sequence[int],
    timings: Timings,
    progress: Callable[[], object],
) -> Generator[np.ndarray, None, None]:
    """The embeddings of the reader's images in parts of so many, at least one each; close it to stop.

    Batches have exactly `settings.batch` views, but for the last of a part. While that one is computed, and while the
    caller has a part, the streams have batches of the next.

    Args:
        streams: that compute.
        reader: gives the images.
        parts: rows of each part.
        timings: what it takes is added here.
        progress: called after each image.

    Yields:
        float16 (rows, 1 + views, dim).

    Raises:
        PipelineError: if a picture cannot be read, or memory runs out with a single view.
    """
    settings, halved = streams.settings, streams.halved
    waiting: deque[Batch] = deque()

    def collected(most: int) -> Iterator[np.ndarray]:
        """Waits until at most so many batches are in work; gives what is whole."""
        while len(waiting) > most:
            batch = waiting.popleft()
            done = batch.done.result()
            timings.augment += done.augment
            timings.forward += done.forward
            batch.put(done.embeddings)
            if batch.is_last:
                yield batch.result

    with streams.running() as start:
        for rows in parts:
            result = np.empty((rows, 1 + settings.views, streams.backbone.dim), DTYPE)
            pixels: list[np.ndarray | Pending] = []
            sigmas: list[float] = []
            places: list[tuple[int, list[int]]] = []
            for row in range(rows):
                try:
                    rendered = next(reader)
                except PipelineError:
                    yield from collected(0)  # What is whole is not lost with what cannot be read.
                    raise
                timings.read += rendered.read
                timings.augment += rendered.augment
                pixels += rendered.pixels
                sigmas += rendered.sigmas
                places += [(row, indices) for indices in rendered.places]
                while len(pixels) >= settings.batch or (row == rows - 1 and pixels):
                    size = min(settings.batch, len(pixels))
                    is_last = row == rows - 1 and size == len(pixels)
                    waiting.append(Batch(result, places[:size], start(pixels[:size], sigmas[:size]), is_last))
                    del pixels[:size], sigmas[:size], places[:size]
                    yield from collected(streams.count)
                progress()
        yield from collected(0)
    timings.halved += streams.halved - halved
