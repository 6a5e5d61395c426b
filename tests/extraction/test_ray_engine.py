"""Extraction over Ray on this machine: the bytes of a run without it, whatever dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch

from pipeline.backbones.weights import find_weights
from pipeline.base.errors import PipelineError
from pipeline.base.remote import place
from pipeline.cli.settings import Settings
from pipeline.extraction import ray_engine
from pipeline.extraction.engines import Work
from pipeline.extraction.plan import Planned
from pipeline.extraction.ray_engine import Share, make_shard
from pipeline.extraction.timings import Timings
from tests.base.test_remote import files_of
from tests.commands import failure
from tests.conftest import BACKBONE, DATASET, SMALL, write_images
from tests.methods.test_protocol import command

COMMAND = [sys.executable, "-m", "pipeline", "extract"]
STOPPED = "pipeline: stopped; what is finished is kept, the same command goes on from there"


@pytest.fixture
def extraction(project: Callable[..., Path], pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with twelve shards to make; its cache."""
    # One thread, so that two tasks have room on two cores.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("RAY_ADDRESS", "local")
    folder = project(**{"extract.shard_rows": 16, "extract.views": 2, f"datasets.{DATASET}.image_size": 192})
    write_images(folder / "data" / "images" / DATASET, pictures[:192])
    return folder / "data" / "features" / DATASET / BACKBONE


def workers(process: psutil.Popen) -> list[psutil.Process]:
    """The processes of a run that have a task at work; Ray names them after it."""
    found = []
    for child in process.children(recursive=True):
        try:
            if "make_shard" in " ".join(child.cmdline()):
                found.append(child)
        except psutil.Error:
            pass
    return found


def written(features: Path) -> dict[str, tuple[int, int]]:
    """The finished shards, each with what tells one file from another of the same name."""
    found = {}
    for path in features.glob("*.h5"):
        about = path.stat()
        found[path.name] = (about.st_ino, about.st_mtime_ns)
    return found


