"""The parameters of a weight file: read without running its code, and put into a module that must fit exactly."""

from __future__ import annotations

import pickle
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.backbones.registry import Backbone
from pipeline.base.errors import PipelineError, one_line

if TYPE_CHECKING:
    import torch

SHOWN = 3
"""Names of parameters that a message shows."""
CONTAINERS = ("state_dict", "model")
"""Where the training scripts of open_clip, timm and torchvision put the parameters of a checkpoint."""
PARALLEL = "module."
"""What training on several GPUs puts before every name."""


def read_parameters(backbone: Backbone, path: Path) -> dict[str, torch.Tensor]:
    """The state dict of a weight file, without running any code that it may carry.

    Of a checkpoint of a training it is the model's; the optimiser's and the like are left out.

    Raises:
        PipelineError: if the file is damaged, or holds anything but tensors.
    """
    import torch
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        return _of_model(dict(torch.load(path, map_location="cpu", weights_only=True)))
    except Exception as error:  # A damaged pickle ends in any of a dozen types, from KeyError to struct.error.
        # PyTorch's own message goes on to recommend loading the file with its code.
        reason = "it carries code or is damaged" if isinstance(error, pickle.UnpicklingError) else one_line(error)
        raise PipelineError(
            f"{path}: expected a file of tensors, found one that cannot be read as such ({reason}); remove it and "
            f"bring the original from {backbone.weights.source}"
        ) from None


def _of_model(stored: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The parameters of the model in what a file holds."""
    inner = next((stored[name] for name in CONTAINERS if isinstance(stored.get(name), Mapping)), stored)
    parallel = all(name.startswith(PARALLEL) for name in inner)
    return {name.removeprefix(PARALLEL) if parallel else name: value for name, value in inner.items()}


def other_model(backbone: Backbone, path: Path, reason: str) -> PipelineError:
    """The error for a file that holds the weights of another model."""
    return PipelineError(
        f"{path}: expected the weights of {backbone.model}, found those of another model ({reason}); remove it and "
        f"bring the right file from {backbone.weights.source}"
    )


def belongs(name: str, heads: Iterable[str]) -> bool:
    """Whether a parameter is one of these, or of one of these modules."""
    return any(name == head or name.startswith(f"{head}.") for head in heads)


def named(names: Collection[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(sorted(names)[:SHOWN]) + more


def load_strictly(
    module: torch.nn.Module,
    parameters: dict[str, torch.Tensor],
    backbone: Backbone,
    path: Path,
    heads: Collection[str] = (),
) -> None:
    """Puts the parameters into a module built on the meta device.

    Args:
        module: to fill.
        parameters: of the file.
        backbone: the entry, for errors.
        path: of the file, for errors.
        heads: modules and parameters that a file of this model may hold and that `module` does without, such as a
            classifier; they are left out.

    Raises:
        PipelineError: if any other name, or a shape, differs.
    """
    own = module.state_dict().keys()
    wanted = {name: value for name, value in parameters.items() if name in own or not belongs(name, heads)}
    try:
        found = module.load_state_dict(wanted, strict=False, assign=True)
    except (RuntimeError, AttributeError) as error:  # The latter where a value is no tensor.
        raise other_model(backbone, path, one_line(error)) from None
    wrong = {"missing": found.missing_keys, "unknown": found.unexpected_keys}
    if any(wrong.values()):
        reason = "; ".join(f"{problem}: {named(names)}" for problem, names in wrong.items() if names)
        raise other_model(backbone, path, reason)
