from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from pipeline.config.settings import ExtractSettings
from pipeline.extraction import rendering
from tests.conftest import SMALL, write_images


def test_reading_ahead_is_in_order_and_bounded(tmp_path: Path, pictures: np.ndarray, small: ExtractSettings) -> None:
    records = write_images(tmp_path, pictures[:40]) * 20
    started = 0
    render = rendering.render

    def counted(*arguments: object) -> rendering.Rendered:
        nonlocal started
        started += 1
        return render(*arguments)  # type: ignore[arg-type]

    rendering.render = counted  # type: ignore[assignment]
    try:
        reader = rendering.read_ahead(tmp_path, records, SMALL, small, workers=2)
        first = next(reader)
        time.sleep(0.3)
        assert started <= 6 * rendering.CHUNK
        rest = list(reader)
    finally:
        rendering.render = render
    assert len(rest) == len(records) - 1
    again = render(tmp_path, records[0], SMALL, small)
    assert all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in zip(first.pixels, again.pixels, strict=True))
