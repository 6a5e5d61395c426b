"""The frozen backbone on a batch of views: at once on a CPU, asked for and fetched later on a CUDA device."""

from __future__ import annotations

import numpy as np
import torch

WARM_UP = 3
"""Batches before the one that is recorded, in which the libraries make their choices."""


@torch.inference_mode()
def compute(module: torch.nn.Module, batch: torch.Tensor, precision: str) -> torch.Tensor:
    """The backbone's embeddings of a batch, float16 (views, dim), on the batch's device, which may not be done yet."""
    with torch.autocast(batch.device.type, torch.bfloat16, enabled=precision == "bf16"):
        embeddings: torch.Tensor = module(batch)
    return embeddings.half()


def forward(module: torch.nn.Module, batch: torch.Tensor, precision: str) -> np.ndarray:
    """The backbone's embeddings of a batch, float16 (views, dim), on the host."""
    embeddings: np.ndarray = compute(module, batch, precision).cpu().numpy()
    return embeddings


class Asked:
    """Embeddings that a CUDA device is to compute and to copy to the host."""

    def __init__(self, embeddings: torch.Tensor) -> None:
        self._host = torch.empty(embeddings.shape, dtype=embeddings.dtype, pin_memory=True)
        self._host.copy_(embeddings, non_blocking=True)
        self._done = torch.cuda.Event(blocking=True)
        self._done.record(torch.cuda.current_stream(embeddings.device))

    def fetched(self) -> np.ndarray:
        """Waits for these alone, not for what the device was asked for after them."""
        self._done.synchronize()
        result: np.ndarray = self._host.numpy()
        return result


class OnDevice:
    """A backbone on a CUDA device.

    Its operations are some hundred, and of a small batch the processor takes longer to start them than the device to do
    them: after a few batches of the usual size they are recorded as a CUDA graph, which is started as a whole. The
    embeddings are the same. A backbone that cannot be recorded is called as before.
    """

    def __init__(self, module: torch.nn.Module, precision: str, usual: int) -> None:
        """Nothing is recorded yet.

        Args:
            module: the backbone, on its device.
            precision: fp32 or bf16.
            usual: views of nearly all batches.
        """
        self.module, self.precision, self.usual = module, precision, usual
        self._seen = 0
        self._graph: torch.cuda.CUDAGraph | None = None

    def ask(self, batch: torch.Tensor) -> Asked:
        """Starts the computation, after all that was asked for before.

        Args:
            batch: float32 (views, 3, size, size), on the device.
        """
        if len(batch) == self.usual:
            self._seen += 1
            if self._seen == WARM_UP + 1:
                self._record(batch)
            if self._graph is not None:
                self._batch.copy_(batch)
                self._graph.replay()
                return Asked(self._embeddings)
        return Asked(compute(self.module, batch, self.precision))

    def forget(self) -> None:
        """Gives back the memory of what was recorded, and records nothing any more."""
        self._seen = WARM_UP + 1
        self._graph = None
        self._batch = self._embeddings = torch.empty(0)

    def _record(self, batch: torch.Tensor) -> None:
        stream = torch.cuda.Stream(batch.device)
        stream.wait_stream(torch.cuda.current_stream(batch.device))
        graph, given = torch.cuda.CUDAGraph(), torch.empty_like(batch)  # Channels last, as they are.
        try:
            # What other threads do with their devices meanwhile is no part of it.
            with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                embeddings = compute(self.module, given, self.precision)
        except RuntimeError:
            return
        self._batch, self._embeddings, self._graph = given, embeddings, graph
