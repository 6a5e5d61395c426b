"""The pictures that people name (folders, files, patterns, lists) -> the paths of files below one root."""

from __future__ import annotations

import codecs
import glob
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from pipeline.base.errors import PipelineError
from pipeline.base.remote import is_url
from pipeline.images.skipping import Skip, files_in, prefixes, said

LIST_SUFFIX = ".txt"
TAG = "CACHEDIR.TAG"
"""Marks a folder of generated files (Bryan Ford's Cache Directory Tagging Specification)."""
MARK = ".pipeline-cluster"
"""Marks a folder of results, which is no place to look for pictures but worth a backup."""
EXPORTED = ".pipeline-export"
"""Marks a folder of links to pictures, or of copies. No `MARK`: it is no result to search in; no `TAG`: it is worth a
backup."""
NOTHING_MORE = Skip()
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
    skipped: Mapping[str, int] = field(default_factory=dict)
    """How many files were passed over, by what for; see `Skip`."""


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


def find_files(sources: Sequence[str], leave_out: Path, exclude: Sequence[str] = ()) -> Sources:
    """The files of folders (with all below them), single files, patterns such as ``pictures/**/*.jpg``, and lists.

    A list is a ``.txt`` file with the path of a file or folder a line: relative ones start at the list's folder, ``~``
    is the home folder, and lines that are empty or begin with ``#`` mean nothing. In folders hidden files are left out,
    and what `Skip` knows. A name that is there is that name, whatever signs of a pattern it has.

    Args:
        sources: what was named, at least one.
        leave_out: a folder that is never entered: where the results are written.
        exclude: patterns of names and paths to pass over, see `Skip`.

    Raises:
        PipelineError: if a source is not there, a list is no UTF-8 or UTF-16, or no file is found.
    """
    looking = _Looking(leave_out, Skip(tuple(exclude)), Counter())
    files: list[Path] = []
    for source in sources:
        before = looking.skipped.total()
        found = list(looking.files_of(source))
        if not found and looking.skipped.total() == before:
            raise _nothing(source, looking.skipped)
        files += found
    if not files:
        raise _nothing(" ".join(sources), looking.skipped)
    single = absolute(sources[0])
    if len(sources) == 1 and single.is_dir():
        root = single
    else:
        root = Path(os.path.commonpath([path.parent for path in files]))
    paths = sorted({path.relative_to(root) for path in files}, key=os.fsencode)
    return Sources(root, paths, tuple(sources), dict(looking.skipped))


def _nothing(source: str, skipped: Mapping[str, int]) -> PipelineError:
    """The error for a source without a file."""
    passed = said(skipped)
    return PipelineError(
        f"{source}: expected pictures, found no file{f' ({passed})' if passed else ''}; name a folder or files that "
        "are there (results, and folders that 'pipeline export' filled with links or copies, are left out)"
    )


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


@dataclass(frozen=True)
class _Looking:
    """The search for files, with what is passed over in it."""

    leave_out: Path
    skip: Skip
    skipped: Counter[str]

    def files_of(self, source: str) -> Iterator[Path]:
        """The absolute paths of the files that one source stands for."""
        check_source(source)
        path = absolute(source)
        if path.is_file() and path.suffix.lower() == LIST_SUFFIX:
            for place in _places_of(path):
                yield from self._of_one(place)
        elif os.path.lexists(path):
            yield from self._of_one(path)
        else:
            yield from self._of_pattern(source)

    def _of_one(self, path: Path) -> Iterator[Path]:
        """A file that was named, or those of a folder."""
        if os.path.isdir(path):
            yield from files_below(path, self.leave_out, self.skip, self.skipped)
        elif pattern := self.skip.excluded(path.name):
            self.skipped[pattern] += 1
        else:
            yield path

    def _of_pattern(self, source: str) -> Iterator[Path]:
        """What a pattern fits. The folders that it begins with and that are there may have any name."""
        there, names = source, list[str]()
        while there and not os.path.lexists(there):
            there, name = os.path.split(there)
            names.insert(0, name)
        named, passed = set(names), set[Path]()
        for match in sorted(glob.glob(os.path.join(*names), root_dir=there or None, recursive=True)):
            path = absolute(os.path.join(there, match))
            for name, below, is_inside in prefixes(PurePath(match)):
                reason = None if name in named else self.skip.reason(below, is_inside or os.path.isdir(path))
                if reason:
                    place = absolute(os.path.join(there, below))
                    if place not in passed:
                        self.skipped[reason] += files_in(place) if os.path.isdir(place) else 1
                    passed.add(place)
                    break
            else:
                yield from self._of_one(path)


