"""The levels that are proposed where no number of clusters stands out."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.cli.settings import Settings
from pipeline.collection.proposed import proposed_levels, wanted_numbers
from pipeline.collection.settings import EstimateSettings
from tests.collection.test_criteria import blobs


@pytest.fixture
def asked(settings: Settings) -> EstimateSettings:
    return settings.cluster.estimate


@pytest.mark.parametrize(
    ("found", "images", "expected"),
    [
        (1, 5000, (5, 5, 12)),
        (5, 593, (5, 8, 20)),  # What is found counts as much as what people want, whose middle is 12.
        (12, 593, (5, 12, 30)),
        (28, 5000, (6, 19, 30)),
        (90, 5000, (10, 30, 30)),
        (6, 80, (5, 7, 10)),  # At most ten of eight pictures.
        (3, 24, (2, 3, 3)),
        (9, 15, (2, 2, 2)),
        (2, 2, (2, 2, 2)),
    ],
)
def test_what_people_want_bounds_the_levels(
    found: int, images: int, expected: tuple[int, int, int], asked: EstimateSettings
) -> None:
    assert wanted_numbers(found, images, asked.wanted) == expected


def test_the_levels_say_what_distinguishes_them(asked: EstimateSettings) -> None:
    """Of 8 groups far apart, of which a quarter stands for each picture."""
    rows, _ = blobs(8, 240)
    coarse, medium, fine = proposed_levels(rows, (4, 8, 16), 960, asked)
    assert (medium.name, medium.clusters, medium.smallest, medium.largest) == ("medium", 8, 120, 120)
    assert coarse.smallest >= medium.largest
    assert fine.largest <= medium.smallest
    assert coarse.together == medium.together == 1 > fine.together
    assert medium.line() == (
        "medium -k 8: clusters of about 120 to 120 pictures; 100% of a picture's 10 nearest are in its own"
    )


def test_a_level_that_is_another_one_is_left_out(asked: EstimateSettings) -> None:
    rows, _ = blobs(8, 240)
    assert [level.name for level in proposed_levels(rows, (5, 5, 12), 240, asked)] == ["medium", "fine"]
    assert [level.name for level in proposed_levels(rows, (2, 3, 3), 240, asked)] == ["coarse", "medium"]
    assert proposed_levels(rows, (3, 3, 3), 240, asked) == []


def test_pictures_that_are_mostly_the_same_have_none(asked: EstimateSettings) -> None:
    rows = np.repeat(np.eye(4, 16, dtype=np.float32), 10, axis=0)
    assert proposed_levels(rows, (2, 3, 5), 40, asked) == []
    assert len(proposed_levels(rows, (2, 3, 4), 40, asked)) == 3
