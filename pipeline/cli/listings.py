"""methods, backbones, datasets: tables of what there is, and what of it is on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.backbones.registry import BACKBONES
from pipeline.backbones.weights import WEIGHTS_FOLDER, weights_are_here
from pipeline.heads.method import ALONE, section_of
from pipeline.images.datasets.entry import Dataset
from pipeline.methods import METHODS


def list_methods() -> str:
    """A table of the methods in the order of the registry; none is imported."""
    rows = [
        (name, entry.title, "yes" if entry.objective_alone else "", entry.text, f"{entry.module.replace('.', '/')}.py")
        for name, entry in METHODS.items()
    ]
    notes = (
        f"{ALONE.lower()}\n"
        "described in: there stand the source, and what is the paper's and what ours. Its own settings, if it has\n"
        "any, are those of the class Settings there; a value in their place goes below fit: in params.yaml, such as\n"
        f"fit.{section_of('pro-dsc')} for pro-dsc."
    )
    return f"{aligned([('name', 'title', 'objective alone', 'uses text', 'described in'), *rows])}\n{notes}"


def list_backbones(weights: Path = WEIGHTS_FOLDER) -> str:
    """A table of the backbones; nothing is downloaded, loaded or hashed."""
    rows = []
    for entry in BACKBONES.values():
        source = "Python package" if entry.weights.package else f"{entry.weights.megabytes:,} MB"
        state = "here" if weights_are_here(entry, weights) else "gated" if entry.weights.gated else "not here"
        side = str(entry.geometry.size) + ("+" if entry.any_size else "")
        library, text = entry.library.split("_wheel")[0], "yes" if entry.text_tower else ""
        rows.append((entry.name, library, str(entry.dim), side, text, entry.licence, source, state))
    head = ("name", "library", "dim", "pixels", "text", "licence", "download", "weights")
    reading = [name for name, method in METHODS.items() if method.text]
    notes = (
        f"text: has a text tower, which these need that use text: {', '.join(reading)}.\n"
        "pixels: a + means that other sizes go in too. gated: opens to accounts that have accepted the licence.\n"
        "first+second joins two backbones (SCP-MIX)."
    )
    return f"{aligned([head, *rows])}\n{notes}"


def list_datasets(datasets: Iterable[Dataset]) -> str:
    """A table of the data sets; nothing is downloaded or read."""
    rows = []
    for entry in datasets:
        sizes = " / ".join(f"{count:,}" for count in entry.sizes.values()) if entry.sizes else "all below the folder"
        shipped = f"{entry.package.kind} package" if entry.package else "in the repository"
        source = f"{entry.megabytes:,} MB" if entry.megabytes else "your files" if entry.local else shipped
        rows.append((entry.name, sizes, entry.licence, source, "here" if entry.is_here else "not here", entry.title))
    return aligned([("name", "train / test", "licence", "download", "files", "title"), *rows])


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows as columns of text, the first one being the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