def absolute(path: str | Path) -> Path:
    """A path from the root on, without links followed. Two slashes at its beginning are one, as on Linux."""
    text = os.path.abspath(path)
    return Path(f"/{text.lstrip('/')}" if text.startswith("//") and os.name == "posix" else text)


def _places_of(path: Path) -> Iterator[Path]:
    """The absolute paths in a list, which people write by hand; a line that names a file as it stands means it."""
    for line in _text_of(path).split(b"\n"):
        exact = os.fsdecode(line)
        name = exact.strip()
        # The line's end may be that of Windows, or the last sign of the name.
        stands = [text for text in (exact, exact.removesuffix("\r")) if name and os.path.lexists(path.parent / text)]
        if stands:
            yield absolute(path.parent / stands[0])
        elif name and not name.startswith("#"):
            yield absolute(path.parent / os.path.expanduser(name))


def _text_of(path: Path) -> bytes:
    """A list's bytes in UTF-8, or in whatever the names of files are in.

    Raises:
        PipelineError: if they are in neither, nor in UTF-16 with the mark that Windows writes before it.
    """
    data = path.read_bytes()
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            data = data.decode("utf-16").encode()
        except UnicodeDecodeError:
            data = b"\0"
    if b"\0" in data:
        raise PipelineError(f"{path}: expected a list in UTF-8, found zero bytes, which no name has; save it as UTF-8")
    return data.removeprefix(codecs.BOM_UTF8)


def files_below(
    folder: Path, leave_out: Path | None = None, skip: Skip = NOTHING_MORE, skipped: Counter[str] | None = None
) -> Iterator[Path]:
    """All files below a folder but hidden ones, those in a folder that `TAG`, `MARK` or `EXPORTED` marks, and others.

    Links to folders are followed, but to no folder that was entered before or that the named one lies in. A folder
    that cannot be listed stands for its files. `EXPORTED` on the folder itself does not count, nor does its name: it
    was named.

    Args:
        folder: where to look.
        leave_out: a folder that is never entered.
        skip: what else is passed over.
        skipped: what was, and how many files, is added here.
    """
    # A link to a folder above would bring in all that lies beside the one that was named.
    entered = {(about.st_dev, about.st_ino) for about in map(os.stat, folder.resolve().parents)}
    passed = Counter[str]() if skipped is None else skipped
    if leave_out is not None and leave_out.is_dir():
        about = leave_out.stat()
        entered.add((about.st_dev, about.st_ino))
    closed: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=closed.append, followlinks=True):
        try:
            about = os.stat(place)
        except FileNotFoundError:  # It was here a moment ago.
            continue
        marked = TAG in files or MARK in files or (EXPORTED in files and place != str(folder))
        if marked or (about.st_dev, about.st_ino) in entered:
            folders.clear()
            continue
        entered.add((about.st_dev, about.st_ino))
        start = "" if place == str(folder) else f"{os.path.relpath(place, folder)}/"
        reasons = {name: skip.reason(start + name, True) for name in folders}
        for name, reason in reasons.items():
            if reason:
                passed[reason] += files_in(os.path.join(place, name))
        folders[:] = sorted(name for name in folders if not reasons[name] and not name.startswith("."))
        for name in files:
            if reason := skip.reason(start + name, False):
                passed[reason] += 1
            elif not name.startswith("."):
                yield Path(place, name)
    yield from (Path(error.filename) for error in closed)
