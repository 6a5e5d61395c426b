"""A fitted collection -> assignments, the head by itself, and the page to browse."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
from markupsafe import Markup

from pipeline.base.csv_tables import write_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import sha256_of_file, write_bytes, write_json, write_text, written_whole
from pipeline.base.text import printable
from pipeline.collection.estimate import Estimate
from pipeline.collection.layout import kept_layout
from pipeline.collection.levels import nested_levels
from pipeline.collection.numbers import first_numbers, write_numbers
from pipeline.collection.page_data import page_data, read_thumbnails, way_to
from pipeline.collection.result import ROOT_FROM_HERE, SPLIT, Collection
from pipeline.collection.settings import LayoutSettings
from pipeline.config.names import HEAD
from pipeline.config.settings import DatasetSettings
from pipeline.features.cache import open_features
from pipeline.features.lengths import unit_length
from pipeline.heads.predictions import PREDICTED_COLUMNS, Assignments, read_assignments
from pipeline.heads.saved import load_model
from pipeline.heads.settings import FitSettings
from pipeline.images.listing import read_list
from pipeline.methods import METHODS
from pipeline.report.pages import template

TEMPLATE = "browse/page.html.j2"


def browse(
    collection: Collection,
    root: Path,
    features: Path,
    method: str,
    clusters: int,
    settings: LayoutSettings,
    estimate: Estimate | None,
) -> Path:
    """Writes what people take from a collection.

    Args:
        collection: collected and fitted.
        root: the folder that the pictures' paths start at.
        features: the cache.
        method: the method that was fitted.
        clusters: how many there can be; some may be empty.
        settings: of the map and the neighbours.
        estimate: of the number of clusters, if one was made.

    Returns:
        the path of the page.

    Raises:
        PipelineError: if the list or the predictions are missing, damaged or not about the same pictures.
    """
    records = read_list(collection.images)
    found = read_assignments(collection.predictions / method)
    if found.ids != [record.id for record in records]:
        raise PipelineError(
            f"{collection.predictions / method}: expected the {len(records):,} pictures of {collection.images}, found "
            f"{len(found.ids):,} others; remove {collection.fitted} and run 'pipeline cluster' again"
        )
    write_assignments(collection.assignments, found)
    shutil.rmtree(collection.head, ignore_errors=True)
    for file in sorted((collection.heads / method).rglob("*")):
        if file.is_file():  # Not by copytree: its errors have no number.
            write_bytes(collection.head / file.relative_to(collection.heads / method), file.read_bytes())
    about = f"{root} · {METHODS[method].title} on {features.name}"
    run = sha256_of_file(collection.head / HEAD)[:16]
    opened = open_features(features)
    clean = opened.read(SPLIT).clean
    logits = load_model(collection.head / HEAD, METHODS).model.logits(clean)
    best = -np.partition(-logits, 1, axis=1)[:, :2]
    rows = unit_length(clean)
    layout = kept_layout(collection.layout, rows, opened.fingerprint, settings)
    margins = best[:, 0] - best[:, 1]
    small = read_thumbnails(collection.thumbnails, records)
    numbers = first_numbers(run[:12], clusters)
    write_numbers(collection.clusters, numbers)
    levels = nested_levels(rows, numbers.of(found.clusters), estimate)
    facts = (about, run, numbers, estimate, small, collection.folder)
    data = page_data(records, found, margins, layout, root, *facts, levels=levels)
    write_text(collection.page, render(data))
    return collection.page


def write_assignments(path: Path, found: Assignments) -> None:
    """Writes the CSV file and the same table as Parquet, where a path that is no UTF-8 shows its odd bytes as �."""
    columns = (found.ids, found.clusters, found.confidences, found.seconds, found.second_confidences)
    rows = zip(*(column if isinstance(column, list) else column.tolist() for column in columns), strict=True)
    write_table(path.with_suffix(".csv"), PREDICTED_COLUMNS, rows)
    arrays = [
        pyarrow.array([printable(path) for path in found.ids], pyarrow.string()),
        pyarrow.array(found.clusters.astype(np.int32)),
        pyarrow.array(found.confidences.astype(np.float32)),
        pyarrow.array(found.seconds.astype(np.int32)),
        pyarrow.array(found.second_confidences.astype(np.float32)),
    ]
    # Arrow takes no path that is no UTF-8, but an open file.
    with written_whole(path.with_suffix(".parquet")) as aside, aside.open("wb") as file:
        pyarrow.parquet.write_table(pyarrow.table(arrays, names=list(PREDICTED_COLUMNS)), file)


def render(data: dict[str, Any]) -> str:
    """The page of these data (see `page_data`), in one file; what people named reaches it as JSON alone."""
    # A script element ends at the first "</", whatever its type.
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    used = len(set(data["cluster"]))
    return template(TEMPLATE).render(data=Markup(text), clusters=used, images=len(data["paths"]))


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
