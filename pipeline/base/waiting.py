"""How long a thread of the libraries waits at work before it sleeps."""

from __future__ import annotations

import os

SPINS = 3000
"""Rounds, some microseconds; GNU's own 300,000 are a millisecond, which is free on a quiet machine alone."""


def wait_briefly() -> None:
    """Lets the threads of GNU's OpenMP, which PyTorch and faiss have, soon give up a core that others want.

    Each small operation ends with all threads waiting for the last one. Where other programs have a core, that one is
    not at work, and the others would keep theirs busy until it is: 64 pictures then take twice as long (docs/speed.md).

    To be called before these libraries are imported. What the environment says of waiting is left as it is.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPINS))
