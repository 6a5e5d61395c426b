"""What the classical methods do that other methods do not; see also test_methods.py."""

from __future__ import annotations

from dataclasses import replace

import faiss
import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.cluster import AgglomerativeClustering

from pipeline.base.errors import PipelineError
from pipeline.cli.settings import Settings
from pipeline.config.settings import DatasetSettings
from pipeline.evaluation.scores import accuracy
from pipeline.features.components import Components
from pipeline.heads.problem import Problem
from pipeline.methods import get_method, kmeans
from pipeline.methods.fitted import fit_method
from pipeline.methods.voting import Labelled

QUICK = ["kmeans", "spherical-kmeans", "gmm-full", "gmm-diag", "spectral", "agglomerative", "hdbscan"]
LABELLED = ["spectral", "agglomerative", "hdbscan"]


def groups(spread: float = 0.1, count: int = 120) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    which = np.arange(count) % 3
    return (np.eye(3, 12)[which] + rng.normal(0, spread, (count, 12))).astype(np.float16), which


def problem(rows: np.ndarray, settings: Settings, clusters: int = 3) -> Problem:
    return Problem(
        rows[:, None], settings.fit, DatasetSettings(clusters, 5.0, None, "published"), "cpu", lambda _: None
    )


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("count", [2, 12])
def test_images_that_are_all_the_same_are_fitted(name: str, count: int, settings: Settings) -> None:
    rows = np.ones((count, 4), np.float16)
    (run,) = get_method(name).fit(problem(rows, settings, 2), [0])
    logits = run.model.logits(rows)
    assert logits.shape == (count, 2)
    assert np.isfinite(logits).all()
    assert np.isfinite(run.loss)


@pytest.mark.parametrize("name", LABELLED)
def test_the_train_images_keep_their_clusters(name: str, settings: Settings) -> None:
    rows, _ = groups(spread=0.6)
    (run,) = get_method(name).fit(problem(rows, settings), [0])
    assert isinstance(run.model, Labelled)
    assert np.array_equal(run.model.logits(rows).argmax(1), run.model.assigned)


def test_the_tree_is_that_of_scikit_learn_and_its_loss_the_sum_of_squares(settings: Settings) -> None:
    rows, _ = groups(spread=0.4)
    one, two = get_method("agglomerative").fit(problem(rows, settings), [0, 1])
    assert one is two
    assert isinstance(one.model, Labelled)
    projected, assigned = one.model.components.project(rows), one.model.assigned
    assert accuracy(assigned, AgglomerativeClustering(3).fit(projected).labels_) == 1
    apart = [projected[assigned == each] - projected[assigned == each].mean(0) for each in range(3)]
    assert one.loss == pytest.approx(sum(np.square(each).sum() for each in apart), rel=1e-4)


@pytest.mark.parametrize("kind", ["full", "diag"])
def test_logits_of_a_mixture_are_the_weighted_log_densities(kind: str, settings: Settings) -> None:
    rows, _ = groups(spread=0.4)
    given = problem(rows, settings)
    model = next(iter(get_method(f"gmm-{kind}").fit(given, [0]))).model
    tensors = model.tensors()
    projected = Components.restore(tensors).project(rows).astype(np.float64)
    densities = []
    for mean, scale in zip(tensors["means"], tensors["scales"], strict=True):
        square = scale.astype(np.float64) if kind == "full" else np.diag(scale.astype(np.float64))
        densities.append(multivariate_normal(mean, np.linalg.inv(square @ square.T)).logpdf(projected))
    apart = model.logits(rows) - np.stack(densities, 1)
    # What is left are the logarithms of the clusters' shares.
    assert apart == pytest.approx(np.tile(apart[:1], (len(rows), 1)), abs=2e-3)
    assert np.exp(apart[0]).sum() == pytest.approx(1, abs=1e-3)


def test_hdbscan_finds_its_own_number_and_leaves_nobody_out(settings: Settings) -> None:
    rows, which = groups()
    rows[0] = -1
    given = settings.fit.with_section("hdbscan", smallest_share=0.1)
    fitted = fit_method(
        "hdbscan",
        get_method("hdbscan"),
        replace(problem(rows, settings, 8), settings=given),
        [0, 1],
        [rows.astype(np.float32)],
        np.ones(len(rows), bool),
    )
    assert fitted.summary.clusters == 3
    assert "3 of 3 clusters in use" in fitted.summary.line()
    assert 0 < fitted.summary.losses[0] < 0.2
    assert len({tuple(fitted.clusters[which == each, 0][1:]) for each in range(3)}) == 3
    assert np.array_equal(fitted.clusters[:, 0], fitted.clusters[:, 1])


@pytest.mark.parametrize("name", ["agglomerative", "hdbscan"])
def test_more_images_than_a_method_can_take_are_refused(name: str, settings: Settings) -> None:
    rows, _ = groups()
    fit = settings.fit.with_section(name, most_images=119)
    with pytest.raises(
        PipelineError, match=rf"{name}: expected at most 119 images, .* found 120; .* fit\.{name}\.most"
    ):
        next(iter(get_method(name).fit(replace(problem(rows, settings), settings=fit), [0])))


def model(rows: np.ndarray, assigned: list[int], voters: int) -> Labelled:
    """A model whose components are the dimensions themselves."""
    axes = np.eye(rows.shape[1], dtype=np.float32)
    known = rows.astype(np.float16)
    return Labelled(Components(0 * axes[0], axes), known, np.array(assigned, np.int32), max(assigned) + 1, voters)


