from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.backbones import loaders
from pipeline.backbones.weights import find_weights
from pipeline.base.errors import PipelineError
from pipeline.config.settings import ExtractSettings
from pipeline.extraction.batches import embed
from pipeline.extraction.rendering import read_ahead
from pipeline.extraction.streams import Streams
from pipeline.extraction.timings import Timings
from tests.conftest import SMALL, cores, write_images


def test_the_bytes_depend_on_no_number_of_threads(tmp_path: Path, pictures: np.ndarray, small: ExtractSettings) -> None:
    records = write_images(tmp_path, pictures[:40])
    module = loaders.load(SMALL, find_weights(SMALL)[0])
    found = []
    for threads in (1, 3):
        with cores(threads):
            streams = Streams(module, SMALL, small, "cpu")
            assert (streams.count, streams.threads) == (threads, 1)
            reader = read_ahead(tmp_path, records, SMALL, small, workers=threads)
            found.append(embed(streams, reader, len(records), Timings(), lambda: None))
            assert torch.get_num_threads() == threads
    assert np.array_equal(found[0], found[1])


def test_of_many_cores_a_stream_gets_several(small: ExtractSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 20)
    streams = Streams(torch.nn.Identity(), SMALL, small, "cpu")
    assert (streams.count, streams.threads) == (8, 2)
    assert Streams(torch.nn.Identity(), SMALL, small, "cuda:0").count == 5


def test_an_error_in_a_batch_ends_it_and_drops_what_waits(
    tmp_path: Path, pictures: np.ndarray, small: ExtractSettings
) -> None:
    class Broken(torch.nn.Module):
        batches = 0

        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            self.batches += 1
            raise ZeroDivisionError

    records, module = write_images(tmp_path, pictures[:400]), Broken()
    reader = read_ahead(tmp_path, records, SMALL, small, workers=1)
    with pytest.raises(ZeroDivisionError):
        embed(Streams(module, SMALL, small, "cpu"), reader, len(records), Timings(), lambda: None)
    reader.close()
    assert module.batches <= 2 * torch.get_num_threads() + 1


class Cramped(torch.nn.Module):
    """Has memory for so many views at a time."""

    def __init__(self, room: int, error: Exception) -> None:
        super().__init__()
        self.room, self.error = room, error

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        if len(batch) > self.room:
            raise self.error
        return batch.mean((2, 3)).repeat(1, 2)


SHORT = {
    "cuda": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has"),
    "cpu": RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory: you tried"),
    "numpy": MemoryError("Unable to allocate 2.00 GiB for an array"),
}


@pytest.mark.parametrize("error", SHORT.values(), ids=SHORT)
def test_a_batch_that_does_not_fit_is_halved(
    tmp_path: Path,
    pictures: np.ndarray,
    small: ExtractSettings,
    error: Exception,
    capsys: pytest.CaptureFixture[str],
) -> None:
    records, backbone = write_images(tmp_path, pictures[:40]), replace(SMALL, dim=6)
    found, told = [], []
    for room in (small.batch, 10):
        reader = read_ahead(tmp_path, records, backbone, small, workers=1)
        streams, timings = Streams(Cramped(room, error), backbone, small, "cpu"), Timings()
        found.append(embed(streams, reader, len(records), timings, lambda: None))
        told.append((streams.most, timings.halved))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-3)
    assert told == [(32, 0), (8, 2)]
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(", going")[0] for line in lines] == [
        f"efficientnet-lite0 on cpu: memory ran out with {size} views at a time" for size in (32, 16)
    ]
    assert "the batch was halved 2 times" in timings.line("cpu")


def test_memory_for_not_even_one_view_is_said(
    tmp_path: Path, pictures: np.ndarray, small: ExtractSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    records = write_images(tmp_path, pictures[:4])
    with closing(read_ahead(tmp_path, records, SMALL, small, workers=1)) as reader:
        streams = Streams(Cramped(0, SHORT["cuda"]), SMALL, small, "cpu")
        with pytest.raises(PipelineError, match=r"one view at a time, found none \(CUDA out of memory.*GiB\.\); end"):
            embed(streams, reader, len(records), Timings(), lambda: None)
