from __future__ import annotations

import numpy as np

from pipeline.features.lengths import unit_length


def test_a_zero_embedding_stays_zero() -> None:
    rows = np.array([[0, 0], [3, 4]], np.float16)
    assert np.array_equal(unit_length(rows), np.array([[0, 0], [0.6, 0.8]], np.float16))
    # A length that float16 cannot hold.
    assert np.allclose(unit_length(np.full((1, 4), 60_000, np.float16)), 0.5)
