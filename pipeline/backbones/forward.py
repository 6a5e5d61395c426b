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
    """A backbone on a CUDA device, whose batches all have one size: what is missing in the last one is filled up.

    Its operations are some hundred, and of a small batch the processor takes longer to start them than the device to do
    them: after a few batches they are recorded as a CUDA graph, which is started as a whole. The embeddings are the
    same. A backbone that cannot be recorded is called as before.

    The libraries choose how to compute a size of batch when they first see it, anew in every thread. On an H200 that
    takes 1.4 s for EfficientNet-Lite0 and some 70 ms for CLIP ViT-B/32, as long as many batches, so there is one size,
    and one thread is to do the asking.
    """

    def __init__(self, module: torch.nn.Module, precision: str, usual: int) -> None:
        """Nothing is recorded yet.

        Args:
            module: the backbone, on its device.
            precision: fp32 or bf16.
            usual: views of a batch.
        """
        self.module, self.precision, self.usual = module, precision, usual
        self._seen = 0
        self._batch: torch.Tensor | None = None
        self._recorded: tuple[torch.cuda.CUDAGraph, torch.Tensor] | None = None
        """The graph, from `_batch`, and the embeddings that it leaves."""

    def ask(self, batch: torch.Tensor) -> Asked:
        """Starts the computation, after all that was asked for before.

        Args:
            batch: float32 (views, 3, size, size), channels last, on the device; at most `usual` views.
        """
        if self.usual == 0:
            return Asked(compute(self.module, batch, self.precision))
        if self._batch is None:
            self._batch = batch.new_zeros(self.usual, *batch.shape[1:]).contiguous(memory_format=torch.channels_last)
        self._batch[: len(batch)].copy_(batch)
        if self._seen == WARM_UP:
            self._record(self._batch)
        self._seen += 1
        if self._recorded is None:
            embeddings = compute(self.module, self._batch, self.precision)
        else:
            graph, embeddings = self._recorded
            graph.replay()
        return Asked(embeddings[: len(batch)])

    def forget(self) -> None:
        """Gives back the memory of what was recorded; from now on batches are taken as they are."""
        self.usual = 0
        self._batch = self._recorded = None

    def _record(self, batch: torch.Tensor) -> None:
        stream = torch.cuda.Stream(batch.device)
        stream.wait_stream(torch.cuda.current_stream(batch.device))
        graph = torch.cuda.CUDAGraph()
        try:
            # What other threads do with their devices meanwhile is no part of it.
            with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                embeddings = compute(self.module, batch, self.precision)
        except RuntimeError:
            return
        self._recorded = graph, embeddings
