from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.backbones import forward
from pipeline.backbones.forward import WARM_UP, OnDevice, compute


class Means(torch.nn.Module):
    """An embedding of three numbers, and how large the batches were."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(batch))
        return batch.mean((2, 3))


class Fetched:
    """Embeddings that are there at once."""

    def __init__(self, embeddings: torch.Tensor) -> None:
        self.rows = embeddings.clone().numpy()

    def fetched(self) -> np.ndarray:
        return self.rows


@pytest.fixture
def replays(monkeypatch: pytest.MonkeyPatch) -> list[OnDevice]:
    """CPU tensors stand in for a device and its graphs; what is replayed is listed here."""
    played: list[OnDevice] = []

    class Graph:
        def __init__(self) -> None:
            self.owner: OnDevice | None = None

        def replay(self) -> None:
            assert self.owner is not None
            played.append(self.owner)
            assert self.owner._batch is not None
            assert self.owner._recorded is not None
            with torch.inference_mode():
                self.owner._recorded[1].copy_(self.owner._batch.mean((2, 3)))

    @contextmanager
    def recorded(graph: Graph, **_: object) -> Iterator[None]:
        yield

    class Stream:
        def __init__(self, device: torch.device) -> None:
            pass

        def wait_stream(self, other: Stream) -> None:
            pass

    record = OnDevice._record

    def owned(backbone: OnDevice, batch: torch.Tensor) -> None:
        record(backbone, batch)
        recorded: Any = backbone._recorded
        if recorded is not None:
            recorded[0].owner = backbone

    monkeypatch.setattr(OnDevice, "_record", owned)
    monkeypatch.setattr(forward, "Asked", Fetched)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", recorded)
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    return played


def asked(backbone: OnDevice, count: int, seed: int) -> None:
    batch = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    expected = compute(Means(), batch, "fp32").numpy()
    np.testing.assert_allclose(backbone.ask(batch).fetched(), expected, atol=1e-3)


def test_batches_are_filled_up_to_one_size_and_recorded_after_a_few(replays: list[OnDevice]) -> None:
    module = Means()
    backbone = OnDevice(module, "fp32", 8)
    for seed, count in enumerate([3, 8, 8, 8, 5, 1, 8]):
        asked(backbone, count, seed)
    assert len(replays) == 7 - WARM_UP
    # Once more for the recording; the others are replayed.
    assert module.sizes == [8] * (WARM_UP + 1)


def test_what_was_recorded_can_be_given_back(replays: list[OnDevice]) -> None:
    module = Means()
    backbone = OnDevice(module, "fp32", 8)
    for seed in range(WARM_UP + 2):
        asked(backbone, 8, seed)
    assert len(replays) == 2
    backbone.forget()
    for seed, count in enumerate([4, 4, 4, 4, 3]):
        asked(backbone, count, seed)
    assert len(replays) == 2
    assert module.sizes == [8] * (WARM_UP + 1) + [4, 4, 4, 4, 3]


@pytest.mark.parametrize("late", [False, True])
def test_a_backbone_that_cannot_be_recorded_is_called(
    late: bool, replays: list[OnDevice], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = RuntimeError("CUDA error: operation not permitted when stream is capturing")

    class Looks(Means):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            embeddings = super().forward(batch)
            if len(self.sizes) == WARM_UP + 1 and not late:
                raise refused
            return embeddings

    @contextmanager
    def recorded(graph: object, **_: object) -> Iterator[None]:
        yield
        raise refused  # As it is found at the end, however it came about.

    monkeypatch.setattr(torch.cuda, "graph", recorded)
    module = Looks()
    backbone = OnDevice(module, "fp32", 8)
    for seed in range(WARM_UP + 3):
        asked(backbone, 8, seed)
    assert not replays
    assert module.sizes == [8] * (WARM_UP + 1 + 3)
