"""The fuzzer's first cases, and what it must notice; `tests/fuzzing.py` is the fuzzer, docs/fuzzing.md the long run."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from pipeline.base.errors import PipelineError
from tests import fuzzing
from tests.conftest import ROOT


def test_no_reader_fails_on_damaged_and_forged_files() -> None:
    """In a process of its own: it forks, which a process with threads should not."""
    result = subprocess.run([sys.executable, "-m", "tests.fuzzing"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    rows = [line.split() for line in result.stdout.splitlines()]
    counts = {row[0]: row[1:5] for row in rows if row and row[0] in fuzzing.READERS}
    assert list(counts) == list(fuzzing.READERS)
    for name, (cases, accepted, refused, findings) in counts.items():
        assert int(cases) == int(accepted) + int(refused) == fuzzing.CASES, name
        # Damage that is never read past, or never noticed, would test nothing.
        assert int(accepted), name
        assert int(refused), name
        assert findings == "0", name


FAULTS = """
import os, signal, sys, warnings
from tests import fuzzing

fuzzing.SECONDS, fuzzing.MEGABYTES = 0.5, 16

def faulty(place):
    def case(chance):
        number = chance.number
        if number == 1: raise KeyError("a key")
        if number == 2: warnings.warn("a warning")
        if number == 3: os.kill(os.getpid(), signal.SIGSEGV)
        if number == 4: bytearray(b"x" * (24 << 20))
        while number == 5: pass
        return True
    return case

class Numbered:
    def __init__(self, seed): self.number = int(seed.split()[1])

fuzzing.READERS, fuzzing.random.Random = {"faulty": faulty}, Numbered
sys.exit(fuzzing.main(["--cases", "7"]))
"""


def test_whatever_goes_wrong_in_a_case_is_named() -> None:
    result = subprocess.run([sys.executable, "-c", FAULTS], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1, result.stderr
    for line in (
        "faulty 1: KeyError: 'a key'",
        "faulty 2: UserWarning: a warning",
        "faulty 3: died of SIGSEGV",
        "faulty 4: took ",
        "faulty 5: took 0 s",
    ):
        assert line in result.stdout, result.stdout
    (row,) = [
        line.split() for line in result.stdout.splitlines() if line.startswith("faulty ") and ":" not in line[:10]
    ]
    assert row[:5] == ["faulty", "7", "3", "0", "5"], result.stdout


def test_a_case_depends_on_its_reader_and_number_alone() -> None:
    made = [fuzzing.damaged(random.Random(f"picture {number}"), bytes(range(200))) for number in (7, 8, 7)]
    assert made[0] == made[2] != made[1]


def test_a_refusal_is_one_line_with_words() -> None:
    def refuses(text: str) -> bool:
        def case(_: random.Random) -> bool:
            raise PipelineError(text)

        return fuzzing.outcome(case, "x", 0)

    assert not refuses("one line")
    with pytest.raises(AssertionError, match="without a word"):
        refuses(" ")
