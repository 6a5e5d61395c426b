"""What only a CUDA device can show: uv run pytest tests/cuda. The rest is tested beside its modules, on CPU tensors."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from pipeline.backbones import forward, loaders
from pipeline.backbones.weights import find_weights
from pipeline.cli.settings import Settings
from pipeline.config.devices import pick_precision
from pipeline.config.settings import DatasetSettings, ExtractSettings
from pipeline.extraction import engines
from pipeline.extraction.engines import Work
from pipeline.extraction.inputs import stack, to_input
from pipeline.extraction.plan import Planned
from pipeline.extraction.rendering import render
from pipeline.extraction.timings import Timings
from pipeline.features.manifest import read_manifest
from pipeline.features.shards import read_shard
from pipeline.heads import cuda_graphs, scp
from pipeline.heads.problem import Problem, Run
from pipeline.heads.streaming import Stream
from pipeline.images.listing import ImageRecord
from pipeline.methods import pro_dsc, scan, temi, turtle
from tests.conftest import BACKBONE, DATASET, SMALL, write_images
from tests.extraction.test_resampling import cosines
from tests.heads.test_streaming import sharded
from tests.methods.test_protocol import command

CUDA = "cuda:0"


def extracted(
    module: torch.nn.Module, folder: Path, records: list[ImageRecord], settings: ExtractSettings, device: str
) -> tuple[np.ndarray, Timings]:
    """The embeddings of two shards, float16 (images, 1 + views, dim), and what was told of it."""
    half, timings = len(records) // 2, Timings()
    shards = [Planned("train", f"{first}.h5", records[first : first + half], "0" * 64) for first in (0, half)]
    work = Work("cuda", len(records), SMALL, Path(), "", folder, folder / "cache", settings, device)
    written = {shard.file: shard for shard in engines.made(module, work, shards, timings)}
    rows = [read_shard(work.features / shard.file, written[shard.file]).views for shard in shards]
    return np.concatenate(rows), timings


def embedded_backbone(device: str) -> torch.nn.Module:
    return loaders.load(SMALL, find_weights(SMALL)[0]).to(device)


@pytest.mark.parametrize(("precision", "least"), [("fp32", 0.9999), ("bf16", 0.995)])
def test_the_embeddings_are_those_of_a_cpu(
    tmp_path: Path, pictures: np.ndarray, small: ExtractSettings, precision: str, least: float
) -> None:
    records = write_images(tmp_path, pictures[:200])
    expected, _ = extracted(embedded_backbone("cpu"), tmp_path, records, small, "cpu")
    found, _ = extracted(embedded_backbone(CUDA), tmp_path, records, replace(small, precision=precision), CUDA)
    assert cosines(found.astype(np.float64), expected.astype(np.float64)).mean() >= least


def test_a_recorded_backbone_gives_the_same_bytes(
    tmp_path: Path, pictures: np.ndarray, small: ExtractSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    records, module = write_images(tmp_path, pictures[:300]), embedded_backbone(CUDA)
    recorded: list[bool] = []
    record = forward.OnDevice._record

    def watched(backbone: forward.OnDevice, batch: torch.Tensor) -> None:
        record(backbone, batch)
        recorded.append(backbone._recorded is not None)

    monkeypatch.setattr(forward.OnDevice, "_record", watched)
    first, _ = extracted(module, tmp_path, records, small, CUDA)
    assert recorded == [True]
    monkeypatch.setattr(forward.OnDevice, "_record", lambda self, batch: None)
    plain, _ = extracted(module, tmp_path, records, small, CUDA)
    assert np.array_equal(first, plain)


def test_a_backbone_that_cannot_be_recorded_is_called(
    tmp_path: Path, pictures: np.ndarray, small: ExtractSettings
) -> None:
    class Looks(torch.nn.Module):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            scale = float(batch.mean() * 0 + 1)  # Waits for the device, which no recording can.
            return batch.mean((2, 3)).repeat(1, 427)[:, : SMALL.dim] * scale

    records = write_images(tmp_path, pictures[:200])
    expected, _ = extracted(Looks(), tmp_path, records, small, "cpu")
    found, _ = extracted(Looks().to(CUDA), tmp_path, records, small, CUDA)
    assert cosines(found.astype(np.float64), expected.astype(np.float64)).mean() >= 0.9999


def test_what_is_asked_for_does_not_wait_for_the_device(
    tmp_path: Path, pictures: np.ndarray, small: ExtractSettings
) -> None:
    records, backbone = write_images(tmp_path, pictures[:40]), forward.OnDevice(embedded_backbone(CUDA), "bf16", 32)
    rendered = [render(tmp_path, record, SMALL, small, on_device=True) for record in records]
    pixels = [each for one in rendered for each in one.pixels][:32]
    sigmas = [sigma for one in rendered for sigma in one.sigmas][:32]
    for turn in range(6):
        # The first ones load kernels and ask for memory; in the fourth the backbone is recorded.
        torch.cuda.set_sync_debug_mode("error" if turn > forward.WARM_UP else "default")
        try:
            asked = backbone.ask(to_input(stack(pixels, SMALL, CUDA), sigmas, SMALL, CUDA))
        finally:
            torch.cuda.set_sync_debug_mode("default")
        assert asked.fetched().shape == (32, SMALL.dim)


def test_where_memory_runs_out_batches_are_halved(tmp_path: Path, pictures: np.ndarray, small: ExtractSettings) -> None:
    class Large(torch.nn.Module):
        def __init__(self, room: int) -> None:
            super().__init__()
            self.room = room

        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            room = torch.zeros(len(batch), self.room, device=batch.device)
            return batch.mean((2, 3)).repeat(1, 427)[:, : SMALL.dim] + room[:, :1]

    records, settings = write_images(tmp_path, pictures[:40]), replace(small, batch=64)
    expected, told = extracted(Large(1), tmp_path, records, settings, CUDA)
    assert told.halved == 0
    gc.collect()
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(CUDA).total_memory
    # 64 MB a view: room for about 40 of them, beside what other tests still hold.
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved(CUDA) + 2.7e9) / total)
    try:
        found, told = extracted(Large(2**24), tmp_path, records, settings, CUDA)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert told.halved >= 1
    assert cosines(found.astype(np.float64), expected.astype(np.float64)).min() >= 0.9999


@pytest.fixture
def problem(settings: Settings) -> Problem:
    """600 images in three groups."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 1, (3, 24))
    views = (centres[np.arange(600) % 3][:, None] + rng.normal(0, 0.5, (600, 5, 24))).astype(np.float16)
    training = replace(settings.fit.training, hidden=(64, 64, 64, 64), batch=128, epochs=1, min_steps=60)
    return Problem(
        views,
        replace(settings.fit, training=training),
        DatasetSettings(3, 5.0, None, "published"),
        CUDA,
        lambda _: None,
    )


