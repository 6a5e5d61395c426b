"""How fast the training of SCP's heads is here, beside bare matrix multiplications of its shapes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch

from pipeline.base.timing import part, timed
from pipeline.cli.bench.spent import Spent, clock, fair, taken_by_others
from pipeline.config.devices import pick_precision
from pipeline.config.settings import PUBLISHED, DatasetSettings
from pipeline.heads import scp
from pipeline.heads.problem import Problem
from pipeline.heads.settings import FitSettings
from pipeline.heads.training import one_thread_each

FIT_IMAGES, FIT_VIEWS, FIT_DIM, FIT_CLUSTERS = 50_000, 4, 512, 10
"""CIFAR-10's train split on a backbone of the paper."""


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
        multiplications of the same shapes and type reach, as many at a time; ``share``, the ratio of both, by the
        processor time of both where other programs had more than a tenth of a processor's cores; ``taken_by_others``,
        the share of the cores, 0 on a GPU; ``peak_mb``, the most memory of the process.
    """
    at_once = torch.get_num_threads() if device == "cpu" else 1
    training = replace(settings.training, epochs=1, min_steps=steps)
    told: list[tuple[int, Spent]] = []
    spent = clock()

    def follow(text: str) -> None:
        told.append((int(text.split("step ")[1].split(" of ")[0]), spent()))

    problem = random_problem(replace(settings, training=training), device, follow)
    shapes = layer_shapes(training.batch, training.hidden)
    bf16 = pick_precision(training.precision, device) == "bf16"
    progress("fit")
    floors = [multiplied(shapes, bf16, device, at_once)]
    with timed() as parts, part("fit"):
        for _ in scp.fit(problem, list(range(at_once))):
            pass
        ended = spent()
    floors.append(multiplied(shapes, bf16, device, at_once))
    warm = [moment for step, moment in told if step > 0][:at_once]
    epoch = min(step for step, _ in told if step > 0)
    count = at_once * (steps - epoch)
    seconds = ended.seconds - sum(each.seconds for each in warm) / len(warm)
    processor = ended.processor - sum(each.processor for each in warm) / len(warm)
    matmul = sum(each.steps / each.spent.seconds for each in floors) / len(floors)
    by_processor = sum(each.steps / each.spent.processor for each in floors) / len(floors)
    taken = taken_by_others([each.spent for each in floors], at_once) if device == "cpu" else 0.0
    return {
        "steps_per_s": count / seconds,
        "flop_per_s": count / seconds * step_flop(shapes),
        "matmul_flop_per_s": matmul * step_flop(shapes),
        "share": fair(count / seconds / matmul, count / processor / by_processor, taken),
        "taken_by_others": taken,
        "peak_mb": parts.peak_bytes.get("fit", 0) / 1e6,
    }


def random_problem(settings: FitSettings, device: str, progress: Callable[[str], None]) -> Problem:
    """SCP on views, of random embeddings of CIFAR-10's size."""
    rng = np.random.default_rng(0)
    data = np.empty((FIT_IMAGES, 1 + FIT_VIEWS, FIT_DIM), np.float16)
    for view in range(1 + FIT_VIEWS):
        data[:, view] = rng.standard_normal((FIT_IMAGES, FIT_DIM), np.float32)
    given = settings.with_section("scp", pairs="views")
    return Problem(data, given, DatasetSettings(FIT_CLUSTERS, 5.0, None, PUBLISHED), device, progress)


def layer_shapes(batch: int, hidden: Sequence[int]) -> list[tuple[int, int, int]]:
    """Rows, inputs and outputs of each layer's multiplication; a batch of pairs has two rows each."""
    widths = [FIT_DIM, *hidden, FIT_CLUSTERS]
    return [(2 * batch, before, after) for before, after in pairwise(widths)]


def step_flop(shapes: Sequence[tuple[int, int, int]]) -> int:
    """Multiplications and additions of a step: forward and backward, without the gradient of the first input."""
    each = [2 * rows * before * after for rows, before, after in shapes]
    return 3 * sum(each) - each[0]


@dataclass(frozen=True)
class Multiplied:
    """Bare matrix multiplications."""

    steps: int
    """That they are worth."""
    spent: Spent


def multiplied(
    shapes: Sequence[tuple[int, int, int]], bf16: bool, device: str, at_once: int, seconds: float = 2.0
) -> Multiplied:
    """A step's bare matrix multiplications, on as many threads at a time, for some seconds."""
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
        spent = clock()
        return Multiplied(sum(pool.map(run, range(at_once))), spent())
