from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pipeline.base.waiting import SPINS

TOLD = "import os, sys; from pipeline.cli import main; sys.argv[1:] = ['--help']; main.main()"


@pytest.mark.parametrize(
    ("given", "spins"),
    [
        ({}, str(SPINS)),
        ({"GOMP_SPINCOUNT": "7"}, "7"),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, "None"),
    ],
)
def test_a_command_waits_briefly_unless_it_is_told_otherwise(given: dict[str, str], spins: str) -> None:
    own = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    code = f"import atexit, os; atexit.register(lambda: print(os.environ.get('GOMP_SPINCOUNT'))); {TOLD}"
    done = subprocess.run([sys.executable, "-c", code], env=own | given, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == spins, done.stderr