def same(one: Run, other: Run) -> bool:
    pairs = zip([one.model, *one.snapshots.values()], [other.model, *other.snapshots.values()], strict=True)
    return (one.loss, one.history) == (other.loss, other.history) and all(
        np.array_equal(value, found.tensors()[name])
        for found, model in pairs
        for name, value in model.tensors().items()
    )


@pytest.mark.parametrize("method", [scp, scan, temi])
def test_a_run_of_many_is_to_the_bit_what_it_is_alone(
    method: ModuleType, problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda_graphs, "BLOCK", 16)  # Pairs are drawn more than once.
    seeds = list(range(11))
    several = list(method.fit(replace(problem, steps=(0, 2, 30)), seeds))
    assert len({run.loss for run in several}) == len(seeds)
    for number in (0, 5, 10):
        (alone,) = method.fit(replace(problem, steps=(0, 2, 30)), [seeds[number]])
        assert list(alone.snapshots) == [0, 2, 30]
        assert same(several[number], alone)


def found_on_a_cpu(method: ModuleType, problem: Problem) -> None:
    """Fits on both devices, in single precision, and holds that the runs are the same but for rounding."""
    training = replace(problem.settings.training, precision="fp32")
    exact = replace(problem, settings=replace(problem.settings, training=training))
    for found, expected in zip(
        method.fit(exact, [0, 1]), method.fit(replace(exact, device="cpu"), [0, 1]), strict=True
    ):
        assert found.loss == pytest.approx(expected.loss, rel=2e-3)
        clusters = [run.model.logits(problem.views[:, 0]).argmax(1) for run in (found, expected)]
        assert (clusters[0] == clusters[1]).mean() >= 0.99
        assert len(set(clusters[0])) == 3


@pytest.mark.parametrize("method", [scp, scan, temi])
def test_recorded_steps_are_those_of_a_cpu_but_for_rounding(method: ModuleType, problem: Problem) -> None:
    found_on_a_cpu(method, problem)


@pytest.mark.parametrize("method", [turtle, pro_dsc])
def test_methods_without_pairs_find_on_a_gpu_what_they_find_on_a_cpu(method: ModuleType, problem: Problem) -> None:
    given = problem.settings.with_section("turtle", steps=60, batch=256).with_section("pro_dsc", steps=20, warmup=20)
    found_on_a_cpu(method, replace(problem, settings=given))


def test_embeddings_beyond_the_memory_train_on_a_gpu_as_on_a_cpu(
    tmp_path: Path, problem: Problem, settings: Settings
) -> None:
    features = sharded(tmp_path / "features", settings, {"train": problem.views}, 50)
    stream = Stream(features, "train", None, problem.views.nbytes // 2 + 200_000)
    assert stream.group < len(features.shard_rows("train"))
    given = problem.settings.with_section("scp", pairs="views")
    found_on_a_cpu(scp, replace(problem, settings=given, stream=stream))


def test_the_commands_run_on_a_gpu_and_twice_to_the_same_bytes(
    project: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = ["scp", "scan", "temi", "turtle", "pro-dsc", "kmeans"]
    root = project(**{"fit.methods": methods, "fit.runs": 2, "extract.views": 2, "fit.turtle.steps": 20})
    command(monkeypatch, "prepare", "--dataset", DATASET)
    command(monkeypatch, "extract", "--dataset", DATASET, "--device", "cuda")
    made = read_manifest(root / "data/features" / DATASET / BACKBONE).settings
    assert (made["precision"], made["batch"]) == (pick_precision("auto", CUDA), 256)
    tables = []
    for _ in range(2):
        command(monkeypatch, "fit", "--dataset", DATASET, "--device", "cuda")
        files = sorted((root / "data/predictions" / DATASET / BACKBONE).rglob("*.csv"))
        assert len(files) >= len(methods)
        tables.append([file.read_bytes() for file in files])
    assert tables[0] == tables[1]
