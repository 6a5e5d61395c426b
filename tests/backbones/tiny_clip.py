"""A tiny CLIP of random weights, for tests of its text tower and of what is built on that."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import open_clip
import torch
from safetensors.torch import save_file

from pipeline.backbones.registry import BACKBONES, Backbone
from tests.backbones.references import randomised
from tests.backbones.weight_files import with_weights

CONFIG = {
    "embed_dim": 32,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "head_width": 32, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}


def tiny_clip(project: Path) -> tuple[Backbone, open_clip.CLIP]:
    """A backbone whose weights lie where the project looks for them, and the same model as open_clip has it."""
    (project / "configs").mkdir()
    (project / "configs" / "tiny-quickgelu.json").write_text(json.dumps(CONFIG))
    open_clip.add_model_config(project / "configs")
    torch.manual_seed(0)
    model = randomised(open_clip.CLIP(**CONFIG))
    entry = BACKBONES["clip-vitb32"]
    geometry = replace(entry.geometry, size=32, resize=32)
    backbone = with_weights(entry, sha256=None)
    backbone = replace(backbone, name="clip-tiny", model="tiny-quickgelu", dim=32, geometry=geometry)
    folder = project / "data" / "weights" / "clip-tiny"
    folder.mkdir(parents=True)
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    return backbone, model
