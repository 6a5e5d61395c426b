"""The error for a name that nobody knows."""

from __future__ import annotations

from pipeline.base.errors import unknown


def test_near_names_are_offered_whatever_their_case() -> None:
    assert str(unknown("method", "IIC", ["iic", "sic", "pica", "kmeans"], "--method")) == (
        "--method: unknown method 'IIC'; did you mean iic?"
    )
    assert str(unknown("study", "x", ["b", "a"])) == "unknown study 'x'; known: a, b"
