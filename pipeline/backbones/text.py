"""The text tower of a backbone: embeddings of texts in the space of its pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.backbones.loaders.from_open_clip import SIZES, build_open_clip
from pipeline.backbones.parameters import load_strictly, read_parameters
from pipeline.backbones.registry import Backbone

if TYPE_CHECKING:
    import numpy as np

AT_A_TIME = 1024
"""Texts: ten thousand at once would take gigabytes."""
Embed = Callable[[Sequence[str]], "np.ndarray"]
"""Gives the embeddings of texts, float32 (texts, dim), not normalised; CLIP reads the first 75 tokens of each."""


def text_embedder(backbone: Backbone, path: Path, device: str = "cpu") -> Embed:
    """The text tower that was trained with a backbone.

    Args:
        backbone: one with `text_tower`.
        path: its weight file, which holds both towers.
        device: ``cpu`` or a CUDA device.

    Raises:
        PipelineError: if the file does not hold this model's weights.
    """
    import open_clip
    import torch

    # Not on the meta device: the mask of the text tower's attention is in no weight file.
    model: Any = build_open_clip(backbone, "cpu")
    load_strictly(model, read_parameters(backbone, path), backbone, path, SIZES)
    model = model.float().eval().to(device)
    tokenizer = open_clip.get_tokenizer(backbone.model)

    @torch.inference_mode()
    def embed(texts: Sequence[str]) -> np.ndarray:
        blocks = [list(texts[first : first + AT_A_TIME]) for first in range(0, len(texts), AT_A_TIME)]
        result: np.ndarray = torch.cat([model.encode_text(tokenizer(each).to(device)) for each in blocks]).cpu().numpy()
        return result

    return embed


def embed_texts(backbone: Backbone, path: Path, texts: Sequence[str]) -> np.ndarray:
    """Embeddings of texts, float32 (texts, dim), not normalised; see `text_embedder`."""
    return text_embedder(backbone, path)(texts)
