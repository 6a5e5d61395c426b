"""What the text of an option means."""

from __future__ import annotations

import pytest

from pipeline.base.errors import PipelineError
from pipeline.cli.options import bytes_of, clusters_of


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("500M", 500_000_000),
        ("2GB", 2_000_000_000),
        (" 1.5 kb ", 1500),
        ("1KiB", 1024),
        ("0.5Gi", 2**29),
        ("1T", 10**12),
    ],
)
def test_a_size_has_a_unit(text: str, number: int) -> None:
    assert bytes_of(text) == number


@pytest.mark.parametrize("text", ["2", "GB", "-1GB", "2 GBs", "1e3M", ""])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(PipelineError, match=r"^--memory .*: expected a size such as 2GB or 500MB"):
        bytes_of(text)


def test_a_number_of_clusters_may_be_left_open() -> None:
    assert [clusters_of(text) for text in ("auto", "2", "300")] == [None, 2, 300]
    for text in ("1", "0", "-3", "many", "2.5", ""):
        with pytest.raises(PipelineError, match=rf"^-k {text}: expected a whole number of at least 2, or auto"):
            clusters_of(text)
