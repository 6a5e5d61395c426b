"""The parameters of a weight file: read without running its code, and put into a module that must fit exactly."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.backbones.registry import Backbone
from pipeline.base.errors import PipelineError, one_line

if TYPE_CHECKING:
    import torch


def read_parameters(backbone: Backbone, path: Path) -> dict[str, torch.Tensor]:
    """The state dict of a weight file, without running any code that it may carry.

    Raises:
        PipelineError: if the file is damaged, or holds anything but tensors.
    """
    import torch
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # A damaged pickle ends in any of a dozen types, from KeyError to struct.error.
        # PyTorch's own message goes on to recommend loading the file with its code.
        reason = "it carries code or is damaged" if isinstance(error, pickle.UnpicklingError) else one_line(error)
        raise PipelineError(
            f"{path}: expected a file of tensors, found one that cannot be read as such ({reason}); remove it and "
            f"bring the original from {backbone.weights.source}"
        ) from None


def other_model(backbone: Backbone, path: Path, reason: str) -> PipelineError:
    """The error for a file that holds the weights of another model."""
    return PipelineError(
        f"{path}: expected the weights of {backbone.model}, found those of another model ({reason}); remove it and "
        f"bring the right file from {backbone.weights.source}"
    )


def load_strictly(module: torch.nn.Module, parameters: dict[str, torch.Tensor], backbone: Backbone, path: Path) -> None:
    """Puts the parameters into a module built on the meta device.

    Raises:
        PipelineError: if any name or shape differs.
    """
    try:
        module.load_state_dict(parameters, strict=True, assign=True)
    except RuntimeError as error:
        raise other_model(backbone, path, one_line(error)) from None
