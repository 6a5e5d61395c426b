from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
import weakref

import pytest

from pipeline.base.allocator import objects_set_aside
from tests.conftest import ROOT

FAULTS = """
import resource, sys
import numpy as np
from pipeline.base.allocator import keep_freed_memory
if "keep" in sys.argv:
    keep_freed_memory()
np.ones(2**23)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    np.ones(2**23)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

ARENAS = """
import ctypes, sys
from pathlib import Path
if "load" in sys.argv:
    from pipeline.backbones import loaders, registry
    from pipeline.backbones.weights import find_weights
    backbone = registry.BACKBONES["efficientnet-lite0"]
    loaders.load(backbone, find_weights(backbone)[0])
else:
    from pipeline.images.examination import examine
    examine(Path.cwd(), [Path("none.png")] * 8, "looked")
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
stdout = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, stdout)
libc.fflush(stdout)
"""

GLIBC = pytest.mark.skipif(
    not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "mallopt"), reason="glibc alone has it"
)


@GLIBC
def test_what_is_freed_is_taken_again() -> None:
    faults = [
        int(subprocess.run([sys.executable, "-c", FAULTS, *given], capture_output=True, check=True).stdout)
        for given in ([], ["keep"])
    ]
    # Ten arrays of 64 MiB have 163,840 pages of 4 KiB, or 320 of 2 MiB.
    assert faults[1] < 100 <= faults[0]


@pytest.mark.slow
@pytest.mark.parametrize("step", ["load", "look"])
@GLIBC
def test_there_is_one_arena_for_all_threads(step: str) -> None:
    """Loading a backbone starts torch's threads, looking at pictures a pool; an extraction's come after either."""
    done = subprocess.run([sys.executable, "-c", ARENAS, step], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.count("<heap nr") == 1


def test_what_is_there_is_no_garbage_for_a_while_and_then_again() -> None:
    class Ring:
        def __init__(self) -> None:
            self.own = self

    ring = Ring()
    before, many = weakref.ref(ring), len(gc.get_objects())
    with objects_set_aside():
        del ring  # Not earlier, when a search might come by itself.
        assert len(gc.get_objects()) < many / 10
        inside = weakref.ref(Ring())
        gc.collect()
        assert inside() is None
        assert before() is not None
    gc.collect()
    assert before() is None
