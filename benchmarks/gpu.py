"""What a CUDA device gives: the extraction with CLIP's vision transformers, and SCP's heads, one run and fifty.

    uv run python -m benchmarks.gpu
    uv run python -m benchmarks.gpu --images 500 --runs 10 --turns 1
    uv run python -m benchmarks.gpu --device cpu --images 8 --batch 4 --runs 3 --turns 1 --steps 5

The last line tries the script where there is no GPU.

Extraction: pictures of 256 x 256 that are decoded, in one array; random weights, which take as long as others; bf16.
Efficiency is as in `pipeline bench`: the seconds of the bare backbone on tensors that are ready by those of the whole
extraction. The extraction starts the backbone as a CUDA graph, the bare one is called, so where the processor is slower
at starting operations than the device at doing them the efficiency is above one.

Fit: random embeddings of CIFAR-10's size, 30 epochs with a batch of 512; the first run of the process is told apart, as
the libraries prepare themselves in it. Each run must give the same loss beside none, two and all others. At the end
stand the operations of either by the device's time for them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib.format import open_memmap
from torch.profiler import ProfilerActivity, profile

from benchmarks.memory import ROOT
from pipeline.backbones import loaders
from pipeline.backbones.loaders.from_open_clip import build_open_clip
from pipeline.backbones.registry import BACKBONES, Backbone
from pipeline.base.allocator import keep_freed_memory
from pipeline.base.errors import PipelineError
from pipeline.base.provenance import about_device, versions
from pipeline.cli.bench.extraction import extraction_of, shards_of
from pipeline.cli.bench.fit import FIT_IMAGES, layer_shapes, multiplied, random_problem, step_flop
from pipeline.cli.settings import read_params
from pipeline.config.devices import pick_device, suited
from pipeline.extraction.engines import Work, made
from pipeline.extraction.timings import Timings
from pipeline.heads import scp
from pipeline.heads.training import steps_for
from pipeline.images.listing import ImageRecord, digest_of

SIDE = 256
SHARE = {"clip-vitb32": 1.0, "clip-vitl14": 0.125}
"""The backbones, and which part of the pictures each gets."""
FEW = 3
"""Runs beside each other, to see that a run does not depend on their number."""


def write_pictures(folder: Path, count: int) -> list[ImageRecord]:
    """An array of random pictures, some of which are there several times."""
    some = np.random.default_rng(0).integers(0, 256, (min(count, 500), SIDE, SIDE, 3), np.uint8)
    rows = open_memmap(folder / "pictures.npy", "w+", np.uint8, (count, SIDE, SIDE, 3))
    for first in range(0, count, len(some)):
        rows[first : first + len(some)] = some[: count - first]
    digests = [digest_of(picture.tobytes()) for picture in some]
    return [ImageRecord(f"{row}", "train", "pictures.npy", row, digests[row % len(some)]) for row in range(count)]


def random_backbone(backbone: Backbone, device: str) -> torch.nn.Module:
    """A vision tower of open_clip with random weights, made ready as one from a file is."""
    torch.manual_seed(0)
    model: Any = build_open_clip(backbone, device)
    return loaders.made_ready(model.visual)


def extraction(device: str, images: int, batches: list[int]) -> list[dict[str, Any]]:
    """What `extraction_of` finds, a row each backbone and size of a batch."""
    settings = read_params(ROOT / "params.yaml").extract
    rows = []
    for name, share in SHARE.items():
        backbone = BACKBONES[name]
        module = random_backbone(backbone, device)
        for batch in batches:
            with tempfile.TemporaryDirectory() as scratch:
                records = write_pictures(Path(scratch), int(images * share))
                given = replace(settings, precision="bf16", batch_on_gpu=batch)
                if device != "cpu":
                    torch.cuda.reset_peak_memory_stats(device)
                found = extraction_of(module, backbone, records, Path(scratch), given, device, tell)
            peak = 0.0 if device == "cpu" else torch.cuda.max_memory_allocated(device) / 1e6
            rows.append({"backbone": name, "batch": batch, **found, "device_peak_mb": peak})
            print(json.dumps(rows[-1]), flush=True)
    return rows


def embedding(name: str, device: str, folder: Path) -> Callable[[], object]:
    """An extraction of some pictures."""
    settings = suited(read_params(ROOT / "params.yaml").extract, device)
    module, records = random_backbone(BACKBONES[name], device), write_pictures(folder, 500)
    work = Work(name, len(records), BACKBONES[name], Path(), "", folder, folder / "cache", settings, device)
    return lambda: list(made(module, work, shards_of(records, settings), Timings()))


def fits(device: str, runs: int, turns: int, steps: int | None) -> dict[str, Any]:
    """Seconds of one run and of many, from the embeddings in the host's memory to the heads; and the floor of a run."""
    settings = read_params(ROOT / "params.yaml").fit
    if steps:
        settings = replace(settings, training=replace(settings.training, epochs=1, min_steps=steps))
    problem = random_problem(settings, device, lambda _: None)
    seconds: dict[str, list[float]] = {}
    losses: dict[int, set[float]] = {}
    for turn in range(1 + turns):
        for count in sorted({1, min(FEW, runs), runs}) if turn else (1,):
            tell(f"fit, {'the first run' if not turn else f'{count} runs, turn {turn} of {turns}'}")
            began = time.perf_counter()
            made = list(scp.fit(problem, list(range(count))))
            name = f"{count}_runs" if turn else "first_run_of_the_process"
            seconds.setdefault(name, []).append(time.perf_counter() - began)
            for seed, run in enumerate(made):
                losses.setdefault(seed, set()).add(run.loss)
    shapes = layer_shapes(settings.training.batch, settings.training.hidden)
    _, _, taken = steps_for(settings.training, FIT_IMAGES)
    bare = multiplied(shapes, True, device, 1)
    rate = bare.steps * step_flop(shapes) / bare.spent.seconds
    return {
        "seconds": seconds,
        "every_turn_gave_the_same_losses": all(len(each) == 1 for each in losses.values()),
        "steps": taken,
        "run_tflop": taken * step_flop(shapes) / 1e12,
        "bare_matmul_flop_per_s": rate,
        "a_run_of_bare_matmul_s": taken * step_flop(shapes) / rate,
    }


