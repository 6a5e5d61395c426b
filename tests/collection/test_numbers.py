"""The lasting numbers of clusters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.base.errors import PipelineError
from pipeline.collection.numbers import Numbers, first_numbers, read_numbers, write_numbers

KNOWN = Numbers("0123456789ab", (4, 0, 9), 11, {0: "Food & fruit", 10: "A new one"})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "clusters.json"
    assert read_numbers(path) is None
    write_numbers(path, KNOWN)
    assert read_numbers(path) == KNOWN
    names = {"0": "Food & fruit", "10": "A new one"}
    assert json.loads(path.read_text()) == {
        "result": "0123456789ab",
        "numbers": [4, 0, 9],
        "next": 11,
        "names": names,
    }


def test_outputs_get_their_numbers() -> None:
    assert KNOWN.of(np.array([0, 2, 2, 1])).tolist() == [4, 9, 9, 0]
    assert [KNOWN.called(number) for number in (0, 4)] == ["Food & fruit", "cluster 4"]
    assert first_numbers("0" * 12, 3) == Numbers("0" * 12, (0, 1, 2), 3)


@pytest.mark.parametrize(
    "changes",
    [
        {"result": "no id"},
        {"result": 7},
        {"numbers": []},
        {"numbers": [0, 0]},
        {"numbers": [0, 11]},
        {"numbers": [-1]},
        {"numbers": [True]},
        {"numbers": "01"},
        {"next": "11"},
        {"names": {"11": "x"}},
        {"names": {"x": "x"}},
        {"names": {"0": 7}},
        {"names": []},
    ],
)
def test_a_damaged_file_is_named(changes: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "clusters.json"
    write_numbers(path, KNOWN)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(PipelineError, match=r"clusters\.json: not the numbers of clusters .* deals the numbers anew"):
        read_numbers(path)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b"7", b"[" * 10**5])
def test_what_is_no_such_file_is_named(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "clusters.json").write_bytes(data)
    with pytest.raises(PipelineError, match="not the numbers of clusters"):
        read_numbers(tmp_path / "clusters.json")
