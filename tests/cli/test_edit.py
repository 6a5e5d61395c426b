"""`pipeline edit`: corrections from the shell."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.cli import main as cli
from pipeline.collection.edits import read_edits, write_edits
from tests.collection.test_lasting import IDS, LABELS, MADE, clustered, contents, here, shown

Run = Callable[..., tuple[int, str]]
__all__ = ["here"]


@pytest.fixture
def edit(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """The command on a result of 50 embeddings; its exit code and what it said."""
    clustered()
    capfd.readouterr()

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["pipeline", "edit", str(MADE.folder), *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capfd.readouterr()
        return int(stop.value.code or 0), out + err

    return run


def inside(number: int) -> list[str]:
    return [name for name, (cluster, _) in shown().items() if cluster == number]


def test_each_action_is_put_into_effect_at_once(edit: Run) -> None:
    first = {number: inside(number) for number in range(4)}
    assert edit("name", "0", "Food & fruit")[0] == 0
    assert edit("move", first[1][0], first[2][0], "--to", "food & FRUIT")[0] == 0
    assert set(inside(0)) == {*first[0], first[1][0], first[2][0]}
    assert edit("move", first[3][0], "--to", "new")[0] == 0
    assert inside(4) == [first[3][0]]
    assert edit("merge", "2", "cluster 1", "--into", "1")[0] == 0
    assert set(inside(1)) == {*first[1][1:], *first[2][1:]}
    assert edit("aside", first[3][1])[0] == 0
    assert first[3][1] not in shown()
    assert edit("restore", first[3][1])[0] == 0
    assert shown()[first[3][1]][0] == 3
    assert edit("together", *first[3][2:5])[0] == 0
    assert edit("apart", *first[3][2:4])[0] == 0
    assert edit("not", *first[3][2:4], "--cluster", "0", "--cluster", "cluster 1")[0] == 0
    assert read_edits(MADE.edits).actions[-1]["clusters"] == [0, 1]
    code, out = edit("list")
    assert code == 0
    rows = list(csv.DictReader(out.splitlines()))
    dos = ["name", "move", "move", "merge", "aside", "restore", "together", "apart", "not"]
    assert [(row["do"], row["effect"]) for row in rows] == [(do, "yes") for do in dos]
    assert rows[0]["what"] == "0; Food & fruit"
    assert json.loads(MADE.clusters.read_text())["names"] == {"0": "Food & fruit"}
    for do in reversed(dos):
        assert edit("undo")[1].startswith(f"undone: {do}\n")
    assert {number: inside(number) for number in range(4)} == first
    assert edit("undo") == (2, f"pipeline: {MADE.edits}: there is nothing to undo\n")


def test_of_names_that_differ_in_case_alone_the_exact_one_is_meant(edit: Run) -> None:
    for number, name in (("0", "Food"), ("1", "food")):
        assert edit("name", number, name)[0] == 0
    for name, meant in (("food", 1), ("Food", 0)):
        assert edit("move", inside(2)[0], "--to", name)[0] == 0
        assert read_edits(MADE.edits).actions[-1]["to"] == meant
    assert edit("move", inside(2)[0], "--to", "FOOD") == (
        2,
        "pipeline: 'FOOD': the clusters [0, 1] are called so; give a number\n",
    )


def test_a_split_is_made_inside_a_cluster(edit: Run) -> None:
    edit("merge", "0", "1")
    whole = inside(0)
    assert edit("split", "0")[0] == 0
    (split,) = read_edits(MADE.edits).actions[1:]
    assert [part["cluster"] for part in split["parts"]] == [4, 0]
    labels = dict(zip(IDS, LABELS.tolist(), strict=True))
    assert [len({labels[name] for name in inside(number)}) for number in (0, 4)] == [1, 1]
    assert sorted(inside(0) + inside(4)) == sorted(whole)
    assert len(inside(0)) >= len(inside(4))
    assert edit("split", "3", *inside(3)[:2])[0] == 0
    assert len(inside(5)) == 2
    assert edit("split", "2", "--parts", "3")[0] == 0
    assert inside(6)
    assert inside(7)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected what to do, or --from FILE"),
        (["mvoe", "0.png"], "unknown action 'mvoe'; did you mean move or name?"),
        (["name", "0"], "name: expected pipeline edit RESULT name CLUSTER NAME"),
        (["move", "0.png"], "move: expected pipeline edit RESULT move PICTURE... --to CLUSTER"),
        (["move", "0.png", "--to", "77"], "unknown cluster '77'"),
        (["move", "no.png", "--to", "1"], "no.png: expected a picture of some-clusters"),
        (["merge", "0"], "merge: expected pipeline edit RESULT merge CLUSTER CLUSTER..."),
        (["merge", "0", "0"], "expected 2 different clusters or more"),
        (["merge", "0", "1", "--into", "2"], "expected one of [0, 1], found 2"),
        (["aside", "0.png", "--into", "2"], "--into 2: means something with merge alone"),
        (["split", "0", "--parts", "4"], "--parts 4: expected 2 or 3"),
        (["together", "0.png"], "together: expected"),
        (["not", "0.png"], "not: expected pipeline edit RESULT not PICTURE... --cluster CLUSTER"),
        (["not", "0.png", "--cluster", "0", "--cluster", "0"], "expected 1 different clusters or more"),
        (["aside", "0.png", "--cluster", "0"], "aside: expected pipeline edit RESULT aside PICTURE..."),
        (["name", "0", "x" * 201], "expected a text of one line, at most 200 characters"),
        (["--from", "no.json"], "--from no.json: expected a file, found none"),
    ],
)
def test_wrong_words_end_in_one_line_and_change_nothing(arguments: list[str], message: str, edit: Run) -> None:
    before = contents(MADE.folder)
    code, out = edit(*arguments)
    assert (code, len(out.splitlines())) == (2, 1)
    assert message in out
    assert contents(MADE.folder) == before


def test_a_downloaded_file_is_put_in_place(edit: Run) -> None:
    edit("name", "0", "Zero")
    edits = read_edits(MADE.edits)
    more = {"do": "name", "cluster": 1, "name": "One"}
    write_edits(Path("edits.json"), type(edits)(edits.result, (*edits.actions, more)))
    assert edit("--from", "edits.json")[0] == 0
    assert {name for _, name in shown().values()} == {"Zero", "One", "cluster 2", "cluster 3"}
    # What is not in the new file is kept beside it.
    write_edits(Path("edits.json"), type(edits)(edits.result, (more,)))
    code, out = edit("--from", "edits.json")
    assert code == 0
    assert "which is kept as some-clusters/edits.before.json" in out
    assert len(read_edits(MADE.folder / "edits.before.json").actions) == 2
    assert {name for _, name in shown().values()} == {"One", *(f"cluster {number}" for number in (0, 2, 3))}
    before = contents(MADE.folder)
    write_edits(Path("edits.json"), type(edits)("0" * 12, (more,)))
    for text in (Path("edits.json").read_text(), "{"):
        Path("edits.json").write_text(text)
        code, out = edit("--from", "edits.json")
        assert (code, len(out.splitlines())) == (2, 1)
        assert contents(MADE.folder) == before


def test_the_table_that_the_page_downloads_goes_in(edit: Run) -> None:
    edit("aside", "7.png")
    table: dict[str, int | str] = {name: cluster for name, (cluster, _) in shown().items()}
    other = (shown()["1.png"][0] + 1) % 4
    table |= {"0.png": 9, "1.png": other, "gone.png": 0}
    names: dict[int | str, str] = {0: "Food, and fruit", 9: "A new one"}

    def write() -> None:
        with Path("assignments.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["path", "cluster", "name", "confidence"])
            for name, cluster in table.items():
                rows.writerow([name, cluster, names.get(cluster, f"Cluster {cluster}"), "0.5"])

    write()
    code, out = edit("--from", "assignments.csv")
    assert code == 0, out
    assert "assignments.csv: 1 pictures of it are not in some-clusters" in out
    assert "assignments.csv: 2 move, 2 name" in out
    assert shown()["0.png"] == (9, "A new one")
    assert shown()["1.png"][0] == other
    assert "7.png" not in shown()
    assert "assignments.csv: says what the result says already" in edit("--from", "assignments.csv")[1]
    before = contents(MADE.folder)
    for name, cluster, message in (
        ("0.png", 5, "the number 5 is of no cluster here; a new one begins at 10"),
        ("0.png", "x", "found 'x'"),
    ):
        table[name] = cluster
        write()
        code, out = edit("--from", "assignments.csv")
        assert code == 2
        assert message in out
        assert contents(MADE.folder) == before
