"""edits.json: what is read, what is refused, and that file, schema and documentation say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pipeline.base.errors import PipelineError
from pipeline.collection.edits import FIELDS, Edits, numbers_in, read_edits, write_edits
from pipeline.collection.effects import apply
from tests.conftest import ROOT

SCHEMA = json.loads((ROOT / "docs" / "edits.schema.json").read_text())
PEAR = {"path": "pear.jpg", "digest": "b" * 32}


def valid(*actions: Any) -> dict[str, Any]:
    return {"format": "pipeline edits", "version": 1, "result": "0123456789ab", "actions": list(actions)}


GOOD: list[dict[str, Any]] = [
    {"do": "name", "cluster": 3, "name": "Food & fruit"},
    {"do": "name", "cluster": 3, "name": ""},
    {"do": "move", "pictures": [PEAR, {"path": "row 7", "digest": ""}], "to": 5},
    {"do": "merge", "clusters": [3, 7], "into": 3},
    {"do": "split", "cluster": 5, "parts": [{"cluster": 12, "pictures": [PEAR]}]},
    *({"do": do, "pictures": [PEAR]} for do in ("aside", "restore", "together", "apart")),
    {"do": "not", "pictures": [PEAR], "clusters": [1, 4, 5]},
]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    edits = Edits("0123456789ab", tuple(GOOD))
    path = tmp_path / "edits.json"
    write_edits(path, edits)
    assert read_edits(path) == edits
    assert json.loads(path.read_text()) == valid(*GOOD)
    jsonschema.validate(valid(*GOOD), SCHEMA)
    assert sorted(set(numbers_in(GOOD))) == [1, 3, 4, 5, 7, 12]
    assert {action["do"] for action in GOOD} == set(FIELDS)


def altered(number: int, **changes: Any) -> dict[str, Any]:
    action = {**GOOD[number], **changes}
    return valid(GOOD[0], {key: value for key, value in action.items() if value is not ...})


WRONG: list[tuple[Any, str]] = [
    ([], "expected the format 'pipeline edits', found "),
    ({}, "expected the format 'pipeline edits', found None"),
    ({**valid(), "format": "x"}, "expected the format 'pipeline edits', found 'x'"),
    ({**valid(), "version": 2}, "expected version 1, found 2; use the version of this program that wrote it"),
    ({**valid(), "version": True}, "expected version 1, found True"),
    ({**valid(), "result": "0123"}, "result: expected the id of a result, found '0123'"),
    ({**valid(), "actions": {}}, "actions: expected a list, found {}"),
    ({**valid(), "more": 1}, "unknown entry 'more'"),
    (valid(7), "action 1: expected an object with a 'do', found 7"),
    (valid({"do": ["move"]}), "action 1: expected an object with a 'do', found "),
    (valid(GOOD[0], {"do": "mvoe"}), "action 2: unknown action 'mvoe'; did you mean move?"),
    (altered(0, name=...), r"action 2 \(name\): 'name' is missing"),
    (altered(0, cluster="3"), r"action 2 \(name\): cluster: expected the number of a cluster .*, found '3'"),
    (altered(0, cluster=True), r"action 2 \(name\): cluster: expected the number of a cluster .*, found True"),
    (altered(0, cluster=-1), "found -1"),
    (altered(0, cluster=10**6), "found 1000000"),
    (altered(0, name=None), r"name: expected a text of at most 200 characters, found None"),
    (altered(0, name="x" * 201), "name: expected a text of at most 200 characters"),
    (altered(0, why="so"), r"action 2 \(name\): unknown entry 'why'; expected cluster, do, name"),
    (altered(2, pictures=[]), r"action 2 \(move\): pictures: expected a list of pictures, found \[\]"),
    (altered(2, pictures="a.jpg"), "pictures: expected a list of pictures"),
    (altered(2, pictures=["a.jpg"]), "pictures: expected pictures with a path and a digest, found 'a.jpg'"),
    (altered(2, pictures=[{"path": "a.jpg"}]), "pictures: 'digest' is missing"),
    (altered(2, pictures=[{"path": "", "digest": ""}]), "pictures: expected the path of a picture"),
    (altered(2, pictures=[{"path": "a", "digest": "xy"}]), "pictures: expected a digest of 32 hexadecimal digits"),
    (altered(2, to=1.5), "to: expected the number of a cluster"),
    (altered(3, clusters=[3]), "clusters: expected 2 different clusters or more"),
    (altered(3, clusters=[3, 3]), "clusters: expected 2 different clusters or more"),
    (altered(3, clusters=3), "clusters: expected a list of clusters"),
    (altered(3, into=9), r"action 2 \(merge\): into: expected one of \[3, 7\], found 9"),
    (altered(4, parts=[]), "parts: expected a list of parts"),
    (altered(4, parts=[PEAR]), "parts: 'cluster' is missing"),
    (altered(4, parts=GOOD[4]["parts"] * 2), "parts: expected a number of its own for each part"),
    (altered(9, clusters=[]), "clusters: expected 1 different clusters or more"),
]


@pytest.mark.parametrize(("value", "message"), WRONG)
def test_what_is_wrong_is_named_in_one_line(value: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "edits.json"
    path.write_text(json.dumps(value))
    with pytest.raises(PipelineError, match=rf"edits\.json: .*{message}") as error:
        read_edits(path)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[" * 10**5, b'{"format": "pipeline edits", "vers'])
def test_damaged_files_are_named(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "edits.json"
    path.write_bytes(data)
    with pytest.raises(PipelineError, match=r"edits\.json: not JSON .*; bring a whole file, or remove this one"):
        read_edits(path)
    path.unlink()
    with pytest.raises(PipelineError, match="there is no file of edits here"):
        read_edits(path)


def test_the_schema_refuses_what_the_program_refuses() -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    beyond = ("into: expected one of", "a number of its own for each part")  # What a schema cannot say.
    passed = [message for value, message in WRONG if validator.is_valid(value)]
    assert len(passed) == len([message for message in passed if any(word in message for word in beyond)])


def test_the_documentation_s_example_is_whole(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "edits.md").read_text()
    (example,) = re.findall(r"^```json\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    (tmp_path / "edits.json").write_text(example)
    edits = read_edits(tmp_path / "edits.json")
    jsonschema.validate(json.loads(example), SCHEMA)
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(FIELDS) | {"do"}
    paths = ["apple.jpg", "renamed.jpg", "cats/tom.jpg", "blurred.jpg", "dog.jpg"]
    found = apply(edits.actions, paths, [letter * 32 for letter in "abcde"], [0, 2, 2, 1, 1])
    assert found.clusters == [0, 0, 12, None, 1]
    assert (found.names, found.left, found.gone) == ({0: "Food & fruit"}, [], 0)
