from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch

from pipeline import embedding
from pipeline.settings import ExtractSettings
from tests.conftest import SMALL, write_images


def test_grey_and_colour_in_one_batch(small: ExtractSettings) -> None:
    grey = np.random.default_rng(0).integers(0, 255, (32, 32), dtype=np.uint8)
    colour = np.repeat(grey[:, :, None], 3, 2)
    mixed = embedding.to_input([grey, colour], [1.0, 1.0], SMALL, "cpu")
    alone = embedding.to_input([grey], [1.0], SMALL, "cpu")
    torch.testing.assert_close(mixed[0], mixed[1])
    torch.testing.assert_close(alone[0], mixed[0])


def test_reading_ahead_is_in_order_and_bounded(tmp_path: Path, pictures: np.ndarray, small: ExtractSettings) -> None:
    records = write_images(tmp_path, pictures[:40]) * 20
    started = 0
    render = embedding.render

    def counted(*arguments: object) -> embedding.Rendered:
        nonlocal started
        started += 1
        return render(*arguments)  # type: ignore[arg-type]

    embedding.render = counted  # type: ignore[assignment]
    try:
        reader = embedding.read_ahead(tmp_path, records, SMALL, small, workers=2)
        first = next(reader)
        time.sleep(0.3)
        assert started <= 6 * embedding.CHUNK
        rest = list(reader)
    finally:
        embedding.render = render
    assert len(rest) == len(records) - 1
    again = render(tmp_path, records[0], SMALL, small)
    assert all(np.array_equal(a, b) for a, b in zip(first.pixels, again.pixels, strict=True))
