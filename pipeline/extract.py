"""extract: images x frozen backbone -> K augmented views and a clean one -> shards of embeddings."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from pipeline import backbones, cache, images, views
from pipeline.backbones import Backbone
from pipeline.files import sha256_of_json
from pipeline.images import ImageRecord
from pipeline.settings import ExtractSettings

CHUNK = 16
"""Images a task of the reading threads: enough to hide a task's own cost, few enough to keep the queue short."""


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

    def line(self, device: str) -> str:
        """The summary for people."""
        rate = self.images / self.wall if self.wall else 0.0
        return (
            f"{self.images:,} images on {device} in {self.wall:.1f} s ({rate:.0f} images/s), {self.reused:,} reused; "
            f"read {self.read:.1f} s, augment {self.augment:.1f} s, backbone {self.forward:.1f} s, "
            f"write {self.write:.1f} s"
        )


@dataclass(frozen=True)
class Planned:
    """A shard to be: its file, its images, and the fingerprint it must have."""

    split: str
    file: str
    records: Sequence[ImageRecord]
    fingerprint: str


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


def extract(
    dataset: str,
    backbone: Backbone,
    image_folder: Path,
    feature_folder: Path,
    settings: ExtractSettings,
    device: str,
) -> Timings:
    """Fills the feature cache of a data set and a backbone; shards that are there and fit are kept as they are.

    Args:
        dataset: name of the data set, for the manifest.
        backbone: the frozen backbone, with the geometry to use.
        image_folder: where `prepare` put the image list.
        feature_folder: the cache to fill.
        settings: views, augmentation, seed, precision, batch and shard size.
        device: ``cpu`` or a CUDA device.

    Returns:
        the time spent reading, augmenting, in the backbone and writing.

    Raises:
        PipelineError: if the list, a picture or the weights cannot be had.
    """
    start = time.perf_counter()
    timings = Timings()
    records = images.read_list(image_folder)
    weights, sha256 = backbones.find_weights(backbone)
    described = describe(backbone, settings)
    planned = plan(backbone, sha256, described, records, settings)

    done: dict[str, cache.Shard] = {}
    for shard in planned:
        whole = cache.reusable_shard(feature_folder / shard.file, shard.fingerprint, len(shard.records))
        if whole is not None:
            done[shard.file] = whole
            timings.reused += whole.rows
    missing = [shard for shard in planned if shard.file not in done]

    if missing:
        # Where a manifest stands the cache counts as whole, so an outdated one goes before the first shard changes.
        (feature_folder / cache.MANIFEST_NAME).unlink(missing_ok=True)
        module = backbones.load(backbone, weights).to(device)
        pending = [record for shard in missing for record in shard.records]
        reader = read_ahead(image_folder, pending, backbone, settings, workers=min(8, os.cpu_count() or 1))
        title = f"{dataset} x {backbone.name} on {device}"
        quiet = not sys.stderr.isatty()
        with tqdm(
            total=len(records),
            initial=timings.reused,
            desc=title,
            unit=" images",
            mininterval=10.0 if quiet else 0.2,
            smoothing=0.05,
        ) as progress:
            for shard in missing:
                rows = embed(module, backbone, reader, len(shard.records), settings, device, timings, progress)
                began = time.perf_counter()
                path = feature_folder / shard.file
                done[shard.file] = cache.write_shard(path, [r.id for r in shard.records], rows, shard.fingerprint)
                timings.write += time.perf_counter() - began
                timings.images += len(shard.records)

    splits: dict[str, list[cache.Shard]] = {}
    for shard in planned:
        splits.setdefault(shard.split, []).append(done[shard.file])
    manifest = cache.Manifest(dataset, backbone.name, sha256, backbone.dim, settings.views, described, splits)
    if missing or not (feature_folder / cache.MANIFEST_NAME).is_file():
        manifest.write(feature_folder)
    for stale in feature_folder.glob("*.h5*"):
        if stale.name not in done:
            stale.unlink()
    timings.wall = time.perf_counter() - start
    return timings


def describe(backbone: Backbone, settings: ExtractSettings) -> dict[str, Any]:
    """Everything but weights, pictures, number of views and layout that decides an embedding, as plain data."""
    return {
        "seed": settings.seed,
        "augmentation": settings.augmentation.plain(),
        "precision": settings.precision,
        "batch": settings.batch,
        "model": backbone.model,
        "geometry": asdict(backbone.geometry),
        "mean": list(backbone.mean),
        "std": list(backbone.std),
    }


def plan(
    backbone: Backbone,
    sha256: str,
    described: dict[str, Any],
    records: Sequence[ImageRecord],
    settings: ExtractSettings,
) -> list[Planned]:
    """Cuts every split into shards and gives each the fingerprint of all that decides its bytes.

    A batch never crosses a shard, so a shard's bytes depend on its own images alone, whatever was there before.
    """
    splits: dict[str, list[ImageRecord]] = {}
    for record in records:
        splits.setdefault(record.split, []).append(record)
    planned = []
    for split, members in splits.items():
        for number, first in enumerate(range(0, len(members), settings.shard_rows)):
            part = members[first : first + settings.shard_rows]
            made_from = {
                "schema_version": cache.SCHEMA_VERSION,
                "backbone": backbone.name,
                "weights": sha256,
                "views": settings.views,
                "settings": described,
                "images": [[record.id, record.digest] for record in part],
            }
            planned.append(Planned(split, f"{split}-{number:05d}.h5", part, sha256_of_json(made_from)))
    return planned


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
) -> Iterator[Rendered]:
    """Renders the images in order, in threads, a bounded number of images ahead of the reader.

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
    progress: tqdm[Any],
) -> np.ndarray:
    """The embeddings of the next `rows` images of the reader, in batches of exactly `settings.batch` views.

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
        progress.update()
    return result


@torch.inference_mode()
def forward(module: torch.nn.Module, batch: torch.Tensor, precision: str) -> np.ndarray:
    """The backbone's embeddings of a batch, float16 (views, dim), on the host."""
    with torch.autocast(batch.device.type, torch.bfloat16, enabled=precision == "bf16"):
        embeddings: np.ndarray = module(batch).half().cpu().numpy()
    return embeddings
