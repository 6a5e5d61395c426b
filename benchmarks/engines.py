"""What Ray costs: the same extraction in one process and as tasks on a Ray cluster of this machine, in turns.

    uv run python -m benchmarks.engines                    # 2,000 pictures at 96 pixels, three times each
    uv run python -m benchmarks.engines --pictures 200 --repeats 1

Each extraction is a process of its own, into an empty cache; its seconds are from its start to its end, with the
loading of the backbone and, for Ray, the start of the cluster. What the extraction itself says of its time is without
either's start of Python. The shards of both must be equal to the last byte.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.memory import BACKBONE, DATASET, make_project

ENGINES = {"local": ["--device", "cpu"], "ray": ["--engine", "ray"]}


def extract(folder: Path, options: list[str]) -> tuple[float, float, str]:
    """Seconds of the process, seconds of the extraction as it tells them, and a digest of all shards."""
    cache = folder / "data" / "features" / DATASET / BACKBONE
    shutil.rmtree(cache, ignore_errors=True)
    command = [sys.executable, "-m", "pipeline", "extract", "--backbone", BACKBONE, *options]
    began = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={**os.environ, "RAY_ADDRESS": "local"}
    )
    seconds = time.perf_counter() - began
    told = re.search(r"in ([\d.]+) s \(", done.stdout)
    if done.returncode or told is None:
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")
    digest = hashlib.sha256()
    for shard in sorted(cache.glob("*.h5")):
        digest.update(shard.name.encode() + shard.read_bytes())
    return seconds, float(told[1]), digest.hexdigest()


def main() -> None:
    """Measures in turns and prints the medians and their ratio."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pictures", type=int, default=2000)
    options.add_argument("--size", type=int, default=96, help="pixels of the backbone's input")
    options.add_argument("--views", type=int, default=4)
    options.add_argument("--repeats", type=int, default=3)
    given = options.parse_args()
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ENGINES}
    digests = set()
    with tempfile.TemporaryDirectory() as folder:
        make_project(Path(folder), given.pictures, given.size, given.views)
        for _ in range(given.repeats):
            for name, chosen in ENGINES.items():
                process, extraction, digest = extract(Path(folder), chosen)
                taken[name].append((process, extraction))
                digests.add(digest)
                print(f"{name:>6}: {process:6.1f} s, of these extraction {extraction:6.1f} s", flush=True)
    medians = [
        {
            name: statistics.median(values)
            for name, values in zip(("process", "extraction"), zip(*each, strict=True), strict=True)
        }
        for each in taken.values()
    ]
    ratios = {name: medians[1][name] / medians[0][name] for name in medians[0]}
    print("ray / local: " + ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items()))
    print("equal bytes" if len(digests) == 1 else f"{len(digests)} different sets of shards")


if __name__ == "__main__":
    main()
