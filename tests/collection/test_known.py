"""Confidences of `predict` beside a result: those of `cluster`, and without one the head's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.base.files import read_json
from pipeline.collection.cluster import cluster
from pipeline.collection.edits import Edits, write_edits
from pipeline.collection.predict import predict
from pipeline.collection.remade import up_to_date
from pipeline.collection.result import Collection
from pipeline.collection.tables import read_shown

RNG = np.random.default_rng(0)
ROWS = (np.eye(3, 16)[np.repeat(np.arange(3), 20)] * 8 + RNG.normal(0, 2.5, (60, 16))).astype(np.float32)
IDS = [f"{row}.png" for row in range(len(ROWS))]
MADE = Collection(Path("some-clusters"))


@pytest.fixture(autouse=True)
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("some.npz", embeddings=ROWS, path=IDS)
    cluster("some.npz", clusters=3, device="cpu", method="kmeans")
    np.savez("new.npz", embeddings=np.concatenate([ROWS[:1] + 0.01, np.zeros((1, 16))]), path=["like 0", "far"])


def confidences(source: str, head: Path = MADE.head) -> tuple[list[str], np.ndarray]:
    rows = predict(head, [source], "cpu").rows
    return [row[0] for row in rows], np.array([[float(row[2]), float(row[4])] for row in rows])


def shown() -> dict[str, tuple[float, float]]:
    found = read_shown(MADE)
    return dict(zip(found.ids, zip(found.confidences, found.second_confidences, strict=True), strict=True))


def test_the_collections_own_are_as_sure_as_in_its_table() -> None:
    ids, found = confidences("some.npz")
    assert 0 < found[:, 0].min() < found[:, 0].max() <= 1
    np.testing.assert_allclose(found, [shown()[each] for each in ids], atol=1e-5)


def test_they_heed_corrections() -> None:
    numbers = read_shown(MADE).clusters
    one, other = int(numbers[0]), int(numbers[-1])
    pictures = [{"path": IDS[row], "digest": ""} for row in (1, 2)]
    actions = ({"do": "merge", "clusters": [one, other], "into": one}, {"do": "aside", "pictures": pictures})
    write_edits(MADE.edits, Edits(read_json(MADE.clusters, "")["result"], actions))
    up_to_date(MADE, lambda line, err=False: None)
    ids, found = confidences("some.npz")
    there = [row for row, each in enumerate(ids) if each in shown()]
    assert len(there) == 58
    np.testing.assert_allclose(found[there, 0], [shown()[ids[row]][0] for row in there], atol=1e-5)


def test_a_new_one_is_as_sure_as_what_is_like_it() -> None:
    ids, found = confidences("new.npz")
    assert ids == ["like 0", "far"]
    assert abs(found[0, 0] - shown()["0.png"][0]) < 0.35
    assert found[1, 0] < 0.7


def test_a_head_alone_or_with_a_damaged_cache_says_its_own() -> None:
    shutil.copytree(MADE.head, "head")
    alone = predict(Path("head"), ["new.npz"], "cpu")
    assert alone.alone
    assert not predict(MADE.head, ["new.npz"], "cpu").alone
    assert alone.rows != predict(MADE.head, ["new.npz"], "cpu").rows
    MADE.layout.unlink()
    assert predict(MADE.head, ["new.npz"], "cpu") == alone
