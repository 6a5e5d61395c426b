"""JULE's triplets and loss, against the formula written out."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from pipeline.cli.settings import Settings as AllSettings
from pipeline.config.settings import DatasetSettings
from pipeline.heads.head import Head
from pipeline.heads.problem import Problem
from pipeline.methods.baselines import jule
from pipeline.methods.baselines.jule import around, triplet_loss, triplets
from tests.methods.baselines.naive import drawn, rows


@pytest.mark.parametrize("shape", [(1, 2), (7, 3), (33, 10)])
def test_the_loss_equals_a_naive_loop(shape: tuple[int, int]) -> None:
    three = [functional.normalize(drawn(shape, seed), dim=1) for seed in range(3)]
    losses = []
    for one, same, other in zip(*map(rows, three), strict=True):
        near = math.fsum((a - b) ** 2 for a, b in zip(one, same, strict=True))
        far = math.fsum((a - b) ** 2 for a, b in zip(one, other, strict=True))
        losses.append(max(0.0, 0.4 + near - far))
    found = triplet_loss(three[0], three[1], three[2], 0.4).item()
    assert found == pytest.approx(math.fsum(losses) / len(losses), rel=1e-5, abs=1e-6)


def test_the_gradient_reaches_all_parameters() -> None:
    torch.manual_seed(0)
    net = Head(6, (8, 8), 5).train()
    one, same, other = functional.normalize(net(drawn((48, 6), 0)), dim=1).chunk(3)
    triplet_loss(one, same, other, 0.2).backward()
    for name, value in net.named_parameters():
        assert value.grad is not None
        assert torch.isfinite(value.grad).all()
        assert name.endswith("bias") or value.grad.abs().max() > 0, name


def test_a_triplet_has_two_images_of_a_cluster_and_one_of_a_cluster_around_it() -> None:
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat([0, 1, 2, 3], [1, 5, 9, 25]))
    vectors = labels[:, None] ** 2 + rng.normal(0, 0.01, (40, 3))
    near = around(vectors, labels, 2)
    assert near.tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]]
    images, same, other = triplets(labels, near, 2000, rng)
    assert np.array_equal(labels[images], labels[same])
    assert set(zip(labels[images], labels[other], strict=True)) == {(i, j) for i in range(4) for j in near[i]}
    assert set(images) == set(same) == set(range(40))
    assert set(other) == set(np.flatnonzero(labels < 3))
    assert around(vectors, labels, 9).shape == (4, 3)


def test_snapshots_change_nothing_and_few_images_are_enough(settings: AllSettings) -> None:
    training = replace(settings.fit.training, hidden=(16, 16, 16, 16), epochs=1, min_steps=12, precision="fp32")
    fit = replace(settings.fit, training=training).with_section("jule", rounds=3, width=8)
    views = np.random.default_rng(0).normal(size=(7, 2, 6)).astype(np.float16)
    given = Problem(views, fit, DatasetSettings(5, 5.0, None, "published"), "cpu", lambda _: None)
    plain = next(jule.fit(given, [0]))
    run = next(jule.fit(replace(given, steps=(0, 6)), [0]))
    assert list(run.snapshots) == [0, 6]
    assert run.history == plain.history
    assert [row["step"] for row in run.history] == list(range(1, 13))
    clean = views[:, 0].astype(np.float32)
    assert run.model.logits(clean).tobytes() == plain.model.logits(clean).tobytes()
    assert len(set(run.model.logits(clean).argmax(1))) == 5
    assert run.snapshots[0].logits(clean).shape == (7, 5)
