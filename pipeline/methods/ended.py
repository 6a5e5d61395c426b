"""The runs of a method as they end: each is kept on the disk at once, so that a killed fit goes on from there."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.base.kept import Part, Store
from pipeline.base.provenance import about_device, versions
from pipeline.config.devices import pick_precision
from pipeline.config.types import AUTO
from pipeline.features.cache import Features
from pipeline.heads.predictions import best_two
from pipeline.heads.problem import Model, Run
from pipeline.heads.training_data import Given

CODE = Path(__file__).parents[1]
ROOMS = ("methods", "heads", "features", "config", "base")
"""Whose code decides a run: those that the stage fit depends on."""
COMPUTING = ("scipy",)
"""What computes in methods alone, beside the libraries of `pipeline.base.provenance`."""
MODEL, SNAPSHOT = "model", "step"


@dataclass(frozen=True)
class SavedNumbers:
    """A model as it is saved: what it is made of, and no way to predict."""

    about: dict[str, Any]
    numbers: dict[str, np.ndarray]

    def config(self) -> dict[str, Any]:
        """See `pipeline.heads.problem.Model`."""
        return self.about

    def tensors(self) -> dict[str, np.ndarray]:
        """See `pipeline.heads.problem.Model`."""
        return self.numbers

    @classmethod
    def of(cls, model: Model) -> SavedNumbers:
        """Of a model, on whatever device it is."""
        return cls(model.config(), model.tensors())


@dataclass(frozen=True)
class Ended:
    """What is left of a run that has come to its end."""

    loss: float
    history: list[dict[str, float]]
    model: SavedNumbers
    snapshots: dict[int, SavedNumbers]
    clusters: int
    """Of the model."""
    order: np.ndarray
    """int (images, 2), the cluster and the second choice of every image."""
    best: np.ndarray
    """float (images, 2), the confidences of these."""

    @classmethod
    def of(cls, run: Run, clean: Iterable[np.ndarray]) -> Ended:
        """Has a run's model assign all images, float32 (n, dim) in pieces."""
        orders, bests, count = [], [], 0
        for piece in clean:
            logits = run.model.logits(piece)
            order, best = best_two(logits, run.model.confidences(logits))
            orders.append(order)
            bests.append(best)
            count = logits.shape[1]
        snapshots = {step: SavedNumbers.of(model) for step, model in run.snapshots.items()}
        model = SavedNumbers.of(run.model)
        return cls(run.loss, run.history, model, snapshots, count, np.concatenate(orders), np.concatenate(bests))

    def part(self) -> Part:
        """The same as a file holds it."""
        models = {MODEL: self.model, **{f"{SNAPSHOT}{step}": model for step, model in self.snapshots.items()}}
        arrays = {f"{name}/{key}": each for name, model in models.items() for key, each in model.numbers.items()}
        about = {
            "loss": self.loss,
            "history": self.history,
            "clusters": self.clusters,
            "models": {name: model.about for name, model in models.items()},
        }
        return Part(about, {"order": self.order, "best": self.best, **arrays})

    @classmethod
    def restored(cls, part: Part) -> Ended:
        """From what `part` gave."""
        models = {
            name: SavedNumbers(
                about,
                {key[len(name) + 1 :]: each for key, each in part.arrays.items() if key.startswith(f"{name}/")},
            )
            for name, about in part.about["models"].items()
        }
        model = models.pop(MODEL)
        snapshots = {int(name.removeprefix(SNAPSHOT)): each for name, each in models.items()}
        about, order, best = part.about, part.arrays["order"], part.arrays["best"]
        return cls(about["loss"], about["history"], model, snapshots, about["clusters"], order, best)


@dataclass(frozen=True)
class KeptRuns:
    """Where the runs of a method are kept, and what they are made from."""

    store: Store | None
    """None: nowhere."""
    method: str
    made_from: Any

    def read(self, seed: int) -> Ended | None:
        """The run of a seed, if it was kept and is whole."""
        part = self.store.read(self._name(seed), self.made_from) if self.store else None
        return None if part is None else Ended.restored(part)

    def write(self, seed: int, ended: Ended) -> None:
        """Keeps a run."""
        if self.store:
            self.store.write(self._name(seed), self.made_from, ended.part())

    def _name(self, seed: int) -> str:
        return f"{self.method}/{seed}"


