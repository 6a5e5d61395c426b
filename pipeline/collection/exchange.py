"""exchange: a clustered collection -> one file for other programs: CSV, Parquet (Embedding Atlas), JSON (FiftyOne)."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet

from pipeline.base.csv_tables import read_table, write_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import write_json, written_whole
from pipeline.base.text import printable
from pipeline.collection.layout import Layout, read_layout
from pipeline.collection.numbers import Numbers, called, read_numbers
from pipeline.collection.places import find_root, gone, gone_error
from pipeline.collection.result import Collection
from pipeline.collection.tables import read_aside
from pipeline.heads.predictions import NAMED_COLUMNS, PREDICTED_COLUMNS, numbers_of, share, whole
from pipeline.images.listing import ImageRecord, read_list
from pipeline.images.thumbnails import thumbnail_path

ATLAS = "--x x --y y --neighbors neighbors"
"""What Embedding Atlas must be told of the columns; it shows the pictures by themselves."""
NEIGHBOURS = pyarrow.struct({"ids": pyarrow.list_(pyarrow.int64()), "distances": pyarrow.list_(pyarrow.float64())})
COLUMNS = (*NAMED_COLUMNS, "x", "y")


@dataclass(frozen=True)
class Clustered:
    """A collection, read, without the pictures that are set aside."""

    collection: Collection
    records: list[ImageRecord]
    rows: list[dict[str, str]]
    """The assignments, in the columns `NAMED_COLUMNS`."""
    layout: Layout
    """Rows as in the image list, with the pictures that are set aside."""
    shown: np.ndarray
    """int (n,): the rows of the image list that the records are."""
    root: Path
    """The folder that the pictures' paths start at; of no meaning where it was not asked for, or is none."""
    numbers: Numbers | None = None

    def called(self, cluster: int) -> str:
        """What a cluster is called where a label must be a text."""
        return called(cluster, self.numbers)


def read(collection: Collection) -> Clustered:
    """Reads what `pipeline cluster` left.

    Raises:
        PipelineError: if a part is missing, damaged or about other pictures than the list.
    """
    again = "run 'pipeline cluster' on the pictures again"
    path = collection.assignments.with_suffix(".csv")
    rows = read_table(path, PREDICTED_COLUMNS, "pipeline cluster")
    records, layout, aside = read_list(collection.images), read_layout(collection.layout), read_aside(collection)
    check_numbers(path, rows)
    shown = [row for row, record in enumerate(records) if record.id not in aside]
    if [row["path"] for row in rows] != [records[row].id for row in shown]:
        raise PipelineError(f"{path}: expected the pictures of {collection.images}, found others; {again}")
    if len(layout.places) != len(records):
        raise PipelineError(f"{collection.layout}: expected {len(records):,} pictures, found others; {again}")
    numbers = read_numbers(collection.clusters)
    for row in rows:
        row.setdefault("name", called(int(row["cluster"]), numbers))
    every = [{column: row[column] for column in NAMED_COLUMNS} for row in rows]
    return Clustered(
        collection, [records[row] for row in shown], every, layout, np.array(shown, dtype=int), Path(), numbers
    )


def check_numbers(path: Path, rows: list[dict[str, str]]) -> None:
    """Checks that the clusters and confidences of an assignments' table are such.

    Raises:
        PipelineError: if one is none.
    """
    with numbers_of(path, "pipeline cluster"):
        for row in rows:
            for name, number in zip(PREDICTED_COLUMNS[1:], (whole, share, whole, share), strict=True):
                number(row[name])


def to_csv(clustered: Clustered, path: Path) -> None:
    """The assignments with the map's coordinates."""
    places = clustered.layout.places[clustered.shown].tolist()
    rows = zip(clustered.rows, places, strict=True)
    write_table(path, COLUMNS, ([*row.values(), f"{x:.6f}", f"{y:.6f}"] for row, (x, y) in rows))


