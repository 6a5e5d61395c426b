"""Digits in matplotlib's fonts."""

from __future__ import annotations

import numpy as np

from pipeline.images.datasets.registry import DATASETS
from tests.images.datasets.files import train


def test_each_digit_is_drawn_whole_in_every_font_and_size() -> None:
    pictures, labels = train(DATASETS["printed-digits"])
    assert np.unique(labels, return_counts=True)[1].tolist() == [100] * 10
    assert len(np.unique(pictures.reshape(1000, -1), axis=0)) == 1000
    frame = np.ones((28, 28), bool)
    frame[1:-1, 1:-1] = False
    assert not pictures[:, frame].any()
    assert (pictures.max((1, 2)) > 200).all()
