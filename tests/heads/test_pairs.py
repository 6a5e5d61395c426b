from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.features.neighbours import neighbours
from pipeline.heads.pairs import Partners, Sampling, all_of, mutual, needs_neighbours, neighbour_pairs, view_pairs


def drawn(images: int, views: int, batch: int, steps: int, seed: int = 0) -> tuple[torch.Tensor, ...]:
    parts = list(view_pairs(images, views, batch, steps, torch.Generator().manual_seed(seed)))
    assert len(parts) == steps
    assert all(len(part) == batch for triple in parts for part in triple)
    return tuple(torch.cat(part) for part in zip(*parts, strict=True))


@pytest.mark.parametrize(("images", "views", "batch"), [(100, 4, 32), (7, 2, 7), (50, 8, 13), (3, 3, 2)])
def test_views_differ_and_are_never_the_clean_one(images: int, views: int, batch: int) -> None:
    rows, first, second = drawn(images, views, batch, 60)
    assert (first != second).all()
    assert {*first.tolist(), *second.tolist()} == set(range(1, views + 1))
    assert rows.min() >= 0
    assert rows.max() < images


@pytest.mark.parametrize(("images", "batch", "steps"), [(100, 32, 25), (7, 7, 10), (50, 13, 50)])
def test_every_image_is_seen_equally_often(images: int, batch: int, steps: int) -> None:
    rows, *_ = drawn(images, 4, batch, steps)
    counts = torch.bincount(rows, minlength=images)
    assert counts.max() - counts.min() <= 1


def test_all_ordered_pairs_are_equally_likely() -> None:
    _, first, second = drawn(1000, 4, 500, 240)
    counts = torch.zeros(5, 5)
    counts.index_put_((first, second), torch.ones(len(first)), accumulate=True)
    seen = counts[counts > 0]
    assert len(seen) == 12
    # 10,000 expected in each; five standard deviations.
    assert (seen - 10_000).abs().max() < 5 * 10_000**0.5


def test_the_generator_is_the_only_randomness() -> None:
    one, two, other = drawn(40, 4, 16, 9, 1), drawn(40, 4, 16, 9, 1), drawn(40, 4, 16, 9, 2)
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert not torch.equal(one[0], other[0])


def test_neighbours_are_drawn_evenly() -> None:
    partners = Partners(torch.stack([torch.arange(1, 5) + 10 * row for row in range(100)]))
    generator = torch.Generator().manual_seed(0)
    rows, others = map(torch.cat, zip(*neighbour_pairs(partners, 30, 400, generator), strict=True))
    assert len(rows) == 12_000
    assert (torch.bincount(rows) == 120).all()
    place = others - 10 * rows
    # 3,000 expected of each of the four; five standard deviations.
    assert (torch.bincount(place)[1:] - 3_000).abs().max() < 5 * (3_000 * 0.75) ** 0.5
    assert set(place.tolist()) == {1, 2, 3, 4}


def test_of_some_partners_each_is_drawn_as_often() -> None:
    numbers = torch.arange(4) + 10 * torch.arange(4)[:, None]
    partners = Partners(numbers, torch.tensor([1, 2, 3, 4]))
    rows, others = map(
        torch.cat, zip(*neighbour_pairs(partners, 4, 6000, torch.Generator().manual_seed(0)), strict=True)
    )
    for row, count in enumerate(partners.counts.tolist() if partners.counts is not None else []):
        drawn = torch.bincount(others[rows == row] - 10 * row)
        assert len(drawn) == count
        assert (drawn - 6000 / count).abs().max() < 5 * 6000**0.5 / 2


@pytest.mark.parametrize(("images", "count"), [(60, 7), (9, 8), (40, 1)])
def test_mutual_partners_are_those_of_a_plain_loop(images: int, count: int) -> None:
    found, _ = neighbours(np.random.default_rng(0).normal(size=(images, 3)), count)
    partners = mutual(found)
    assert partners.counts is not None
    for image, near in enumerate(found.tolist()):
        expected = [other for other in near if image in found[other]] or near[:1]
        assert partners.numbers[image, : partners.counts[image]].tolist() == expected


def test_an_outlier_keeps_its_nearest_alone() -> None:
    crowd = np.random.default_rng(0).normal(size=(30, 2))
    found, _ = neighbours(np.concatenate([crowd, [[50.0, 50.0]]]), 5)
    partners = mutual(found)
    assert partners.counts is not None
    assert partners.counts[-1] == 1
    assert partners.numbers[-1, 0] == found[-1, 0]
    assert partners.counts[:-1].double().mean() > 2


@pytest.mark.parametrize(("kind", "views", "needed"), [("views", 5, False), ("views", 1, True), ("both", 5, True)])
def test_without_two_views_pairs_are_neighbours(kind: str, views: int, needed: bool) -> None:
    assert needs_neighbours(kind, views) is needed


def drawn_batches(kind: str, partners: Partners | None, left_out: int = 0) -> np.ndarray:
    """Image and view of both halves of every pair, int (pairs, 2, 2), from a cache that has more views."""
    there = torch.stack(torch.meshgrid(torch.arange(20), torch.arange(4 + left_out), indexing="ij"), 2).float()
    data = there[:, :4]
    parts = list(Sampling(kind, data, partners).draw(8, 300, torch.Generator().manual_seed(0)))
    assert all(half.shape == (8, 2) for pair in parts for half in pair)
    return np.stack([torch.cat(half).int().numpy() for half in zip(*parts, strict=True)], 1)


@pytest.mark.parametrize("left_out", [0, 2])
@pytest.mark.parametrize("kind", ["views", "neighbours", "both"])
def test_batches_are_pairs_of_their_kind(kind: str, left_out: int) -> None:
    near = (np.arange(20)[:, None] + [1, 2]) % 20
    pairs = drawn_batches(kind, None if kind == "views" else all_of(near), left_out)
    (ones, one_views), (others, other_views) = pairs[:, 0].T, pairs[:, 1].T
    assert (np.bincount(ones) == 120).all()
    if kind == "views":
        assert (ones == others).all()
        assert (one_views != other_views).all()
        assert {*one_views, *other_views} == {1, 2, 3}
        return
    assert set((others - ones) % 20) == {1, 2}
    if kind == "neighbours":
        assert not one_views.any()
        assert not other_views.any()
    else:
        # Any view of each, the clean one too, and of the two independently.
        assert len(set(zip(one_views, other_views, strict=True))) == 16
