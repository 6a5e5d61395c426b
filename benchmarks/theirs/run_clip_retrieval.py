"""clip-retrieval's own way to embeddings, in its own environment: see `benchmarks.extractors`, which starts it."""

from __future__ import annotations

import json
import sys
from unittest.mock import Mock

import torch
from all_clip import load_clip
from clip_retrieval.clip_inference.mapper import ClipMapper
from clip_retrieval.clip_inference.reader import FilesReader
from clip_retrieval.clip_inference.runner import Runner
from clip_retrieval.clip_inference.writer import NumpyWriter

from benchmarks.clocks import clocks

WORKERS = 2


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
        lambda part: Mock(),  # The package's logger starts a process, which would count against it.
        1,
    )
    runner(0)
    taken = (clocks() - began).tolist()
    print(json.dumps({"seconds": taken, "features": f"{out}/img_emb/img_emb_0.npy", "torch": torch.__version__}))


if __name__ == "__main__":
    main()
