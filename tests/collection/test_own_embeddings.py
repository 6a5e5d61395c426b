"""Embeddings that people bring, from the file to clusters and to a head for new ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score

from pipeline.base.errors import PipelineError
from pipeline.collection.cluster import Clustering, cluster, cluster_collection
from pipeline.collection.predict import predict
from pipeline.collection.request import requested
from pipeline.collection.result import Collection
from pipeline.collection.saved_head import load_head
from pipeline.config import params
from pipeline.features.manifest import read_manifest
from pipeline.heads.predictions import read_assignments
from pipeline.heads.saved import load_model
from pipeline.methods import METHODS

BLOBS, LABELS = make_blobs(60, 16, centers=3, random_state=0)
FAR = (0.01 * BLOBS + 30_000).astype(np.float32)
HEAD = "head.safetensors"


@pytest.fixture(autouse=True)
def here(project: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder for the results, and trainings that are long enough for groups so far apart."""
    brief = project(**{"fit.runs": 2, "fit.training.epochs": 1, "fit.training.min_steps": 60})
    monkeypatch.setattr(params, "DEFAULTS", brief / "params.yaml")


def clustered(values: np.ndarray, method: str = "kmeans") -> Clustering:
    np.save("some.npy", values)
    return cluster("some.npy", clusters=3, method=method, device="cpu")


@pytest.mark.parametrize("method", ["kmeans", "scp"])
@pytest.mark.parametrize("values", [FAR, BLOBS * 1e20, BLOBS * 10.0 ** np.linspace(-30, 30, 16)])
def test_a_head_sees_new_embeddings_as_it_saw_those_that_it_was_fitted_on(method: str, values: np.ndarray) -> None:
    found = clustered(values, method)
    assert adjusted_rand_score(LABELS, found.clusters) == 1
    np.save("new.npy", values[:7])  # Alone they would be scaled otherwise.
    rows = predict(found.head, ["new.npy"], "cpu").rows
    assert [row[1] for row in rows] == found.clusters[:7].tolist()
    np.testing.assert_allclose([float(row[2]) for row in rows], found.confidences[:7], atol=1e-5)
    # By itself the head has the method's own confidences; those of the table come from neighbours.
    shutil.copytree(found.head, "alone")
    own = read_assignments(Collection(found.folder).predictions / method)
    alone = predict(Path("alone"), ["new.npy"], "cpu").rows
    assert [float(row[2]) for row in alone] == own.confidences[:7].tolist()
    np.save("one.npy", values[:1])
    assert predict(found.head, ["one.npy"], "cpu").rows == rows[:1]
    head = load_head(found.head)
    assert np.array_equal(head.predict(values), found.clusters)


def test_people_are_told_what_was_done() -> None:
    np.save("some.npy", FAR)
    said: list[str] = []
    cluster_collection(
        requested(["some.npy"], None, None, "cpu"), 3, "kmeans", None, lambda line, err=False: said.append(line)
    )
    assert said[:2] == [
        "60 embeddings of 16 numbers",
        "columns are far from zero against their spread: centred and scaled",
    ]


def test_ordinary_embeddings_leave_no_trace_of_it() -> None:
    found = clustered(BLOBS)
    (part,) = load_model(found.head / HEAD, METHODS).embedding["parts"]
    assert set(part) == {"backbone", "weights_sha256", "dim"}
    manifest = read_manifest(found.folder / "cache" / "features" / "embeddings")
    assert manifest.settings == {}
    assert manifest.splits["train"][0].fingerprint == manifest.weights_sha256


@pytest.mark.parametrize(
    ("fitted", "new", "message"),
    [
        (BLOBS, BLOBS * 1e6, "row 0 far outside of it; bring them as those were made"),
        (BLOBS, BLOBS * 1e-8, "found no number above 0.01; bring them as those were made"),
        (FAR, BLOBS * 1e6, "row 0 far outside of it"),
        (BLOBS, BLOBS[:, :5], "expected embeddings of 16 numbers"),
    ],
)
def test_new_embeddings_of_another_kind_are_refused(fitted: np.ndarray, new: np.ndarray, message: str) -> None:
    found = clustered(fitted)
    np.save("new.npy", new)
    with pytest.raises(PipelineError, match=message):
        predict(found.head, ["new.npy"], "cpu")


def test_what_the_file_has_lost_is_refused_and_leaves_nothing() -> None:
    with pytest.raises(
        PipelineError, match=r"some.npy: expected numbers that tell the rows apart, found that the rounding"
    ):
        clustered((0.01 * BLOBS + 1e6).astype(np.float32))
    assert not Path("some-clusters").exists()


def test_a_folder_of_parts_is_one_source() -> None:
    Path("parts").mkdir()
    for number in range(10):
        np.save(f"parts/{number}.npy", BLOBS[number * 6 : (number + 1) * 6])
    found = cluster("parts", clusters=3, method="kmeans", device="cpu")
    assert found.ids == [str(row) for row in range(60)]
    assert found.folder == Path("parts-clusters")
    assert np.array_equal(found.clusters, clustered(BLOBS).clusters)
    assert np.array_equal(cluster(Path("parts").resolve(), 3, method="kmeans", device="cpu").clusters, found.clusters)
    assert [row[1] for row in predict(found.head, ["parts"], "cpu").rows] == found.clusters.tolist()
