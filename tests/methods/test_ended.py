"""Nothing of a fit is lost: a run that has ended is never computed again, and the bytes are the undisturbed ones."""

from __future__ import annotations

import json
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.base.kept import forget
from pipeline.cli.settings import Settings
from pipeline.features import neighbours
from pipeline.features.manifest import read_manifest
from pipeline.heads import scp
from pipeline.heads.problem import Problem, Run
from pipeline.methods import METHODS, ended
from pipeline.methods.fit import fit
from tests.conftest import BACKBONE
from tests.features.test_cache import write_cache
from tests.methods.test_fit import DATASET, contents, features
from tests.processes import start

__all__ = ["features"]  # The fixture.
Counts = dict[str, tuple[int, int]]


def run(features: Path, settings: Settings, method: str, **changes: Any) -> Counts:
    """Fits a method three times, keeping runs; how many were computed, and how many kept from before."""
    training = replace(
        settings.fit.training, hidden=(16, 16, 16, 16), epochs=1, min_steps=30, batch=32, precision="fp32"
    )
    small = replace(settings.fit, runs=3, methods=(method,), training=training)
    small = small.with_section("consensus", heads=3, hidden=(16, 16), epochs=1, min_steps=20, steps=10)
    small = small.with_section("auto", methods={"kmeans": 1}).with_section("turtle", steps=20)
    root, counts = features.parents[2], Counts()
    dataset = changes.pop("dataset", DATASET)
    more = {key: changes.pop(key) for key in ("views", "steps") if key in changes}
    fit(
        *("pets", features, root / "heads", root / "predictions", replace(small, **changes)),
        *(settings.extract, dataset, "cpu"),
        **more,
        kept=root / "parts",
        beside=True,
        told=lambda name, computed, kept: counts.update({name: (computed, kept)}),
    )
    forget(root / "parts", counts)
    return counts


