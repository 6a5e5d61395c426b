"""bench: how fast extraction and fit are on this machine, each beside the floor that the same process reaches.

Extraction is set beside the bare backbone on batches that are ready, the fit beside bare matrix multiplications of its
shapes. Floor and product run in turns, so that a machine that slows down slows both. No time fails anything.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.backbones import registry
from pipeline.backbones.forward import compute, forward
from pipeline.backbones.registry import Backbone
from pipeline.base.remote import place
from pipeline.base.timing import part, timed
from pipeline.config.devices import pick_precision, suited
from pipeline.config.settings import DatasetSettings, ExtractSettings, FitSettings
from pipeline.extraction import views
from pipeline.extraction.engines import Planned, Work, made
from pipeline.extraction.timings import Timings
from pipeline.heads.problem import Problem
from pipeline.heads.training import one_thread_each
from pipeline.images import listing
from pipeline.images.datasets import Dataset
from pipeline.images.listing import ImageRecord, digest_of
from pipeline.methods import scp

TURNS = 3
FIT_IMAGES, FIT_VIEWS, FIT_DIM, FIT_CLUSTERS = 50_000, 4, 512, 10
"""CIFAR-10's train split on a backbone of the paper."""


def pictures(dataset: Dataset, count: int, folder: Path) -> list[ImageRecord]:
    """The first pictures of a data set, one after the other and over again; arrays are written into the folder."""
    records: list[ImageRecord] = []
    for name, split in dataset.read().items():
        if isinstance(split.pictures, list):
            found = listing.examine(place(dataset.source).resolve(), split.pictures[:count], name)
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
    weights, _ = registry.find_weights(backbone)
    module = registry.load(backbone, weights).to(device)
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
            began, used = time.perf_counter(), time.process_time()
            for size in batches:
                embeddings = compute(module, ready[:size], settings.precision)
            embeddings.cpu()  # Waits for a GPU, once.
            bare += time.perf_counter() - began
            processor["bare"] += time.process_time() - used
            shutil.rmtree(work.features, ignore_errors=True)
            timings = Timings()
            with part("extract"):
                began, used = time.perf_counter(), time.process_time()
                for _ in made(module, work, shards, timings):
                    pass
                timings.wall = time.perf_counter() - began
                processor["extraction"] += time.process_time() - used
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


def fit(settings: FitSettings, steps: int, device: str, progress: Callable[[str], None]) -> dict[str, float]:
    """What the training of SCP's heads reaches on random embeddings of CIFAR-10's size.

    As many runs go on at a time as a fit would have: on a CPU one for each core.

    Args:
        settings: of the training.
        steps: of a run; those of the first epoch warm it up.
        device: ``cpu`` or a CUDA device.
        progress: takes a short text.

    Returns:
        ``steps_per_s`` and ``flop_per_s``, of all runs together; ``matmul_flop_per_s``, what bare matrix
        multiplications of the same shapes and type reach, as many at a time; ``share``, the ratio of both; ``peak_mb``,
        the most memory of the process.
    """
    at_once = torch.get_num_threads() if device == "cpu" else 1
    training = replace(settings.training, epochs=1, min_steps=steps)
    told: list[tuple[int, float]] = []

    def follow(text: str) -> None:
        told.append((int(text.split("step ")[1].split(" of ")[0]), time.perf_counter()))

    problem = random_problem(replace(settings, training=training), device, follow)
    shapes = layer_shapes(training.batch, training.hidden)
    bf16 = pick_precision(training.precision, device) == "bf16"
    progress("fit")
    rates = [matmul_rate(shapes, bf16, device, at_once)]
    with timed() as parts, part("fit"):
        for _ in scp.fit(problem, list(range(at_once))):
            pass
        ended = time.perf_counter()
    rates.append(matmul_rate(shapes, bf16, device, at_once))
    warm = [moment for step, moment in told if step > 0][:at_once]
    epoch = min(step for step, _ in told if step > 0)
    steps_per_s = at_once * (steps - epoch) / (ended - sum(warm) / len(warm))
    flop_per_s = steps_per_s * step_flop(shapes)
    matmul = sum(rates) / len(rates)
    return {
        "steps_per_s": steps_per_s,
        "flop_per_s": flop_per_s,
        "matmul_flop_per_s": matmul,
        "share": flop_per_s / matmul,
        "peak_mb": parts.peak_bytes.get("fit", 0) / 1e6,
    }


def random_problem(settings: FitSettings, device: str, progress: Callable[[str], None]) -> Problem:
    """SCP on views, of random embeddings of CIFAR-10's size."""
    rng = np.random.default_rng(0)
    data = np.empty((FIT_IMAGES, 1 + FIT_VIEWS, FIT_DIM), np.float16)
    for view in range(1 + FIT_VIEWS):
        data[:, view] = rng.standard_normal((FIT_IMAGES, FIT_DIM), np.float32)
    given = replace(settings, scp=replace(settings.scp, pairs="views"))
    return Problem(data, given, DatasetSettings(FIT_CLUSTERS, 5.0, None), device, progress)


def layer_shapes(batch: int, hidden: Sequence[int]) -> list[tuple[int, int, int]]:
    """Rows, inputs and outputs of each layer's multiplication; a batch of pairs has two rows each."""
    widths = [FIT_DIM, *hidden, FIT_CLUSTERS]
    return [(2 * batch, before, after) for before, after in pairwise(widths)]


def step_flop(shapes: Sequence[tuple[int, int, int]]) -> int:
    """Multiplications and additions of a step: forward and backward, without the gradient of the first input."""
    each = [2 * rows * before * after for rows, before, after in shapes]
    return 3 * sum(each) - each[0]


def matmul_rate(
    shapes: Sequence[tuple[int, int, int]], bf16: bool, device: str, at_once: int, seconds: float = 2.0
) -> float:
    """FLOP/s of a step's bare matrix multiplications, on as many threads at a time."""
    dtype = torch.bfloat16 if bf16 else torch.float32

    def run(_: int) -> int:
        layers = [
            [torch.rand(size, device=device).to(dtype) for size in ((rows, before), (after, before), (rows, after))]
            for rows, before, after in shapes
        ]
        count, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            for number, (inputs, weights, gradient) in enumerate(layers):
                torch.mm(inputs, weights.T)
                torch.mm(gradient.T, inputs)
                if number:
                    torch.mm(gradient, weights)
            if device != "cpu":
                torch.cuda.synchronize(device)
            count += 1
        return count

    with one_thread_each(), ThreadPoolExecutor(at_once) as pool:
        began = time.perf_counter()
        steps = sum(pool.map(run, range(at_once)))
        return steps * step_flop(shapes) / (time.perf_counter() - began)


def table(found: dict[str, dict[str, Any]]) -> str:
    """The figures for people, a line each."""
    lines = []
    for name, values in found.items():
        lines.append(name)
        lines += [
            f"  {key:<20} {value:>12,.3g}" if isinstance(value, float) else f"  {key:<20} {value}"
            for key, value in values.items()
        ]
    return "\n".join(lines)
