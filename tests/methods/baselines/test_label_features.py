"""Label features and the head that they begin with."""

from __future__ import annotations

import math

import pytest
import torch

from pipeline.methods.baselines.label_features import label_features, spread_head


def test_the_logits_vary_by_about_1_at_the_start() -> None:
    torch.manual_seed(0)
    head = spread_head(64, (256, 256, 256, 256), 10)
    assert head(torch.randn(500, 64)).std(0).mean().item() == pytest.approx(1, abs=0.2)


def test_label_features_are_probabilities_of_length_1() -> None:
    (found,) = label_features(torch.tensor([[0.0, math.log(2)]])).tolist()
    assert found == pytest.approx([1 / math.sqrt(5), 2 / math.sqrt(5)])
