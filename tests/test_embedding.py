from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline import backbones, embedding
from pipeline.embedding import Streams, Timings
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


def test_the_bytes_depend_on_no_number_of_threads(tmp_path: Path, pictures: np.ndarray, small: ExtractSettings) -> None:
    records = write_images(tmp_path, pictures[:40])
    module = backbones.load(SMALL, backbones.find_weights(SMALL)[0])
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            streams = Streams(module, SMALL, small, "cpu")
            assert (streams.count, streams.threads) == (threads, 1)
            reader = embedding.read_ahead(tmp_path, records, SMALL, small, workers=threads)
            found.append(embedding.embed(streams, reader, len(records), Timings(), lambda: None))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(*found)


def test_of_many_cores_a_stream_gets_several(small: ExtractSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 20)
    streams = Streams(torch.nn.Identity(), SMALL, small, "cpu")
    assert (streams.count, streams.threads) == (8, 2)
    assert Streams(torch.nn.Identity(), SMALL, small, "cuda:0").count == 2


def test_an_error_in_a_batch_ends_it_and_drops_what_waits(
    tmp_path: Path, pictures: np.ndarray, small: ExtractSettings
) -> None:
    class Broken(torch.nn.Module):
        batches = 0

        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            self.batches += 1
            raise ZeroDivisionError

    records, module = write_images(tmp_path, pictures[:400]), Broken()
    reader = embedding.read_ahead(tmp_path, records, SMALL, small, workers=1)
    with pytest.raises(ZeroDivisionError):
        embedding.embed(Streams(module, SMALL, small, "cpu"), reader, len(records), Timings(), lambda: None)
    reader.close()
    assert module.batches <= 2 * torch.get_num_threads() + 1
