"""The engine of `extract` for many machines: each shard is a task of a Ray cluster, or of Ray on this machine.

The driver has the plan and writes the manifest, as on one machine. A task reads its pictures and writes its shard by
itself, so pictures and cache must lie where every node finds them: in a shared folder or a store. The package, in the
same version, must be installed on every node.
"""

from __future__ import annotations

import logging
import math
import os
import signal
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from pipeline.backbones import loaders
from pipeline.backbones.registry import Backbone
from pipeline.backbones.weights import WEIGHTS_FOLDER, find_weights
from pipeline.base.errors import PipelineError
from pipeline.base.files import is_remote
from pipeline.base.remote import in_memory, told
from pipeline.extraction.batches import embed
from pipeline.extraction.engines import Engine, Work, write
from pipeline.extraction.plan import Planned
from pipeline.extraction.streams import Streams
from pipeline.extraction.timings import Timings, shown_progress
from pipeline.features.shards import Shard
from pipeline.images import limits

RETRIES = 3
"""How often a shard is begun anew whose worker, or node, has died."""
AHEAD = 2
"""Tasks in flight for each that the cluster has room for: none waits for work, and the driver holds few."""
VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Share:
    """What a task gets of its node."""

    cpus: int
    gpus: float
    threads: int
    """Of torch, see `connected`."""
    megapixels: int | None = None
    """See `limits.allow`."""


@contextmanager
def connected(address: str | None, cpus: int | None, gpus: float) -> Iterator[Engine]:
    """Joins a Ray cluster, or starts Ray on this machine, for as long as the block runs; gives the engine.

    Every task computes with as many threads as torch would take in this process: where a stream of `streams.Streams`
    has several, their number decides how oneDNN splits a convolution and so the last bits of EfficientNet-Lite0 in
    float32. With the same number the bytes are those of a run without Ray.

    Args:
        address: of the cluster; None: that of the environment variable RAY_ADDRESS, or Ray that runs here already, and
            without either a Ray of its own.
        cpus: cores that a task takes up; None: as many as the threads.
        gpus: GPUs that a task takes up, a part of one if below 1; 0: it computes on the CPU.

    Raises:
        PipelineError: if Ray is not installed, there is no such cluster, or it can never run a task.
    """
    threads = torch.get_num_threads()
    share = Share(cpus or threads, gpus, threads, limits.allowed())
    if gpus > 1 and gpus != int(gpus):
        raise PipelineError(f"--gpus-per-task {gpus}: expected a whole number or a part of one GPU")
    # Read when Ray is imported: it would send what the driver did to its home, and under `uv run` copy the project
    # to every worker and install it there.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    try:
        import ray
    except ImportError as error:
        raise PipelineError(f"--engine ray: {error}; run 'uv pip install ray'") from None
    terminate = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # Ray has many words for it, Exception itself among them.
        where = f"--ray-address {address}" if address else "--engine ray"
        raise PipelineError(
            f"{where}: Ray cannot be started or joined ({error}); check that the cluster is there and has Ray "
            f"{ray.__version__}"
        ) from None
    try:
        _check_room(ray, share)

        def engine(work: Work, shards: Sequence[Planned], timings: Timings) -> Generator[Shard, None, None]:
            return _run(ray, share, work, shards, timings)

        with _ending_by(terminate):
            yield engine
    finally:
        ray.shutdown()