def to_parquet(clustered: Clustered, path: Path) -> None:
    """The same with thumbnails and nearest neighbours, in the columns that Embedding Atlas takes."""

    def image(record: ImageRecord) -> dict[str, object] | None:
        file = thumbnail_path(clustered.collection.thumbnails, record.digest)
        return {"bytes": file.read_bytes(), "path": printable(record.id)} if file.is_file() else None

    places = clustered.layout.places[clustered.shown].astype(np.float32)
    numbers = {"cluster": pyarrow.int32(), "second": pyarrow.int32()}
    columns = {"path": pyarrow.array([printable(row["path"]) for row in clustered.rows], pyarrow.string())}
    for name in PREDICTED_COLUMNS[1:]:
        kind = numbers.get(name, pyarrow.float32())
        columns[name] = pyarrow.array([float(row[name]) for row in clustered.rows]).cast(kind)
    columns["name"] = pyarrow.array([row["name"] for row in clustered.rows], pyarrow.string())
    columns["x"], columns["y"] = (pyarrow.array(places[:, axis]) for axis in (0, 1))
    columns["neighbors"] = pyarrow.array(_neighbours(clustered), NEIGHBOURS)
    kind = pyarrow.struct({"bytes": pyarrow.binary(), "path": pyarrow.string()})
    columns["image"] = pyarrow.array([image(record) for record in clustered.records], kind)
    # Arrow takes no path that is no UTF-8, but an open file.
    with written_whole(path) as aside, aside.open("wb") as file:
        pyarrow.parquet.write_table(pyarrow.table(columns), file)


def _neighbours(clustered: Clustered) -> list[dict[str, list[Any]]]:
    """The neighbours of each picture, by their rows in the file."""
    layout, place = clustered.layout, {row: number for number, row in enumerate(clustered.shown.tolist())}
    found = []
    for row in clustered.shown:
        pairs = zip(layout.neighbours[row].tolist(), layout.distances[row].astype(float).tolist(), strict=True)
        there = [(place[other], distance) for other, distance in pairs if other in place]
        found.append({"ids": [other for other, _ in there], "distances": [distance for _, distance in there]})
    return found


def to_fiftyone(clustered: Clustered, path: Path) -> None:
    """FiftyOne's image classification format: for each picture's absolute path a label."""
    labels, places = {}, clustered.layout.places[clustered.shown].tolist()
    for record, row, (x, y) in zip(clustered.records, clustered.rows, places, strict=True):
        labels[str(clustered.root / record.id)] = {
            "label": clustered.called(int(row["cluster"])),
            "confidence": float(row["confidence"]),
            "attributes": {"second": clustered.called(int(row["second"])), "x": round(x, 6), "y": round(y, 6)},
        }
    classes = sorted({int(row["cluster"]) for row in clustered.rows})
    write_json(path, {"classes": [clustered.called(cluster) for cluster in classes], "labels": labels})


def placed(clustered: Clustered, pictures: Path | None) -> Clustered:
    """The same with the folder where the pictures are now, see `find_root`; each is there, at a path for JSON.

    Raises:
        PipelineError: if there are embeddings and no pictures, one is gone, or a path is no UTF-8.
    """
    if not all(record.path for record in clustered.records):
        raise PipelineError(
            f"{clustered.collection.folder}: expected clustered pictures, as FiftyOne labels them by their paths, "
            "found embeddings; export them to a .csv or .parquet file"
        )
    root = find_root(clustered.collection, clustered.records, pictures)
    for record in clustered.records:
        path = str(root / record.id)
        if printable(path) != path:
            raise PipelineError(f"{printable(path)}: the name is no UTF-8, which JSON cannot hold; rename it")
    if missing := gone(root, clustered.records):
        raise gone_error(missing)
    return replace(clustered, root=root)


FORMATS: dict[str, Callable[[Clustered, Path], None]] = {
    ".csv": to_csv,
    ".parquet": to_parquet,
    ".json": to_fiftyone,
}
"""By the file's suffix."""


def exchange(collection: Collection, path: Path, dry_run: bool = False, pictures: Path | None = None) -> str:
    """Writes the file that its suffix asks for, and never over another.

    Args:
        collection: a clustered one.
        path: of the file, its suffix one of `FORMATS` in small or capital letters.
        dry_run: check all and write nothing.
        pictures: the folder where the pictures are now; None: where they are found.

    Returns:
        one line for people.

    Raises:
        PipelineError: if the file is there already, the collection is missing a part, the format cannot hold it, or
            names the pictures' places and they are gone.
    """
    if path.exists():
        raise PipelineError(f"{path}: is there already, and nothing is overwritten; remove it or give another name")
    clustered = read(collection)
    write = FORMATS[path.suffix.lower()]
    if write is to_fiftyone:
        clustered = placed(clustered, pictures)
    elif pictures is not None:
        raise PipelineError(f"--pictures {pictures}: a {path.suffix} file names no places of pictures; leave it out")
    what = f"{len(clustered.rows):,} {'pictures' if clustered.records[0].path else 'embeddings'}"
    if dry_run:
        return f"would write {what} to {path}"
    write(clustered, path)
    opened = f"; to open it: embedding-atlas {shlex.quote(str(path))} {ATLAS}" if write is to_parquet else ""
    return f"{what} written to {path}{opened}"
