"""The text tower against open_clip's own documented use, with a tiny CLIP of random weights."""

from __future__ import annotations

from pathlib import Path

import open_clip
import torch
from safetensors.torch import save_file

from pipeline.backbones.text import embed_texts
from pipeline.backbones.weights import find_weights
from tests.backbones.tiny_clip import tiny_clip
from tests.backbones.weight_files import refusal


def test_texts_are_embedded_as_open_clip_does(tmp_path: Path) -> None:
    backbone, model = tiny_clip(tmp_path)
    path, _ = find_weights(backbone, tmp_path / "data" / "weights")
    texts = ("a photo of a bag", "one coat", "")
    found = embed_texts(backbone, path, texts)
    with torch.inference_mode():
        expected = model.encode_text(open_clip.get_tokenizer(backbone.model)(list(texts)))
    assert found.shape == (3, backbone.dim)
    torch.testing.assert_close(torch.from_numpy(found), expected)


def test_a_file_without_the_text_tower_is_refused(tmp_path: Path) -> None:
    backbone, model = tiny_clip(tmp_path)
    path = tmp_path / "visual.safetensors"
    save_file({name: value for name, value in model.state_dict().items() if name.startswith("visual.")}, path)
    message = refusal(lambda: embed_texts(backbone, path, ["a bag"]))
    assert message.startswith(f"{path}: expected the weights of {backbone.model}, found those of another model")
