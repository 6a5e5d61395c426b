"""edits.json: what a person corrected in a clustering, as a list of actions. What they mean is in `effects.py`.

docs/edits.md describes the file for people, docs/edits.schema.json for programs.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from pipeline.base.errors import PipelineError, unknown
from pipeline.base.files import write_json
from pipeline.base.text import quoted

FORMAT, VERSION = "pipeline edits", 1
LONGEST_NAME = 200
MOST_NUMBER = 10**6
"""Numbers of clusters are smaller."""
ID = re.compile(r"[0-9a-f]{12}")
DIGEST = re.compile(r"(?:[0-9a-f]{32})?")

Action = dict[str, Any]


@dataclass(frozen=True)
class Edits:
    """The corrections of one result."""

    result: str
    """The id of the result that they belong to, see `pipeline.collection.numbers.Numbers`."""
    actions: tuple[Action, ...] = ()
    """In the order in which the person made them, as the file has them."""


def numbers_in(actions: Sequence[Action]) -> Iterator[int]:
    """Every number of a cluster that actions name."""
    for action in actions:
        yield from (action[key] for key in ("cluster", "to", "into") if key in action)
        yield from action.get("clusters", ())
        yield from (part["cluster"] for part in action.get("parts", ()))


def read_edits(path: Path) -> Edits:
    """Reads a file of edits.

    Raises:
        PipelineError: if it is missing or damaged, or holds anything else than docs/edits.schema.json says.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise PipelineError(f"{path}: there is no file of edits here") from None
    return edits_of(data, path)


def edits_of(data: bytes, where: object) -> Edits:
    """The edits that the bytes of a file hold; `where` is their place, for the error.

    Raises:
        PipelineError: see `read_edits`.
    """
    try:
        value = json.loads(data.decode("utf-8"))
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # An escape may stand for half a character.
    except (ValueError, RecursionError, MemoryError) as error:
        raise PipelineError(f"{where}: not JSON ({error}); bring a whole file, or remove this one") from None
    return checked(value, where)


def check_result(edits: Edits, result: str, where: object, otherwise: str) -> None:
    """Refuses edits of another result; `otherwise` is what to do with them.

    Raises:
        PipelineError: if they are.
    """
    if edits.result != result:
        raise PipelineError(f"{where}: made for another result ({edits.result}, this one is {result}); {otherwise}")


def write_edits(path: Path, edits: Edits) -> None:
    """Writes a file of edits, whole or not at all."""
    about = {"format": FORMAT, "version": VERSION, "result": edits.result}
    write_json(path, {**about, "actions": list(edits.actions)})


def checked(value: Any, where: object) -> Edits:
    """The edits that plain data hold; `where` is their place, for the error.

    Raises:
        PipelineError: see `read_edits`.
    """
    head = {"format": FORMAT, "version": VERSION}
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        found = quoted(value.get("format") if isinstance(value, dict) else value)
        raise PipelineError(f"{where}: expected the format '{FORMAT}', found {found}; this is no file of edits")
    if type(value.get("version")) is not int or value["version"] != VERSION:
        raise PipelineError(
            f"{where}: expected version {VERSION}, found {quoted(value.get('version'))}; use the version of this "
            "program that wrote it"
        )
    _check_keys(value, {*head, "result", "actions"}, f"{where}")
    if not (isinstance(value["result"], str) and ID.fullmatch(value["result"])):
        _refuse(f"{where}: result", "the id of a result", value["result"])
    if not isinstance(value["actions"], list):
        _refuse(f"{where}: actions", "a list", value["actions"])
    for number, action in enumerate(value["actions"], 1):
        _check_action(action, f"{where}: action {number}")
    return Edits(value["result"], tuple(value["actions"]))


def checked_action(action: Action) -> None:
    """Refuses an action that a file could not hold.

    Raises:
        PipelineError: see `read_edits`.
    """
    _check_action(action, "this action")


