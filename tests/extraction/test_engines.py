from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.backbones.weights import find_weights
from pipeline.base.errors import PipelineError
from pipeline.cli import graph
from pipeline.cli import main as cli
from pipeline.config.settings import ExtractSettings
from pipeline.extraction import engines, extract
from pipeline.extraction.engines import Work
from pipeline.extraction.plan import Planned
from pipeline.extraction.rendering import CHUNK
from pipeline.extraction.timings import Timings
from pipeline.features.shards import Shard
from pipeline.images.listing import ImageRecord
from tests.commands import failure
from tests.conftest import DATASET, SMALL, write_images


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def work_in(folder: Path, images: int, settings: ExtractSettings) -> Work:
    path, sha256 = find_weights(SMALL)
    return Work("", images, SMALL, path, sha256, folder, folder / "features", settings, "cpu")


def planned(records: list[ImageRecord], each: int) -> list[Planned]:
    firsts = range(0, len(records), each)
    return [Planned("train", f"{first}.h5", records[first : first + each], "0" * 64) for first in firsts]


def test_shards_are_dealt_out_evenly() -> None:
    shards = [Planned("train", f"{number}", [], "") for number in range(7)]
    assert [[shard.file for shard in part] for part in engines.shares(shards, 3)] == [
        ["0", "3", "6"],
        ["1", "4"],
        ["2", "5"],
    ]
    assert [len(part) for part in engines.shares(shards[:1], 2)] == [1, 0]


@pytest.mark.parametrize("devices", [2, 5])
def test_several_devices_give_the_bytes_of_one(
    devices: int, tmp_path: Path, pictures: np.ndarray, small: ExtractSettings
) -> None:
    write_images(tmp_path / "images", pictures[:50])
    found: list[dict[str, bytes]] = []
    for engine in (engines.here, engines.on(["cpu"] * devices)):
        features = tmp_path / f"{len(found)}"
        timings = extract.extract(DATASET, SMALL, tmp_path / "images", features, small, "cpu", engine)
        assert timings.images == 50
        assert min(timings.read, timings.augment, timings.forward, timings.write) > 0
        found.append(contents(features))
    assert found[0] == found[1]
    assert len(found[0]) == 5


def test_what_one_device_raises_ends_them_all(
    tmp_path: Path, pictures: np.ndarray, small: ExtractSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = write_images(tmp_path, pictures[:200])
    gone = ImageRecord("gone", "train", "gone.png", None, "")
    shards = planned(records, 8)
    shards[1] = Planned("train", "gone.h5", [gone], "0" * 64)
    work = work_in(tmp_path, 200, small)
    with pytest.raises(PipelineError, match="the picture is gone"):
        list(engines.on(["cpu", "cpu"])(work, shards, Timings()))
    assert len(list((tmp_path / "features").glob("*.h5"))) < 25  # None, and no folder, where it ended before the first.


def test_a_shard_is_written_while_the_next_is_computed(
    tmp_path: Path, pictures: np.ndarray, small: ExtractSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards = planned(write_images(tmp_path, pictures[:60]), 20)
    work = work_in(tmp_path, 60, small)
    write, begun, seen = engines.write, 0, threading.Condition()

    def progress() -> None:
        nonlocal begun
        with seen:
            begun += 1
            seen.notify_all()

    def patient(work: Work, shard: Planned, rows: np.ndarray, timings: Timings) -> Shard:
        with seen:  # The second half of the next shard is computed when the streams have taken the first.
            wanted = 20 * shards.index(shard) + 30
            assert shard is shards[-1] or seen.wait_for(lambda: begun >= wanted, 60)
        return write(work, shard, rows, timings)

    monkeypatch.setattr(engines, "write", patient)
    monkeypatch.setattr(engines, "shown_progress", lambda *_: nullcontext(progress))
    made = list(engines.here(work, shards, Timings()))
    assert [shard.file for shard in made] == [shard.file for shard in shards]


def test_a_picture_that_cannot_be_read_costs_no_shard_before_it(
    tmp_path: Path, pictures: np.ndarray, small: ExtractSettings
) -> None:
    size = 2 * CHUNK  # Pictures are read so many at a time.
    records = write_images(tmp_path, pictures[: 2 * size])
    records[size] = ImageRecord("gone", "train", "gone.png", None, "")
    work = work_in(tmp_path, len(records), small)
    with pytest.raises(PipelineError, match="the picture is gone"):
        list(engines.here(work, planned(records, size), Timings()))
    assert [path.name for path in (tmp_path / "features").iterdir()] == ["0.h5"]


def test_closing_it_stops_every_device(tmp_path: Path, pictures: np.ndarray, small: ExtractSettings) -> None:
    records = write_images(tmp_path, pictures[:400])
    shards = planned(records, 8)
    work = work_in(tmp_path, 400, small)
    with closing(engines.on(["cpu", "cpu"])(work, shards, Timings())) as making:
        next(making)
    assert len(list((tmp_path / "features").iterdir())) < 25


def test_gpus_that_are_not_here_are_said(
    project: Callable[..., Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    line = failure(capsys, monkeypatch, "extract", "--gpus", "0,1")
    assert "--gpus 0,1: expected numbers of GPUs that are here, torch " in line
    assert " sees 0 CUDA devices on this machine; name others, use --device cpu" in line
    line = failure(capsys, monkeypatch, "extract", "--gpus", "0,1", "--device", "cuda:0")
    assert "--gpus 0,1: stands in place of --device, found --device cuda:0 too" in line
    line = failure(capsys, monkeypatch, "extract", "--gpus", "0,1", "--engine", "ray")
    assert "--gpus 0,1: every task of --engine ray has its own; give --gpus-per-task instead" in line


def test_nodes_do_not_each_choose_a_precision(project: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    project()
    used: list[ExtractSettings] = []

    def extracted(*given: Any) -> Timings:
        used.append(given[4])
        return Timings()

    monkeypatch.setattr(graph, "engine_of", lambda *_: (["cuda:0"], nullcontext(engines.here)))
    monkeypatch.setattr(extract, "extract", extracted)
    monkeypatch.setattr(sys, "argv", ["pipeline", "extract", "--engine", "ray", "--gpus-per-task", "1"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    assert [settings.precision for settings in used] == ["bf16"]
