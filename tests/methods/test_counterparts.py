"""TAC's nouns and counterparts, against the description written out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.features.lengths import unit_length
from pipeline.methods import counterparts as module
from pipeline.methods.counterparts import counterparts, discriminative


def rows(count: int, seed: int, dim: int = 12) -> np.ndarray:
    """Float32 (count, dim) of length 1."""
    return unit_length(np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32))


def dot(one: np.ndarray, other: np.ndarray) -> float:
    return math.fsum(float(a) * float(b) for a, b in zip(one, other, strict=True))


def naive_nouns(nouns: np.ndarray, centres: np.ndarray, most: int) -> set[int]:
    """The nouns that centres keep, noun by noun in float64."""
    likely: dict[int, list[tuple[float, int]]] = {}
    for number, noun in enumerate(nouns):
        weights = [math.exp(dot(noun, centre)) for centre in centres]
        p = [weight / math.fsum(weights) for weight in weights]
        likely.setdefault(p.index(max(p)), []).append((-max(p), number))
    return {number for owned in likely.values() for _, number in sorted(owned)[:most]}


def naive_counterpart(image: np.ndarray, nouns: np.ndarray, sharpness: float) -> list[float]:
    cosines = [dot(image, noun) / sharpness for noun in nouns]
    weights = [math.exp(cosine - max(cosines)) for cosine in cosines]
    mean = [
        math.fsum(weight * float(value) for weight, value in zip(weights, column, strict=True)) for column in nouns.T
    ]
    return [value / math.sqrt(math.fsum(each * each for each in mean)) for value in mean]


@pytest.mark.parametrize(("nouns", "centres", "most"), [(3, 5, 2), (200, 7, 5), (200, 1, 5), (50, 9, 100)])
def test_nouns_and_counterparts_equal_naive_loops(
    nouns: int, centres: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AT_A_TIME", 16)
    words, images = rows(nouns, 0), rows(40, 2)
    found = discriminative(words, rows(centres, 1), most)
    assert found.tolist() == sorted(naive_nouns(words, rows(centres, 1), most))
    kept = words[found]
    for sharpness in (0.005, 0.5):
        expected = [naive_counterpart(image, kept, sharpness) for image in images]
        np.testing.assert_allclose(counterparts(images, kept, sharpness), expected, atol=2e-5)


def test_of_nouns_that_are_spelled_alike_all_count_and_the_first_are_kept() -> None:
    words = np.repeat(rows(4, 0), 3, 0)
    assert discriminative(words, words[::3], 2).tolist() == [0, 1, 3, 4, 6, 7, 9, 10]


def test_a_sharp_choice_is_the_nearest_noun() -> None:
    words, images = rows(30, 0), rows(20, 1)
    nearest = words[(images @ words.T).argmax(1)]
    np.testing.assert_allclose(counterparts(images, words, 1e-4), nearest, atol=1e-3)
