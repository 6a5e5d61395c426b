from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from pipeline.cli.settings import Settings
from pipeline.config.settings import DatasetSettings
from pipeline.heads.answers import Answers
from pipeline.heads.problem import Problem
from pipeline.heads.teaching import Pairs, pair_loss, teach


def problem_of(views: np.ndarray, clusters: int, settings: Settings) -> Problem:
    training = replace(settings.fit.training, hidden=(16, 16, 16, 16), precision="fp32")
    dataset = DatasetSettings(clusters, 5.0, None, "published")
    return Problem(views, replace(settings.fit, training=training), dataset, "cpu", lambda _: None)


def test_the_head_says_what_is_believed_and_what_was_answered(settings: Settings) -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(3), 40)
    views = (rng.normal(0, 4, (3, 16))[truth][:, None] + rng.normal(size=(120, 3, 16))).astype(np.float16)
    beliefs = np.full((120, 3), 0.05)
    beliefs[np.arange(120), np.where(truth == 2, 1, truth)] = 0.9  # Two kinds are taken for one.
    problem = problem_of(views, 3, settings)
    pairs = Answers(apart=[[a, b] for a, b in zip(range(40, 80), range(80, 120), strict=True)])
    without = teach(problem, beliefs, Answers(), 200, 0)
    assert set(without.logits(views[:, 0]).argmax(1)) == {0, 1}
    taught = teach(problem, beliefs, pairs, 200, 0)
    found = taught.logits(views[:, 0]).argmax(1)
    assert (found[:40] == 0).mean() > 0.95
    assert (found[40:80] != found[80:]).mean() > 0.9
    again = teach(problem, beliefs, pairs, 200, 0)
    assert all(np.array_equal(value, again.tensors()[name]) for name, value in taught.tensors().items())


def test_the_pairs_loss_is_the_naive_one() -> None:
    generator = torch.Generator().manual_seed(0)
    log_p, log_q = (torch.randn(50, 4, generator=generator).log_softmax(-1) for _ in range(2))
    together = torch.arange(50) % 3 == 0
    losses = []
    for p, q, same in zip(log_p.double().exp(), log_q.double().exp(), together, strict=True):
        s = sum(float(a * b) for a, b in zip(p, q, strict=True))
        losses.append(-np.log(s) if same else -np.log(1 - s))
    assert abs(float(pair_loss(log_p, log_q, together)) - np.mean(losses)) < 1e-5
    assert torch.equal(pair_loss(log_p, log_q, together), pair_loss(log_q, log_p, together))


def test_the_pairs_loss_is_finite_at_the_ends() -> None:
    sure = torch.tensor([[200.0, 0.0], [200.0, 0.0]], requires_grad=True)
    for other in ([[200.0, 0.0]] * 2, [[0.0, 200.0]] * 2):
        log_q = torch.tensor(other).log_softmax(-1)
        loss = pair_loss(sure.log_softmax(-1), log_q, torch.tensor([True, False]))
        (gradient,) = torch.autograd.grad(loss, sure)
        assert torch.isfinite(loss)
        assert torch.isfinite(gradient).all()


def test_a_step_sees_pairs_and_knows_which_they_are() -> None:
    pairs = Pairs(np.array([[0, 1], [2, 3]]), np.array([[4, 5]] * 600))
    rows = pairs.draw(torch.Generator().manual_seed(0)).view(-1, 2)
    assert len(rows) == 256
    assert torch.equal(pairs.together[pairs.chosen], rows[:, 0] < 4)
