from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from pipeline.images.alignment import difference, moved, placed


def smooth(count: int, side: int = 256) -> np.ndarray:
    """Pictures without edges, uint8 (count, side, side)."""
    noise = np.random.default_rng(0).normal(size=(count, side, side))
    values = gaussian_filter(noise, (0, side / 20, side / 20))
    values -= values.min((1, 2), keepdims=True)
    scaled: np.ndarray = (255 * values / values.max((1, 2), keepdims=True)).astype(np.uint8)
    return scaled


def at(pictures: np.ndarray, side: int) -> np.ndarray:
    return np.stack([np.asarray(Image.fromarray(each).resize((side, side), Image.Resampling.BOX)) for each in pictures])


@pytest.mark.parametrize("edges", [(0.05, 0.95, 0.05, 0.95), (0.1, 1.0, 0.0, 0.9), (0.0, 0.87, 0.06, 0.93)])
def test_a_part_is_found_in_its_picture(edges: tuple[float, ...]) -> None:
    large = smooth(3)
    top, bottom, left, right = (round(256 * edge) for edge in edges)
    parts = large[:, top:bottom, left:right]
    wholes, others = at(large, 32), at(parts, 32)
    pairs = np.array([(row, row) for row in range(3)] + [(0, 1)])
    correlations, found = placed(wholes, others, pairs)
    assert correlations[:3].min() > 0.9
    assert correlations[3] < 0.8
    found, rows = moved(wholes, others, found[:3])
    assert rows.tolist() == [0, 1, 2]
    np.testing.assert_allclose(found, np.tile(edges, (3, 1)), atol=0.02)
    assert difference(at(large, 64), at(parts, 64), found, 32).of_all.max() < 0.2


def test_parts_that_do_not_fit_are_given_up() -> None:
    large = smooth(2)
    wholes, parts = at(large, 32), at(large[:, 26:256, :230], 32)
    edges = np.tile(np.array([0.08, 0.98, 0.02, 0.92], np.float32), (3, 1))
    found, rows = moved(wholes[[0, 0, 1]], parts[[0, 1, 1]], edges)
    assert rows.tolist() == [0, 2]
    alone, only = moved(wholes[[1]], parts[[1]], edges[2:])
    np.testing.assert_allclose(found[2:], alone, atol=1e-5)
    assert only.tolist() == [0]
    assert [len(each) for each in moved(wholes[:0], parts[:0], edges[:0])] == [0, 0]


def test_of_all_blocks_the_one_that_differs_most_counts() -> None:
    pictures = smooth(1, 64)
    other = pictures.copy()
    other[:, 8:16, 40:48] += 30
    found = difference(pictures, other)
    assert found.of_all[0] == pytest.approx(30 / other.std(), rel=0.01)
    assert difference(pictures, pictures).of_all[0] == 0


def test_textures_in_the_same_outline_differ_in_their_blocks() -> None:
    rng = np.random.default_rng(0)
    outline = np.zeros((64, 64))
    outline[8:56, 8:56] = 200
    one, two = ((outline + rng.integers(0, 30, outline.shape)).astype(np.uint8)[None] for _ in range(2))
    found = difference(one, two)
    assert found.of_all[0] < 0.3
    assert found.of_block[0] > 0.5


def test_noise_in_a_blank_picture_is_no_difference() -> None:
    blank = np.full((1, 64, 64), 250, np.uint8)
    noisy = blank + np.random.default_rng(0).integers(0, 2, blank.shape, dtype=np.uint8)
    assert max(*difference(blank, noisy)) < 0.4
