"""Letters of the scripts in DejaVu Sans."""

from __future__ import annotations

from collections import Counter

import numpy as np

from pipeline.images.datasets.printed_scripts import SCRIPTS
from pipeline.images.datasets.registry import DATASETS
from tests.images.datasets.files import train


def test_letters_are_drawn_whole_and_scripts_are_their_classes() -> None:
    pictures, labels = train(DATASETS["printed-scripts"])
    counts = Counter(labels)
    assert set(counts) == set(SCRIPTS.values())
    assert (counts["Latin"], counts["Ogham"]) == (330, 26)
    # Guards against letters of several scripts that look the same, such as A, whose class nobody could tell.
    assert len(np.unique(pictures.reshape(len(pictures), -1), axis=0)) == len(pictures)
    frame = np.ones(pictures.shape[1:], bool)
    frame[1:-1, 1:-1] = False
    assert (pictures[:, frame] == 255).all()
    assert (pictures.min((1, 2)) < 128).all()
