"""GCC's objective, against the formula written out."""

from __future__ import annotations

import math

import pytest
import torch

from pipeline.methods.baselines.gcc import Gcc, Settings, gcc_terms, graph_contrast, graph_of
from pipeline.methods.baselines.projecting import Projecting
from tests.methods.baselines import naive
from tests.methods.baselines.naive import (
    SHAPES,
    Rows,
    both_rows,
    columns,
    dot,
    drawn,
    halves,
    numbers,
    permuted,
    rows,
    softmax,
    swapped,
    unit,
)
from tests.methods.baselines.objectives import check_gradients

SETTINGS = Settings(neighbours=2, width=5, temperature=0.3, cluster_temperature=0.7)


def naive_graph(embeddings: Rows, neighbours: int) -> Rows:
    """Minus the normalised Laplacian off its diagonal, image by image."""
    near, images = [unit(row) for row in embeddings], range(len(embeddings))
    chosen = []
    for i in images:
        others = sorted((j for j in images if j != i), key=lambda j: -dot(near[i], near[j]))
        chosen.append(set(others[: min(neighbours, len(near) - 2)]))
    joined = [[float(j in chosen[i] or i in chosen[j]) for j in images] for i in images]
    degrees = [max(sum(row), 1.0) for row in joined]
    return [[joined[i][j] / math.sqrt(degrees[i] * degrees[j]) for j in images] for i in images]


def naive_contrast(ones: Rows, others: Rows, graph: Rows, temperature: float) -> float:
    loss, first, second = 0.0, [unit(row) for row in ones], [unit(row) for row in others]
    for i in range(len(ones)):
        shares = [math.exp(dot(first[i], row) / temperature) for row in second]
        positive = math.fsum(share * (graph[i][j] + (i == j)) for j, share in enumerate(shares))
        negative = math.fsum(share for j, share in enumerate(shares) if i != j and not graph[i][j])
        loss -= math.log(positive / (positive + negative)) / len(ones)
    return loss


def twin(logits: tuple[Rows, Rows], features: tuple[Rows, Rows], graph: Rows) -> dict[str, float]:
    """The objective written out, image by image and cluster by cluster."""
    p, q = softmax(logits[0]), softmax(logits[1])
    images = [naive_contrast(*pair, graph, 0.3) for pair in (features, features[::-1])]
    terms = {
        "images": sum(images) / 2,
        "clusters": naive.matching(columns(p), columns(q), 0.7),
        "imbalance": (naive.imbalance(p) + naive.imbalance(q)) / 2,
    }
    return {**terms, "total": terms["images"] + 0.5 * terms["clusters"] + terms["imbalance"]}


@pytest.mark.parametrize("shape", SHAPES)
def test_graph_and_terms_equal_naive_loops(shape: tuple[int, int]) -> None:
    embeddings, logits, features = drawn((shape[0], 6), 9), halves(shape, 0, 2.0), halves((shape[0], 5), 1)
    graph = graph_of(embeddings, 2)
    written = naive_graph(rows(embeddings), 2)
    torch.testing.assert_close(graph.double(), torch.tensor(written, dtype=torch.float64), rtol=1e-5, atol=1e-6)
    expected = pytest.approx(twin(both_rows(logits), both_rows(features), written), rel=1e-5, abs=1e-6)
    assert numbers(gcc_terms(logits, features, graph, SETTINGS)) == expected
    assert numbers(gcc_terms(swapped(logits), swapped(features), graph, SETTINGS)) == expected
    assert numbers(gcc_terms(permuted(logits), features, graph, SETTINGS)) == expected


def test_an_image_that_is_joined_to_all_others_has_no_loss() -> None:
    ones, others = halves((6, 4), 0)
    ones.requires_grad_()
    loss = graph_contrast(ones, others, torch.ones(6, 6), 0.1)
    loss.backward()
    assert loss.item() == 0
    assert ones.grad is not None
    assert not ones.grad.any()


def test_the_gradient_reaches_all_parameters() -> None:
    torch.manual_seed(0)
    net = Projecting(6, (8, 8), 3, 5).train()
    check_gradients(net, Gcc(net, SETTINGS), 6)
