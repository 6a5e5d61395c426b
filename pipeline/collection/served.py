"""What `pipeline browse` gives and takes of a result: its page and its pictures, and edits.json, which it writes."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.base.errors import PipelineError
from pipeline.base.remote import is_url
from pipeline.collection.edits import Action, Edits, check_result, edits_of, write_edits
from pipeline.collection.numbers import no_numbers, read_numbers
from pipeline.collection.result import Collection
from pipeline.images.listing import LIST_NAME, ImageRecord, digest_of, read_list
from pipeline.images.thumbnails import thumbnail_path
from pipeline.report.pages import script_json

HOLE = '<script type="application/json" id="served">null</script>'
"""Where the page learns that it is served. In its data every ``<`` is escaped, so this stands in it once."""
NO_ICON = '<link rel="icon" href="data:,">'
"""Browsers would ask for one at an address without the token."""
CHANGES = "the changes"
"""What the page sent, in messages."""


class MalformedError(PipelineError):
    """What was sent is no file of edits."""


class OutdatedError(PipelineError):
    """edits.json is another than the one that the page goes on from."""


@dataclass(frozen=True)
class Now:
    """A result as it is."""

    page: str
    """Tells its page from any other, as long as the result is served."""
    mark: str
    """Tells its edits.json from any other."""
    actions: tuple[Action, ...]
    """Those of edits.json."""


def now(collection: Collection) -> Now:
    """Reads what a result is.

    Raises:
        PipelineError: if its page is missing, its edits are damaged or of another result, or this is no result.
    """
    path, result = _inside(collection, collection.edits), result_id(collection)
    data = _bytes(path)
    edits = Edits(result) if data is None else edits_of(data, path)
    check_result(edits, result, path, "move it away first")
    page = _inside(collection, collection.page)
    if not page.is_file():
        raise PipelineError(f"{page}: not there yet; run 'pipeline cluster'")
    about = page.stat()  # It may be large; whoever makes it anew renames another file into its place.
    return Now(f"{about.st_ino} {about.st_size} {about.st_mtime_ns}", _mark(data), edits.actions)


def save_edits(collection: Collection, data: bytes, mark: str) -> str:
    """Writes edits.json, whole or not at all.

    Args:
        collection: the result.
        data: the bytes of a file of edits.
        mark: of the edits.json that they go on from.

    Returns:
        the new mark.

    Raises:
        MalformedError: if the bytes are no file of edits.
        OutdatedError: if edits.json has another mark by now.
        PipelineError: if they are of another result, or another process is filling the folder.
    """
    edits = _read(data)
    path = _inside(collection, collection.edits)
    with collection.alone():
        check_result(edits, result_id(collection), CHANGES, "load the page again")
        if _mark(_bytes(path)) != mark:
            raise OutdatedError(f"{path}: was changed meanwhile; nothing was overwritten, load the page again")
        write_edits(path, edits)
        return _mark(_bytes(path))


def page(collection: Collection) -> str:
    """The page, which then knows that it is served, and what is now.

    Raises:
        PipelineError: if it is of an earlier version; see `now`.
    """
    about = now(collection)
    path = collection.page
    text = path.read_text(encoding="utf-8")
    if HOLE not in text:
        raise PipelineError(
            f"{path}: made by an earlier version, which cannot be served; run 'pipeline cluster' on the pictures again"
        )
    return text.replace(HOLE, NO_ICON + HOLE.replace("null", script_json(asdict(about))), 1)


def original(collection: Collection, digest: str) -> tuple[bytes, str] | None:
    """A picture of the list and its file's name, by its digest; None: the list has none, or it is not there any more.

    It is read from where the list says and from nowhere else, and given away only if its bytes are those that were
    clustered: a link put into its place leads to nothing.
    """
    beside = collection.root_beside()
    for record in _by_digest(collection).get(digest, ()):
        places = [beside / record.id] if beside is not None else []
        if record.path and record.index is None and not is_url(record.path):
            places.append(collection.images / record.path)
        for place in places:
            data = _bytes(place)
            if data is not None and digest_of(data) == digest:
                return data, place.name
    return None


def small(collection: Collection, digest: str) -> bytes | None:
    """The thumbnail of a picture of the list, by its digest; None: there is none."""
    if digest not in _by_digest(collection):
        return None
    path = _inside(collection, thumbnail_path(collection.thumbnails, digest))
    return _bytes(path)


def _read(data: bytes) -> Edits:
    try:
        return edits_of(data, CHANGES)
    except PipelineError as error:
        raise MalformedError(str(error)) from None


def result_id(collection: Collection) -> str:
    """The id of a result."""
    numbers = read_numbers(collection.clusters)
    if numbers is None:
        raise no_numbers(collection.folder)
    return numbers.result


def _bytes(path: Path) -> bytes | None:
    """The bytes of a file; None: it cannot be had."""
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError:
        return None


def _mark(data: bytes | None) -> str:
    """As the header ``ETag`` has it, in quotes."""
    return f'"{"" if data is None else hashlib.sha256(data).hexdigest()}"'


def _inside(collection: Collection, path: Path) -> Path:
    """A file of the result, which no link takes elsewhere.

    Raises:
        PipelineError: if one does.
    """
    if not path.resolve().is_relative_to(collection.folder.resolve()):
        raise PipelineError(f"{path}: expected a file of the result, found a link that leads out of it; remove it")
    return path


def _by_digest(collection: Collection) -> dict[str, list[ImageRecord]]:
    """The pictures of the list; those that were brought as embeddings have no digest, and are none."""
    about = (collection.images / LIST_NAME).stat()
    return _listed(collection.images, about.st_ino, about.st_size, about.st_mtime_ns)


@lru_cache(maxsize=1)
def _listed(images: Path, *_: int) -> dict[str, list[ImageRecord]]:
    """Read again where another list has come into the place of the last."""
    found: dict[str, list[ImageRecord]] = {}
    for record in read_list(images):
        if record.digest:
            found.setdefault(record.digest, []).append(record)
    return found
