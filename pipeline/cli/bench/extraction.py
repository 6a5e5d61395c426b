"""How fast extraction is here, beside the bare backbone on batches that are ready."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from pipeline.backbones import loaders
from pipeline.backbones.forward import compute
from pipeline.backbones.registry import Backbone
from pipeline.backbones.weights import find_weights
from pipeline.base.remote import place
from pipeline.base.timing import part, timed
from pipeline.cli.bench.spent import Spent, clock, fair, taken_by_others
from pipeline.config.devices import suited
from pipeline.config.settings import ExtractSettings
from pipeline.extraction import views
from pipeline.extraction.engines import Work, made
from pipeline.extraction.plan import Planned
from pipeline.extraction.streams import Streams
from pipeline.extraction.timings import Timings
from pipeline.images.datasets.entry import Dataset
from pipeline.images.examination import examine
from pipeline.images.listing import ImageRecord, digest_of

TURNS = 3
"""Of each, in turns. The soonest counts: what other work on the machine takes away is no part of either."""


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
        and device and as many at a time, by the seconds of the extraction, at most 1 but for noise; by the processor
        time of both, where other programs had more than a tenth of a processor's cores; ``efficiency_cpu``, by that
        time in any case; ``taken_by_others``, the share of the cores, 0 on a GPU; ``efficiency_all_views``, what
        ``efficiency`` is if the bare backbone computes every view that is written, where the extraction computes those
        that are the same once; ``images_per_s``; ``read_s``, ``augment_s``, ``forward_s`` and ``write_s`` of one
        extraction, of which reading and augmenting go on beside the backbone; ``peak_mb``, the most memory of the
        process.
    """
    settings = suited(settings, device)
    streams = Streams(module, backbone, settings, device)
    alone: list[Spent] = []
    whole: list[Spent] = []
    total = Timings()
    with timed() as parts:
        work = Work("bench", len(records), backbone, Path(), "", folder, folder / "cache", settings, device)
        shards = shards_of(records, settings)
        batches = [size for shard in shards for size in batch_sizes(shard.records, settings)]
        ready = torch.rand(settings.batch, 3, backbone.geometry.size, backbone.geometry.size, device=device)
        ready = ready.contiguous(memory_format=torch.channels_last)
        bare(streams, ready, min(len(batches), streams.count))  # The libraries choose how to compute one.
        for turn in range(TURNS):
            progress(f"extraction, turn {turn + 1} of {TURNS}")
            alone.append(bare(streams, ready, len(batches)))
            timings, spent = _extraction(module, work, shards)
            whole.append(spent)
            total.add(timings)
    by_clock = min(each.seconds for each in alone) / min(each.seconds for each in whole)
    by_processor = min(each.processor for each in alone) / min(each.processor for each in whole)
    taken = taken_by_others(alone, streams.cores) if device == "cpu" else 0.0
    efficiency = fair(by_clock, by_processor, taken)
    return {
        "efficiency": efficiency,
        "efficiency_cpu": by_processor,
        "taken_by_others": taken,
        "efficiency_all_views": efficiency * written_by_computed(records, batches, settings),
        "images_per_s": total.images / total.wall,
        "read_s": total.read / TURNS,
        "augment_s": total.augment / TURNS,
        "forward_s": total.forward / TURNS,
        "write_s": total.write / TURNS,
        "peak_mb": parts.peak_bytes.get("extract", 0) / 1e6,
    }


def bare(streams: Streams, ready: torch.Tensor, count: int) -> Spent:
    """The backbone alone, on so many batches that are ready: as many at a time, each on as many cores, as there are in
    an extraction, so that no extraction can be sooner done."""

    def run(_: int) -> None:
        embeddings = compute(streams.module, ready, streams.settings.precision)
        if streams.device == "cpu":
            embeddings.numpy()

    at_once = streams.count if streams.device == "cpu" else 1
    try:
        with ThreadPoolExecutor(at_once, initializer=torch.set_num_threads, initargs=(streams.threads,)) as pool:
            spent = clock()
            for _ in pool.map(run, range(count)):
                pass
            if streams.device != "cpu":
                torch.cuda.synchronize(streams.device)  # Waits for a GPU, once.
            return spent()
    finally:
        torch.set_num_threads(streams.cores)


def _extraction(module: torch.nn.Module, work: Work, shards: Sequence[Planned]) -> tuple[Timings, Spent]:
    """What an extraction took that begins with no shard."""
    shutil.rmtree(work.features, ignore_errors=True)
    timings = Timings()
    with part("extract"):
        spent = clock()
        for _ in made(module, work, shards, timings):
            pass
        whole = spent()
        timings.wall = whole.seconds
        return timings, whole


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
        len(
            {
                views.draw(settings.augmentation, settings.seed, record.source, index)
                for index in range(1 + settings.views)
            }
        )
        for record in records
    )
    return [min(settings.batch, count - first) for first in range(0, count, settings.batch)]


def written_by_computed(records: Sequence[ImageRecord], sizes: Sequence[int], settings: ExtractSettings) -> float:
    """The views that are written of pictures, by those in batches of these sizes, which have each distinct one once."""
    return len(records) * (1 + settings.views) / sum(sizes)
