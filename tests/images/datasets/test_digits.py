"""The digits, against scikit-learn's own loader."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from pipeline.images.datasets.registry import DATASETS
from tests.images.datasets.files import train


def test_the_digits_are_those_of_scikit_learn() -> None:
    pictures, labels = train(DATASETS["digits"])
    expected = load_digits()
    assert pictures.dtype == np.uint8
    np.testing.assert_array_equal(np.rint(pictures * (16 / 255)), expected.images)
    assert labels == [str(label) for label in expected.target]
