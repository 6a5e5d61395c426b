"""The most memory that an extraction takes, for so many pictures and for ten times as many.

    uv run python benchmarks/memory.py            # 2,000 and 20,000 pictures
    uv run python benchmarks/memory.py --pictures 500 --size 64

Each extraction is a process of its own on picture files in a project of its own; its peak is what the kernel says at
its end (ru_maxrss, as `/usr/bin/time -v` prints it).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from pipeline.images.datasets.registry import DATASETS
from pipeline.images.listing import ImageRecord, digest_of, write_list

ROOT = Path(__file__).parents[1]
DATASET, BACKBONE = "fashion-mnist-mini", "efficientnet-lite0"


def make_project(folder: Path, pictures: int, size: int, views: int) -> None:
    """A project with a list of embedded pictures, each a file of its own, one after the other and over again."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["extract"]["views"] = views
    values["datasets"][DATASET]["image_size"] = size
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    images = folder / "data" / "images" / DATASET
    images.mkdir(parents=True)
    known = np.asarray(DATASETS[DATASET].reader(ROOT / DATASETS[DATASET].source)["train"].pictures)
    records = []
    for number in range(pictures):
        path = images / f"{number:06d}.png"
        Image.fromarray(known[number % len(known)]).save(path)
        records.append(ImageRecord(path.name, "train", path.name, None, digest_of(path.read_bytes())))
    write_list(images, records)


def peak_of(command: list[str], folder: Path) -> int:
    """The most bytes that a command had in memory, run in a folder.

    The kernel counts from the fork, so it is at least what this process takes, far less than an extraction does.
    """
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        os.execv(command[0], command)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{' '.join(command)}: exit code {os.waitstatus_to_exitcode(status)}")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Measures and prints a line for each number of pictures."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pictures", type=int, default=2000)
    options.add_argument("--size", type=int, default=32, help="pixels of the backbone's input")
    options.add_argument("--views", type=int, default=2)
    options.add_argument("--device", default="cpu")
    given = options.parse_args()
    command = [sys.executable, "-m", "pipeline", "extract", "--backbone", BACKBONE, "--device", given.device]
    for pictures in (given.pictures, 10 * given.pictures):
        with tempfile.TemporaryDirectory() as folder:
            make_project(Path(folder), pictures, given.size, given.views)
            peak = peak_of(command, Path(folder))
        print(f"{pictures:>9,} pictures: {peak / 2**20:,.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
