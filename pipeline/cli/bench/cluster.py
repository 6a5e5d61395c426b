"""How long `pipeline cluster` takes here for a small folder, from its start to its end, and where the time goes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.base.errors import PipelineError
from pipeline.base.files import read_json

SIZES = ((320, 240), (240, 320), (300, 300))
CLUSTERS = 8
PHASES = ("start", "look", "embed", "auto", "page")


def cluster(count: int, device: str, progress: Callable[[str], None]) -> dict[str, float]:
    """What a process takes that clusters pictures which are made up.

    Args:
        count: of pictures.
        device: ``cpu`` or a CUDA device.
        progress: takes a short text.

    Returns:
        ``seconds`` from the start of the process to its end, and of these ``start_s``, until it looks at pictures;
        ``look_s``; ``embed_s``; ``auto_s``, the fit; ``page_s``, with the map; ``end_s``, after all is written.
        ``peak_mb``, the most memory of the process.

    Raises:
        PipelineError: if the command does not come to its end.
    """
    progress(f"cluster, {count} pictures")
    with tempfile.TemporaryDirectory() as scratch:
        source, result = Path(scratch) / "pictures", Path(scratch) / "result"
        _paint(source, count)
        command = [sys.executable, "-m", "pipeline", "cluster", source, "-k", CLUSTERS, "--method", "auto"]
        command += ["--out", result, "--device", device]
        began = time.perf_counter()
        ended = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - began
        if ended.returncode:
            why = ended.stderr.strip().splitlines()[-1:] or [f"it ended with {ended.returncode}"]
            raise PipelineError(f"bench: pipeline cluster did not come to its end ({why[0]})")
        known = read_json(result / "run.json", "pipeline cluster")
    took = known["seconds"]
    own = took.get("start", 0.0) + took["wall"]
    phases = {f"{name}_s": took[name] for name in PHASES if name in took}
    return {
        "seconds": seconds,
        **phases,
        "end_s": seconds - own,
        "peak_mb": known["peak_memory_bytes"]["process"] / 1e6,
    }


def _paint(folder: Path, count: int) -> None:
    """Pictures of a few soft spots of colour each, always the same."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        spots = rng.integers(0, 256, (4, 4, 3), np.uint8)
        picture = Image.fromarray(spots).resize(SIZES[number % len(SIZES)], Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:05d}.jpg", quality=90)
