from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import numpy as np
from pipeline.allocator import keep_freed_memory
if "keep" in sys.argv:
    keep_freed_memory()
np.ones(2**23)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    np.ones(2**23)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "mallopt"), reason="glibc alone has it"
)
def test_what_is_freed_is_taken_again() -> None:
    faults = [
        int(subprocess.run([sys.executable, "-c", FAULTS, *given], capture_output=True, check=True).stdout)
        for given in ([], ["keep"])
    ]
    # Ten arrays of 64 MiB have 163,840 pages of 4 KiB, or 320 of 2 MiB.
    assert faults[1] < 100 <= faults[0]
