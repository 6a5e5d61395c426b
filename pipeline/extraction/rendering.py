"""The views of a picture: all of them from one decode, read ahead of the backbone in threads."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.backbones.registry import Backbone
from pipeline.config.settings import ExtractSettings
from pipeline.extraction import resampling, views
from pipeline.extraction.clean_views import CleanViews
from pipeline.extraction.corruptions import corrupted
from pipeline.extraction.resampling import Pending
from pipeline.images import listing
from pipeline.images.listing import ImageRecord

CHUNK = 16
"""Images a task of the reading threads: enough to hide a task's own cost, few enough to keep the queue short."""
Change = Callable[[Image.Image, ImageRecord], Image.Image]
"""What is done to a decoded picture before any geometry."""


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
    folder: Path,
    record: ImageRecord,
    backbone: Backbone,
    settings: ExtractSettings,
    on_device: bool = False,
    known: int = 0,
    change: Change | None = None,
    clean: CleanViews | None = None,
) -> Rendered:
    """Reads one image and makes its distinct views, or leaves them to the device; one decode serves them all.

    Views that the first `known` of them show are not made. A corruption comes before all views. Where the clean view
    is all that is wanted, and was made before, its file is not read again.
    """
    began = time.perf_counter()
    if clean is not None and settings.views == known == 0 and settings.corruption is None and change is None:
        made_before = clean.get(record.digest, backbone.geometry) if record.index is None else None
        if made_before is not None and listing.is_there(folder, record):
            return Rendered([made_before], [0.0], [[0]], time.perf_counter() - began, 0.0)
    source = listing.read_picture(folder, record)
    decoded = time.perf_counter()
    for each in (_corruption_of(settings), change):
        if each is not None:
            source = each(source if isinstance(source, Image.Image) else Image.fromarray(source), record)
    places: dict[views.View, list[int]] = {}
    for index in range(1 + settings.views):
        view = views.draw(settings.augmentation, settings.seed, record.source, index)
        places.setdefault(view, []).append(index)
    places = {view: indices for view, indices in places.items() if indices[0] >= known}
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


def _corruption_of(settings: ExtractSettings) -> Change | None:
    """What the settings do to each picture."""
    how = settings.corruption
    if how is None:
        return None

    def change(image: Image.Image, record: ImageRecord) -> Image.Image:
        return corrupted(image.convert("RGB"), how.kind, how.severity, settings.seed, record.source)

    return change


def read_ahead(
    folder: Path,
    records: Sequence[ImageRecord],
    backbone: Backbone,
    settings: ExtractSettings,
    workers: int,
    on_device: bool = False,
    known: Sequence[int] | None = None,
    change: Change | None = None,
    clean: CleanViews | None = None,
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
        known: how many of the views of each image are not made; None: all are.
        change: of the decoded pictures; None: they stay as they are.
        clean: views that were made before; None: none were.
    """
    each = list(zip(records, known or [0] * len(records), strict=True))
    chunks = (each[first : first + CHUNK] for first in range(0, len(each), CHUNK))

    def task(chunk: Sequence[tuple[ImageRecord, int]]) -> list[Rendered]:
        return [render(folder, record, backbone, settings, on_device, first, change, clean) for record, first in chunk]

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
