"""How a result came about: command, parameters, versions, commit, device, times and memory, as JSON beside it.

All that would differ from run to run stands here, so that it stands in no result. The file lies outside of every folder
that DVC hashes, and whatever it says changes nothing.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.base.files import write_json
from pipeline.base.text import printable
from pipeline.base.timing import Parts, since_start, timed

LIBRARIES = (
    "scp-pipeline",
    "torch",
    "torchvision",
    "timm",
    "open-clip-torch",
    "transformers",
    "faiss-gpu",
    "faiss-cpu",
    "numpy",
    "scikit-learn",
    "h5py",
    "pillow",
    "safetensors",
)
"""What computes: the backbones' libraries are among them, and whichever build of faiss there is."""


@dataclass
class Run:
    """A command at work."""

    device: str
    started: datetime
    began: float
    parts: Parts
    notes: dict[str, Any] = field(default_factory=dict)
    """What else is worth knowing."""

    def facts(self) -> dict[str, Any]:
        """All that is known of the run so far, to be written as JSON."""
        return {
            "command": printable(shlex.join(["pipeline", *sys.argv[1:]])),
            **self.notes,
            "device": about_device(self.device),
            "versions": versions(),
            "commit": commit(),
            "started": self.started.isoformat(timespec="seconds"),
            "seconds": {
                **{name: round(value, 3) for name, value in self.parts.seconds.items()},
                "wall": round(time.monotonic() - self.began, 3),
            },
            "peak_memory_bytes": peak_memory(self.device, self.parts),
        }


@contextmanager
def running(device: str = "cpu") -> Iterator[Run]:
    """Follows what the block computes.

    Args:
        device: what it computes on.
    """
    if device.startswith("cuda"):
        import torch  # Nothing else here needs it, and some stages neither.

        torch.cuda.init()
        torch.cuda.reset_peak_memory_stats(device)
    before = since_start()
    with timed() as parts:
        if before is not None:
            parts.seconds["start"] = before
        yield Run(device, datetime.now(UTC), time.monotonic(), parts)


@contextmanager
def recorded(path: Path, parameters: dict[str, Any], device: str = "cpu") -> Iterator[Run]:
    """Follows what the block computes, and writes it down once the block has come to its end.

    Args:
        path: the JSON file.
        parameters: what the stage was given.
        device: what it computes on.
    """
    with running(device) as run:
        run.notes["parameters"] = parameters
        yield run
        write_json(path, run.facts())


def versions() -> dict[str, str]:
    """Of Python and of the libraries that are here."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def commit(code: Path = Path(__file__).parents[1] / "__init__.py") -> dict[str, Any] | None:
    """The commit of a file's repository, and whether the file's folder differs from it; None: it is in none.

    The folder of the code and not the whole tree, in which `dvc repro` has just written its lock file.
    """

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(code.parent), *arguments]
        return subprocess.run(command, capture_output=True, check=True, encoding="utf-8", errors="replace").stdout

    try:
        git("ls-files", "--error-unmatch", code.name)  # An installed copy may lie in somebody else's repository.
        return {"sha": git("rev-parse", "HEAD").strip(), "dirty": bool(git("status", "--porcelain", "--", "."))}
    except (OSError, subprocess.CalledProcessError):
        return None


def about_device(device: str) -> dict[str, Any]:
    """What a device is, for people."""
    about: dict[str, Any] = {"name": device, "system": platform.platform(), "cores": os.cpu_count()}
    if device.startswith("cuda"):
        import torch

        about["model"] = torch.cuda.get_device_name(device)
    return about


def peak_memory(device: str, parts: Parts) -> dict[str, Any]:
    """The most bytes in memory so far: of the process since it began, while each part was at work (on Linux), and on a
    CUDA device since the run began.
    """
    peak: dict[str, Any] = {}
    if sys.platform != "win32":
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        # Where the peak is counted anew for each part, the system's own figure begins with the last of them.
        seen = [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, *parts.peak_bytes.values()]
        peak = {"process": max(seen), "parts": dict(parts.peak_bytes)}
    if device.startswith("cuda"):
        import torch

        peak["cuda"] = torch.cuda.max_memory_allocated(device)
    return peak