def _check_action(action: Any, where: str) -> None:
    if not isinstance(action, dict) or not isinstance(action.get("do"), str):
        _refuse(where, "an object with a 'do'", action)
    if action["do"] not in FIELDS:
        raise unknown("action", action["do"], FIELDS, where)
    fields = FIELDS[action["do"]]
    where = f"{where} ({action['do']})"
    _check_keys(action, {"do", *fields}, where)
    for key, check in fields.items():
        check(action[key], f"{where}: {key}")
    if action["do"] == "merge" and action["into"] not in action["clusters"]:
        _refuse(f"{where}: into", f"one of {action['clusters']}", action["into"])


def _check_keys(value: Mapping[str, Any], keys: set[str], where: str) -> None:
    for key in sorted(keys - set(value)):
        raise PipelineError(f"{where}: '{key}' is missing; bring a whole file, or take the action out")
    for key in sorted(set(value) - keys):
        raise PipelineError(f"{where}: unknown entry {quoted(key)}; expected {', '.join(sorted(keys))}")


def _refuse(where: str, expected: str, found: object) -> NoReturn:
    raise PipelineError(f"{where}: expected {expected}, found {quoted(found)}; mend it, or take the action out")


def _number(value: Any, where: str) -> None:
    if type(value) is not int or not 0 <= value < MOST_NUMBER:
        _refuse(where, f"the number of a cluster (0 to {MOST_NUMBER - 1})", value)


def _text(value: Any, where: str) -> None:
    if not isinstance(value, str) or len(value) > LONGEST_NAME or any(unicodedata.category(c) == "Cc" for c in value):
        _refuse(where, f"a text of one line, at most {LONGEST_NAME} characters", value)


def _objects(value: Any, where: str, what: str, having: str, keys: set[str]) -> Iterator[dict[str, Any]]:
    """The members of a list, each of which is an object with just these keys."""
    if not isinstance(value, list) or not value:
        _refuse(where, f"a list of {what}", value)
    for each in value:
        if not isinstance(each, dict):
            _refuse(where, f"{what} with {having}", each)
        _check_keys(each, keys, where)
        yield each


def _pictures(value: Any, where: str) -> None:
    for picture in _objects(value, where, "pictures", "a path and a digest", {"path", "digest"}):
        if not isinstance(picture["path"], str) or not picture["path"]:
            _refuse(where, "the path of a picture", picture["path"])
        if not (isinstance(picture["digest"], str) and DIGEST.fullmatch(picture["digest"])):
            _refuse(where, "a digest of 32 hexadecimal digits, or ''", picture["digest"])


def _clusters(fewest: int) -> Callable[[Any, str], None]:
    def check(value: Any, where: str) -> None:
        if not isinstance(value, list):
            _refuse(where, "a list of clusters", value)
        for number in value:
            _number(number, where)
        if len(value) < fewest or len(set(value)) < len(value):
            _refuse(where, f"{fewest} different clusters or more", value)

    return check


def _parts(value: Any, where: str) -> None:
    for part in _objects(value, where, "parts", "a cluster and pictures", {"cluster", "pictures"}):
        _number(part["cluster"], where)
        _pictures(part["pictures"], where)
    if len({part["cluster"] for part in value}) < len(value):
        _refuse(where, "a number of its own for each part", [part["cluster"] for part in value])


FIELDS: dict[str, dict[str, Callable[[Any, str], None]]] = {
    "name": {"cluster": _number, "name": _text},
    "move": {"pictures": _pictures, "to": _number},
    "merge": {"clusters": _clusters(2), "into": _number},
    "split": {"cluster": _number, "parts": _parts},
    "aside": {"pictures": _pictures},
    "restore": {"pictures": _pictures},
    "together": {"pictures": _pictures},
    "apart": {"pictures": _pictures},
    "not": {"pictures": _pictures, "clusters": _clusters(1)},
}
"""What each action must have, and what checks it; nothing else may stand in it."""