@pytest.mark.slow
def test_a_killed_worker_loses_the_shard_in_work_alone(extraction: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command(monkeypatch, "extract", "--device", "cpu")
    undisturbed = files_of(extraction)
    assert len(undisturbed) == 13
    for path in extraction.iterdir():
        path.unlink()

    process = psutil.Popen([*COMMAND, "--engine", "ray"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    killed: set[int] = set()
    seen: dict[str, set[tuple[int, int]]] = {}
    while process.poll() is None:
        for name, file in written(extraction).items():
            seen.setdefault(name, set()).add(file)
        if len(seen) >= 2 and not killed and len(at_work := workers(process)) >= 2:
            at_work[0].send_signal(signal.SIGKILL)
            killed.add(at_work[0].pid)
        time.sleep(0.005)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert killed
    assert f"{DATASET} x {BACKBONE}: 192 computed on cpu".encode() in out
    assert files_of(extraction) == undisturbed
    # The one in work is made again; it may have been written, and not reported yet, when its worker was killed.
    assert sum(len(files) - 1 for files in seen.values()) <= 1
    # One progress view, and not a word of Ray's.
    assert all(line.startswith(f"{DATASET} x {BACKBONE} on cpu: ".encode()) for line in err.splitlines()), err


@pytest.mark.slow
def test_it_stops_cleanly_and_goes_on(
    extraction: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    process = subprocess.Popen([*COMMAND, "--engine", "ray"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while len(written(extraction)) < 2 and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (143, ""), err
    assert err.splitlines()[-1] == STOPPED
    assert {path.suffix for path in extraction.iterdir()} == {".h5"}
    kept = written(extraction)
    # What is left is made without Ray: it is the same work.
    command(monkeypatch, "extract", "--device", "cpu")
    assert f", {16 * len(kept)} reused; " in capsys.readouterr().out
    assert kept.items() <= written(extraction).items()


def test_options_that_mean_nothing_are_refused(
    project: Callable[..., Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project()
    assert "unknown engine 'rays'; did you mean ray?" in failure(capsys, monkeypatch, "extract", "--engine", "rays")
    line = failure(capsys, monkeypatch, "extract", "--gpus-per-task", "1")
    assert "--gpus-per-task: means something with --engine ray alone" in line
    line = failure(capsys, monkeypatch, "extract", "--engine", "ray", "--device", "cuda:0")
    assert "--device cuda:0: every task of --engine ray has its own; give --gpus-per-task instead" in line
    line = failure(capsys, monkeypatch, "extract", "--engine", "ray", "--gpus-per-task", "1.5")
    assert "--gpus-per-task 1.5: expected a whole number or a part of one GPU" in line


def test_without_ray_it_says_what_to_install(
    project: Callable[..., Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project()
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "run 'uv pip install ray'" in failure(capsys, monkeypatch, "extract", "--engine", "ray")


def test_a_task_that_no_node_has_room_for_is_refused() -> None:
    nodes = [{"Alive": True, "Resources": {"CPU": 4.0}}, {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}}]
    cluster = SimpleNamespace(nodes=lambda: nodes, cluster_resources=lambda: {"CPU": 20.0, "GPU": 2.0})
    ray_engine._check_room(cluster, Share(cpus=4, gpus=0, threads=4))
    with pytest.raises(PipelineError, match=r"with 1 cores and 0\.5 GPUs .*, the largest of 1 has 4 and 0;"):
        ray_engine._check_room(cluster, Share(cpus=1, gpus=0.5, threads=4))
    rooms = [ray_engine._room(cluster, Share(cpus, gpus, 4)) for cpus, gpus in ((4, 0), (1, 0.5), (1, 4), (64, 0))]
    assert rooms == [5, 4, 1, 1]


def test_an_error_of_a_task_is_told_as_here() -> None:
    from ray import exceptions

    def result(error: Exception) -> None:
        def get(_: object) -> None:
            raise error

        shard = Planned("train", "train-00003.h5", [], "")
        ray_engine._result(SimpleNamespace(get=get, exceptions=exceptions), None, shard)

    for error in (PipelineError("x.png: cannot be read"), OSError(28, "No space left on device", "x.h5")):
        with pytest.raises(type(error)) as raised:
            result(exceptions.RayTaskError("make_shard", "its traceback", error))
        assert raised.value is error
    with pytest.raises(PipelineError, match=r"train-00003\.h5: begun 4 times, its worker died each time"):
        result(exceptions.WorkerCrashedError())
    with pytest.raises(exceptions.RayTaskError, match="its traceback"):
        result(exceptions.RayTaskError("make_shard", "its traceback", ZeroDivisionError()))


def test_what_would_give_other_bytes_or_none_is_refused(settings: Settings, tmp_path: Path) -> None:
    path, sha256 = find_weights(SMALL)
    work = Work("", 1, SMALL, path, "0" * 64, tmp_path, place("memory://lost"), settings.extract, "cpu")
    with pytest.raises(PipelineError, match="memory://lost: a store in memory is another one in every process"):
        next(ray_engine._run(None, Share(1, 0, 1), work, [], Timings()))
    with pytest.raises(PipelineError, match=f"expected the weights that the driver has, .* found {sha256[:12]}"):
        make_shard((work, tmp_path, Share(1, 0, torch.get_num_threads())), Planned("train", "x.h5", [], ""))


def test_a_process_that_is_given_another_gpu_ends(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def end(code: int) -> None:
        raise ProcessLookupError(code)

    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(ray_engine, "_loaded", lambda *_: 1 / 0)
    ray_engine._first_seen.cache_clear()
    work = Work("", 1, SMALL, Path(), "", Path(), Path(), settings.extract, "cpu")
    common = (work, Path(), Share(1, 1, torch.get_num_threads()))
    for visible, ending in (("1", ZeroDivisionError), ("1", ZeroDivisionError), ("0", ProcessLookupError)):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        with pytest.raises(ending):
            make_shard(common, Planned("train", "x.h5", [], ""))
    ray_engine._first_seen.cache_clear()


def test_sigterm_ends_as_the_command_does_whatever_ray_put_there() -> None:
    def terminate(*_: object) -> None:
        raise SystemExit(143)

    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with pytest.raises(SystemExit) as stop, ray_engine._ending_by(terminate):
            signal.raise_signal(signal.SIGTERM)
        assert stop.value.code == 143
        with pytest.raises(KeyboardInterrupt), ray_engine._ending_by(terminate):
            raise KeyboardInterrupt
    finally:
        signal.signal(signal.SIGTERM, before)
