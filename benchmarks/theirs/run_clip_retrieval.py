"""clip-retrieval's own way to embeddings, in its own environment: see `benchmarks.extractors`, which starts it."""

from __future__ import annotations

import json
import resource
import sys
import time
from types import SimpleNamespace
from typing import Any

import torch
from all_clip import load_clip
from clip_retrieval.clip_inference.mapper import ClipMapper
from clip_retrieval.clip_inference.reader import FilesReader
from clip_retrieval.clip_inference.runner import Runner
from clip_retrieval.clip_inference.writer import NumpyWriter

WORKERS = 2


def clocks() -> tuple[float, float]:
    """Seconds by the wall, and of the processor with the workers that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter(), time.process_time() + children.ru_utime + children.ru_stime


class Quiet(SimpleNamespace):
    """Takes no notes: the package's logger starts a process of its own, which would count against it."""

    def start(self) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""

    def __call__(self, noted: Any) -> None:
        """Nothing."""


def main() -> None:
    """Takes the model, its weights, the folder of pictures, a folder to write to and the batch; tells its seconds."""
    model, weights, pictures, out, batch = sys.argv[1:]
    name, size = f"open_clip:{model}/{weights}", int(batch)
    _, preprocess, tokenizer = load_clip(clip_model=name, use_jit=False, warmup_batch_size=size)
    kinds = {"enable_image": True, "enable_text": False, "enable_metadata": False}
    mapper = ClipMapper(
        use_mclip=False, clip_model=name, use_jit=False, mclip_model="", warmup_batch_size=size, **kinds
    )
    began = clocks()
    runner = Runner(
        lambda sampler: FilesReader(sampler, preprocess, tokenizer, pictures, size, WORKERS, **kinds),
        lambda: mapper,
        lambda part: NumpyWriter(output_folder=out, partition_id=part, output_partition_count=1, **kinds),
        lambda part: Quiet(),
        1,
    )
    runner(0)
    ended = clocks()
    taken = ended[0] - began[0], ended[1] - began[1]
    print(json.dumps({"seconds": taken, "features": f"{out}/img_emb/img_emb_0.npy", "torch": torch.__version__}))


if __name__ == "__main__":
    main()
