from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.backbones.classifier import class_names, read_classifier
from pipeline.backbones.registry import ENTRIES, get_backbone
from pipeline.backbones.weights import find_weights
from pipeline.base.errors import PipelineError
from tests.conftest import BACKBONE


def test_the_names_of_imagenets_classes() -> None:
    names = class_names()
    assert len({*names}) == 1000
    assert names[281] == "tabby"


def test_the_classifier_of_the_package_is_the_networks_own() -> None:
    backbone = get_backbone(BACKBONE)
    path, _ = find_weights(backbone)
    classifier = read_classifier(backbone, path)
    assert classifier is not None
    stored = torch.load(path, map_location="cpu", weights_only=True)
    embeddings = np.abs(np.random.default_rng(0).normal(size=(5, backbone.dim))).astype(np.float32)
    expected = (torch.from_numpy(embeddings) @ stored["_fc.weight"].T + stored["_fc.bias"]).softmax(-1)
    np.testing.assert_allclose(classifier.probabilities(embeddings), expected.numpy(), rtol=1e-4, atol=1e-7)
    assert classifier.probabilities(embeddings[:0]).shape == (0, 1000)


def test_another_layer_is_refused(tmp_path: Path) -> None:
    backbone = get_backbone("resnet50")
    for stored in ({"fc.weight": torch.zeros(10, 2048), "fc.bias": torch.zeros(10)}, {"else": torch.zeros(2)}):
        torch.save(stored, tmp_path / "weights.pth")
        with pytest.raises(PipelineError, match=r"expected a layer 'fc' from 2048 numbers to 1000 classes"):
            read_classifier(backbone, tmp_path / "weights.pth")
    assert read_classifier(replace(backbone, classifier=None), tmp_path / "nowhere") is None


def test_models_of_images_and_text_have_none() -> None:
    assert not [entry.name for entry in ENTRIES if entry.text_tower and entry.classifier]
