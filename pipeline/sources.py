"""The pictures that people name (folders, files, patterns, lists) -> the paths of files below one root."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PipelineError

LIST_SUFFIX = ".txt"
TAG = "CACHEDIR.TAG"
"""Marks a folder of generated files (Bryan Ford's Cache Directory Tagging Specification)."""
MARK = ".pipeline-cluster"
"""Marks a folder of results, which is no place to look for pictures but worth a backup."""


@dataclass(frozen=True)
class Sources:
    """Files that were named, not looked at yet."""

    root: Path
    """Absolute: the folder that was named, or the deepest that holds all files."""
    paths: list[Path]
    """Relative to the root, each once, in the order of their bytes."""


def find_files(sources: Sequence[str], leave_out: Path) -> Sources:
    """The files of folders (with all below them), single files, patterns such as ``pictures/**/*.jpg``, and lists.

    A list is a ``.txt`` file with a path a line; relative ones start at the list's folder. In folders hidden files are
    left out.

    Args:
        sources: what was named, at least one.
        leave_out: a folder that is never entered: where the results are written.

    Raises:
        PipelineError: if a source is not there, or no file is.
    """
    files: list[Path] = []
    for source in sources:
        found = _files_of(source, leave_out)
        if not found:
            raise PipelineError(f"{source}: expected pictures, found no file; name a folder or files that are there")
        files += found
    single = Path(os.path.abspath(sources[0]))
    if len(sources) == 1 and single.is_dir():
        root = single
    else:
        root = Path(os.path.commonpath([path.parent for path in files]))
    paths = sorted({path.relative_to(root) for path in files}, key=os.fsencode)
    return Sources(root, paths)


def _files_of(source: str, leave_out: Path) -> list[Path]:
    """The absolute paths of the files that one source stands for."""
    path = Path(os.path.abspath(source))
    if path.is_dir():
        return list(files_below(path, leave_out))
    if path.is_file() and path.suffix.lower() == LIST_SUFFIX:
        lines = path.read_bytes().replace(b"\r\n", b"\n").split(b"\n")
        return [Path(os.path.abspath(path.parent / os.fsdecode(line))) for line in lines if line.strip()]
    if os.path.lexists(path):
        return [path]
    if not glob.has_magic(source):
        raise PipelineError(
            f"{source}: expected a folder, a file, a pattern or a list of pictures, found nothing there"
        )
    matches = (Path(os.path.abspath(match)) for match in sorted(glob.glob(source, recursive=True)))
    return [file for match in matches for file in (files_below(match, leave_out) if match.is_dir() else [match])]


def files_below(folder: Path, leave_out: Path | None = None) -> Iterator[Path]:
    """All files below a folder but hidden ones and those in a folder that `TAG` or `MARK` marks.

    Links to folders are followed, and a folder that was entered before is not entered again.
    """
    entered: set[tuple[int, int]] = set()
    if leave_out is not None and leave_out.is_dir():
        about = leave_out.stat()
        entered.add((about.st_dev, about.st_ino))
    for place, folders, files in os.walk(folder, followlinks=True):
        about = os.stat(place)
        if (about.st_dev, about.st_ino) in entered or TAG in files or MARK in files:
            folders.clear()
            continue
        entered.add((about.st_dev, about.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in files if not name.startswith("."))
