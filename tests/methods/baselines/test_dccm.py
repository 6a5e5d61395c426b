"""DCCM's terms, against the formulas written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from pipeline.methods.baselines.dccm import (
    Dccm,
    Settings,
    graph_term,
    information_term,
    label_term,
    triplets,
    with_discriminator,
)
from pipeline.methods.baselines.label_features import label_features
from tests.methods.baselines.properties import CLUSTERS, DIM, HIDDEN, SHAPES, check_gradients, check_terms, logits_of

ALIKE, SURE = 0.9, 0.6


def parts(ones: torch.Tensor, others: torch.Tensor) -> dict[str, torch.Tensor]:
    """The terms that are made of logits alone."""
    features = label_features(ones)
    return {
        "graph": graph_term(features @ features.T >= ALIKE, others),
        "label": label_term(ones, others, SURE),
    }


def binary(wanted: bool, value: float) -> float:
    """Binary cross entropy."""
    return -math.log(value if wanted else 1 - value)


def cosine(x: list[float], y: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(x, y, strict=True)) / (math.hypot(*x) * math.hypot(*y))


def naive(p: np.ndarray, q: np.ndarray) -> tuple[float, float]:
    """The graph's and the label's term, pair by pair and cluster by cluster, of the probabilities."""
    given, learning = p.tolist(), q.tolist()
    graph = [
        binary(cosine(a, b) >= ALIKE, min(max(cosine(x, y), 1e-6), 1 - 1e-6))
        for a, x in zip(given, learning, strict=True)
        for b, y in zip(given, learning, strict=True)
    ]
    label = [
        math.fsum(binary(c == a.index(max(a)), value) for c, value in enumerate(x)) / len(x) if max(a) >= SURE else 0.0
        for a, x in zip(given, learning, strict=True)
    ]
    return math.fsum(graph) / len(graph), math.fsum(label) / len(label)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_terms_equal_a_naive_loop(shape: tuple[int, int]) -> None:
    # As float64, since a cosine near 1 has few digits left in what it lacks.
    logits = [each.double() for each in logits_of(shape, 2.0)]
    terms = parts(logits[0], logits[1])
    expected = naive(*(each.softmax(-1).numpy() for each in logits))
    assert [terms["graph"].item(), terms["label"].item()] == pytest.approx(expected, rel=1e-5, abs=1e-7)


def test_an_image_is_shown_with_those_that_the_graph_joins_it_to_and_with_strangers() -> None:
    # The first two are alike, and so are the third and the fourth; the last one is alone.
    cosines = torch.tensor(
        [
            [1.0, 0.97, 0.1, 0.2, 0.0],
            [0.97, 1.0, 0.1, 0.2, 0.0],
            [0.1, 0.1, 1.0, 0.99, 0.3],
            [0.2, 0.2, 0.99, 1.0, 0.4],
            [0.0, 0.0, 0.3, 0.4, 1.0],
        ]
    )
    shown, counts = triplets(cosines, cosines >= 0.95)
    assert shown.tolist() == [[0, 1, 2, 3, 4], [1, 0, 3, 2, 3], [1, 2, 3, 4, 0], [2, 3, 4, 0, 1]]
    assert counts.int().tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 1, 0], [0, 1, 0, 1, 1], [1, 1, 1, 1, 1]]


def test_the_information_equals_a_naive_loop() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = 3 * torch.randn(4, 9, generator=generator)
    counts = torch.rand(4, 9, generator=generator) > 0.4
    both = [list(zip(*rows, strict=True)) for rows in zip(scores.double().tolist(), counts.tolist(), strict=True)]
    own = [math.log1p(math.exp(-score)) for row in both[:2] for score, counted in row if counted]
    strangers = [math.log1p(math.exp(score)) for row in both[2:] for score, counted in row if counted]
    expected = -math.fsum(own) / len(own) - math.fsum(strangers) / len(strangers)
    assert information_term(scores, counts).item() == pytest.approx(expected, rel=1e-5)
    assert information_term(scores, torch.zeros(4, 9, dtype=torch.bool)).item() == 0


def test_it_is_an_objective() -> None:
    check_terms(parts, swaps=False)
    torch.manual_seed(0)
    trained = with_discriminator(DIM, HIDDEN, CLUSTERS)
    objective = Dccm(trained, Settings(sure=0.5))
    check_gradients(trained, objective)
    assert objective.kept() is trained.head


def test_the_scores_are_the_discriminators_of_an_embedding_and_a_prediction_side_by_side() -> None:
    torch.manual_seed(0)
    trained = with_discriminator(DIM, HIDDEN, CLUSTERS)
    trained.standardise_by((torch.full((DIM,), 0.5), torch.full((DIM,), 2.0)))
    objective = Dccm(trained, Settings())
    embeddings, predictions = torch.randn(5, DIM), torch.rand(5, CLUSTERS)
    shown = torch.tensor([[4, 3, 2, 1, 0]])
    found = objective._scores(lambda rows, other=None: (other or trained)(rows), embeddings, predictions, shown)
    part = objective.discriminator
    weight = torch.cat([part.of_embedding.weight, part.of_prediction.weight], 1)
    rows = torch.cat([(embeddings.flip(0) - 0.5) / 2, predictions], 1)
    torch.testing.assert_close(found[0], part.rest(rows @ weight.T)[:, 0])
