from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score

from pipeline.features.scaling import KEY, Scaling, recorded, rounded, scaling_for
from pipeline.methods.kmeans import Centroids, Settings, best_centroids, normalise

BLOBS, LABELS = make_blobs(60, 16, centers=3, random_state=0)


def held(values: np.ndarray) -> tuple[np.ndarray, str | None]:
    """What the cache has of embeddings, and what was done to them."""
    scaling = scaling_for(values)
    return rounded(values, scaling).astype(np.float32), None if scaling is None else scaling.why


def agreement(values: np.ndarray, labels: np.ndarray) -> float:
    """The ARI of k-means on rows of length 1."""
    rows = normalise(held(values)[0])
    centroids, _ = best_centroids(rows, 3, Settings(10, 50, 0.0), 0)
    return float(adjusted_rand_score(labels, Centroids(centroids).logits(rows).argmax(1)))


def backbone(length: float, lean: float) -> np.ndarray:
    """Directions about a mean that is `lean` times as long as the spread, with a few odd columns, as backbones have."""
    chance = np.random.default_rng(0)
    rows = chance.normal(size=(200, 3, 64)) + lean * chance.normal(size=64)
    rows[..., 0] += 20  # A column of large activations,
    rows[..., 1] = 0  # one that is dead,
    rows[..., 2] = np.where(chance.random((200, 3)) < 0.01, 1e-8, 0)  # and one that nearly is.
    result: np.ndarray = (rows * length / np.linalg.norm(rows, axis=-1).mean()).astype(np.float32)
    return result


@pytest.mark.parametrize("length", [1, 10, 100])
@pytest.mark.parametrize("lean", [0, 1, 5])
def test_what_backbones_make_stays_as_it_is(length: float, lean: float) -> None:
    values = backbone(length, lean)
    for each in (values, values[:, 0], values.astype(np.float16).astype(np.float32), values.astype(np.float64)):
        assert scaling_for(each) is None
        assert rounded(each, None).tobytes() == each.astype(np.float32).astype(np.float16).tobytes()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0.01 * BLOBS + 30_000).astype(np.float32), "columns are far from zero against their spread: centred and sc"),
        (0.01 * BLOBS + 3e7, "columns are far from zero against their spread: centred and scaled"),
        (np.c_[BLOBS, np.full(60, 1e9)], "columns are far from zero"),
        (BLOBS + 10.0 ** np.arange(16), "columns are far from zero"),
        (BLOBS * 1e20, "is not of a size for float16: all divided by"),
        (BLOBS * 1e-8, "is not of a size for float16: all divided by"),
        (BLOBS / np.abs(BLOBS).max() * 1.7e308, "is not of a size for float16: all divided by"),
        (BLOBS * 1e-310, "is not of a size for float16: all divided by"),
        (BLOBS * 10.0 ** np.linspace(-30, 30, 16), "columns have very different scales: each centred and scaled"),
        (BLOBS * np.where(np.arange(16) < 8, 1e-9, 1e3), "columns have very different scales: each centred"),
    ],
)
def test_what_float16_would_destroy_is_scaled_before(values: np.ndarray, said: str) -> None:
    rows, why = held(values)
    assert why is not None
    assert said in why
    assert np.isfinite(rows).all()
    assert agreement(values, LABELS) == 1


def test_one_number_keeps_every_bit() -> None:
    """Powers of two: what float16 makes of the digits is the same."""
    values = BLOBS.astype(np.float32)
    found, _ = held(values.astype(np.float64) * 2.0**100)
    size = np.abs(values).max() / np.abs(found).max()
    assert np.array_equal(found * 2 ** np.round(np.log2(size)), values.astype(np.float16).astype(np.float32))


def test_a_column_that_never_varies_is_zero_once_centred() -> None:
    rows, _ = held(np.c_[0.01 * BLOBS + 30_000, np.full(60, 0.1), np.full(60, 12345.678)])
    assert not rows[:, 16:].any()


@pytest.mark.parametrize("number", range(60))
def test_blobs_of_any_scale_and_place_are_found_or_refused(number: int) -> None:
    chance = np.random.default_rng(number)
    blobs, labels = make_blobs(60, 16, centers=3, random_state=number)
    away = 10.0 ** chance.uniform(-2, 8) * blobs.std() * chance.uniform(-1, 1, 16)
    kind = (np.float32, np.float64)[number % 2]
    values = ((blobs + away) * 10.0 ** chance.uniform(-30, 29)).astype(kind)
    if number % 3 == 0:
        values = values.astype(np.float64)  # Saved as such, it is no more precise.
    try:
        assert agreement(values, labels) == 1
    except ValueError as error:
        assert kind is np.float32
        assert "has cost most of the spread" in str(error) or "all the same" in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((0.01 * BLOBS + 1e6).astype(np.float32), r"has cost most of the spread of 16 of 16 columns"),
        ((0.01 * BLOBS + 1e7).astype(np.float32), "rows that differ, found all the same .*subtract the mean of each"),
        (np.zeros((3, 2)), "rows that differ, found all the same .the largest number is 0"),
        (np.ones((3, 2)), "rows that differ, found all the same .the largest number is 1"),
    ],
)
def test_what_is_lost_in_the_file_already_is_refused(values: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scaling_for(values)


def test_columns_too_far_apart_to_be_compared_are_refused() -> None:
    values = BLOBS.copy()
    values[:, 0] *= 1e200
    with pytest.raises(ValueError, match="over 150 decades apart"):
        scaling_for(values)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values = (0.01 * BLOBS + 30_000).reshape(20, 3, 16)
    whole, _ = held(values)
    monkeypatch.setattr("pipeline.features.scaling.AT_A_TIME", 100)
    np.testing.assert_allclose(held(values)[0], whole, rtol=1e-3)


def test_the_record_makes_the_very_same() -> None:
    scaling = scaling_for(BLOBS * 10.0 ** np.linspace(-30, 30, 16))
    assert scaling is not None
    again = recorded({KEY: scaling.record()}, 16)
    assert isinstance(again, Scaling)
    assert again.apply(BLOBS).tobytes() == scaling.apply(BLOBS).tobytes()
    assert recorded({}, 16) is None


@pytest.mark.parametrize(
    "value",
    [
        {"scale": [1.0], "centre": [0.0]},
        {"scale": [1.0, 0.0], "centre": [0.0, 0.0]},
        {"scale": [1.0, 1.0], "centre": [0.0, float("inf")]},
        {"scale": [1.0, "x"], "centre": [0.0, 0.0]},
        {"scale": [[1.0, 1.0]], "centre": [0.0, 0.0]},
    ],
)
def test_a_record_that_does_not_fit_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"scaling|could not convert|inhomogeneous"):
        recorded({KEY: value}, 2)
