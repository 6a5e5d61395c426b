"""What an output was made from, in a file in its folder: by it a later stage notices what has changed since."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.base.errors import PipelineError
from pipeline.base.files import read_json, sha256_of_file, sha256_of_json, write_json
from pipeline.base.text import quoted

NAME = "made_from.json"


def write_made_from(folder: Path, values: dict[str, Any]) -> None:
    """Writes down what a folder's content was made from, as plain data."""
    write_json(folder / NAME, values)


def read_made_from(folder: Path, again: str) -> dict[str, Any]:
    """What `write_made_from` wrote; `again` is what the user runs to make the folder anew.

    Raises:
        PipelineError: if the folder is missing, or says nothing.
    """
    if folder.is_dir() and not (folder / NAME).is_file():
        raise PipelineError(f"{folder}: expected {NAME}, which says what it was made from, found none; run '{again}'")
    return read_json(folder / NAME, again)


def digest_of_folder(folder: Path) -> str:
    """The SHA-256 of all files right in a folder, of their names and bytes."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return sha256_of_json({path.name: sha256_of_file(path) for path in files})


def difference(found: Any, wanted: Any, key: str = "") -> tuple[str, str, str] | None:
    """The first value in which plain data differs from what is wanted: its key, and both values as texts; or None."""
    found, wanted = _as_json(found), _as_json(wanted)
    if isinstance(found, dict) and isinstance(wanted, dict):
        for name in {**wanted, **found}:
            place = f"{key}.{name}" if key else name
            if name not in found or name not in wanted:
                return place, _text(found.get(name, "nothing")), _text(wanted.get(name, "nothing"))
            if (inner := difference(found[name], wanted[name], place)) is not None:
                return inner
        return None
    return None if found == wanted else (key, _text(found), _text(wanted))


def _as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _text(value: Any) -> str:
    return quoted(value) if isinstance(value, str) else json.dumps(value)
