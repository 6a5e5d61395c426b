from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.base.errors import PipelineError
from pipeline.collection.edits import Action
from pipeline.collection.numbers import Numbers
from pipeline.collection.rules import Rules, write_rules
from pipeline.collection.saved_head import SavedHead, load_head
from pipeline.features.lengths import unit_length
from pipeline.heads.saved import SavedModel, save_model
from pipeline.methods.kmeans import Centroids

PARTS = [{"backbone": "first", "dim": 2}, {"backbone": "second", "dim": 3}]
PICTURE = {"path": "a", "digest": ""}
CENTRES = np.eye(3, 5, dtype=np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a head with three clusters, on a mix."""
    made = tmp_path / "head"
    save_model(made / "head.safetensors", SavedModel("kmeans", Centroids(CENTRES), {"parts": PARTS}))
    return made


def test_a_head_knows_what_it_was_fitted_on(folder: Path) -> None:
    for path in (folder, str(folder), folder / "head.safetensors"):
        head = load_head(path)
        assert (head.method, head.backbone, head.dim, head.n_clusters) == ("kmeans", "first+second", 5, 3)
        assert head.embedding == {"parts": PARTS}


def test_a_head_may_be_named_by_the_result_that_holds_it(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "result" / "head")
    assert load_head(tmp_path / "result").n_clusters == 3


def test_the_numbers_that_last_and_what_was_merged_and_split(folder: Path) -> None:
    assert load_head(folder).numbers.tolist() == [0, 1, 2]
    parts = [{"cluster": 9, "pictures": [PICTURE]}, {"cluster": 4, "pictures": [PICTURE | {"path": "b"}]}]
    actions: tuple[Action, ...] = (
        {"do": "merge", "clusters": [7, 2], "into": 2},
        {"do": "split", "cluster": 4, "parts": parts},
    )
    means = {9: unit_length(CENTRES[2] + 0.5 * CENTRES[0]), 4: CENTRES[2]}
    write_rules(folder, Rules(Numbers("0" * 12, (7, 2, 4), 10), actions, {1: means}))
    head = load_head(folder)
    assert head.numbers.tolist() == [7, 2, 4]
    assert head.predict(np.stack([*CENTRES, means[9]])).tolist() == [2, 2, 4, 9]
    assert head.predict_proba(CENTRES).argmax(1).tolist() == [0, 1, 2]


def test_a_head_predicts(folder: Path) -> None:
    head = load_head(folder)
    rows = np.concatenate([CENTRES[::-1], CENTRES * 0.9]) + 0.01
    assert head.predict(rows).tolist() == [2, 1, 0, 0, 1, 2]
    shares = head.predict_proba(rows)
    assert shares.shape == (6, 3)
    assert ((shares >= 0) & (shares <= 1)).all()
    assert np.array_equal(shares.argmax(1), head.predict(rows))
    # The same whether they come from memory or from a cache, which holds float16.
    assert np.array_equal(head.predict_proba(rows.astype(np.float16)), shares)
    assert head.predict(rows[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((2, 4)), r"expected embeddings of the shape \(n, 5\), as first\+second makes them, found \(2, 4\)"),
        (np.zeros(5), r"found \(5,\)"),
        (np.full((1, 5), np.nan), "expected finite numbers that float16 can hold"),
        (np.full((1, 5), 1e6), "expected finite numbers that float16 can hold"),
    ],
)
def test_other_embeddings_are_refused(given: np.ndarray, message: str, folder: Path) -> None:
    head: SavedHead = load_head(folder)
    for method in (head.predict, head.predict_proba):
        with pytest.raises(ValueError, match=message):
            method(given)


def test_no_head(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"gone: there is no fitted head here; run 'pipeline fit' or"):
        load_head(tmp_path / "gone")
    with pytest.raises(PipelineError, match=r"head\.safetensors: there is no fitted head here"):
        load_head(tmp_path)
    (tmp_path / "file").write_bytes(b"no head")
    with pytest.raises(PipelineError, match="file: not a saved head"):
        load_head(tmp_path / "file")
