"""How a picture gets to a new place: by a link, as a copy, or moved."""

from __future__ import annotations

import errno
import filecmp
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.files import named


@dataclass(frozen=True)
class Step:
    """A picture and its new place."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Way:
    """How pictures get to their new places."""

    act: Callable[[Step, Mapping[Path, Path]], None]
    """Takes a step, and the new place of every picture that moves by its old one."""
    done: Callable[[Step], bool]
    """Whether a step was made before."""
    word: str
    """What became of the pictures."""


def carry_out(steps: Sequence[Step], way: Way) -> int:
    """Makes the steps that were not made before; how many these are."""
    goes = {_real(step.source): _real(step.target) for step in steps}
    left = [step for step in steps if not way.done(step)]
    for step in left:
        step.target.parent.mkdir(parents=True, exist_ok=True)
        way.act(step, goes)
    return len(left)


def link(step: Step, goes: Mapping[Path, Path]) -> None:
    """Links to a picture."""
    try:
        step.target.symlink_to(step.source)
    except OSError as error:
        error.filename, error.filename2 = str(step.target), None  # It names the picture first, which nothing ails.
        raise


def is_linked(step: Step) -> bool:
    """Whether the link is there."""
    return said_by(step.target) == str(step.source)


def copy(step: Step, goes: Mapping[Path, Path]) -> None:
    """Copies a picture with its times, whole or not at all."""
    _copy(step.source, step.target)


def is_copied(step: Step) -> bool:
    """Whether the copy is there."""
    there = step.target.is_file() and not step.target.is_symlink() and step.source.is_file()
    return there and filecmp.cmp(step.source, step.target)  # Where size and time are the same, nothing is read.


def move(step: Step, goes: Mapping[Path, Path]) -> None:
    """Moves a picture, also to another device, and no original goes before its copy is whole and on the disk.

    A picture that is a link becomes a link to the same file, or to the new place of a picture that moves too.
    """
    if os.path.lexists(step.target):  # A move that was cut short left the picture in both places.
        step.source.unlink()
    else:
        move_file(step, _pointing(step, goes) if step.source.is_symlink() else None)


def is_moved(step: Step) -> bool:
    """Whether the picture is in its new place alone."""
    return os.path.lexists(step.target) and not os.path.lexists(step.source)


def move_file(step: Step, link: str | None) -> None:
    """Moves a file; a link says something else in its new place."""
    step.target.parent.mkdir(parents=True, exist_ok=True)
    if link and step.source.is_symlink():
        step.target.symlink_to(link)
        step.source.unlink()
        return
    try:
        with named(step.target):
            os.rename(step.source, step.target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(step.source, step.target)
        _flush(step.target)
        step.source.unlink()


def _copy(source: Path, target: Path) -> None:
    with named(target):
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


WAYS: dict[str, Way] = {
    "symlink": Way(link, is_linked, "linked"),
    "copy": Way(copy, is_copied, "copied"),
    "move": Way(move, is_moved, "moved"),
}
