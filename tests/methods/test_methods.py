"""Properties that every method in the registry must have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from pipeline.base.errors import PipelineError
from pipeline.cli.settings import Settings
from pipeline.config.names import CLASS_NAMES
from pipeline.config.params import Section
from pipeline.config.settings import DatasetSettings
from pipeline.evaluation.scores import accuracy
from pipeline.features.lengths import unit_length
from pipeline.features.neighbours import neighbours
from pipeline.heads import scp
from pipeline.heads.method import BALANCE_WEIGHT, PAIRS, TRAINING, section_of
from pipeline.heads.problem import Problem, Run
from pipeline.heads.runs import run_seeds
from pipeline.heads.saved import SavedModel, load_model, save_model
from pipeline.methods import METHODS, auto, check_clusters, consensus, get_method
from pipeline.methods.given import read_by
from pipeline.methods.kmeans import Centroids
from tests.methods.nouns import with_nouns

CLUSTERS, DIM, VIEWS = 4, 24, 3
FITTED = [name for name, entry in METHODS.items() if entry.text != CLASS_NAMES]


@pytest.fixture(scope="module")
def blobs() -> tuple[np.ndarray, np.ndarray]:
    """Well separated groups with near views: float16 (240, 1 + VIEWS, DIM) and the group of each."""
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(CLUSTERS), 60)
    centres = rng.normal(0, 4, (CLUSTERS, DIM))
    images = centres[truth] + rng.normal(0, 1, (len(truth), DIM))
    views = images[:, None] + rng.normal(0, 0.3, (len(truth), 1 + VIEWS, DIM))
    return views.astype(np.float16), truth


@pytest.fixture(scope="module")
def problem(
    blobs: tuple[np.ndarray, np.ndarray], settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Problem:
    training = replace(
        settings.fit.training, hidden=(32, 32, 32, 32), epochs=1, min_steps=120, batch=64, precision="fp32"
    )
    # A teacher that follows within so few steps.
    fit = (
        replace(settings.fit, training=training)
        .with_section("temi", heads=2, hidden=(32, 32), teacher_momentum=0.9)
        .with_section("mice", teacher_momentum=0.8)
        .with_section("turtle", steps=100, batch=128, inner_learning_rate=0.01, outer_learning_rate=0.01)
        .with_section("pro_dsc", hidden=64, width=16, warmup=20, steps=40, batch=120, learning_rate=0.001)
        .with_section("cpp", hidden=64, width=16, warmup=20, steps=40, batch=120, learning_rate=0.001)
        .with_section("tac", batch=64)
        .with_section("sic", batch=60, epochs=25, learning_rate=0.01)
        .with_section("consensus", heads=3, hidden=(32, 32), epochs=1, min_steps=120, batch=64)
        .with_section("auto", methods={"spectral": 1, "umap-kmeans": 1, "kmeans": 1})
    )
    given = Problem(blobs[0], fit, DatasetSettings(CLUSTERS, 5.0, None, "published"), "cpu", lambda _: None)
    return with_nouns(given, tmp_path_factory.mktemp("nouns"))


class Fitted(NamedTuple):
    """What the tests look at: three runs of one fit, and the second of them fitted alone."""

    runs: list[Run]
    alone: Run


@pytest.fixture(scope="module")
def fitted(problem: Problem) -> Callable[[str], Fitted]:
    """The runs of a method, fitted when they are first asked for."""

    @cache
    def each(name: str) -> Fitted:
        method = get_method(name)
        (alone,) = method.fit(replace(problem, shared={}), [8])
        return Fitted(list(method.fit(problem, [7, 8, 9])), alone)

    return each


@pytest.mark.parametrize("name", FITTED)
def test_separate_groups_are_found(
    name: str, fitted: Callable[[str], Fitted], blobs: tuple[np.ndarray, np.ndarray]
) -> None:
    best = min(fitted(name).runs, key=lambda run: run.loss)
    assigned = best.model.logits(blobs[0][:, 0].astype(np.float32)).argmax(1)
    assert accuracy(assigned, blobs[1]) > 0.97


@pytest.mark.parametrize("name", FITTED)
def test_a_run_depends_on_its_own_seed_alone(
    name: str, fitted: Callable[[str], Fitted], blobs: tuple[np.ndarray, np.ndarray]
) -> None:
    clean = blobs[0][:, 0].astype(np.float32)
    together, alone = fitted(name)
    assert together[1].loss == alone.loss
    assert together[1].history == alone.history
    assert together[1].model.logits(clean).tobytes() == alone.model.logits(clean).tobytes()


@pytest.mark.parametrize("name", FITTED)
def test_a_run_needs_nothing_that_its_entry_does_not_name(
    name: str, problem: Problem, fitted: Callable[[str], Fitted]
) -> None:
    """Else a changed value would leave its fit as it is, and a run of other values would be taken."""
    read = read_by(problem.settings, name)
    # Of what it reads, what has no section in params.yaml has its defaults.
    own = set(map(section_of, read))
    others = {section: Section({"no": "value"}, section) for section in set(map(section_of, METHODS)) - own}
    known = {key: value for key, value in problem.settings.sections.items() if key in own}
    settings = replace(
        problem.settings,
        sections=others | known,
        **{key: None for key in (TRAINING, PAIRS) if key not in read},  # type: ignore[arg-type]
    )
    dataset = problem.dataset if BALANCE_WEIGHT in read else replace(problem.dataset, balance_weight=np.nan)
    given = replace(problem, settings=settings, dataset=dataset, shared={})
    (run,) = get_method(name).fit(given, [8])
    whole = fitted(name).alone
    assert run.loss == whole.loss
    assert all(np.array_equal(run.model.tensors()[key], each) for key, each in whole.model.tensors().items())


@pytest.mark.parametrize("name", FITTED)
def test_logits_and_confidences(
    name: str, fitted: Callable[[str], Fitted], blobs: tuple[np.ndarray, np.ndarray]
) -> None:
    clean = blobs[0][:, 0].astype(np.float32)
    run = fitted(name).alone
    logits = run.model.logits(clean)
    confidences = run.model.confidences(logits)
    assert logits.shape == confidences.shape == (len(clean), CLUSTERS)
    assert logits.dtype == confidences.dtype == np.float32
    assert np.isfinite(logits).all()
    assert confidences.min() >= 0
    assert confidences.max() <= 1
    assert np.array_equal(confidences.argmax(1), logits.argmax(1))
    # One image alone gets what it gets among others.
    assert np.array_equal(run.model.logits(clean[:1]).argmax(1), logits[:1].argmax(1))


@pytest.mark.parametrize("name", FITTED)
def test_a_saved_model_predicts_the_same(
    name: str, fitted: Callable[[str], Fitted], blobs: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    clean = blobs[0][:, 0].astype(np.float32)
    model = fitted(name).alone.model
    about = {"parts": [{"backbone": "x", "dim": DIM}]}
    for file in ("one", "two"):
        save_model(tmp_path / file, SavedModel(name, model, dict(about)))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    loaded = load_model(tmp_path / "one", METHODS)
    assert (loaded.method, loaded.embedding) == (name, about)
    assert loaded.model.logits(clean).tobytes() == model.logits(clean).tobytes()


def test_a_model_is_saved_as_it_is_whatever_the_strides_of_its_arrays(tmp_path: Path) -> None:
    centroids = np.asfortranarray(np.arange(12, dtype=np.float32).reshape(3, 4))
    save_model(
        tmp_path / "model",
        SavedModel("kmeans", Centroids(centroids), {"parts": [{"backbone": "b", "dim": centroids.shape[1]}]}),
    )
    assert np.array_equal(load_model(tmp_path / "model", METHODS).model.tensors()["centroids"], centroids)


@pytest.mark.parametrize("damage", ["missing", "text", "truncated", "foreign"])
def test_a_file_that_is_no_saved_model_is_refused(damage: str, problem: Problem, tmp_path: Path) -> None:
    path = tmp_path / "head.safetensors"
    if damage == "text":
        path.write_text("hello")
    if damage == "truncated":
        save_model(
            path,
            SavedModel(
                "kmeans",
                next(iter(get_method("kmeans").fit(problem, [0]))).model,
                {"parts": [{"backbone": "b", "dim": DIM}]},
            ),
        )
        path.write_bytes(path.read_bytes()[:-10])
    if damage == "foreign":
        from safetensors.numpy import save_file

        save_file({"weight": np.zeros(3, np.float32)}, path)
    with pytest.raises(PipelineError, match=r"head\.safetensors: .*; run 'pipeline fit'") as error:
        load_model(path, METHODS)
    assert "\n" not in str(error.value)


def test_near_names_are_offered() -> None:
    with pytest.raises(
        PipelineError, match=r"fit\.methods: unknown method 'kmean'; did you mean kmeans or tac-kmeans or umap-kmeans\?"
    ):
        get_method("kmean", "fit.methods")


def test_more_clusters_than_images_are_refused() -> None:
    check_clusters(5, 5, "pets")
    with pytest.raises(PipelineError, match=r"pets: 6 clusters .* 5 images; lower datasets\.pets\.clusters"):
        check_clusters(6, 5, "pets")


def test_the_seed_of_a_run_depends_on_its_own_number_alone() -> None:
    assert run_seeds(5, 50)[:3] == run_seeds(5, 3)
    assert len(set(run_seeds(0, 50)) | set(run_seeds(1, 50))) == 100


def test_heads_of_an_ensemble_are_trained_once_in_a_fit(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    given = replace(problem, shared={})
    first = consensus.head_members(given, 5)
    monkeypatch.setattr(scp, "fit", None)  # None of these is trained again.
    again = consensus.head_members(given, 5)
    assert [np.array_equal(one, other) for one, other in zip(first, again, strict=True)] == [True] * len(first)


@pytest.mark.parametrize("name", ["consensus", "auto"])
def test_an_ensemble_looks_at_a_sample_and_its_head_predicts_the_rest(
    name: str, problem: Problem, blobs: tuple[np.ndarray, np.ndarray]
) -> None:
    views, truth = blobs
    most = len(views) // 2
    few = problem.settings.with_section("consensus", most_images=most)
    given = replace(problem, settings=few, shared={})
    run = next(iter(get_method(name).fit(given, [3])))
    assert len(given.shared["drawn"][0]) == most
    assert all(len(value) == most for key, value in given.shared.items() if key[0] == "head")
    assert adjusted_rand_score(truth, run.model.logits(views[:, 0].astype(np.float32)).argmax(1)) > 0.9


def test_auto_does_without_a_method_that_cannot_be_fitted_and_says_so(problem: Problem) -> None:
    told: list[str] = []
    wanted = problem.settings.with_section("auto", methods={"kmeans": 2, "umap-kmeans": 2})
    given = replace(problem, views=problem.views[::20], settings=wanted, progress=told.append, shared={})
    assert len(auto.others(given, 0)) == 2
    assert len(told) == 1
    assert told[0].startswith("without umap-kmeans: expected more than 15 images, found 12; ")


def test_what_all_embeddings_have_in_common_is_nothing_to_a_method_on_centred_ones(problem: Problem) -> None:
    common = np.asarray(np.random.default_rng(0).normal(size=problem.views.shape[2]), np.float16)
    one, other = (auto.centred(replace(problem, views=views)) for views in (problem.views, problem.views + common))
    assert one.views.dtype == problem.views.dtype
    np.testing.assert_allclose(one.views[:, 0].mean(0, dtype=np.float64), 0, atol=2e-3)
    np.testing.assert_allclose(one.views, other.views, atol=0.02)
    np.testing.assert_array_equal(one.near.nearest(5)[0][:, 0], neighbours(unit_length(one.views[:, 0]), 5)[0][:, 0])


def test_auto_has_members_on_centred_embeddings_and_shares_nothing_with_them(problem: Problem) -> None:
    given = replace(problem, shared={})
    plain = auto.others(replace(given, settings=given.settings.with_section("auto", methods={"kmeans": 2})), 0)
    wanted = given.settings.with_section("auto", methods={"kmeans": 2}, centred={"kmeans": 3, "spectral": 1})
    found = auto.others(replace(given, settings=wanted), 0)
    assert len(found) == 6
    assert all(np.array_equal(one, other) for one, other in zip(plain, found[:2], strict=True))
    assert not given.shared
