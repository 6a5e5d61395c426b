"""Small weight files for the tests, and an entry that they belong to."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save

from pipeline.backbones.registry import BACKBONES, Backbone, Weights
from pipeline.base.errors import PipelineError

TINY = replace(
    BACKBONES["dino-vitb16"], name="tiny", model="test_vit", weights=Weights(("model.safetensors",), megabytes=1)
)
"""timm's smallest vision transformer (64 dimensions at 160 pixels), for tests of files rather than of embeddings."""


def place(backbone: Backbone, folder: Path, content: bytes) -> Path:
    """Puts a weight file where the code looks for it."""
    path = folder / backbone.name / backbone.weights.files[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def with_weights(backbone: Backbone, **changes: Any) -> Backbone:
    return replace(backbone, weights=replace(backbone.weights, **changes))


def torch_file(value: object, zipped: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


PARAMETERS: dict[str, torch.Tensor] = timm.create_model(TINY.model, num_classes=0).state_dict()
CONTENT = save(PARAMETERS)
"""A weight file of TINY."""
CHANGED = save({name: value + 1 for name, value in PARAMETERS.items()})
"""Another."""


def refusal(action: Callable[[], object]) -> str:
    """The message of the one error that the action ends in; a message is one line."""
    with pytest.raises(PipelineError) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    return message