def training(device: str, steps: int = 200) -> Callable[[], object]:
    """So many steps of a run."""
    settings = read_params(ROOT / "params.yaml").fit
    short = replace(settings, training=replace(settings.training, epochs=1, min_steps=steps))
    problem = random_problem(short, device, lambda _: None)
    return lambda: list(scp.fit(problem, [0]))


def show_operations(name: str, run: Callable[[], object], most: int = 25) -> None:
    """Prints what the device does in a run, by the time for it, and what share of the time it is at work."""
    run()
    began = time.perf_counter()
    with profile(activities=[ProfilerActivity.CUDA]) as profiled:
        run()
        torch.cuda.synchronize()
        wall = time.perf_counter() - began
    found = sorted(
        ((event.self_device_time_total / 1e6, event.count, event.key) for event in profiled.key_averages()),
        reverse=True,
    )
    at_work = sum(seconds for seconds, *_ in found)
    print(f"{name}: the device at work {at_work:.3f} s of {wall:.3f} s, profiled")
    for seconds, count, key in found[:most]:
        print(f"{seconds * 1e3:9.1f} ms  {count:7} x  {key[:110]}")


def tell(text: str) -> None:
    """Says what is measured."""
    print(f"gpu: {text}", file=sys.stderr, flush=True)


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, found '{text}'")
    return int(text)


def main() -> None:
    """Measures and prints JSON."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--device", default="cuda")
    options.add_argument("--images", type=positive, default=16000, help="for ViT-B/32; an eighth of them for ViT-L/14")
    options.add_argument("--batch", type=positive, action="append", help="views together; default: 32 and 256")
    options.add_argument("--runs", type=positive, default=50, help="of SCP")
    options.add_argument("--turns", type=positive, default=2, help="of the fits; an extraction has three")
    options.add_argument("--steps", type=positive, help="of a run, at least an epoch; default: those of 30 epochs")
    options.add_argument("--part", action="append", choices=("extract", "fit", "operations"), help="default: each")
    given = options.parse_args()
    try:
        device = pick_device(given.device)
    except PipelineError as error:
        sys.exit(str(error))
    keep_freed_memory()  # As loading a backbone from a file does.
    parts = given.part or ["extract", "fit", "operations"]
    print(json.dumps({**about_device(device), **versions()}))
    if "fit" in parts:
        print(json.dumps(fits(device, given.runs, given.turns, given.steps)), flush=True)
    if "extract" in parts:
        extraction(device, given.images, given.batch or [32, 256])
    if "operations" in parts and device != "cpu":
        show_operations("200 steps of a run", training(device))
        name = next(iter(SHARE))
        with tempfile.TemporaryDirectory() as scratch:
            show_operations(f"500 pictures through {name}", embedding(name, device, Path(scratch)))


if __name__ == "__main__":
    main()
