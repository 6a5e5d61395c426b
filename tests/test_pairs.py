from __future__ import annotations

import pytest
import torch

from pipeline.pairs import neighbour_pairs, view_pairs


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
    neighbours = torch.stack([torch.arange(1, 5) + 10 * row for row in range(100)])
    generator = torch.Generator().manual_seed(0)
    rows, others = map(torch.cat, zip(*neighbour_pairs(neighbours, 30, 400, generator), strict=True))
    assert len(rows) == 12_000
    assert (torch.bincount(rows) == 120).all()
    place = others - 10 * rows
    # 3,000 expected of each of the four; five standard deviations.
    assert (torch.bincount(place)[1:] - 3_000).abs().max() < 5 * (3_000 * 0.75) ** 0.5
    assert set(place.tolist()) == {1, 2, 3, 4}
