"""CLIP's zero-shot classification against open_clip's own documented use, with a tiny CLIP of random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file

from pipeline.backbones.registry import Backbone
from pipeline.base.csv_tables import write_table
from pipeline.base.errors import PipelineError
from pipeline.cli.settings import Settings
from pipeline.config.names import CLASS_COLUMNS
from pipeline.experiments.settings import ZeroShotSettings
from pipeline.experiments.zero_shot import zero_shot
from pipeline.extraction import extract
from pipeline.features.cache import open_features
from pipeline.heads.predictions import read_assignments, read_runs
from pipeline.heads.saved import load_model
from pipeline.methods import METHODS
from tests.backbones.tiny_clip import tiny_clip
from tests.conftest import write_images

CLASSES = ("ankle boot", "bag", "coat", "summer_dress")
SPELLED = ("ankle boot", "bag", "coat", "summer dress")
"""As the prompts have them: an underscore is no part of a name."""
TEMPLATES = ("a photo of a {}.", "one {}")


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Backbone, open_clip.CLIP]:
    monkeypatch.chdir(tmp_path)
    return tiny_clip(tmp_path)


@pytest.fixture
def features(tmp_path: Path, clip: tuple[Backbone, open_clip.CLIP], pictures: np.ndarray, settings: Settings) -> Path:
    write_images(tmp_path / "images", pictures[:40])
    folder = tmp_path / "features" / "pets" / "clip-tiny"
    extract.extract("pets", clip[0], tmp_path / "images", folder, settings.extract, "cpu")
    write_table(tmp_path / "classes.csv", CLASS_COLUMNS, [(name,) for name in CLASSES])
    return folder


def run(tmp_path: Path, backbone: Backbone, features: Path, templates: tuple[str, ...] = TEMPLATES) -> str:
    heads, predictions = tmp_path / "heads", tmp_path / "predictions"
    return zero_shot(backbone, features, tmp_path / "classes.csv", heads, predictions, ZeroShotSettings(templates))


def test_it_classifies_as_open_clip_does(tmp_path: Path, clip: tuple[Backbone, open_clip.CLIP], features: Path) -> None:
    backbone, model = clip
    assert "4 classes by 2 prompts each" in run(tmp_path, backbone, features)
    clean = open_features(features).read("train").clean
    images = torch.nn.functional.normalize(torch.from_numpy(clean), dim=-1)
    tokenizer = open_clip.get_tokenizer("tiny-quickgelu")
    with torch.inference_mode():
        rows = [
            torch.stack([model.encode_text(tokenizer([t.format(name)]), normalize=True)[0] for t in TEMPLATES]).mean(0)
            for name in SPELLED
        ]
        expected = (100 * images @ torch.nn.functional.normalize(torch.stack(rows), dim=-1).T).numpy()
    saved = load_model(tmp_path / "heads" / "zero-shot" / "head.safetensors", METHODS)
    found = saved.model.logits(clean)
    assert np.abs(found - expected).max() < 1e-3
    assert np.allclose(saved.model.confidences(found).sum(1), 1, atol=1e-5)
    assigned = read_assignments(tmp_path / "predictions" / "zero-shot").clusters
    assert np.array_equal(assigned, expected.argmax(1))
    assert np.array_equal(read_runs(tmp_path / "predictions" / "zero-shot")[:, 0], assigned)
    assert saved.embedding["parts"][0]["backbone"] == "clip-tiny"


def test_other_weights_than_the_cache_s_are_refused(
    tmp_path: Path, clip: tuple[Backbone, open_clip.CLIP], features: Path
) -> None:
    backbone, model = clip
    path = tmp_path / "data" / "weights" / "clip-tiny" / "open_clip_model.safetensors"
    save_file({name: value + 1 for name, value in model.state_dict().items()}, path)
    (tmp_path / "data" / "weights" / "clip-tiny.sha256").unlink()
    with pytest.raises(PipelineError, match=r"made with other weights than .*; run 'pipeline extract"):
        run(tmp_path, backbone, features)


def test_what_it_needs_is_said(tmp_path: Path, clip: tuple[Backbone, open_clip.CLIP], features: Path) -> None:
    with pytest.raises(PipelineError, match=r"zero_shot\.templates: expected \{\} in each, found 'a photo'"):
        run(tmp_path, clip[0], features, ("a photo",))
    write_table(tmp_path / "classes.csv", CLASS_COLUMNS, [])
    with pytest.raises(PipelineError, match=r"classes\.csv: there are no class names"):
        run(tmp_path, clip[0], features)
