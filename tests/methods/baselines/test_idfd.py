"""IDFD's objective, against the formula written out, and what is found in its embedding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.cli.settings import Settings as AllSettings
from pipeline.config.settings import DatasetSettings
from pipeline.heads.head import Head
from pipeline.heads.problem import Problem, Run
from pipeline.heads.training import HeadModel
from pipeline.methods.baselines import learnt
from pipeline.methods.baselines.idfd import Idfd, Settings, idfd_terms
from tests.methods.baselines import naive
from tests.methods.baselines.naive import both_rows, columns, halves, numbers, permuted, swapped, unit
from tests.methods.baselines.objectives import check_gradients

SETTINGS = Settings(width=6, temperature=0.8, feature_temperature=1.5, feature_weight=0.6)


@pytest.mark.parametrize("shape", [(3, 2), (7, 6), (33, 10)])
def test_the_terms_equal_a_naive_loop(shape: tuple[int, int]) -> None:
    vectors = halves(shape, 0)
    first, second = ([unit(row) for row in half] for half in both_rows(vectors))
    dimensions = columns(first + second)
    terms = {
        "images": naive.matching(first, second, 0.8),
        "features": naive.matching(dimensions, dimensions, 1.5),
    }
    expected = pytest.approx({**terms, "total": terms["images"] + 0.6 * terms["features"]}, rel=1e-5)
    assert numbers(idfd_terms(*vectors, SETTINGS)) == expected
    assert numbers(idfd_terms(*swapped(vectors), SETTINGS)) == expected
    assert numbers(idfd_terms(*permuted(vectors), SETTINGS)) == expected


def test_the_gradient_reaches_all_parameters() -> None:
    torch.manual_seed(0)
    net = Head(6, (8, 8), 6).train()
    check_gradients(net, Idfd(net, SETTINGS), 6)


def test_k_means_follows_every_net_and_every_snapshot(settings: AllSettings) -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(3), 20)
    views = (4 * rng.normal(size=(3, 6))[truth, None] + rng.normal(0, 0.3, (60, 2, 6))).astype(np.float16)
    torch.manual_seed(0)
    net = HeadModel(Head(6, (16,), 5).requires_grad_(False))
    told: list[int] = []
    problem = Problem(views, settings.fit, DatasetSettings(3, 5.0, None, "published"), "cpu", lambda _: None)
    problem = replace(problem, ended=lambda seed, _: told.append(seed))

    def train(given: Problem, seeds: list[int]) -> Iterator[Run]:
        for seed in seeds:
            given.ended(seed, Run(net, 0.0))
            yield Run(net, 0.5, snapshots={7: net})

    (run,) = learnt.clustered(problem, [4], train)
    assert told == []
    assert run.loss == 0.5
    logits = run.model.logits(views[:, 0].astype(np.float32))
    assert logits.shape == (60, 3)
    assert len({(cluster, group) for cluster, group in zip(logits.argmax(1), truth, strict=True)}) == 3
    assert run.snapshots[7].logits(views[:, 0]).tobytes() == run.model.logits(views[:, 0]).tobytes()
    again = learnt.restore(run.model.config(), run.model.tensors())
    assert again.logits(views[:, 0]).tobytes() == run.model.logits(views[:, 0]).tobytes()
