from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from pipeline.cli.settings import Settings
from pipeline.config.settings import DatasetSettings
from pipeline.evaluation.scores import accuracy
from pipeline.heads.problem import Problem
from pipeline.methods import turtle


def problem(settings: Settings, parts: tuple[int, ...]) -> tuple[Problem, np.ndarray]:
    """Two spaces of 6 and 10 dimensions: four groups that only both together tell apart."""
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(4), 60)
    first, second = 3 * rng.normal(size=(2, 6))[truth // 2], 3 * rng.normal(size=(2, 10))[truth % 2]
    rows = np.concatenate([first, second], 1) + rng.normal(0, 0.5, (240, 16))
    fit = settings.fit.with_section("turtle", steps=120, batch=240, inner_learning_rate=0.01, outer_learning_rate=0.01)
    given = Problem(
        rows[:, None].astype(np.float16),
        fit,
        DatasetSettings(4, 5.0, None, "published"),
        "cpu",
        lambda _: None,
        parts=parts,
    )
    return given, truth


def test_the_spaces_of_a_mix_are_seen_apart(settings: Settings) -> None:
    given, truth = problem(settings, (6, 10))
    run = min(turtle.fit(given, [0, 1, 2]), key=lambda run: run.loss)
    model = run.model
    clean = given.views[:, 0].astype(np.float32)
    assert model.config() == {"parts": [6, 10]}
    assert accuracy(model.logits(clean).argmax(1), truth) > 0.9
    assert np.allclose(model.confidences(model.logits(clean)).sum(1), 1, atol=1e-5)
    again = turtle.restore(model.config(), model.tensors())
    assert again.logits(clean).tobytes() == model.logits(clean).tobytes()
    # The bound of two spaces' entropies, and of one's.
    assert run.history[-1]["entropy"] <= 2 * np.log(4) + 1e-4
    other, _ = problem(settings, ())
    assert next(turtle.fit(other, [0])).history[-1]["entropy"] <= np.log(4) + 1e-4


def test_the_history_covers_all_steps_and_snapshots_change_nothing(settings: Settings) -> None:
    given, _ = problem(settings, ())
    plain = next(turtle.fit(given, [0]))
    run = next(turtle.fit(replace(given, steps=(0, 60)), [0]))
    assert [row["step"] for row in run.history] == [50, 100, 120]
    assert run.loss == plain.loss
    assert list(run.snapshots) == [0, 60]
    weights = [model.tensors()["weight"] for model in (*run.snapshots.values(), run.model)]
    assert not np.array_equal(weights[0], weights[1])
    assert np.array_equal(weights[2], plain.model.tensors()["weight"])


def test_the_gradient_is_that_of_the_cross_entropy() -> None:
    generator = torch.Generator().manual_seed(0)
    spaces = [torch.randn(30, dim, generator=generator) for dim in (4, 7)]
    labels = torch.rand(30, 3, generator=generator).softmax(-1)
    starts = [torch.randn(3, dim + 1, generator=generator, dtype=torch.float64) for dim in (4, 7)]
    naive = [(start[:, :-1].clone().requires_grad_(), start[:, -1].clone().requires_grad_()) for start in starts]
    optimiser = torch.optim.Adam([value for each in naive for value in each], 0.1)
    for _ in range(5):
        optimiser.zero_grad()
        for space, (weight, bias) in zip(spaces, naive, strict=True):
            scores = space.double() @ weight.T + bias
            (-labels.double() * scores.log_softmax(-1)).sum(-1).mean().backward()
        optimiser.step()
    for kind, tolerance in ((torch.float32, 1e-4), (torch.bfloat16, 0.1)):
        ours = [(s[:, :-1].float().requires_grad_(), s[:, -1].float().requires_grad_()) for s in starts]
        turtle.learn(ours, [space.to(kind) for space in spaces], labels, 5, 0.1)
        for found, expected in zip(ours, naive, strict=True):
            for one, other in zip(found, expected, strict=True):
                torch.testing.assert_close(one.double(), other, rtol=0, atol=tolerance)


def test_the_classifiers_learn_the_labels() -> None:
    generator = torch.Generator().manual_seed(0)
    space = torch.randn(50, 4, generator=generator)
    labels = torch.nn.functional.one_hot((space[:, 0] > 0).long(), 2).float()
    weight, bias = torch.zeros(2, 4, requires_grad=True), torch.zeros(2, requires_grad=True)
    turtle.learn([(weight, bias)], [space], labels, 1, 0.1)
    # Adam's first step goes by the rate against each gradient's sign, and the gradient is known here.
    gradient = (0.5 - labels).T @ space / 50
    torch.testing.assert_close(weight.detach(), -0.1 * gradient.sign(), rtol=1e-3, atol=1e-4)
    turtle.learn([(weight, bias)], [space], labels, 100, 0.1)
    assert ((space @ weight.T + bias).argmax(1) == labels.argmax(1)).float().mean() > 0.95
