"""Weight files as the libraries save them, with and without what stands on top: they load, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision
import transformers
from safetensors.torch import load_file, save_file
from timm.models import save_for_hf

from pipeline.backbones.loaders import LOADERS, load
from pipeline.backbones.registry import BACKBONES, Backbone
from pipeline.backbones.weights import find_weights
from tests.backbones.references import randomised
from tests.backbones.tiny_clip import tiny_clip
from tests.backbones.weight_files import TINY, refusal, with_weights

TIMM = ["resnet18", "deit_tiny_distilled_patch16_224", "convnext_atto", "mobilenetv3_small_050", "levit_128s"]
"""A classifier each by another name: fc, head and head_dist, head.fc, classifier, head with a norm of its own."""
TORCHVISION = ["resnet18", "mobilenet_v3_small", "convnext_tiny", "swin_t", "shufflenet_v2_x0_5"]


def placed(entry: Backbone, folder: Path) -> Path:
    """The folder where the weights of an entry are looked for."""
    (folder / entry.name).mkdir(parents=True)
    return folder / entry.name


def embeds(entry: Backbone, folder: Path, pixels: torch.Tensor, expected: torch.Tensor) -> None:
    path, _ = find_weights(entry, folder)
    with torch.inference_mode():
        torch.testing.assert_close(load(entry, path)(pixels), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("model", TIMM)
def test_timm_s_own_file_is_taken_as_it_is(model: str, folder: Path) -> None:
    entry = replace(TINY, model=model)
    module = randomised(timm.create_model(model))
    save_for_hf(module, placed(entry, folder), safe_serialization=True)
    pixels = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    bare = timm.create_model(model, num_classes=0).eval()
    bare.load_state_dict(module.state_dict(), strict=False)
    with torch.inference_mode():
        expected = bare(pixels)
    embeds(entry, folder, pixels, expected)
    path = folder / entry.name / "model.safetensors"
    save_file(bare.state_dict(), path)
    (folder / f"{entry.name}.sha256").unlink()
    embeds(entry, folder, pixels, expected)


def test_a_classifier_of_other_classes_is_left_out_too(folder: Path) -> None:
    """As fine-tuning leaves it, also on a model that was published without one."""
    path = placed(TINY, folder) / "model.safetensors"
    for model, classes in ((TINY.model, 7), ("vit_base_patch16_224.dino", 0)):
        entry = replace(TINY, model=model)
        module = timm.create_model(model, num_classes=classes)
        head = {"head.weight": torch.ones(5, 3), "head.bias": torch.ones(5)} if not classes else {}
        save_file({**module.state_dict(), **head}, path)
        assert isinstance(load(entry, path), torch.nn.Module)


@pytest.mark.parametrize("model", TORCHVISION)
@pytest.mark.parametrize("wrap", [None, "model", "state_dict"])
def test_torchvision_s_own_file_is_taken_as_it_is(model: str, wrap: str | None, folder: Path) -> None:
    """As a state dict, and inside of a checkpoint as training scripts write it."""
    entry = with_weights(replace(BACKBONES["resnet50"], model=model, name="small"), sha256=None)
    path = placed(entry, folder) / entry.weights.files[0]
    module = randomised(torchvision.models.get_model(model, weights=None))
    stored: Any = module.state_dict()
    if wrap:
        stored = {wrap: {f"module.{name}": value for name, value in stored.items()}, "epoch": 3, "optimizer": {}}
    torch.save(stored, path)
    seen = []
    last = [each for each in module.modules() if isinstance(each, torch.nn.Linear)][-1]
    last.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    pixels = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        module(pixels)
    embeds(entry, folder, pixels, seen[0])
    if not wrap:
        name = next(name for name, each in module.named_modules() if each is last)
        torch.save({key: value for key, value in stored.items() if not key.startswith(f"{name}.")}, path)
        (folder / "small.sha256").unlink()
        embeds(entry, folder, pixels, seen[0])


def test_a_model_of_torchvision_without_a_last_linear_layer_is_refused(folder: Path) -> None:
    entry = replace(BACKBONES["resnet50"], model="squeezenet1_1")
    assert "that ends in a linear layer, found squeezenet1_1;" in refusal(lambda: load(entry, folder / "unread.pth"))


@pytest.mark.parametrize("kind", ["Dinov2Model", "Dinov2ForImageClassification"])
def test_transformers_own_file_is_taken_as_it_is(kind: str, folder: Path) -> None:
    entry = with_weights(BACKBONES["dinov2-vitb14"], sha256=None)
    config = transformers.Dinov2Config(hidden_size=12, num_hidden_layers=1, num_attention_heads=2, num_labels=4)
    model = randomised(getattr(transformers, kind)(config))
    model.save_pretrained(placed(entry, folder))
    pixels = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = model.base_model(pixel_values=pixels).pooler_output
    embeds(entry, folder, pixels, expected)

    path = folder / entry.name / "model.safetensors"
    save_file({**load_file(path), "decoder.weight": torch.ones(2)}, path)
    assert "(unexpected keys: decoder.weight)" in refusal(lambda: load(entry, path))


def text_apart(name: str) -> str:
    """A name of the text tower as open_clip has it where that is a module of its own."""
    return name if name.startswith(("visual.", "logit_scale")) else f"text.{name}"


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(lambda stored: stored, id="whole"),
        pytest.param(lambda stored: {k: v for k, v in stored.items() if k.startswith("visual.")}, id="vision alone"),
        pytest.param(lambda stored: {text_apart(k): v for k, v in stored.items()}, id="text apart"),
        pytest.param(lambda stored: {**stored, "input_resolution": torch.tensor(224)}, id="OpenAI's"),
    ],
)
def test_open_clip_s_own_file_is_taken_as_it_is(
    changed: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]], tmp_path: Path
) -> None:
    entry, model = tiny_clip(tmp_path)
    folder = tmp_path / "data" / "weights"
    save_file(changed(model.state_dict()), folder / entry.name / "open_clip_model.safetensors")
    pixels = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        embeds(entry, folder, pixels, model.encode_image(pixels))


@pytest.mark.parametrize("library", ["timm", "open_clip", "torchvision"])
def test_what_is_no_known_head_is_refused_by_name(library: str, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "weights"
    if library == "open_clip":
        entry, module = tiny_clip(tmp_path)
    elif library == "timm":
        entry, module = TINY, timm.create_model(TINY.model)
        placed(entry, folder)
    else:
        entry = replace(BACKBONES["resnet50"], model="resnet18")
        module = torchvision.models.resnet18()
        placed(entry, folder)
    path = folder / entry.name / entry.weights.files[0]
    stored = {**module.state_dict(), "neck.weight": torch.ones(3), "header.bias": torch.ones(3)}
    (torch.save if path.suffix == ".pth" else save_file)(stored, path)
    message = refusal(lambda: LOADERS[library](entry, path))
    assert "found those of another model (unknown: header.bias, neck.weight);" in message
