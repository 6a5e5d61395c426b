"""The tables and the page of a result, made anew after its edits.json changed: at once, nothing is trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.base.errors import PipelineError
from pipeline.base.files import read_json
from pipeline.base.text import quoted
from pipeline.collection.changes import read_changes
from pipeline.collection.edited import Before, Edited, is_obeyed, read_before
from pipeline.collection.estimate import read_estimate
from pipeline.collection.fill_cache import Say
from pipeline.collection.page import browse
from pipeline.collection.places import find_root
from pipeline.collection.result import Collection
from pipeline.collection.settings import CollectionSettings
from pipeline.config import params
from pipeline.config.names import MIX_SIGN
from pipeline.images.listing import read_list
from pipeline.methods import METHODS


def up_to_date(collection: Collection, say: Say) -> None:
    """Makes a result's tables and page anew if its edits.json is another than they were made with.

    Raises:
        PipelineError: if edits.json or another part of the result is damaged; nothing is changed then.
    """
    if collection.edits.exists() and not is_obeyed(collection):
        with collection.alone():
            remake(collection, say)


def remake(collection: Collection, say: Say, before: Before | None = None, root: Path | None = None) -> Edited:
    """Makes the tables, the page and what lies beside the head anew, of a result that is held.

    Args:
        collection: the result.
        say: takes a line where not all of edits.json could be heeded.
        before: what the last run left, where pictures came or went since; None: they are the same.
        root: the folder that the pictures' paths start at; None: where they are found.

    Raises:
        PipelineError: if a part of the result is missing or damaged.
    """
    features, method = features_of(collection), method_of(collection)
    settings = params.read(CollectionSettings, params.DEFAULTS, partial=True)
    about = read_json(collection.about, "pipeline cluster")
    shown = before is None and about.get("estimate") and collection.estimate.is_file()
    evidence = read_estimate(collection.estimate) if shown else None
    counted = read_changes(collection.changes) if before is None else None
    place = root or _root(collection)
    known = before or read_before(collection)
    return browse(collection, place, features, method, settings.cluster, evidence, known, say, counted)


def features_of(collection: Collection) -> Path:
    """The cache that a result was made of.

    Raises:
        PipelineError: if run.json is missing or damaged.
    """
    about = read_json(collection.about, "pipeline cluster")
    with _whole(collection):
        backbone = MIX_SIGN.join(part["backbone"] for part in about["embedding"]["parts"])
        if Path(backbone).name != backbone:
            raise ValueError(f"expected the name of a backbone, found {quoted(backbone)}")
    return collection.features(backbone)


def method_of(collection: Collection) -> str:
    """The method that a result was fitted by.

    Raises:
        PipelineError: if run.json is missing or damaged.
    """
    about = read_json(collection.about, "pipeline cluster")
    with _whole(collection):
        method = about["fit"]["methods"][0]
        if method not in METHODS:
            raise ValueError(f"expected a method, found {quoted(method)}")
    return str(method)


def _root(collection: Collection) -> Path:
    records = read_list(collection.images)
    if records[0].path:
        return find_root(collection, records)
    about = read_json(collection.about, "pipeline cluster")
    with _whole(collection):
        return Path(about["root"])


@contextmanager
def _whole(collection: Collection) -> Iterator[None]:
    """Whatever is amiss with run.json ends in one line."""
    try:
        yield
    except (LookupError, TypeError, ValueError) as error:
        raise PipelineError(
            f"{collection.about}: damaged ({type(error).__name__}: {error}); run 'pipeline cluster' on the pictures "
            "again"
        ) from None
