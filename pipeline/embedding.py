"""Images -> embeddings: read ahead, the views of each rendered from one decode, batches through the backbone."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from pipeline import cache, images, views
from pipeline.backbones import Backbone
from pipeline.images import ImageRecord
from pipeline.settings import ExtractSettings

CHUNK = 16
"""Images a task of the reading threads: enough to hide a task's own cost, few enough to keep the queue short."""


LOG_SECONDS = 30.0
"""How often progress is told where stderr is no terminal."""


@dataclass
class Timings:
    """Where the time of an extraction went, in seconds.

    Reading and augmenting run in threads beside the backbone, so the parts may add up to more than `wall`.
    """

    images: int = 0
    reused: int = 0
    read: float = 0.0
    augment: float = 0.0
    forward: float = 0.0
    write: float = 0.0
    wall: float = 0.0

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
        )


@dataclass(frozen=True)
class Rendered:
    """The distinct views of one image, before blur."""

    pixels: list[np.ndarray]
    sigmas: list[float]
    places: list[list[int]]
    """For each distinct view the view indices that show it: a view that drew neither crop nor blur is the clean one."""
    read: float
    """Seconds spent reading and decoding."""
    augment: float
    """Seconds spent cropping and resizing."""


def render(folder: Path, record: ImageRecord, backbone: Backbone, settings: ExtractSettings) -> Rendered:
    """Reads one image and makes its distinct views; one decode serves them all."""
    began = time.perf_counter()
    image = images.open_image(folder, record)
    decoded = time.perf_counter()
    places: dict[views.View, list[int]] = {}
    for index in range(1 + settings.views):
        view = views.draw(settings.augmentation, settings.seed, record.id, index)
        places.setdefault(view, []).append(index)
    pixels = [views.resample(image, backbone.geometry, view) for view in places]
    sigmas = [view.sigma for view in places]
    return Rendered(pixels, sigmas, list(places.values()), decoded - began, time.perf_counter() - decoded)


def read_ahead(
    folder: Path, records: Sequence[ImageRecord], backbone: Backbone, settings: ExtractSettings, workers: int
) -> Generator[Rendered, None, None]:
    """Renders the images in order, in threads, a bounded number of images ahead of the reader; close it to stop them.

    Threads are enough: Pillow and NumPy release the interpreter while they decode and resize.
    """
    chunks = (records[first : first + CHUNK] for first in range(0, len(records), CHUNK))

    def task(chunk: Sequence[ImageRecord]) -> list[Rendered]:
        return [render(folder, record, backbone, settings) for record in chunk]

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


def to_input(pixels: Sequence[np.ndarray], sigmas: list[float], backbone: Backbone, device: str) -> torch.Tensor:
    """Rendered views as the backbone's input: scaled to 0..1, blurred, normalised.

    Args:
        pixels: uint8 (size, size) or (size, size, 3) each; grey ones are spread to three channels after the blur.
        sigmas: standard deviation of each view's blur, 0 for none.
        backbone: for mean and standard deviation of the normalisation.
        device: where the tensor shall be.

    Returns:
        float32 (views, 3, size, size), channels last.
    """
    if len({array.ndim for array in pixels}) > 1:
        pixels = [np.repeat(array[:, :, None], 3, axis=2) if array.ndim == 2 else array for array in pixels]
    stacked = torch.from_numpy(np.stack(pixels)).to(device)
    planes = stacked[:, None] if stacked.ndim == 3 else stacked.permute(0, 3, 1, 2)
    scaled = views.blur(planes.float().div_(255), sigmas)
    mean = torch.tensor(backbone.mean, device=device)[:, None, None]
    std = torch.tensor(backbone.std, device=device)[:, None, None]
    return ((scaled - mean) / std).contiguous(memory_format=torch.channels_last)


def embed(
    module: torch.nn.Module,
    backbone: Backbone,
    reader: Iterator[Rendered],
    rows: int,
    settings: ExtractSettings,
    device: str,
    timings: Timings,
    progress: Callable[[], object],
) -> np.ndarray:
    """The embeddings of the next `rows` images of the reader, in batches of exactly `settings.batch` views.

    `progress` is called after each image.

    Returns:
        float16 (rows, 1 + views, dim).
    """
    result = np.empty((rows, 1 + settings.views, backbone.dim), cache.DTYPE)
    pixels: list[np.ndarray] = []
    sigmas: list[float] = []
    places: list[tuple[int, list[int]]] = []
    for row in range(rows):
        rendered = next(reader)
        timings.read += rendered.read
        timings.augment += rendered.augment
        pixels += rendered.pixels
        sigmas += rendered.sigmas
        places += [(row, indices) for indices in rendered.places]
        last = row == rows - 1
        while len(pixels) >= settings.batch or (last and pixels):
            size = min(settings.batch, len(pixels))
            began = time.perf_counter()
            batch = to_input(pixels[:size], sigmas[:size], backbone, device)
            ready = time.perf_counter()
            embeddings = forward(module, batch, settings.precision)
            timings.augment += ready - began
            timings.forward += time.perf_counter() - ready
            for (target, indices), embedding in zip(places[:size], embeddings, strict=True):
                result[target, indices] = embedding
            del pixels[:size], sigmas[:size], places[:size]
        progress()
    return result


@torch.inference_mode()
def forward(module: torch.nn.Module, batch: torch.Tensor, precision: str) -> np.ndarray:
    """The backbone's embeddings of a batch, float16 (views, dim), on the host."""
    with torch.autocast(batch.device.type, torch.bfloat16, enabled=precision == "bf16"):
        embeddings: np.ndarray = module(batch).half().cpu().numpy()
    return embeddings
