"""How long it takes until the command line or the package answers: whole processes, from start to end.

    python -m benchmarks.startup [--runs 9]

Each line runs in turn with the others, so that a machine that slows down slows all. `python -c pass` is the floor: the
interpreter itself. No time fails anything.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile

from benchmarks.clocks import clocks

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import pipeline": ["-c", "import pipeline"],
    "pipeline --help": ["-m", "pipeline", "--help"],
    "pipeline cluster nowhere -k 1": ["-m", "pipeline", "cluster", "nowhere", "-k", "1"],
    "pipeline cluster nowhere -k 3": ["-m", "pipeline", "cluster", "nowhere", "-k", "3"],
}


def main() -> None:
    """Prints the median seconds of each, by the wall and of the processor."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    given = parser.parse_args()
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as empty:
        for turn in range(given.runs + 1):
            for name, arguments in COMMANDS.items():
                before = clocks()
                # Without the current folder on the path, the installed package is measured.
                subprocess.run([sys.executable, *arguments], cwd=empty, capture_output=True, check=False)
                wall, processor = clocks() - before
                if turn:  # The first fills the caches of the disk, and compiles.
                    took[name].append((float(wall), float(processor)))
    for name, times in took.items():
        wall, processor = (statistics.median(each) for each in zip(*times, strict=True))
        print(f"{name:32} {wall:6.3f} s, processor {processor:6.3f} s, median of {given.runs}")


if __name__ == "__main__":
    main()
