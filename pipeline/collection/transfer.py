"""How a picture gets to a new place: by a link, as a copy, or moved."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Step:
    """A picture and its new place."""

    source: Path
    target: Path


def link(steps: Sequence[Step]) -> None:
    """Links to the pictures."""
    for step in steps:
        step.target.parent.mkdir(parents=True, exist_ok=True)
        step.target.symlink_to(step.source)


def copy(steps: Sequence[Step]) -> None:
    """Copies with their times, each whole or not at all."""
    for step in steps:
        step.target.parent.mkdir(parents=True, exist_ok=True)
        _copy(step.source, step.target)


def move(steps: Sequence[Step]) -> None:
    """Moves the pictures, also to another device, and no original goes before its copy is whole and on the disk.

    A picture that is a link becomes a link to the same file, or to the new place of a picture that moves too.
    """
    goes = {_real(step.source): _real(step.target) for step in steps}
    for step in steps:
        move_file(step, _pointing(step, goes) if step.source.is_symlink() else None)


def move_file(step: Step, link: str | None) -> None:
    """Moves a file; a link says something else in its new place."""
    step.target.parent.mkdir(parents=True, exist_ok=True)
    if link and step.source.is_symlink():
        step.target.symlink_to(link)
        step.source.unlink()
        return
    try:
        os.rename(step.source, step.target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(step.source, step.target)
        _flush(step.target)
        step.source.unlink()


def _copy(source: Path, target: Path) -> None:
    # A name of its own: nobody's file is in the way, and a long name of a picture leaves no room for a suffix.
    handle, aside = tempfile.mkstemp(prefix=".", dir=target.parent)
    try:
        os.close(handle)
        shutil.copy2(source, aside)
        os.replace(aside, target)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def _flush(path: Path) -> None:
    """Waits until a new file and its name are on the disk."""
    for place in (path, path.parent) if os.name == "posix" else (path,):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _real(path: Path) -> Path:
    """A path without links in its folders; the file itself may be one."""
    return Path(os.path.realpath(path.parent), path.name)


def said_by(path: Path) -> str:
    """What a link says; nothing where it is none."""
    return os.readlink(path) if path.is_symlink() else ""


def _pointing(step: Step, goes: Mapping[Path, Path]) -> str:
    """What a link says in its new place. A link to a picture that moves too stays right if both move on together."""
    there = _real(step.source.parent / step.source.readlink())
    return os.path.relpath(goes[there], os.path.realpath(step.target.parent)) if there in goes else str(there)


WAYS: dict[str, tuple[Callable[[Sequence[Step]], None], str]] = {
    "symlink": (link, "linked"),
    "copy": (copy, "copied"),
    "move": (move, "moved"),
}
"""How pictures get into their folders, and the word for it."""