def stopped_after(runs: int, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The method's next fit stops when so many of its runs have been kept."""
    whole = METHODS[method].load()

    class Stopping:
        Settings = getattr(whole, "Settings", None)

        @staticmethod
        def fit(problem: Problem, seeds: list[int]) -> Iterator[Run]:
            for number, each in enumerate(whole.fit(replace(problem, ended=lambda *_: None), seeds)):
                if number == runs:
                    raise KeyboardInterrupt
                yield each

    def load(entry: Any) -> Any:
        return Stopping if entry is METHODS[method] else original(entry)

    original = type(METHODS[method]).load
    monkeypatch.setattr(type(METHODS[method]), "load", load)


@pytest.mark.parametrize("method", ["scp", "kmeans", "spectral", "gmm-diag", "agglomerative", "consensus", "turtle"])
def test_a_stopped_fit_goes_on_and_ends_with_the_undisturbed_bytes(
    method: str, features: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = features.parents[2]
    assert run(features, settings, method) == {method: (3, 0)}
    undisturbed = contents(root)
    for name in ("heads", "predictions", "parts"):
        shutil.rmtree(root / name, ignore_errors=True)

    with monkeypatch.context() as patch:
        stopped_after(2, method, patch)
        with pytest.raises(KeyboardInterrupt):
            run(features, settings, method)
    assert contents(root) == {}
    assert len(list((root / "parts" / method).iterdir())) == 2
    assert run(features, settings, method) == {method: (1, 2)}
    assert contents(root) == undisturbed
    assert not (root / "parts" / method).exists()


def test_snapshots_of_a_run_that_was_kept_are_written(
    features: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = features.parents[2]
    run(features, settings, "scp", steps=(0, 10))
    undisturbed = contents(root)
    assert len([name for name in undisturbed if "snapshots" in name]) == 2
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.methods.fit.write_fitted", lambda *_: sys.exit(1))
        with pytest.raises(SystemExit):
            run(features, settings, "scp", steps=(0, 10))
    assert run(features, settings, "scp", steps=(0, 10)) == {"scp": (0, 3)}
    assert contents(root) == undisturbed


CHANGED: dict[str, Callable[[Settings], dict[str, Any]]] = {
    "a setting of the method": lambda s: {"sections": s.fit.with_section("scp", balance_target=0.5).sections},
    "the training": lambda s: {"training": replace(s.fit.training, hidden=(8, 8, 8, 8), min_steps=30, batch=32)},
    "the pairs": lambda s: {"pairs": replace(s.fit.pairs, neighbours=3)},
    "the seed": lambda _: {"seed": 9},
    "lambda": lambda _: {"dataset": replace(DATASET, balance_weight=1.0)},
    "the clusters": lambda _: {"dataset": replace(DATASET, clusters=4)},
    "the views": lambda _: {"views": 2},
    "the steps": lambda _: {"steps": (5,)},
}


def kept_unfinished(features: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three runs of SCP that are kept, of a fit that wrote nothing."""
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.methods.fit.write_fitted", lambda *_: sys.exit(1))
        with pytest.raises(SystemExit):
            run(features, settings, "scp")


@pytest.mark.parametrize("what", CHANGED)
def test_runs_made_with_something_else_are_not_taken(
    what: str, features: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_unfinished(features, settings, monkeypatch)
    assert run(features, settings, "scp", **CHANGED[what](settings)) == {"scp": (3, 0)}


@pytest.mark.parametrize("what", ["code", "library", "machine", "cache"])
def test_runs_of_another_code_machine_or_cache_are_not_taken(
    what: str, features: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_unfinished(features, settings, monkeypatch)
    if what == "code":
        monkeypatch.setattr(ended, "code_digest", lambda: "another")
    if what == "library":
        monkeypatch.setattr(ended, "versions", lambda: {"torch": "0"})
    if what == "machine":
        monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "ABACUS")
    if what == "cache":
        replace(read_manifest(features), weights_sha256="1" * 64).write(features)
    assert run(features, settings, "scp") == {"scp": (3, 0)}


def test_what_a_method_does_not_read_costs_none_of_its_runs(
    features: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_unfinished(features, settings, monkeypatch)
    sections = settings.fit.with_section("kmeans", starts=1).with_section("gmm_full", starts=1).sections
    assert run(features, settings, "scp", sections=sections, runs=4) == {"scp": (1, 3)}


def test_a_damaged_run_is_computed_again(features: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    root = features.parents[2]
    run(features, settings, "scp")
    undisturbed = contents(root)
    kept_unfinished(features, settings, monkeypatch)
    first, second, _ = sorted((root / "parts" / "scp").iterdir())
    first.write_bytes(first.read_bytes()[:-1])
    data = bytearray(second.read_bytes())
    data[len(data) // 2] ^= 4
    second.write_bytes(data)
    assert run(features, settings, "scp") == {"scp": (2, 1)}
    assert contents(root) == undisturbed


def test_neighbours_and_heads_are_there_for_the_next_method(
    features: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is where each method is a process of its own."""
    root = features.parents[2]
    run(features, settings, "auto")
    undisturbed = contents(root)
    for name in ("heads", "predictions", "parts"):
        shutil.rmtree(root / name)
    run(features, settings, "consensus")
    assert {path.name.partition("-")[0] for path in (root / "parts" / "shared").iterdir()} == {"head", "neighbours"}
    monkeypatch.setattr(scp, "fit", None)
    monkeypatch.setattr(neighbours, "neighbours", None)
    run(features, settings, "auto")
    assert {name: data for name, data in contents(root).items() if "/auto/" in name} == undisturbed


def parts(folder: Path) -> dict[str, tuple[int, int]]:
    """The kept runs, by name, and what shows that one was written again."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.glob("*.part")}


@pytest.mark.slow
def test_kills_at_random_moments(project: Callable[..., Path], settings: Settings) -> None:
    """A fit of SCP that is killed five times computes each run once and ends with the undisturbed bytes."""
    runs = 16
    root = project(
        **{
            "fit.runs": runs,
            "fit.methods": ["scp"],
            "fit.training.hidden": [32, 32, 32, 32],
            "fit.training.min_steps": 150,
            "datasets.fashion-mnist-mini.clusters": 3,
            "datasets.fashion-mnist-mini.image_size": 32,
        }
    )
    write_cache(root / "data" / "features" / "fashion-mnist-mini" / BACKBONE, settings, 6)
    command = ("fit", "--method", "scp", "--device", "cpu")
    data, kept = root / "data", root / "data" / "parts" / "fashion-mnist-mini" / BACKBONE / "scp"
    record = data / "runs" / "fit" / "fashion-mnist-mini" / BACKBONE / "scp.json"

    process = start(*command)
    process.join()
    assert process.exitcode == 0
    assert json.loads(record.read_text())["runs"] == {"scp": {"computed": runs, "kept": 0}}
    undisturbed = contents(data)
    assert undisturbed
    for name in ("heads", "predictions", "parts"):
        shutil.rmtree(data / name)

    chance, before = random.Random(0), dict[str, tuple[int, int]]()
    for kill in range(5):
        process = start(*command)
        wanted, end = min(runs - 1, len(before) + chance.randrange(1, 4)), time.monotonic() + 300
        while len(parts(kept)) < wanted and process.is_alive() and time.monotonic() < end:
            time.sleep(0.005)
        time.sleep(chance.random() * 0.1)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, f"kill {kill}: the fit had come to its end"
        after = parts(kept)
        assert {name: after[name] for name in before} == before, "a kept run was computed again"
        before = after
        assert {name for name in contents(data) if not name.endswith(".lock")} == set()
    process = start(*command)
    process.join()
    assert process.exitcode == 0
    assert json.loads(record.read_text())["runs"] == {"scp": {"computed": runs - len(before), "kept": len(before)}}
    assert contents(data) == undisturbed
    assert not kept.exists()