def test_the_nearest_known_images_vote() -> None:
    angles = np.array([0, 0.1, 0.2, 1.0, 1.1])
    circle = np.stack([np.cos(angles), np.sin(angles)], 1)
    three = model(circle, [0, 1, 1, 2, 2], voters=3)
    # The nearest alone has 0; of the nearest three two have 1.
    new = np.array([[np.cos(0.04), np.sin(0.04)]])
    logits = three.logits(new)
    assert logits.argmax(1).tolist() == [1]
    assert logits.sum() == pytest.approx(1)
    assert logits[0, 2] == 0
    # A known one keeps its own, with all votes against it.
    logits = three.logits(circle[:1])
    assert logits.argmax(1).tolist() == [0]
    assert 0.5 < three.confidences(logits)[0, 0] < 0.8


def test_too_few_images_for_a_layout_are_refused(settings: Settings) -> None:
    with pytest.raises(PipelineError, match="umap-kmeans: expected more than 15 images, found 12"):
        next(iter(get_method("umap-kmeans").fit(problem(groups(count=12)[0], settings), [0])))


def test_components_are_made_once_for_the_same_images(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[int, int]] = []
    make = Components.of

    def counted(embeddings: np.ndarray, count: int) -> Components:
        made.append((len(embeddings), count))
        return make(embeddings, count)

    monkeypatch.setattr(Components, "of", counted)
    given = problem(groups()[0], settings)
    spectral = [run.model.tensors() for run in get_method("spectral").fit(given, [0, 1])]
    others = [run.model.tensors() for run in get_method("agglomerative").fit(given, [0])]
    assert made == [(120, 50)]
    assert all(each["axes"].tobytes() == spectral[0]["axes"].tobytes() for each in spectral + others)
    # As many other images are others, and so is another number of components.
    assert replace(given, views=given.views[::-1]).components(50).mean == pytest.approx(spectral[0]["mean"], abs=1e-6)
    assert given.components(2).axes.shape == (2, given.views.shape[2])
    assert made == [(120, 50), (120, 50), (120, 2)]


@pytest.mark.parametrize("spherical", [False, True])
def test_the_best_start_of_kmeans_goes_on_until_nothing_changes(spherical: bool, settings: Settings) -> None:
    rows = kmeans.normalise(np.random.default_rng(0).normal(size=(600, 8)))
    hasty = replace(settings.fit.section("kmeans", kmeans.Settings), tolerance=0.1)
    centroids, objective = kmeans.best_centroids(rows, 5, hasty, 0, spherical)
    nearest = ((rows[:, None] - centroids) ** 2).sum(2).argmin(1)
    means = np.stack([rows[nearest == cluster].mean(0) for cluster in range(5)])
    assert np.allclose(centroids, kmeans.normalise(means) if spherical else means, atol=1e-5)
    assert np.isclose(objective[-1], (rows * centroids[nearest]).sum() if spherical else inertia_of(rows, centroids))
    assert len(objective) > 3, "the starts were left early"
    patient, _ = kmeans.best_centroids(rows, 5, replace(hasty, tolerance=0.0), 0, spherical)
    assert inertia_of(rows, patient) <= inertia_of(rows, centroids) * 1.0001


def inertia_of(rows: np.ndarray, centroids: np.ndarray) -> float:
    """The sum of the squared distances to the nearest centroid."""
    return float(((rows[:, None] - centroids) ** 2).sum(2).min(1).sum())


@pytest.mark.parametrize("clusters", [kmeans.FEW, kmeans.FEW + 1])
def test_how_faiss_compares_changes_no_cluster_and_is_its_own_again(
    clusters: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, train = faiss.cvar.distance_compute_blas_threshold, faiss.Kmeans.train
    seen: list[int] = []

    def spied(self: faiss.Kmeans, rows: np.ndarray, **more: np.ndarray | None) -> float:
        seen.append(faiss.cvar.distance_compute_blas_threshold)
        return float(train(self, rows, **more))

    monkeypatch.setattr(faiss.Kmeans, "train", spied)
    # Enough numbers that faiss by itself would multiply matrices.
    noise = np.random.default_rng(0).normal(0, 0.3, (800, 256))
    rows = kmeans.normalise(np.eye(clusters, 256)[np.arange(800) % clusters] * 10 + noise)
    centroids, inertia = kmeans.best_centroids(rows, clusters, settings.fit.section("kmeans", kmeans.Settings), 0)
    with pytest.raises(RuntimeError, match=r"not finite|NaN"):
        kmeans.best_centroids(np.full_like(rows, np.nan), clusters, settings.fit.section("kmeans", kmeans.Settings), 0)
    assert faiss.cvar.distance_compute_blas_threshold == own
    monkeypatch.setattr(kmeans, "FEW", 0)
    others, their_inertia = kmeans.best_centroids(rows, clusters, settings.fit.section("kmeans", kmeans.Settings), 0)
    # Twice each, but for the one that fails: all starts, and then the best.
    assert [each > own for each in seen] == [clusters <= 20] * 3 + [False] * 2
    # Of starts that end alike the last bits say which is the best: the same clusters may come in another order.
    same = ((centroids[:, None] - others) ** 2).sum(2).argmin(1)
    assert sorted(same) == list(range(clusters))
    assert np.allclose(centroids, others[same], atol=1e-5)
    assert inertia[-1] == pytest.approx(their_inertia[-1], rel=1e-5)
