"""How fast extraction is here, beside the bare backbone on batches that are ready."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from pipeline.backbones import loaders
from pipeline.backbones.forward import compute, forward
from pipeline.backbones.registry import Backbone
from pipeline.backbones.weights import find_weights
from pipeline.base.remote import place
from pipeline.base.timing import part, timed
from pipeline.config.devices import suited
from pipeline.config.settings import ExtractSettings
from pipeline.extraction import views
from pipeline.extraction.engines import Work, made
from pipeline.extraction.plan import Planned
from pipeline.extraction.timings import Timings
from pipeline.images.datasets.entry import Dataset
from pipeline.images.examination import examine
from pipeline.images.listing import ImageRecord, digest_of

TURNS = 3


def pictures(dataset: Dataset, count: int, folder: Path) -> list[ImageRecord]:
    """The first pictures of a data set, one after the other and over again; arrays are written into the folder."""
    records: list[ImageRecord] = []
    for name, split in dataset.read().items():
        if isinstance(split.pictures, list):
            found = examine(place(dataset.source).resolve(), split.pictures[:count], name)
            records += [each for each in found if isinstance(each, ImageRecord)]
            continue
        rows = np.asarray(split.pictures[:count])
        np.save(folder / f"{name}.npy", rows, allow_pickle=False)
        records += [
            ImageRecord(f"{name}-{row}", name, f"{name}.npy", row, digest_of(picture.tobytes()))
            for row, picture in enumerate(rows)
        ]
    return [replace(records[number % len(records)], id=f"{number}") for number in range(count)]


def extraction(
    backbone: Backbone,
    dataset: Dataset,
    count: int,
    settings: ExtractSettings,
    device: str,
    progress: Callable[[str], None],
) -> dict[str, float]:
    """What an extraction takes, without loading the backbone.

    Args:
        backbone: with the geometry to use.
        dataset: whose pictures are taken.
        count: of pictures.
        settings: views, precision, batch and shard size.
        device: ``cpu`` or a CUDA device.
        progress: takes a short text.

    Returns:
        see `extraction_of`.
    """
    weights, _ = find_weights(backbone)
    module = loaders.load(backbone, weights).to(device)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        return extraction_of(module, backbone, pictures(dataset, count, folder), folder, settings, device, progress)


def extraction_of(
    module: torch.nn.Module,
    backbone: Backbone,
    records: Sequence[ImageRecord],
    folder: Path,
    settings: ExtractSettings,
    device: str,
    progress: Callable[[str], None],
) -> dict[str, float]:
    """What an extraction of given pictures takes, with a backbone that is loaded.

    Args:
        module: the backbone, on the device.
        backbone: what it is.
        records: the pictures.
        folder: where those are that have no path of their own; the embeddings are written there too.
        settings: views, precision, batch and shard size.
        device: ``cpu`` or a CUDA device.
        progress: takes a short text.

    Returns:
        ``efficiency``: seconds of the bare backbone on as many views as are computed, in batches of the same size, type
        and device, by the seconds of the extraction; ``efficiency_cpu``, the same by the processor time of both, which
        other work on the machine changes little; ``efficiency_all_views``, what ``efficiency`` is if the bare backbone
        computes every view that is written, where the extraction computes those that are the same once;
        ``images_per_s``; ``read_s``, ``augment_s``, ``forward_s`` and ``write_s`` of one extraction, of which reading
        and augmenting go on beside the backbone; ``peak_mb``, the most memory of the process.
    """
    settings = suited(settings, device)
    bare, total = 0.0, Timings()
    processor = {"bare": 0.0, "extraction": 0.0}
    with timed() as parts:
        work = Work("bench", len(records), backbone, Path(), "", folder, folder / "cache", settings, device)
        shards = shards_of(records, settings)
        batches = [size for shard in shards for size in batch_sizes(shard.records, settings)]
        ready = torch.rand(settings.batch, 3, backbone.geometry.size, backbone.geometry.size, device=device)
        ready = ready.contiguous(memory_format=torch.channels_last)
        for size in set(batches):
            forward(module, ready[:size], settings.precision)  # The libraries choose how to compute each of them.
        for turn in range(TURNS):
            progress(f"extraction, turn {turn + 1} of {TURNS}")
            seconds, used = _bare(module, ready, batches, settings.precision)
            bare += seconds
            processor["bare"] += used
            timings, used = _extraction(module, work, shards)
            processor["extraction"] += used
            total.add(timings)
    return {
        "efficiency": bare / total.wall,
        "efficiency_cpu": processor["bare"] / processor["extraction"],
        "efficiency_all_views": bare / total.wall * written_by_computed(records, batches, settings),
        "images_per_s": total.images / total.wall,
        "read_s": total.read / TURNS,
        "augment_s": total.augment / TURNS,
        "forward_s": total.forward / TURNS,
        "write_s": total.write / TURNS,
        "peak_mb": parts.peak_bytes.get("extract", 0) / 1e6,
    }


def _bare(module: torch.nn.Module, ready: torch.Tensor, sizes: Sequence[int], precision: str) -> tuple[float, float]:
    """Seconds of the backbone alone, and of the processor, on batches of these sizes that are ready."""
    began, used = time.perf_counter(), time.process_time()
    for size in sizes:
        embeddings = compute(module, ready[:size], precision)
    embeddings.cpu()  # Waits for a GPU, once.
    return time.perf_counter() - began, time.process_time() - used


def _extraction(module: torch.nn.Module, work: Work, shards: Sequence[Planned]) -> tuple[Timings, float]:
    """What an extraction took that begins with no shard, and seconds of the processor."""
    shutil.rmtree(work.features, ignore_errors=True)
    timings = Timings()
    with part("extract"):
        began, used = time.perf_counter(), time.process_time()
        for _ in made(module, work, shards, timings):
            pass
        timings.wall = time.perf_counter() - began
        return timings, time.process_time() - used


def shards_of(records: Sequence[ImageRecord], settings: ExtractSettings) -> list[Planned]:
    """The pictures as shards that nobody asks for a fingerprint."""
    step = settings.shard_rows
    return [
        Planned("train", f"train-{first:05d}.h5", records[first : first + step], "0" * 64)
        for first in range(0, len(records), step)
    ]


def batch_sizes(records: Sequence[ImageRecord], settings: ExtractSettings) -> list[int]:
    """The sizes of the batches of a shard: its distinct views in batches of the settings' size, and what is left."""
    count = sum(
        len({views.draw(settings.augmentation, settings.seed, record.id, index) for index in range(1 + settings.views)})
        for record in records
    )
    return [min(settings.batch, count - first) for first in range(0, count, settings.batch)]


def written_by_computed(records: Sequence[ImageRecord], sizes: Sequence[int], settings: ExtractSettings) -> float:
    """The views that are written of pictures, by those in batches of these sizes, which have each distinct one once."""
    return len(records) * (1 + settings.views) / sum(sizes)
