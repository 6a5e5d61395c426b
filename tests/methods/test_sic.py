"""SIC's nouns, meanings and objective, against the description written out."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.base.errors import PipelineError
from pipeline.evaluation.scores import accuracy
from pipeline.heads.head import Head
from pipeline.heads.problem import Problem
from pipeline.methods import sic
from pipeline.methods.sic import Settings, chosen_nouns, meanings, sic_terms
from tests.methods.baselines.naive import SHAPES, columns, dot, drawn, halves, numbers, rows, softmax, unit
from tests.methods.nouns import with_nouns
from tests.methods.test_counterparts import rows as unit_rows


def naive_nouns(nouns: list[list[float]], centres: list[list[float]], count: int, most_common: float) -> list[int]:
    mean = unit([math.fsum(column) for column in columns(nouns)])
    near = set()
    for centre in centres:
        order = sorted(range(len(nouns)), key=lambda i: -dot(nouns[i], unit(centre)))
        near |= set(order[:count])
    return sorted(i for i in near if dot(nouns[i], mean) < most_common)


@pytest.mark.parametrize("most_common", [0.95, 0.1])
@pytest.mark.parametrize("count", [3, 20, 500])
def test_the_nouns_equal_a_naive_loop(count: int, most_common: float) -> None:
    nouns, centres = unit_rows(120, 0), 7 * unit_rows(4, 1)
    expected = naive_nouns(nouns.astype(float).tolist(), centres.astype(float).tolist(), count, most_common)
    assert chosen_nouns(nouns, centres, count, most_common).tolist() == expected


@pytest.mark.parametrize("surest", [0.9, 0.3])
def test_what_a_cluster_means_equals_a_naive_loop(surest: float) -> None:
    data, logits, nouns = drawn((40, 12), 0), drawn((40, 3), 1), torch.from_numpy(unit_rows(60, 2))
    settings = Settings(surest=surest, nouns_per_cluster=5)
    images, words, scores = rows(data), rows(nouns), rows(logits)
    expected = []
    for c in range(3):
        sure = sorted(range(40), key=lambda i: -scores[i][c])[: int(surest * 40 / 3)]
        centre = [math.fsum(images[i][d] for i in sure) for d in range(12)]
        near = sorted(range(60), key=lambda j: -dot(words[j], centre))[:5]
        expected.append([math.fsum(words[j][d] for j in near) / 5 for d in range(12)])
    torch.testing.assert_close(meanings(data, logits, nouns, settings), torch.tensor(expected))
    order = torch.tensor([2, 0, 1])
    permuted = meanings(data, logits[:, order], nouns, settings)
    torch.testing.assert_close(permuted, torch.tensor(expected)[order])


@pytest.mark.parametrize("shape", SHAPES)
def test_the_terms_equal_a_naive_loop(shape: tuple[int, int]) -> None:
    (own, near), settings = halves(shape, 0, 2.0), Settings()
    pseudo = torch.randint(shape[1], (shape[0],), generator=torch.Generator().manual_seed(3))
    p, q = softmax(rows(own)), softmax(rows(near))
    consistency = -math.fsum(math.log(dot(one, other)) for one, other in zip(p, q, strict=True)) / len(p)
    means = [math.fsum(column) / len(p) for column in columns(p)]
    entropy = -math.fsum(mean * math.log(mean) for mean in means)
    meaning = -math.fsum(math.log(row[label]) for row, label in zip(p, pseudo.tolist(), strict=True)) / len(p)
    total = consistency - 5 * entropy + 0.1 * meaning
    expected = pytest.approx(
        {"consistency": consistency, "entropy": entropy, "meaning": meaning, "total": total}, rel=1e-5, abs=1e-6
    )
    assert numbers(sic_terms(own, near, pseudo, settings)) == expected
    order = torch.randperm(shape[1], generator=torch.Generator().manual_seed(0))
    again = sic_terms(own[:, order], near[:, order], order.argsort()[pseudo], settings)
    assert numbers(again) == expected


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_terms_and_gradients_are_finite(scale: float) -> None:
    own, near = (each.requires_grad_() for each in halves((33, 10), 0, scale))
    terms = sic_terms(own, near, torch.arange(33) % 10, Settings())
    assert all(torch.isfinite(value) for value in terms.values())
    terms["total"].backward()
    for each in (own, near):
        assert each.grad is not None
        assert torch.isfinite(each.grad).all()


def test_a_head_that_starts_from_the_centres_gives_the_nearest(
    problem: Problem, groups: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    fit = problem.settings.with_section("sic", from_centres=True, batch=45, epochs=3)
    given = with_nouns(replace(problem, settings=fit, steps=(0,)), tmp_path)
    (run,) = sic.fit(given, [7])
    clean = groups[0][:, 0].astype(np.float32)
    logits = run.snapshots[0].logits(clean)
    assert accuracy(logits.argmax(1), groups[1]) == 1
    head = Head(8, (), 3)
    centres = drawn((3, 8), 0)
    sic._start(head, centres, 0.05)
    # Minus alpha times the squared distance, but for what all clusters have in common.
    images = torch.from_numpy(clean)
    expected = -0.05 * (images[:, None] - centres).square().sum(2) + 0.05 * images.square().sum(1, keepdim=True)
    torch.testing.assert_close(head(images), expected)


def test_where_no_noun_is_left_it_is_said(problem: Problem, tmp_path: Path) -> None:
    given = replace(problem, settings=problem.settings.with_section("sic", most_common=-1.0))
    with pytest.raises(PipelineError, match=r"sic: expected nouns .* below -1\.0, found none; raise fit\.sic\.most_"):
        next(sic.fit(with_nouns(given, tmp_path), [7]))