def _check_room(ray: Any, share: Share) -> None:
    """Refuses tasks that no node has room for; a cluster that grows may get such a node later, which Ray cannot say."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(node.get("CPU", 0) >= share.cpus and node.get("GPU", 0) >= share.gpus for node in nodes):
        largest = max(nodes, key=lambda node: (node.get("GPU", 0), node.get("CPU", 0)))
        raise PipelineError(
            f"--engine ray: expected a node with {share.cpus} cores and {share.gpus:g} GPUs for a task, the largest of "
            f"{len(nodes)} has {largest.get('CPU', 0):g} and {largest.get('GPU', 0):g}; give smaller --cpus-per-task "
            "or --gpus-per-task, or add a node"
        )


def _run(
    ray: Any, share: Share, work: Work, shards: Sequence[Planned], timings: Timings
) -> Generator[Shard, None, None]:
    """The shards as tasks, a bounded number of them at a time.

    Where it is stopped, Ray ends the tasks as the driver leaves it. To cancel them would make Ray 2.60 abort where a
    task is done at that moment ("Tried to complete task that was not pending").
    """
    if in_memory(work.features):
        raise PipelineError(f"{work.features}: a store in memory is another one in every process; name a shared folder")
    features = work.features if is_remote(work.features) else work.features.absolute()
    work = replace(work, images=work.images.absolute(), features=features)
    # A process that had a GPU would by default end after one task, and each would load the model again.
    task = ray.remote(num_cpus=share.cpus, num_gpus=share.gpus, max_retries=RETRIES, max_calls=0)(make_shard)
    shared = ray.put((work, WEIGHTS_FOLDER.absolute(), share))
    todo = iter(shards)
    waiting: dict[Any, Planned] = {}
    with shown_progress(work.title, work.total, timings.reused) as progress:
        while True:
            for shard in islice(todo, max(AHEAD * _room(ray, share) - len(waiting), 0)):
                waiting[task.remote(shared, shard)] = shard
            if not waiting:
                return
            (ready, *_), _ = ray.wait(list(waiting))
            written, took = _result(ray, ready, waiting.pop(ready))
            timings.add(took)
            progress(took.images)
            yield written


def _room(ray: Any, share: Share) -> int:
    """How many tasks run at once on the nodes that are there now."""
    found: dict[str, float] = ray.cluster_resources()
    room = [found.get("CPU", 0) / share.cpus] + ([found.get("GPU", 0) / share.gpus] if share.gpus else [])
    return max(math.floor(min(room)), 1)


def _result(ray: Any, ready: Any, shard: Planned) -> tuple[Shard, Timings]:
    """What a task gave, or its error as it would have been raised here."""
    try:
        result: tuple[Shard, Timings] = ray.get(ready)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, PipelineError | OSError):
            raise error.cause from None
        raise
    except ray.exceptions.RayError as error:
        reason = str(error).strip().split("\n")[0]
        raise PipelineError(
            f"{shard.file}: begun {RETRIES + 1} times, its worker died each time ({reason}); if a node ran out of "
            "memory, run fewer tasks on it (a larger --cpus-per-task); what is finished is kept"
        ) from None
    return result


def make_shard(common: tuple[Work, Path, Share], shard: Planned) -> tuple[Shard, Timings]:
    """The task: makes one shard and writes it.

    Args:
        common: the work; the folder where the driver looks for weights, and what the task has of its node.
        shard: the one to make.
    """
    work, folder, share = common
    if share.gpus and os.environ.get(VISIBLE) != _first_seen():
        # CUDA keeps to the GPU that a process saw first. Ray begins the shard anew, in a process of its own.
        os._exit(1)
    torch.set_num_threads(share.threads)
    limits.allow(share.megapixels)
    timings = Timings()
    with told():
        module = _loaded(work.backbone, work.weights_sha256, folder, work.device)
        streams = Streams(module, work.backbone, work.settings, work.device)
        todo = shard.todo
        records = [shard.records[row] for row in todo]
        with closing(streams.read_ahead(work.images, records, list(todo.values()), share.cpus)) as reader:
            rows = embed(streams, reader, len(records), timings, lambda: None)
        return write(work, shard, rows, timings), timings


@lru_cache(maxsize=1)
def _first_seen() -> str | None:
    """The GPU that Ray gave to this process first."""
    return os.environ.get(VISIBLE)


@lru_cache(maxsize=1)
def _loaded(backbone: Backbone, sha256: str, folder: Path, device: str) -> torch.nn.Module:
    """The backbone, loaded once in each worker process; its weights are looked for on the worker's node."""
    path, found = find_weights(backbone, folder)
    if found != sha256:
        raise PipelineError(
            f"{path}: expected the weights that the driver has, SHA-256 {sha256[:12]}..., found {found[:12]}...; "
            "bring the same file to every node"
        )
    return loaders.load(backbone, path).to(device)


@contextmanager
def _ending_by(terminate: Any) -> Iterator[None]:
    """SIGTERM ends the block by this handler, as it ends the command without Ray.

    Ray has put a handler of its own in its place, and of a SystemExit that is raised while it waits it loses the exit
    code; of Ctrl-C it loses nothing.
    """
    came = False

    def interrupt(*_: object) -> None:
        nonlocal came
        came = True
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        if came and callable(terminate):
            terminate(signal.SIGTERM, None)
        raise
    finally:
        signal.signal(signal.SIGTERM, terminate)
