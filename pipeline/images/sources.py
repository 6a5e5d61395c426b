"""The pictures that people name (folders, files, patterns, lists) -> the paths of files below one root."""

from __future__ import annotations

import codecs
import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.errors import PipelineError
from pipeline.base.remote import is_url

LIST_SUFFIX = ".txt"
TAG = "CACHEDIR.TAG"
"""Marks a folder of generated files (Bryan Ford's Cache Directory Tagging Specification)."""
MARK = ".pipeline-cluster"
"""Marks a folder of results, which is no place to look for pictures but worth a backup."""
EXPORTED = ".pipeline-export"
"""Marks a folder of links to pictures, or of copies. No `MARK`: it is no result to search in; no `TAG`: it is worth a
backup."""
VECTOR_SUFFIXES = (".npy", ".npz", ".h5", ".hdf5", ".parquet")
"""Of a file of embeddings, which may be named in place of pictures; see `pipeline.features.vectors`."""


@dataclass(frozen=True)
class Sources:
    """Files that were named, not looked at yet."""

    root: Path
    """Absolute: the folder that was named, or the deepest that holds all files."""
    paths: list[Path]
    """Relative to the root, each once, in the order of their bytes."""
    named: tuple[str, ...]
    """What was named."""


def is_vectors(sources: Sequence[str]) -> bool:
    """Whether sources are one file of embeddings, by its suffix, or a folder with nothing else in it."""
    if len(sources) != 1:
        return False
    path = Path(sources[0])
    if not path.is_dir():
        return path.suffix.lower() in VECTOR_SUFFIXES and path.is_file()
    try:
        with os.scandir(path) as entries:
            files = [Path(each.name) if each.is_file() else None for each in entries if not each.name.startswith(".")]
    except OSError:
        return False
    return bool(files) and all(file is not None and file.suffix.lower() in VECTOR_SUFFIXES for file in files)


def find_files(sources: Sequence[str], leave_out: Path) -> Sources:
    """The files of folders (with all below them), single files, patterns such as ``pictures/**/*.jpg``, and lists.

    A list is a ``.txt`` file with the path of a file or folder a line: relative ones start at the list's folder, ``~``
    is the home folder, and lines that are empty or begin with ``#`` mean nothing. In folders hidden files are left out.

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
            raise PipelineError(
                f"{source}: expected pictures, found no file; name a folder or files that are there (results, and "
                "folders that 'pipeline export' filled with links or copies, are left out)"
            )
        files += found
    single = absolute(sources[0])
    if len(sources) == 1 and single.is_dir():
        root = single
    else:
        root = Path(os.path.commonpath([path.parent for path in files]))
    paths = sorted({path.relative_to(root) for path in files}, key=os.fsencode)
    return Sources(root, paths, tuple(sources))


def check_source(source: str) -> None:
    """Refuses a source that is not there; whether there are files in it, or a pattern fits any, is not looked at.

    Raises:
        PipelineError: if it is not.
    """
    if os.path.lexists(absolute(source)):
        return
    if is_url(source):
        raise PipelineError(
            f"{source}: expected a path of this machine; pictures in a store are used as a data set: name the URL as "
            "its folder in params.yaml"
        )
    if not glob.has_magic(source):
        raise PipelineError(
            f"{source}: expected a folder, a file, a pattern or a list of pictures, found nothing there"
        )


def _files_of(source: str, leave_out: Path) -> list[Path]:
    """The absolute paths of the files that one source stands for."""
    check_source(source)
    path = absolute(source)
    if path.is_dir():
        return list(files_below(path, leave_out))
    if path.is_file() and path.suffix.lower() == LIST_SUFFIX:
        places = _places_of(path)
        return [
            file for place in places for file in (files_below(place, leave_out) if os.path.isdir(place) else [place])
        ]
    if os.path.lexists(path):
        return [path]
    matches = (absolute(match) for match in sorted(glob.glob(source, recursive=True)))
    return [file for match in matches for file in (files_below(match, leave_out) if os.path.isdir(match) else [match])]


def absolute(path: str | Path) -> Path:
    """A path from the root on, without links followed. Two slashes at its beginning are one, as on Linux."""
    text = os.path.abspath(path)
    return Path(f"/{text.lstrip('/')}" if text.startswith("//") and os.name == "posix" else text)


def _places_of(path: Path) -> Iterator[Path]:
    """The absolute paths in a list, which people write by hand; a line that names a file as it stands means it."""
    for line in path.read_bytes().removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n").split(b"\n"):
        exact = os.fsdecode(line)
        name = exact.strip()
        if name and os.path.lexists(path.parent / exact):
            yield absolute(path.parent / exact)
        elif name and not name.startswith("#"):
            yield absolute(path.parent / (name if "\0" in name else os.path.expanduser(name)))


def files_below(folder: Path, leave_out: Path | None = None) -> Iterator[Path]:
    """All files below a folder but hidden ones and those in a folder that `TAG`, `MARK` or `EXPORTED` marks.

    Links to folders are followed, and a folder that was entered before is not entered again. A folder that cannot be
    listed stands for its files. `EXPORTED` on the folder itself does not count: it was named.
    """
    entered: set[tuple[int, int]] = set()
    if leave_out is not None and leave_out.is_dir():
        about = leave_out.stat()
        entered.add((about.st_dev, about.st_ino))
    closed: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=closed.append, followlinks=True):
        about = os.stat(place)
        marked = TAG in files or MARK in files or (EXPORTED in files and place != str(folder))
        if marked or (about.st_dev, about.st_ino) in entered:
            folders.clear()
            continue
        entered.add((about.st_dev, about.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in files if not name.startswith("."))
    yield from (Path(error.filename) for error in closed)
