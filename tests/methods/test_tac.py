"""TAC's objective, against the formula written out, and the head that it leaves."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.heads.head import Head
from pipeline.heads.problem import Problem
from pipeline.heads.training import HeadModel
from pipeline.methods import tac
from pipeline.methods.tac import Logits, UnitHead, tac_terms
from tests.methods.baselines import naive
from tests.methods.baselines.naive import SHAPES, Rows, columns, dot, drawn, numbers, rows, softmax
from tests.methods.nouns import with_nouns


def entropy(p: Rows) -> float:
    means = [math.fsum(column) / len(p) for column in columns(p)]
    return -math.fsum(mean * math.log(mean) for mean in means)


def twin(logits: Logits, temperature: float, balance_weight: float) -> dict[str, float]:
    """The objective image by image and cluster by cluster, in float64."""
    p, q, near_p, near_q = (softmax(rows(each)) for each in logits)
    distillation = naive.contrast(np.array(p).T, np.array(near_q).T, temperature)
    distillation += naive.contrast(np.array(q).T, np.array(near_p).T, temperature)
    confidence = -math.fsum(math.log(dot(one, other)) for one, other in zip(p, q, strict=True)) / len(p)
    balance = entropy(p) + entropy(q)
    total = distillation + confidence - balance_weight * balance
    return {"distillation": distillation, "confidence": confidence, "balance": balance, "total": total}


def batch(shape: tuple[int, int], scale: float = 2.0) -> Logits:
    return Logits(*(drawn(shape, seed, scale) for seed in range(4)))


@pytest.mark.parametrize("temperature", [0.5, 5.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_terms_equal_a_naive_loop(shape: tuple[int, int], temperature: float) -> None:
    logits = batch(shape)
    expected = pytest.approx(twin(logits, temperature, 5.0), rel=1e-5, abs=1e-5)
    assert numbers(tac_terms(logits, temperature, 5.0)) == expected
    order = torch.randperm(shape[1], generator=torch.Generator().manual_seed(0))
    assert numbers(tac_terms(Logits(*(each[:, order] for each in logits)), temperature, 5.0)) == expected
    # Images and texts are alike.
    exchanged = Logits(logits.texts, logits.images, logits.near_texts, logits.near_images)
    assert numbers(tac_terms(exchanged, temperature, 5.0)) == expected


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_terms_and_gradients_are_finite(scale: float) -> None:
    logits = Logits(*(each.requires_grad_() for each in batch((33, 10), scale)))
    terms = tac_terms(logits, 0.5, 5.0)
    assert all(torch.isfinite(value) for value in terms.values())
    terms["total"].backward()
    for each in logits:
        assert each.grad is not None
        assert torch.isfinite(each.grad).all()


def test_the_head_sees_embeddings_of_length_1() -> None:
    torch.manual_seed(0)
    head = Head(6, (6,), 3).eval()
    embeddings = np.random.default_rng(0).normal(size=(9, 6)).astype(np.float32)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    expected = HeadModel(head).logits(unit)
    np.testing.assert_allclose(UnitHead(head).logits(100 * embeddings), expected, atol=1e-6)
    restored = tac.restore(UnitHead(head).config(), UnitHead(head).tensors())
    np.testing.assert_array_equal(restored.logits(embeddings), UnitHead(head).logits(embeddings))


def test_its_steps_can_be_kept(problem: Problem, tmp_path: Path) -> None:
    given = with_nouns(replace(problem, steps=(0, 2)), tmp_path)
    (run,) = tac.fit(given, [3])
    assert set(run.snapshots) == {0, 2}
    embeddings = problem.views[:, 0].astype(np.float32)
    first, last = (run.snapshots[0].logits(embeddings), run.model.logits(embeddings))
    assert not np.allclose(first, last)
    assert [row["step"] for row in run.history] == [each * 2.0 for each in range(1, len(run.history) + 1)]
