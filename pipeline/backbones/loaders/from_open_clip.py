"""The loader for open_clip: the vision tower, or the whole model without weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.backbones.parameters import load_strictly, read_parameters
from pipeline.backbones.registry import Backbone
from pipeline.base.errors import PipelineError

if TYPE_CHECKING:
    import torch

TEXT = ("text", "transformer", "token_embedding", "positional_embedding", "ln_final", "text_projection", "attn_mask")
"""The text tower: in a module of its own, or its parts beside the vision tower, as OpenAI has them."""
SIZES = ("input_resolution", "context_length", "vocab_size")
"""Numbers that OpenAI's files hold among their parameters; open_clip leaves them out too."""


def build_open_clip(backbone: Backbone, device: str = "meta") -> torch.nn.Module:
    """The whole open_clip model of an entry; on the meta device without memory for its parameters.

    Raises:
        PipelineError: if the entry would put OpenAI's weights into a model without QuickGELU, the activation that they
            were trained with. open_clip does not notice that in a local file, and the embeddings are wrong.
    """
    import open_clip
    import torch

    config = open_clip.get_model_config(backbone.model)
    if backbone.weights.repository.endswith(".openai") and not config.get("quick_gelu", False):
        raise PipelineError(
            f"{backbone.name}: expected a model with QuickGELU for OpenAI's weights, found {backbone.model}; name "
            f"{backbone.model}-quickgelu in its entry in {Backbone.__module__}"
        )
    # open_clip.create_model would first fill both towers with random numbers, and warn that it did.
    architecture = open_clip.CustomTextCLIP if config.pop("custom_text", False) else open_clip.CLIP
    with torch.device(device):
        model: torch.nn.Module = architecture(**config)
    return model


def load(backbone: Backbone, path: Path) -> torch.nn.Module:
    """The vision tower of a model of open_clip; the text tower may stand in its file or not."""
    import torch

    model: Any = build_open_clip(backbone)
    tower = torch.nn.ModuleDict({"visual": model.visual})
    load_strictly(tower, read_parameters(backbone, path), backbone, path, beside_the_tower(model))
    visual: torch.nn.Module = model.visual
    return visual


def beside_the_tower(model: torch.nn.Module) -> set[str]:
    """What a file of this model may hold beside its vision tower: the text tower by either of its names, the scale."""
    others = {name.partition(".")[0] for name in model.state_dict()} - {"visual"}
    return {*others, *TEXT, *SIZES}
