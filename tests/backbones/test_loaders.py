"""The loaders: every entry embeds as its own library does, and weights of another model are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save, save_file

from pipeline.backbones.forward import forward
from pipeline.backbones.loaders import LOADERS, load
from pipeline.backbones.loaders.from_open_clip import build_open_clip
from pipeline.backbones.registry import BACKBONES, Backbone
from pipeline.backbones.weights import find_weights
from tests.backbones.references import (
    REFERENCES,
    TOLERANCE,
    cropped,
    dinov2_processor,
    open_clip_reference,
    pixels_of,
    preprocess,
    relative,
    whole_corners,
)
from tests.backbones.weight_files import TINY, place, refusal, torch_file, with_weights

SLOW = {"clip-vitl14", "dino-vitb8", "dinov3-vitb16", "siglip2-vitb16"}
"""Entries whose comparison is left to the slow tests: much to write or compute, and a fast one of the same library."""


PUBLISHED_BYTES = {
    "clip-vitb32": 605_143_284,
    "clip-vitl14": 1_710_517_724,
    "siglip2-vitb16": 1_500_786_832,
    "dinov2-vitb14": 346_345_912,
    "dinov3-vitb16": 342_662_192,
}
"""Lengths of published weight files. Another name or shape of a tensor changes them, so files written here agree."""


def test_every_library_has_a_loader_and_a_reference() -> None:
    assert {b.library for b in BACKBONES.values()} == set(LOADERS) == set(REFERENCES)
    assert set(BACKBONES) >= SLOW


@pytest.mark.parametrize(
    "backbone",
    [pytest.param(b, id=name, marks=[pytest.mark.slow] if name in SLOW else []) for name, b in BACKBONES.items()],
)
def test_embeddings_equal_the_librarys_own(backbone: Backbone, photos: list[Image.Image], folder: Path) -> None:
    torch.manual_seed(0)  # Some random weights multiply what is left of float32 by the other order of a sum.
    reference = REFERENCES[backbone.library](backbone)
    (folder / backbone.name).mkdir(parents=True)
    reference.save(folder / backbone.name)
    if backbone.name in PUBLISHED_BYTES:
        saved = folder / backbone.name / backbone.weights.files[0]
        assert saved.stat().st_size == PUBLISHED_BYTES[backbone.name]
    # The photos, what makes pixels of them on the library's path, and how near ours must come.
    paths = [(photos, reference.transform, TOLERANCE)]
    if reference.processor:
        paths.append((whole_corners(photos), reference.processor, reference.processor_tolerance))
    with torch.inference_mode():
        expected = [
            reference.encode(torch.stack([transform(photo) for photo in shown])).numpy()
            for shown, transform, _ in paths
        ]
    comparisons = [(shown, tolerance) for shown, _, tolerance in paths]
    del reference, paths  # The second copy of a large model needs the room.

    if not backbone.weights.package:
        backbone = with_weights(backbone, sha256=None)
    path, _ = find_weights(backbone, folder)
    megabytes = pytest.approx(path.stat().st_size / 1e6, rel=0.02, abs=1)
    assert backbone.weights.package or backbone.weights.megabytes == megabytes
    module = load(backbone, path)
    for (shown, tolerance), theirs in zip(comparisons, expected, strict=True):
        found = forward(module, preprocess(backbone, shown), "fp32").astype(np.float32)
        assert found.shape == (len(shown), backbone.dim)
        assert (relative(found, theirs) < tolerance).all(), relative(found, theirs)
        # Were the two photos' embeddings alike, as they can be with random weights, the comparison could not fail.
        assert relative(theirs[:1], theirs[1:]) > 20 * tolerance


def test_transformers_rounds_the_crop_s_corner_down(photos: list[Image.Image]) -> None:
    """Half a pixel is rounded to even by torchvision, and so by OpenAI's and DINOv2's own code and by ours."""
    backbone = BACKBONES["dinov2-vitb14"]
    china = photos[0]  # resized to 383 x 256, so that the crop begins at 79.5
    theirs = pixels_of(dinov2_processor(), china)
    ours = preprocess(backbone, [china])[0]
    torch.testing.assert_close(theirs[:, :, 1:], ours[:, :, :-1])

    for whole in whole_corners(photos):  # resized to 382 x 256
        theirs = pixels_of(dinov2_processor(), whole)
        torch.testing.assert_close(theirs, preprocess(backbone, [whole])[0])


def test_the_wheel_s_weights_know_what_the_photos_show(photos: list[Image.Image]) -> None:
    backbone = BACKBONES["efficientnet-lite0"]
    path, _ = find_weights(backbone)
    classifier = torch.load(path, weights_only=True)
    upright = [photos[0], photos[1].transpose(Image.Transpose.ROTATE_270)]
    embeddings = load(backbone, path)(preprocess(backbone, upright))
    logits = embeddings @ classifier["_fc.weight"].T + classifier["_fc.bias"]
    assert logits.argmax(1).tolist() == [698, 985]  # ImageNet's palace and daisy


@pytest.mark.slow
def test_clip_is_the_same_in_transformers(photos: list[Image.Image], folder: Path) -> None:
    import transformers

    backbone = BACKBONES["clip-vitb32"]
    reference = open_clip_reference(backbone)
    names = {
        "class_embedding": "embeddings.class_embedding",
        "positional_embedding": "embeddings.position_embedding.weight",
        "conv1": "embeddings.patch_embedding",
        "ln_pre": "pre_layrnorm",
        "ln_post": "post_layernorm",
        "transformer.resblocks": "encoder.layers",
        "ln_1": "layer_norm1",
        "ln_2": "layer_norm2",
        "attn": "self_attn",
        "c_fc": "fc1",
        "c_proj": "fc2",
    }
    converted = {}
    for name, value in reference.module.get_submodule("visual").state_dict().items():
        if name == "proj":
            converted["visual_projection.weight"] = value.T
            continue
        for old, new in names.items():
            name = name.replace(old, new)
        if "in_proj_" in name:
            for part, rows in zip("qkv", value.chunk(3), strict=True):
                converted["vision_model." + name.replace("in_proj_", f"{part}_proj.")] = rows
        else:
            converted["vision_model." + name] = value
    model = transformers.CLIPVisionModelWithProjection(transformers.CLIPVisionConfig())
    model.load_state_dict(converted, strict=True)
    processor = transformers.CLIPImageProcessorPil()
    shown = [*photos, *whole_corners(photos)]
    pixels = [cropped(processor, photo) for photo in photos]
    pixels += [pixels_of(processor, photo) for photo in whole_corners(photos)]
    with torch.inference_mode():
        expected = model.eval()(pixel_values=torch.stack(pixels)).image_embeds.numpy()

    (folder / backbone.name).mkdir(parents=True)
    reference.save(folder / backbone.name)
    backbone = with_weights(backbone, sha256=None)
    module = load(backbone, find_weights(backbone, folder)[0])
    found = forward(module, preprocess(backbone, shown), "fp32").astype(np.float32)
    assert (relative(found, expected) < TOLERANCE).all()


def test_loaded_weights_are_frozen_float32_whatever_the_file_holds(folder: Path) -> None:
    import timm

    half = timm.create_model(TINY.model, num_classes=0).half().state_dict()
    module = load(TINY, place(TINY, folder, save(half)))
    assert not module.training
    assert all(p.dtype == torch.float32 and not p.requires_grad for p in module.parameters())


@pytest.mark.parametrize("name", ["clip-vitb32", "clip-vitl14"])
def test_openai_towers_use_quick_gelu(name: str) -> None:
    tower: Any = build_open_clip(BACKBONES[name]).visual
    assert {type(block.mlp.gelu).__name__ for block in tower.transformer.resblocks} == {"QuickGELU"}


def test_openai_weights_without_quick_gelu_are_refused(folder: Path) -> None:
    wrong = replace(BACKBONES["clip-vitb32"], model="ViT-B-32")
    message = refusal(lambda: load(wrong, folder / "never-read.safetensors"))
    assert "expected a model with QuickGELU" in message
    assert "found ViT-B-32;" in message
    assert message.endswith("name ViT-B-32-quickgelu in its entry in pipeline.backbones.registry")


@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=BACKBONES)
def test_weights_of_another_model_are_refused(backbone: Backbone, folder: Path) -> None:
    parameters = {"weight": torch.ones(3)}
    content = save(parameters) if backbone.weights.files[0].endswith(".safetensors") else torch_file(parameters)
    path = place(backbone, folder, content)
    if backbone.library == "transformers":
        import transformers

        getattr(transformers, backbone.model).config_class(num_hidden_layers=1).save_pretrained(path.parent)
    message = refusal(lambda: load(backbone, path))
    assert message.startswith(f"{path}: expected the weights of {backbone.model}, found those of another model")
    assert message.endswith(f"bring the right file from {backbone.weights.source}")


def test_transformers_fills_no_gap_with_random_numbers(folder: Path) -> None:
    """The library itself only warns about parameters that a file lacks."""
    import transformers

    backbone = BACKBONES["dinov2-vitb14"]
    config = transformers.Dinov2Config(hidden_size=12, num_hidden_layers=1, num_attention_heads=2)
    model = transformers.Dinov2Model(config)
    model.save_pretrained(folder / backbone.name)
    path = folder / backbone.name / "model.safetensors"
    load(backbone, path)
    save_file({k: v for k, v in model.state_dict().items() if k != "layernorm.bias"}, path)
    assert "missing keys: layernorm.bias" in refusal(lambda: load(backbone, path))
