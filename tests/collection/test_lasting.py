"""Results that last: numbers, names and corrections over several runs, on embeddings that were brought."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_blobs

from pipeline.base.csv_tables import read_table
from pipeline.base.errors import PipelineError
from pipeline.cli import main as cli
from pipeline.collection.adding import add
from pipeline.collection.cluster import Clustering, cluster
from pipeline.collection.edits import Action, Edits, read_edits, write_edits
from pipeline.collection.predict import predict
from pipeline.collection.remade import up_to_date
from pipeline.collection.request import requested
from pipeline.collection.result import Collection
from tests.collection.test_cluster import page_data

ROWS, LABELS = make_blobs(60, 16, centers=4, random_state=0)
IDS = [f"{row}.png" for row in range(len(ROWS))]
MADE = Collection(Path("some-clusters"))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(rows: Sequence[int]) -> None:
    np.savez("some.npz", embeddings=ROWS[list(rows)], path=[IDS[row] for row in rows])


def clustered(rows: Sequence[int] = range(50), count: int = 4, **more: Any) -> Clustering:
    write(rows)
    return cluster("some.npz", clusters=count, device="cpu", **{"method": "kmeans", **more})


def shown() -> dict[str, tuple[int, str]]:
    rows = read_table(MADE.assignments.with_suffix(".csv"), ("path", "cluster"), "")
    return {row["path"]: (int(row["cluster"]), row["name"]) for row in rows}


def page() -> dict[str, Any]:
    return page_data(MADE.page.read_text())


def edit(*actions: Action, result: str | None = None) -> None:
    numbers = json.loads(MADE.clusters.read_text())
    write_edits(MADE.edits, Edits(result or numbers["result"], actions))


def pictures(*rows: int) -> list[dict[str, str]]:
    return [{"path": IDS[row], "digest": ""} for row in rows]


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_first_run_has_the_numbers_of_its_head() -> None:
    clustered()
    about = json.loads(MADE.clusters.read_text())
    assert (about["numbers"], about["next"], about["names"]) == ([0, 1, 2, 3], 4, {})
    data = page()
    assert {key: data[key] for key in ("result", "numbers", "next", "edits", "changes")} == {
        "result": about["result"],
        "numbers": [0, 1, 2, 3],
        "next": 4,
        "edits": [],
        "changes": None,
    }
    assert (MADE.head / "clusters.json").read_bytes() == MADE.clusters.read_bytes()
    assert read_table(MADE.changes, ("path", "change", "before", "now"), "") == []
    assert not MADE.aside.exists()


@pytest.mark.parametrize("again", [{"seed": 3}, {"count": 5}, {"count": 3}, {"method": "agglomerative"}])
def test_numbers_and_names_stay_with_their_clusters(again: dict[str, Any], capfd: pytest.CaptureFixture[str]) -> None:
    first = clustered()
    number = first.clusters[0]
    edit({"do": "name", "cluster": int(number), "name": "Food & fruit"})
    found = clustered([*range(5, 60)], **again)
    before, now = dict(zip(first.ids, first.clusters, strict=True)), dict(zip(found.ids, found.clusters, strict=True))
    common = [name for name in now if name in before]
    kept = np.mean([now[name] == before[name] for name in common])
    assert kept == 1 if again.get("count", 4) == 4 else kept >= 0.6
    there = {number} & set(found.clusters.tolist())  # Of fewer clusters it may be the one that is gone.
    assert there or again.get("count") == 3
    assert {cluster for cluster, name in shown().values() if name == "Food & fruit"} == there
    changes = page()["changes"]
    moved = sum(now[name] != before[name] for name in common)
    assert changes == {"new": 10, "gone": 5, "moved": moved, "renamed": 0}
    about = json.loads(MADE.clusters.read_text())
    assert about["names"] == {str(each): "Food & fruit" for each in there}
    assert about["next"] == max(4, max(about["numbers"]) + 1)
    rows = read_table(MADE.changes, ("path", "change", "before", "now"), "")
    assert [row["path"] for row in rows if row["change"] == "gone"] == IDS[:5]
    assert set(page()["second"]) <= set(about["numbers"])


def test_the_summary_is_one_line(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    clustered()
    write([*range(5, 60)])
    monkeypatch.setattr(sys, "argv", ["pipeline", "cluster", "some.npz", "-k", "4", "--method", "kmeans"])
    with pytest.raises(SystemExit):
        cli.main()
    assert "10 new, 5 gone; 4 of 4 clusters kept their numbers" in capfd.readouterr().out.splitlines()


def test_other_pictures_are_another_result() -> None:
    clustered(range(30))
    first = json.loads(MADE.clusters.read_text())
    edit({"do": "name", "cluster": 0, "name": "x"})
    clustered(range(30, 60), out=MADE.folder)
    second = json.loads(MADE.clusters.read_text())
    assert first["result"] != second["result"]
    assert (second["numbers"], second["names"], page()["edits"]) == ([0, 1, 2, 3], {}, [])
    assert read_edits(MADE.edits).result == first["result"]  # Left where it is.


def test_python_adds_pictures_too() -> None:
    clustered(range(40))
    head = (MADE.head / "head.safetensors").read_bytes()
    write(range(60))
    assert len(cluster("some.npz", device="cpu", add=True).ids) == 60
    assert (MADE.head / "head.safetensors").read_bytes() == head
    with pytest.raises(PipelineError, match=r"^add: the clusters stand as they were fitted, found clusters too"):
        cluster("some.npz", clusters=4, device="cpu", add=True)


def test_the_clusters_stand_when_pictures_are_added(capsys: pytest.CaptureFixture[str]) -> None:
    first = clustered(range(40))
    head = (MADE.head / "head.safetensors").read_bytes()
    edit({"do": "name", "cluster": 1, "name": "One"}, {"do": "move", "pictures": pictures(0), "to": 9})
    write([*range(2), *range(4, 60)])
    said: list[str] = []
    add(requested(["some.npz"], None, None, "cpu"), lambda line, err=False: said.append(line))
    assert (MADE.head / "head.safetensors").read_bytes() == head
    found = shown()
    assert list(found) == [*IDS[:2], *IDS[4:]]
    assert {name: found[name][0] for name in first.ids if name in found} == {
        **{name: int(c) for name, c in zip(first.ids, first.clusters, strict=True) if name in found},
        IDS[0]: 9,
    }
    by_head = {row[0]: row[1] for row in predict(MADE.head, ["some.npz"], "cpu").rows}
    assert all(found[name][0] == by_head[name] for name in IDS[40:])
    assert said[-1] == "20 new, 2 gone; 4 of 4 clusters kept their numbers"
    assert page()["changes"] == {"new": 20, "gone": 2, "moved": 0, "renamed": 0}
    about = json.loads(MADE.about.read_text())
    assert (about["pictures"], about["clusters"]) == (58, 4)
    # Fitted anew, the numbers are matched; pictures like the one that was moved may follow it.
    clustered([*range(2), *range(4, 60)])
    assert np.mean([shown()[name][0] in (number, 9) for name, (number, _) in found.items()]) == 1
    assert np.mean([shown()[name][0] == number for name, (number, _) in found.items()]) > 0.8


def test_there_must_be_something_to_add_to() -> None:
    write(range(40))
    with pytest.raises(PipelineError, match="expected a result to add to, found none; leave --add out the first time"):
        add(requested(["some.npz"], None, None, "cpu"), lambda line, err=False: None)
    assert not MADE.folder.exists()


def test_corrections_are_obeyed_by_every_later_run_and_by_predict() -> None:
    first = clustered()
    raw = first.clusters.tolist()
    a, b, c, d = (int(raw[LABELS.tolist().index(label)]) for label in range(4))
    inside = [row for row in range(50) if raw[row] == c]
    other = next(row for row in range(50) if raw[row] == d)
    edit(
        {"do": "merge", "clusters": [a, b], "into": b},
        {"do": "split", "cluster": c, "parts": [{"cluster": 7, "pictures": pictures(*inside[:4])}]},
        {"do": "move", "pictures": pictures(other), "to": b},
        {"do": "aside", "pictures": pictures(inside[0], inside[5])},
        {"do": "name", "cluster": 7, "name": "=1+1"},
        {"do": "together", "pictures": pictures(0, 1)},
    )
    up_to_date(MADE, lambda line, err=False: None)
    found = {name: number for name, (number, _) in shown().items()}
    expected = {IDS[row]: b if raw[row] in (a, b) else raw[row] for row in range(50)}
    expected |= {IDS[row]: 7 for row in inside[:4]} | {IDS[other]: b}
    for row in (inside[0], inside[5]):
        del expected[IDS[row]]
    assert found == expected
    assert [row["path"] for row in read_table(MADE.aside, ("path",), "")] == [IDS[inside[0]], IDS[inside[5]]]
    assert {name for number, name in shown().values() if number == 7} == {"=1+1"}
    table = read_table(MADE.assignments.with_suffix(".csv"), ("path", "cluster", "confidence", "second"), "")
    assert all(row["cluster"] != row["second"] for row in table)
    assert page()["cluster"] == raw  # The script applies the actions itself, of which splits list all pictures.
    assert page()["edits"] == list(read_edits(MADE.edits).actions)
    listed = page()["edits"][1]["parts"]
    assert [part["cluster"] for part in listed] == [7, c]
    assert {each["path"] for part in listed for each in part["pictures"]} == {IDS[row] for row in inside}
    about = json.loads(MADE.clusters.read_text())
    assert (about["next"], about["names"]) == (8, {"7": "=1+1"})

    # The head alone knows merges, splits and names; ids of other embeddings mean nothing to it.
    shutil.copytree(MADE.head, "moved")
    np.savez("new.npz", embeddings=ROWS, path=[f"new/{name}" for name in IDS])
    rows = {row[0].removeprefix("new/"): row for row in predict(Path("moved"), ["new.npz"], "cpu").rows}
    assert {rows[IDS[row]][1] for row in range(60) if LABELS[row] in (0, 1)} == {b}
    assert {rows[IDS[row]][1] for row in range(60) if LABELS[row] == 2} == {7, c}
    assert all(row[1] != row[3] for row in rows.values())
    assert {row[5] for row in rows.values() if row[1] == 7} == {"=1+1"}

    # And so does a run that is fitted anew, on more.
    clustered(range(60), seed=5)
    again = {name: number for name, (number, _) in shown().items()}
    assert {again[IDS[row]] for row in (*inside[1:4], *np.flatnonzero(np.isin(raw, (a, b))), other)} == {7, b}
    assert np.mean([again[name] == number for name, number in expected.items()]) > 0.8, "some may follow what was moved"
    assert set(again) == set(IDS) - {IDS[inside[0]], IDS[inside[5]]}
    listed = page()["edits"][1]["parts"]
    split = {row for row in range(60) if LABELS[row] == 2}
    assert {each["path"] for part in listed for each in part["pictures"]} == {IDS[row] for row in split}
    assert all(
        again[each["path"]] == part["cluster"] for part in listed for each in part["pictures"] if each["path"] in again
    )
    everything = contents(MADE.folder)
    clustered(range(60), seed=5)
    assert {k: v for k, v in contents(MADE.folder).items() if k not in (MADE.about, MADE.page, MADE.changes)} == {
        k: v for k, v in everything.items() if k not in (MADE.about, MADE.page, MADE.changes)
    }


def test_a_picture_that_was_moved_is_known_by_its_content() -> None:
    """Tried without pictures: the rules beside the head are given digests."""
    from pipeline.collection.numbers import first_numbers
    from pipeline.collection.rules import Rules, read_rules, write_rules

    digest = "a" * 32
    parts = [{"cluster": 5, "pictures": [{"path": "y", "digest": "b" * 32}]}]
    parts.append({"cluster": 2, "pictures": [{"path": "z", "digest": "c" * 32}]})
    actions: list[Action] = [
        {"do": "move", "pictures": [{"path": "x", "digest": digest}], "to": 1},
        {"do": "merge", "clusters": [1, 2], "into": 2},
        {"do": "split", "cluster": 2, "parts": parts},
    ]
    means = {2: {5: np.array([0, 1], np.float32), 2: np.array([1, 0], np.float32)}}
    write_rules(Path("head"), Rules(first_numbers("0" * 12, 3), actions, means))
    rules = read_rules(Path("head"), 3, 2)
    rows = np.array([[1, 0], [1, 0], [0, 1], [1, 0.1]], np.float32)
    outputs = np.array([0, 0, 1, 2])
    assert rules.resolve(outputs, rows, ["", digest, "", "b" * 32]).tolist() == [0, 2, 5, 5]
    assert rules.resolve(outputs, rows).tolist() == [0, 0, 5, 2]
    order = np.array([[0, 1, 2], [0, 2, 1], [1, 2, 0], [2, 1, 0]])
    first, second, place = rules.choices(order, rows, ["", digest, "", ""])
    assert (first.tolist(), second.tolist(), place.tolist()) == ([0, 2, 5, 2], [5 - 3, 0, 0, 0], [1, 0, 2, 2])
    for name, data in (("parts.safetensors", b"x"), ("clusters.json", b"{}"), ("edits.json", b"[")):
        whole = Path("head", name).read_bytes()
        Path("head", name).write_bytes(data)
        with pytest.raises(PipelineError, match=rf"head/{name}: .*"):
            read_rules(Path("head"), 3, 2)
        Path("head", name).write_bytes(whole)
    with pytest.raises(PipelineError, match="expected the numbers of 4 clusters, found 3"):
        read_rules(Path("head"), 4, 2)


def test_a_damaged_file_stops_the_command_before_anything_changes() -> None:
    clustered()
    edit({"do": "name", "cluster": 0, "name": "x"})
    whole = MADE.edits.read_text()
    for name, text, message in (
        ("edits.json", whole[:-20], "edits.json: not JSON"),
        ("edits.json", whole.replace('"name",', '"nmae",', 1), r"edits.json: action 1: unknown action 'nmae'"),
        ("clusters.json", "{}", "clusters.json: not the numbers of clusters"),
        ("cache/last.csv", "path\n", "last.csv: expected the columns path,digest,cluster"),
    ):
        path = MADE.folder / name
        kept = path.read_text()
        path.write_text(text)
        before = contents(MADE.folder)
        for command in (lambda: clustered(range(60)), lambda: up_to_date(MADE, lambda line, err=False: None)):
            with pytest.raises(PipelineError, match=message):
                command()
        with pytest.raises(PipelineError, match=message):
            add(requested(["some.npz"], None, None, "cpu"), lambda line, err=False: None)
        assert contents(MADE.folder) == before
        path.write_text(kept)


def test_a_file_of_another_result_and_an_outdated_one_are_named(capfd: pytest.CaptureFixture[str]) -> None:
    clustered()
    plain = shown()
    said: list[str] = []
    edit({"do": "name", "cluster": 0, "name": "x"}, result="0" * 12)
    text = MADE.edits.read_text()
    up_to_date(MADE, lambda line, err=False: said.append(line))
    assert (shown(), page()["edits"], MADE.edits.read_text()) == (plain, [], text)
    assert "edits.json: made for another result (000000000000, this one is " in said[0]
    assert "left where it is, and not heeded" in said[0]
    gone = [{"path": "no.png", "digest": ""}]
    edit({"do": "move", "pictures": gone, "to": 0}, {"do": "name", "cluster": 77, "name": "x"})
    up_to_date(MADE, lambda line, err=False: said.append(line))
    assert shown() == plain
    assert said[1].endswith(
        "edits.json: outdated, 2 of 2 actions have no effect any more (the first is action 1, move; 1 pictures are "
        "gone); they are left in it"
    )
    # What was told once is not told again.
    up_to_date(MADE, lambda line, err=False: said.append(line))
    assert len(said) == 2
