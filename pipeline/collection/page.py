"""A fitted collection -> assignments, the head by itself, and the page to browse."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.errors import PipelineError
from pipeline.base.files import sha256_of_file, write_bytes, write_json, write_text
from pipeline.base.text import printable
from pipeline.base.timing import part
from pipeline.collection.answers import answered
from pipeline.collection.changes import Changes, write_changes
from pipeline.collection.confidence import confidences
from pipeline.collection.copies import groups_of
from pipeline.collection.edited import Before, Edited, edited, heeded, keep, numbered
from pipeline.collection.estimate import Estimate
from pipeline.collection.fill_cache import Say
from pipeline.collection.kept_facts import kept_facts
from pipeline.collection.kept_signatures import kept_signatures
from pipeline.collection.layout import Layout, kept_layout
from pipeline.collection.levels import nested_levels
from pipeline.collection.page_data import page_data, read_thumbnails, split_thumbnails, way_to
from pipeline.collection.questions import questions
from pipeline.collection.result import ROOT_FROM_HERE, SPLIT, Collection
from pipeline.collection.rules import write_rules
from pipeline.collection.settings import ClusterSettings, LayoutSettings
from pipeline.collection.stability_files import key_of, read_stability
from pipeline.collection.suggested import suggested
from pipeline.collection.tables import corrected, write_aside, write_assignments
from pipeline.collection.taught import ABOUT, Spoken, Teacher, learnt
from pipeline.config.names import HEAD
from pipeline.config.settings import DatasetSettings
from pipeline.features.cache import open_features
from pipeline.features.lengths import unit_length
from pipeline.heads.predictions import Assignments, read_assignments, read_runs
from pipeline.heads.saved import load_model
from pipeline.heads.settings import FitSettings
from pipeline.images.listing import ImageRecord, read_list
from pipeline.methods import METHODS
from pipeline.report.pages import script_json, template

TEMPLATE = "browse/page.html.j2"


def browse(
    collection: Collection,
    root: Path,
    features: Path,
    method: str,
    settings: ClusterSettings,
    estimate: Estimate | None,
    before: Before,
    say: Say,
    counted: Changes | None = None,
    teacher: Teacher | None = None,
) -> Edited:
    """Writes what people take from a collection.

    Args:
        collection: collected and fitted.
        root: the folder that the pictures' paths start at.
        features: the cache.
        method: the method that was fitted.
        settings: of the map, the neighbours and the questions.
        estimate: of the number of clusters, if one was made.
        before: what the last run and people left.
        say: takes a line where not all of edits.json could be heeded.
        counted: what changed since the run before, where this is no new run; None: what changed since the last one.
        teacher: trains a head that learns from edits.json; None: one that was trained before is applied.

    Returns:
        what was written.

    Raises:
        PipelineError: if the list or the predictions are missing, damaged or not about the same pictures.
    """
    records = read_list(collection.images)
    found = _assigned(collection, records, method)
    head = collection.heads / method / HEAD
    opened = open_features(features)
    embeddings = opened.read(SPLIT)
    clean = embeddings.clean
    rows = unit_length(clean)
    with part("map"):
        layout = _laid_out(collection, records, rows, opened.fingerprint, settings.layout)
    near, model = layout.neighbours, load_model(head, METHODS).model
    logits = model.logits(clean)
    known = numbered(before, records, found.clusters, sha256_of_file(head), logits.shape[1])
    actions = heeded(before, known.numbers, collection, say)
    fitted = Spoken(head, model, logits, known.numbers)
    spoken = learnt(collection, fitted, actions, records, opened, embeddings.views, clean, near, teacher)
    if spoken is not fitted:
        found = spoken.assignments(found.ids)
        head, logits = spoken.head, spoken.logits
    made = edited(replace(known, numbers=spoken.numbers), records, found.clusters, actions, clean, collection, say)
    sure = partial(confidences, near, layout.distances, read_runs(collection.predictions / method))
    write_assignments(collection.assignments, corrected(found, made, logits, clean, sure), made.numbers)
    write_aside(collection, made)
    _write_head(collection, head.parent, made)
    about = f"{root} · {METHODS[method].title} on {features.name}"
    first, second = sure(found.clusters, [found.clusters, found.seconds])
    found = replace(found, confidences=first.round(6), second_confidences=second.round(6))
    changes, paths = counted or made.changes, [printable(record.id) for record in records]
    facts = kept_facts(collection.layout.parent, records, root)
    settled = answered(made.edits.actions, paths, made.pictures.digests)
    data = page_data(
        records,
        found,
        first,
        layout,
        root,
        about,
        sha256_of_file(head)[:16],
        made.numbers,
        estimate,
        read_thumbnails(collection.thumbnails, records),
        collection.folder,
        made.edits.actions,
        changes.counts(),
        suggested(collection, opened, paths, made.applied.clusters, clean, facts, teacher is not None, say),
        questions(clean, rows, near, spoken, made.rules, settled, settings.answers),
        groups_of(records, layout.copies, root) if any(made.pictures.digests) else [],
        facts,
        nested_levels(rows, made.pictures.clusters, estimate),
        _stability(collection, opened.fingerprint, sha256_of_file(head), made.pictures.clusters, say),
    )
    write_text(collection.page, render(data))
    if counted is None:
        write_changes(collection.changes, changes)
    keep(collection, before, made)
    return made


def _assigned(collection: Collection, records: Sequence[ImageRecord], method: str) -> Assignments:
    """What the head that was fitted says of the pictures."""
    found = read_assignments(collection.predictions / method)
    if found.ids != [record.id for record in records]:
        raise PipelineError(
            f"{collection.predictions / method}: expected the {len(records):,} pictures of {collection.images}, found "
            f"{len(found.ids):,} others; remove {collection.fitted} and run 'pipeline cluster' again"
        )
    return found


def _laid_out(
    collection: Collection, records: Sequence[ImageRecord], rows: np.ndarray, made_from: str, settings: LayoutSettings
) -> Layout:
    """The map, the neighbours, and the near-duplicates where there are pictures to lay over each other."""
    pictures = any(record.digest for record in records)
    signatures = partial(kept_signatures, collection.layout.parent, records, collection.thumbnails)
    return kept_layout(collection.layout, rows, made_from, settings, signatures if pictures else None)


def _stability(
    collection: Collection, fingerprint: str, head: str, clusters: np.ndarray, say: Say
) -> dict[str, Any] | None:
    """What `pipeline robustness` measured of these very clusters."""
    found = read_stability(collection, key_of(fingerprint, head, clusters), len(clusters))
    if found is None and collection.robustness.is_file():
        say(
            f"{collection.robustness}: not of these clusters, and not shown; 'pipeline robustness' measures them",
            err=True,
        )
    return found


def _write_head(collection: Collection, fitted: Path, made: Edited) -> None:
    """The head by itself, with what was corrected."""
    shutil.rmtree(collection.head, ignore_errors=True)
    for file in sorted(fitted.rglob("*")):
        if file.is_file() and file.name != ABOUT:  # Not by copytree: its errors have no number.
            write_bytes(collection.head / file.relative_to(fitted), file.read_bytes())
    write_rules(collection.head, made.rules)


def render(data: dict[str, Any]) -> str:
    """The page of these data (see `page_data`), in one file; what people named reaches it as JSON alone."""
    used, stability = len(set(data["cluster"])), "stability" in data
    first, later = split_thumbnails(data)
    return template(TEMPLATE).render(
        data=script_json(first),
        later=script_json(later),
        clusters=used,
        images=len(data["paths"]),
        stability=stability,
    )


def write_run(
    collection: Collection,
    sources: Sequence[str],
    root: Path,
    features: Path,
    fit: FitSettings,
    dataset: DatasetSettings,
    images: int,
    rejected: int,
    estimate: Estimate | None,
    facts: dict[str, Any],
) -> None:
    """Writes how the collection was made; `root` and a path of the table together lead to a picture.

    `facts` is what is known of the run itself.
    """
    write_json(
        collection.about,
        {
            "sources": [printable(source) for source in sources],
            "root": printable(str(root)),
            ROOT_FROM_HERE: way_to(root, collection.folder),
            "pictures": images,
            "left_out": rejected,
            "clusters": dataset.clusters,
            "estimate": None if estimate is None else estimate.line(),
            "embedding": open_features(features).describe(),
            "fit": fit.plain(),
            "balance_weight": dataset.balance_weight,
            **facts,
        },
    )