class Collected:
    """The runs that have ended, of which the best alone is held in full; may be added to from several threads."""

    def __init__(self, seeds: list[int]) -> None:
        self.seeds = seeds
        self.best: tuple[float, int] | None = None
        """Loss and number of the run with the least loss, of equals the first."""
        self.kept: Ended | None = None
        """The same run."""
        self.losses: dict[int, float] = {}
        """By seed, as the others."""
        self.clusters: dict[int, np.ndarray] = {}
        self.histories: dict[int, list[dict[str, float]]] = {}
        self._lock = threading.Lock()

    def add(self, seed: int, ended: Ended) -> None:
        """Takes a run."""
        with self._lock:
            self.losses[seed] = ended.loss
            self.clusters[seed] = ended.order[:, 0].copy()
            self.histories[seed] = ended.history
            rank = (ended.loss, self.seeds.index(seed))
            if self.best is None or rank < self.best:
                self.best, self.kept = rank, ended


def collect(
    seeds: list[int],
    fit: Callable[[list[int], Callable[[int, Run], None]], Iterable[Run]],
    clean: Iterable[np.ndarray],
    kept: KeptRuns,
) -> tuple[Collected, int]:
    """All runs of a method: those that were kept before are taken, and each other one is kept as it ends.

    Args:
        seeds: one for each run.
        fit: makes the runs of some seeds, in order; it may tell of one that has ended before it gives it.
        clean: the clean embeddings of all images, in pieces.
        kept: where they are kept.

    Returns:
        the runs, and how many of them were kept from before.
    """
    found = Collected(seeds)
    for seed in seeds:
        if (before := kept.read(seed)) is not None:
            found.add(seed, before)
    missing = [seed for seed in dict.fromkeys(seeds) if seed not in found.losses]

    def end(seed: int, run: Run) -> None:
        # Other seeds are those of runs inside of a run.
        if seed in missing and seed not in found.losses:
            ended = Ended.of(run, clean)
            kept.write(seed, ended)
            found.add(seed, ended)

    if missing:
        for seed, run in zip(missing, fit(missing, end), strict=True):
            end(seed, run)
    return found, len(seeds) - len(missing)


def decided_by(features: Features, given: Given, views: int | None, device: str) -> dict[str, Any]:
    """All that decides every run on a cache, beside what its method is given: embeddings, machine, libraries and code.

    Args:
        features: the cache.
        given: what was read of it.
        views: the first so many augmented views alone; None: all.
        device: ``cpu`` or a CUDA device.
    """
    stream = given.stream
    return {
        "features": features.fingerprint,
        "views": views,
        "read": None if stream is None else [stream.group, stream.readers, len(given.train)],
        **decided_by_machine(device),
    }


def decided_by_machine(device: str) -> dict[str, Any]:
    """What decides a run beside its settings and embeddings: the arithmetic, libraries and code."""
    return {"device": _arithmetic(device), "libraries": _libraries(), "code": code_digest()}


def _arithmetic(device: str) -> list[str]:
    """What decides how numbers are rounded, as far as that can be known."""
    model = about_device(device).get("model", "")
    processor = [platform.system(), platform.machine(), torch.backends.cpu.get_cpu_capability()]
    return ["cpu" if device == "cpu" else "cuda", str(model), *processor, pick_precision(AUTO, device)]


def _libraries() -> dict[str, str]:
    found = versions()
    for name in COMPUTING:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def code_digest() -> str:
    """The SHA-256 of the code that decides a run."""
    digest = hashlib.sha256()
    for path in sorted(path for room in ROOMS for path in (CODE / room).rglob("*.py")):
        digest.update(f"{path.relative_to(CODE).as_posix()}\n".encode() + path.read_bytes())
    return digest.hexdigest()
