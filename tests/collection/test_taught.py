"""A head that learns from edits.json, over several runs, on embeddings that were brought."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.base.files import read_json
from pipeline.collection.adding import add
from pipeline.collection.cluster import Clustering, cluster
from pipeline.collection.edits import Action, Edits, write_edits
from pipeline.collection.predict import predict
from pipeline.collection.request import requested
from pipeline.collection.result import Collection
from tests.collection.test_cluster import page_data

RNG = np.random.default_rng(0)
TRUTH = np.repeat(np.arange(4), 20)
CENTRES = np.eye(4, 16) * 8
CENTRES[3] = CENTRES[2] + np.eye(16)[5] * 3
"""The last two kinds lie close, and three clusters take them for one."""
ROWS = CENTRES[TRUTH] + RNG.normal(0, 0.5, (80, 16))
MADE = Collection(Path("some-clusters"))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def clustered(rows: np.ndarray = ROWS) -> Clustering:
    np.savez("some.npz", embeddings=rows, path=[f"{row}.png" for row in range(len(rows))])
    return cluster("some.npz", clusters=3, device="cpu", method="kmeans")


def edit(*actions: Action) -> None:
    write_edits(MADE.edits, Edits(read_json(MADE.clusters, "")["result"], actions))


def pictures(*rows: int) -> list[dict[str, str]]:
    return [{"path": f"{row}.png", "digest": ""} for row in rows]


def page() -> dict[str, Any]:
    return page_data(MADE.page.read_text())


def test_a_new_cluster_is_learnt_from_a_few_pictures_of_it() -> None:
    first = clustered()
    assert len({*first.clusters[40:]}) == 1, "the last two kinds are one cluster"
    edit({"do": "move", "pictures": pictures(60, 62, 64, 66), "to": 3})
    made = clustered()
    assert (made.clusters[:40] == first.clusters[:40]).all()
    assert (made.clusters[40:60] == first.clusters[40:60]).mean() > 0.9
    assert (made.clusters[60:] == 3).mean() > 0.7, "those like them have followed"
    assert read_json(MADE.clusters, "")["numbers"] == [0, 1, 2, 3]

    # The head travels alone, and knows the new cluster.
    np.save("new.npy", (CENTRES[3] + RNG.normal(0, 0.5, (5, 16))).astype(np.float32))
    assert not (MADE.head / "taught.json").exists()
    shutil.copytree(MADE.head, "head")
    assert [row[1] for row in predict(Path("head"), ["new.npy"], "cpu").rows].count(3) >= 3

    # What was added is assigned by it, nothing is trained.
    before = MADE.taught.joinpath("head.safetensors").read_bytes()
    more = np.concatenate([ROWS, CENTRES[3:] + RNG.normal(0, 0.5, (5, 16))])
    np.savez("some.npz", embeddings=more, path=[f"{row}.png" for row in range(len(more))])
    add(requested(["some.npz"], None, None, "cpu"), lambda line, err=False: None)
    assert page()["cluster"][80:].count(3) >= 3
    assert MADE.taught.joinpath("head.safetensors").read_bytes() == before


def test_the_same_answers_are_learnt_once_and_forgotten_when_they_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    first = clustered()
    edit({"do": "apart", "pictures": pictures(41, 61)}, {"do": "together", "pictures": pictures(0, 1)})
    taught = clustered()
    assert taught.clusters[41] != taught.clusters[61]
    head = MADE.head.joinpath("head.safetensors").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.collection.taught.teach", None)
        clustered()
    assert MADE.head.joinpath("head.safetensors").read_bytes() == head
    edit()
    assert (clustered().clusters == first.clusters).all()
    assert not MADE.taught.exists()


def test_a_damaged_taught_head_is_made_again() -> None:
    clustered()
    edit({"do": "together", "pictures": pictures(0, 20)})
    taught = clustered()
    head = MADE.taught / "head.safetensors"
    whole = head.read_bytes()
    head.write_bytes(whole[:100])
    again = clustered()
    assert head.read_bytes() == whole
    assert (again.clusters == taught.clusters).all()
    assert again.clusters[0] == again.clusters[20]


def test_the_page_asks_about_clusters_that_are_there() -> None:
    clustered()
    asked = page()["questions"]
    assert len(asked) == 20
    edit(
        {"do": "merge", "clusters": [0, 1], "into": 1},
        {"do": "not", "pictures": pictures(asked[0]["row"]), "clusters": [2]},
        {"do": "aside", "pictures": pictures(asked[1]["row"])},
    )
    clustered()
    again = page()["questions"]
    assert {1, 2} == {number for question in again for number in question["candidates"]}
    assert not {asked[0]["row"], asked[1]["row"]} & {question["row"] for question in again}


def test_names_are_suggested_and_not_given() -> None:
    names = [f"{('apples', 'cats', 'cups', 'cups')[kind]}/{row}.png" for row, kind in enumerate(TRUTH)]
    np.savez("some.npz", embeddings=ROWS, path=names)
    made = cluster("some.npz", clusters=3, device="cpu", method="kmeans")
    data = page()
    found = {int(number): each["text"] for number, each in data["suggestions"].items()}
    assert [found[cluster] for cluster in made.clusters] == [name.split("/")[0] for name in names]
    assert read_json(MADE.clusters, "")["names"] == {}
