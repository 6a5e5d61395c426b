"""The loader for transformers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.backbones.parameters import belongs, named, other_model, read_parameters
from pipeline.backbones.registry import Backbone
from pipeline.base.errors import one_line

if TYPE_CHECKING:
    import torch

HEADS = ("classifier", "cls_classifier", "distillation_classifier", "pooler")
"""What the library's models for classification put on top, and a pooler where the model has none."""


def load(backbone: Backbone, path: Path) -> torch.nn.Module:
    """A model of transformers, reduced to its pooled class token; its config.json lies beside the weight file.

    The file may be one of a model for classification, whose names have a prefix.
    """
    import torch
    import transformers

    class Pooled(torch.nn.Module):
        """Gives the pooled class token alone."""

        def __init__(self, model: torch.nn.Module) -> None:
            super().__init__()
            self.model = model

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            embedding: torch.Tensor = self.model(pixel_values=pixels).pooler_output
            return embedding

    # Parameters that do not fit are a warning, a table and random numbers to the library; here they are an error.
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    parameters = read_parameters(backbone, path)
    architecture = getattr(transformers, backbone.model)
    try:
        config = architecture.config_class.from_pretrained(path.parent, local_files_only=True)
        model, report = architecture.from_pretrained(
            None, config=config, state_dict=parameters, dtype=torch.float32, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise other_model(backbone, path, one_line(error)) from None
    prefix = f"{architecture.base_model_prefix}."
    unknown = [key for key in report["unexpected_keys"] if not belongs(key.removeprefix(prefix), HEADS)]
    found = {**report, "unexpected_keys": unknown}
    wrong = [f"{problem}: {named([str(key) for key in keys])}" for problem, keys in found.items() if keys]
    if wrong:
        raise other_model(backbone, path, "; ".join(wrong).replace("_", " "))
    return Pooled(model)
