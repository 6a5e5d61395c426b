"""DEC's assignments, target and start, against the formulas written out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.cli.settings import Settings
from pipeline.config.settings import DatasetSettings
from pipeline.heads.problem import Problem
from pipeline.methods.baselines import dec
from pipeline.methods.baselines.dec import Dec, Start, StudentHead, dec_terms, target_of
from tests.methods.baselines.properties import CLUSTERS, DIM, SHAPES, check_gradients, check_terms, logits_of

EMBEDDINGS = np.random.default_rng(0).normal(2, 3, (50, DIM)).astype(np.float16)


def naive_target(q: np.ndarray) -> list[list[float]]:
    """Equation 3, image by image."""
    rows = q.tolist()
    sizes = [math.fsum(column) for column in q.T.tolist()]
    squares = [[value**2 / size for value, size in zip(row, sizes, strict=True)] for row in rows]
    return [[value / sum(row) for value in row] for row in squares]


def naive(p: list[list[float]], q: np.ndarray) -> float:
    """Equation 2, averaged over the batch."""
    both = zip(p, q.tolist(), strict=True)
    return math.fsum(a * math.log(a / b) for x, y in both for a, b in zip(x, y, strict=True)) / len(p)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_target_and_the_divergence_equal_a_naive_loop(shape: tuple[int, int]) -> None:
    ones, others = logits_of(shape)
    p, q = (each.double().softmax(-1).numpy() for each in (ones, others))
    np.testing.assert_allclose(target_of(ones.log_softmax(-1)).numpy(), naive_target(p), rtol=1e-5)
    expected = (naive(naive_target(q), p) + naive(naive_target(p), q)) / 2
    assert dec_terms(ones, others)["total"].item() == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_the_assignments_are_those_of_students_t_distribution() -> None:
    head = Start.of(EMBEDDINGS, 4).head(CLUSTERS, 2, seed=0)
    rows = torch.from_numpy(EMBEDDINGS)
    vectors, centroids = (each.detach().double().tolist() for each in (head.embed(rows), head.centroids))
    kernel = [[1 / (1 + math.dist(vector, centroid) ** 2) for centroid in centroids] for vector in vectors]
    expected = [[value / sum(row) for value in row] for row in kernel]
    np.testing.assert_allclose(head(rows).softmax(-1).detach().numpy(), expected, rtol=1e-4)


def test_the_start_is_k_means_on_the_principal_components() -> None:
    start = Start.of(EMBEDDINGS, 4)
    head = start.head(CLUSTERS, 20, seed=0).eval()
    vectors = head.embed(torch.from_numpy(EMBEDDINGS)).detach().numpy()
    np.testing.assert_allclose(vectors, start.rows, atol=1e-4)
    assert np.square(vectors).mean() == pytest.approx(1, rel=1e-4)
    cross = vectors.T @ vectors
    assert np.abs(cross - np.diag(np.diag(cross))).max() < 1e-3
    nearest = head(torch.from_numpy(EMBEDDINGS)).argmax(1).numpy()
    for cluster, centroid in enumerate(head.centroids.detach().numpy()):
        np.testing.assert_allclose(centroid, vectors[nearest == cluster].mean(0), atol=1e-3)
    assert Start.of(EMBEDDINGS[:3], 4).weight.shape == (3, DIM)


def test_it_is_an_objective() -> None:
    check_terms(dec_terms)
    head = Start.of(EMBEDDINGS, 4).head(CLUSTERS, 2, seed=0)
    check_gradients(head, Dec(head))
    # The target is given: only its own half's assignments learn from it.
    ones = torch.randn(8, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert not target_of(ones.detach().log_softmax(-1)).requires_grad


def test_what_is_streamed_is_started_on_a_part(settings: Settings) -> None:
    class Stream:
        images, readers = 40, 1

        def statistics(self, unit: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
            return torch.zeros(DIM), torch.ones(DIM)

        def pairs(
            self, batch: int, steps: int, generator: torch.Generator
        ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
            for _ in range(steps):
                rows = torch.randint(len(EMBEDDINGS), (batch,), generator=generator)
                yield torch.from_numpy(EMBEDDINGS)[rows], torch.from_numpy(EMBEDDINGS)[rows]

    training = replace(settings.fit.training, epochs=1, min_steps=4, batch=16, precision="fp32")
    fit = replace(settings.fit, training=training)
    given = Problem(
        np.zeros((0, 3, DIM), np.float16),
        fit,
        DatasetSettings(CLUSTERS, 5.0, None, "published"),
        "cpu",
        lambda _: None,
        stream=Stream(),
    )
    run = next(dec.fit(given, [3]))
    again = dec.restore(run.model.config(), run.model.tensors())
    assert isinstance(again.head, StudentHead)
    assert run.model.logits(EMBEDDINGS.astype(np.float32)).shape == (50, CLUSTERS)
