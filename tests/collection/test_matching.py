"""Which pictures and which clusters of two runs are the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.base.errors import PipelineError
from pipeline.collection.matching import Pictures, common, matched, read_pictures, write_pictures
from pipeline.collection.numbers import Numbers, first_numbers


def run(paths: str, digests: str, clusters: list[int] | None = None) -> Pictures:
    return Pictures(list(paths), [each.strip("-") for each in digests], np.array(clusters or [0] * len(paths)))


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (run("abc", "123"), run("abc", "123"), [0, 1, 2]),
        (run("abc", "123"), run("xcb", "132"), [0, 2, 1]),  # Renamed, and in another order.
        (run("abc", "123"), run("abd", "124"), [0, 1, -1]),
        (run("abc", "123"), run("abc", "153"), [0, 1, 2]),  # Changed under its name.
        (run("ab", "12"), run("ab", "21"), [1, 0]),  # Names exchanged: the content is the picture.
        (run("abc", "111"), run("xbc", "111"), [0, 1, 2]),  # Copies.
        (run("a", "1"), run("xyz", "111"), [0, -1, -1]),
        (run("012", "---"), run("0123", "----"), [0, 1, 2, -1]),  # Embeddings.
        (run("012", "---"), run("345", "---"), [-1, -1, -1]),
    ],
)
def test_pictures_are_the_same_by_content_then_by_path(before: Pictures, now: Pictures, expected: list[int]) -> None:
    assert common(before, now).tolist() == expected


def of(last: Numbers, before: list[int], outputs: list[int], count: int) -> tuple[list[int], int]:
    pairs = np.arange(len(outputs))
    pairs[len(before) :] = -1
    found = matched(last, np.array(before), np.array(outputs), pairs, count)
    assert found.result == last.result
    return list(found.numbers), found.next


def test_clusters_keep_their_numbers() -> None:
    three = first_numbers("0" * 12, 3)
    assert of(three, [0, 0, 1, 1, 2, 2], [2, 2, 0, 0, 1, 1], 3) == ([1, 2, 0], 3)
    # New pictures have no say.
    assert of(three, [0, 0, 1, 1, 2, 2], [2, 2, 0, 0, 1, 1, 1, 1, 1], 3) == ([1, 2, 0], 3)
    # A number that is gone is not dealt again.
    assert of(Numbers("0" * 12, (0, 4), 9), [0, 0, 4, 4], [0, 0, 1, 1], 2) == ([0, 4], 9)


def test_more_clusters_get_new_numbers_and_fewer_leave_gaps() -> None:
    two = first_numbers("0" * 12, 2)
    assert of(two, [0, 0, 0, 1, 1, 1], [1, 1, 2, 0, 0, 0], 3) == ([1, 0, 2], 3)
    three = first_numbers("0" * 12, 3)
    numbers, after = of(three, [0, 0, 0, 1, 1, 2], [1, 1, 1, 1, 1, 0], 2)
    assert (numbers, after) == ([2, 0], 3)
    # What is half of neither is another cluster.
    before = [0] * 5 + [1] * 5 + [2] * 5
    outputs = [0, 0, 1, 1, 2, 1, 1, 2, 2, 0, 2, 2, 0, 0, 1]
    assert of(three, before, outputs, 3) == ([3, 4, 5], 6)


def test_the_pairs_share_the_most_pictures_together() -> None:
    # Greedy pairing would take (0, 0) with 4 and leave (1, 1) with none: 4 in place of 3 + 3.
    before = [0] * 7 + [1] * 3
    outputs = [0] * 4 + [1] * 3 + [0] * 3
    numbers, _ = of(first_numbers("0" * 12, 2), before, outputs, 2)
    assert numbers == [1, 0]


def test_outputs_without_pictures_change_nothing() -> None:
    last = Numbers("0" * 12, (0, 3, 5, 7), 8)
    assert of(last, [0, 0, 5, 5], [0, 0, 2, 2], 4) == ([0, 3, 5, 7], 8)
    assert of(last, [0, 0, 5, 5], [0, 0, 2, 2], 5) == ([0, 3, 5, 7, 8], 9)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "last.csv"
    assert read_pictures(path) is None
    pictures = Pictures(["=a", "b,c"], ["1" * 32, ""], np.array([3, 0]))
    write_pictures(path, pictures)
    found = read_pictures(path)
    assert found is not None
    assert (found.paths, found.digests, found.clusters.tolist()) == (["=a", "b,c"], ["1" * 32, ""], [3, 0])
    path.write_text("path,digest,cluster\na,,x\n")
    with pytest.raises(PipelineError, match=r"last\.csv: expected the number of a cluster, found 'x'"):
        read_pictures(path)
