"""The numbers of clusters that last: clusters.json says which one each output of the head has.

The head counts its outputs from 0 anew at every fit. A lasting number stays with its cluster over all runs and is
never given to another one, so numbers may have gaps.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.errors import PipelineError
from pipeline.base.files import write_json
from pipeline.collection.edits import ID, LONGEST_NAME, MOST_NUMBER

CLUSTERS = "clusters.json"


@dataclass(frozen=True)
class Numbers:
    """The lasting numbers of a result."""

    result: str
    """The id of the result, 12 hexadecimal digits: made at its first run and kept by later ones."""
    numbers: tuple[int, ...]
    """Of the head's outputs."""
    next: int
    """The first that was never used."""
    names: Mapping[int, str] = field(default_factory=dict)
    """What people called clusters."""

    def of(self, outputs: np.ndarray) -> np.ndarray:
        """The lasting numbers of the head's outputs, int of any shape."""
        numbers: np.ndarray = np.array(self.numbers, dtype=np.int64)[outputs]
        return numbers

    def called(self, number: int) -> str:
        """What a cluster is called where a text must stand."""
        return called(number, self)


def called(number: int, numbers: Numbers | None) -> str:
    """The same by numbers that a result of an earlier version has not."""
    return (numbers.names if numbers else {}).get(number, f"cluster {number}")


def first_numbers(result: str, clusters: int) -> Numbers:
    """The numbers after a first run: those of the head."""
    return Numbers(result, tuple(range(clusters)), clusters)


def write_numbers(path: Path, numbers: Numbers) -> None:
    """Writes clusters.json, whole or not at all."""
    names = {str(number): name for number, name in sorted(numbers.names.items())}
    about = {"result": numbers.result, "numbers": list(numbers.numbers), "next": numbers.next, "names": names}
    write_json(path, about)


def no_numbers(folder: Path) -> PipelineError:
    """The error for a result without its numbers."""
    return PipelineError(
        f"{folder}: its clusters' numbers are missing (removed, or made by an earlier version); run 'pipeline cluster' "
        "on the pictures again"
    )


def read_numbers(path: Path) -> Numbers | None:
    """Reads clusters.json; None: there is none.

    Raises:
        PipelineError: if it is damaged.
    """
    try:
        return _numbers(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, MemoryError) as error:
        raise PipelineError(
            f"{path}: not the numbers of clusters ({type(error).__name__}: {error}); bring a whole file, or remove it "
            "and run 'pipeline cluster' on the pictures again, which deals the numbers anew"
        ) from None


def _numbers(value: Any) -> Numbers:
    """What plain data hold.

    Raises:
        ValueError: if these are no numbers of clusters, or one of the errors of what is no object at all.
    """
    names = {int(number): name for number, name in value["names"].items()}
    numbers, after = value["numbers"], value["next"]
    known = [*numbers, *names]
    if any(type(number) is not int or not 0 <= number < MOST_NUMBER for number in [*known, after]):
        raise ValueError("expected whole numbers")
    if not numbers or len(set(numbers)) < len(numbers) or max(known) >= after:
        raise ValueError("expected numbers that differ, and are smaller than the next one")
    if not ID.fullmatch(value["result"]) or any(len(name) > LONGEST_NAME for name in names.values()):
        raise ValueError("expected the id of a result, and names")
    return Numbers(value["result"], tuple(numbers), after, names)
