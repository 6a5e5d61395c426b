from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from pipeline.estimator import SCPClustering

QUICK: dict[str, Any] = {"hidden_layer_sizes": (16, 16, 16, 16), "min_steps": 60, "batch_size": 64}
"""A small head and a short training, for data of a few dozen rows."""


CHECKS = {
    f"{check.func.__name__}{check.keywords or ''}": (estimator, check)
    for estimator, check in estimator_checks_generator(SCPClustering(**QUICK))
    # This one is for estimators that claim to take arrays of any library, and skips itself for others.
    if check.func.__name__ != "check_array_api_input"
}
assert len(CHECKS) >= 50


@pytest.mark.parametrize("name", CHECKS)
def test_scikit_learns_own_checks(name: str) -> None:
    estimator, check = CHECKS[name]
    check(estimator)


@pytest.fixture(scope="module")
def blobs() -> tuple[np.ndarray, np.ndarray]:
    rows, labels = make_blobs(300, 16, centers=4, random_state=0)
    return rows.astype(np.float32), labels


def test_blobs_are_found(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    rows, labels = blobs
    model = SCPClustering(4, random_state=0, n_init=2, **QUICK)
    assert adjusted_rand_score(labels, model.fit_predict(rows)) > 0.95
    assert np.array_equal(model.predict(rows), model.labels_)
    probabilities = model.predict_proba(rows)
    assert np.allclose(probabilities.sum(1), 1, atol=1e-5)
    assert np.array_equal(probabilities.argmax(1), model.labels_)
    assert model.transform(rows).shape == (300, 4)
    assert model.n_features_in_ == 16
    assert list(model.get_feature_names_out()) == [f"scpclustering{cluster}" for cluster in range(4)]


def test_views_are_paired_with_each_other(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    rows, labels = blobs
    rng = np.random.default_rng(0)
    views = rows[:, None] + rng.normal(0, 0.5, (300, 5, 16)).astype(np.float32)
    model = SCPClustering(4, random_state=0, n_init=2, **QUICK).fit(views)
    assert adjusted_rand_score(labels, model.labels_) > 0.95
    assert model.n_features_in_ == 16
    # The clean view decides, with the other views beside it or without.
    assert np.array_equal(model.predict(views), model.predict(views[:, 0]))
    with pytest.raises(ValueError, match="X has 2 views a sample, expected the clean one and at least two more"):
        clone(model).fit(views[:, :2])
    for wrong in (np.zeros((3, 17)), np.zeros((3, 5, 17))):
        with pytest.raises(ValueError, match="X has 17 features, but SCPClustering is expecting 16 features as input"):
            model.predict(wrong)


def test_the_same_seed_gives_the_same_bytes(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    one, two, other = (
        SCPClustering(4, random_state=seed, **QUICK).fit(blobs[0]).transform(blobs[0]) for seed in (1, 1, 2)
    )
    assert one.tobytes() == two.tobytes()
    assert one.tobytes() != other.tobytes()


def test_it_can_be_cloned_pickled_and_put_into_a_pipeline(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    made = make_pipeline(StandardScaler(), SCPClustering(4, random_state=0, **QUICK)).fit(blobs[0])
    again = pickle.loads(pickle.dumps(made))
    assert np.array_equal(again.predict(blobs[0]), made[-1].labels_)
    with pytest.raises(NotFittedError):
        clone(made[-1]).predict(blobs[0])


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows * 1e20,
        lambda rows: rows * 1e-8,
        lambda rows: rows.astype(np.float64) * 1e300,
        lambda rows: rows.astype(np.float64) * 1e-300,
        lambda rows: (0.01 * rows.astype(np.float64) + 30_000).astype(np.float32),
        lambda rows: rows * 10.0 ** np.linspace(-30, 30, 16),
    ],
)
def test_the_scale_and_the_place_of_the_columns_do_not_matter(
    change: Callable[[np.ndarray], np.ndarray], blobs: tuple[np.ndarray, np.ndarray]
) -> None:
    values = change(blobs[0])
    model = SCPClustering(4, random_state=0, n_init=2, **QUICK).fit(values)
    assert adjusted_rand_score(blobs[1], model.labels_) > 0.95
    assert np.array_equal(model.predict(values[:9]), model.labels_[:9])


def test_what_cannot_be_told_apart_is_refused(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    model = SCPClustering(4, random_state=0, **QUICK)
    for lost in ((0.01 * blobs[0].astype(np.float64) + 1e6).astype(np.float32), np.zeros((9, 4))):
        with pytest.raises(ValueError, match=r"X: expected .* found .*; subtract the mean of each column"):
            model.fit(lost)
    model.fit(blobs[0])
    with pytest.raises(ValueError, match="X has values too far outside the range of those that were fitted"):
        model.predict(blobs[0].astype(np.float64) * 1e300)


def test_tables_go_in_and_come_out(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    frame = pd.DataFrame(blobs[0], columns=[f"c{column}" for column in range(16)])
    model = SCPClustering(4, random_state=0, **QUICK).set_output(transform="pandas")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logits = model.fit_transform(frame)
    assert list(logits.columns) == [f"scpclustering{cluster}" for cluster in range(4)]
    assert list(model.feature_names_in_) == list(frame.columns)
    assert np.array_equal(model.predict(frame), model.labels_)
    assert np.array_equal(model.predict_proba(frame).argmax(1), model.labels_)
    with pytest.raises(ValueError, match="The feature names should match those that were passed during fit"):
        model.predict(frame.rename(columns={"c3": "other"}))
    model.fit(np.repeat(blobs[0][:, None], 3, 1))
    assert not hasattr(model, "feature_names_in_")


def test_arrays_that_must_not_be_written_to_are_read(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    rows = blobs[0].copy()
    rows.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = SCPClustering(4, random_state=0, **QUICK).fit(rows)
        assert np.array_equal(model.predict(rows), model.labels_)
    assert np.array_equal(model.labels_, clone(model).fit(blobs[0]).labels_)


def test_views_may_be_lists(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    views = np.repeat(blobs[0][:, None], 3, 1) + np.random.default_rng(0).normal(0, 0.5, (300, 3, 16))
    expected = SCPClustering(4, random_state=0, **QUICK).fit(views)
    for given in (list(views), views.tolist()):
        assert np.array_equal(clone(expected).fit(given).labels_, expected.labels_)
        assert np.array_equal(expected.predict(given), expected.labels_)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_clusters", 0),
        ("n_neighbors", 0),
        ("n_init", 1.5),
        ("batch_size", 1),
        ("learning_rate", 0),
        ("balance_weight", -1),
    ],
)
def test_a_parameter_out_of_range_is_named(name: str, value: Any, blobs: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(ValueError, match=rf"{name}: expected .*, found {value}"):
        SCPClustering(**{name: value}).fit(blobs[0])


@pytest.mark.slow
def test_real_digits_are_clustered_better_than_by_k_means() -> None:
    rows, labels = load_digits(return_X_y=True)
    found = SCPClustering(10, min_steps=200, random_state=0).fit_predict(rows)
    means = KMeans(10, n_init=10, random_state=0).fit_predict(rows)
    assert adjusted_rand_score(labels, found) > adjusted_rand_score(labels, means) + 0.05
