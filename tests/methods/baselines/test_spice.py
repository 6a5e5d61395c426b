"""SPICE's pseudo-labels and loss, against the formula written out."""

from __future__ import annotations

import math

import pytest
import torch

from pipeline.heads.head import Head
from pipeline.heads.training import TOTAL
from pipeline.methods.baselines.spice import Settings, Spice, pseudo_labels, spice_loss
from tests.methods.baselines.naive import SHAPES, Rows, dot, drawn, halves, rows, softmax, unit
from tests.methods.baselines.objectives import check_gradients, plain_forward


def naive_labels(p: Rows, features: Rows, confident: float) -> list[set[int]]:
    """The images that get each cluster's label."""
    images, clusters = range(len(p)), range(len(p[0]))
    each, near, found = max(len(p) // len(p[0]), 1), [unit(row) for row in features], []
    for c in clusters:
        sure = sorted(images, key=lambda i: -p[i][c])[: max(int(confident * each), 1)]
        prototype = unit([math.fsum(near[i][d] for i in sure) for d in range(len(near[0]))])
        found.append(set(sorted(images, key=lambda i: -dot(prototype, near[i]))[:each]))
    return found


@pytest.mark.parametrize("confident", [0.5, 1.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_labels_and_loss_equal_naive_loops(shape: tuple[int, int], confident: float) -> None:
    (first, second), features = halves(shape, 0, 2.0), drawn((shape[0], 5), 2)
    labelled = pseudo_labels(first.softmax(-1), features, confident)
    expected = naive_labels(softmax(rows(first)), rows(features), confident)
    assert [set(each) for each in labelled.tolist()] == expected
    twice = softmax(softmax(rows(second)))
    losses = [-math.log(twice[i][c]) for c, images in enumerate(expected) for i in images]
    assert spice_loss(second, labelled).item() == pytest.approx(math.fsum(losses) / len(losses), rel=1e-5)


def test_permuting_clusters_permutes_the_labels_and_swapping_changes_nothing() -> None:
    (first, second), features = halves((33, 10), 0, 2.0), drawn((33, 5), 2)
    order = torch.randperm(10, generator=torch.Generator().manual_seed(0))
    labelled = pseudo_labels(first.softmax(-1), features, 0.5)
    permuted = pseudo_labels(first[:, order].softmax(-1), features, 0.5)
    assert torch.equal(permuted, labelled[order])
    torch.testing.assert_close(spice_loss(second[:, order], permuted), spice_loss(second, labelled))
    torch.manual_seed(0)
    head = Head(6, (8,), 3).train()
    objective, (ones, others) = Spice(head, Settings()), halves((32, 6), 5)
    loss = objective(plain_forward(head), ones, others)[TOTAL]
    torch.testing.assert_close(objective(plain_forward(head), others, ones)[TOTAL], loss)


def test_the_gradient_reaches_all_parameters() -> None:
    torch.manual_seed(0)
    head = Head(6, (8, 8), 3).train()
    check_gradients(head, Spice(head, Settings()), 6)
