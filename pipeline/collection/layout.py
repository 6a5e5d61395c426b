"""How a collection's pictures lie to each other: a two-dimensional map, nearest neighbours, near-duplicates."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from threadpoolctl import threadpool_limits

from pipeline.base.errors import PipelineError
from pipeline.base.files import sha256_of_json, write_bytes
from pipeline.collection.duplicates import close, grouped, same_pictures
from pipeline.collection.settings import LayoutSettings
from pipeline.features.cells import near_neighbours
from pipeline.features.neighbours import nearest
from pipeline.images.signatures import Signatures
from pipeline.report.projection import project, sample

RULE = 2
"""Of near-duplicates among pictures: with another one a layout is made anew."""
BETWEEN = 3
"""A picture that t-SNE did not lay out is placed between so many that it did."""


@dataclass(frozen=True)
class Layout:
    """Rows as in the image list."""

    places: np.ndarray
    """float (n, 2) in 0..1: similar pictures lie close."""
    neighbours: np.ndarray
    """int (n, count), the nearest other pictures by embedding, the nearest first."""
    distances: np.ndarray
    """float (n, count), of the neighbours, between embeddings of length 1."""
    copies: np.ndarray
    """int (n,): the same number for pictures that are nearly the same, -1 for those that are like no other."""

    @property
    def remoteness(self) -> np.ndarray:
        """The mean distance to the neighbours, float (n,): large for outliers."""
        return self.distances.mean(1) if self.distances.size else np.zeros(len(self.places))


def lay_out(rows: np.ndarray, settings: LayoutSettings, signatures: Callable[[], Signatures] | None = None) -> Layout:
    """The layout of embeddings.

    t-SNE takes `settings.map_images` of them at most; the others are placed between their nearest ones of these,
    weighted by the inverse of the distance (ours), so that any number is laid out in bounded time.

    Args:
        rows: float (n, dim), of length 1.
        settings: sizes, seed, and which embeddings count as nearly the same.
        signatures: gives those of the pictures, which then decide what is nearly the same; None: there are embeddings
            alone.
    """
    chosen = sample(len(rows), settings.map_images, settings.seed)
    places = np.empty((len(rows), 2))
    if len(rows) < 2:
        places[chosen] = project(rows[chosen], settings.seed)
        return Layout(places, np.empty((len(rows), 0), int), np.empty((len(rows), 0)), np.full(len(rows), -1))
    near, distances = near_neighbours(rows, settings.neighbours)
    # t-SNE has one thread, so the near-duplicates are looked for beside it. The limit stands before either begins, as
    # BLAS has one number of threads for the process.
    with threadpool_limits(1), ThreadPoolExecutor(1, thread_name_prefix="map") as pool:
        drawn = pool.submit(project, rows[chosen], settings.seed)
        if signatures is None:
            pairs = close(near, distances, settings.duplicate_distance)
        else:
            pairs = same_pictures(signatures(), near, distances)
        places[chosen] = drawn.result()
    others = np.setdiff1d(np.arange(len(rows)), chosen)
    if len(others):
        found, apart = nearest(rows[chosen], rows[others], BETWEEN)
        weights = 1 / np.maximum(apart, 1e-6)
        weights /= weights.sum(1, keepdims=True)
        places[others] = (places[chosen][found] * weights[..., None]).sum(1)
    return Layout(places, near, distances, grouped(len(rows), pairs))


def kept_layout(
    path: Path,
    rows: np.ndarray,
    made_from: str,
    settings: LayoutSettings,
    signatures: Callable[[], Signatures] | None = None,
) -> Layout:
    """The layout in a file, if it was made of just this, and otherwise a new one, which is written there.

    Args:
        path: the file.
        rows: see `lay_out`.
        made_from: fingerprint of the rows.
        settings: see `lay_out`.
        signatures: gives those of the pictures that the rows are of, where they are needed; None: there are none.
    """
    mark = sha256_of_json([made_from, asdict(settings), *([] if signatures is None else [RULE])])
    if path.is_file():
        try:
            with safe_open(path, framework="numpy") as file:
                known = (file.metadata() or {}).get("made_from") == mark
        except SafetensorError:
            known = False
        if known:
            return read_layout(path)
    made = lay_out(rows, settings, signatures)
    tensors = {name: np.ascontiguousarray(value) for name, value in asdict(made).items()}
    write_bytes(path, save(tensors, metadata={"made_from": mark}))
    return made


def read_layout(path: Path) -> Layout:
    """Reads a layout.

    Raises:
        PipelineError: if the file is missing or damaged.
    """
    again = "run 'pipeline cluster' on the pictures again"
    try:
        with safe_open(path, framework="numpy") as file:
            layout = Layout(**{name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118, not a dict
        _check(layout)
        return layout
    except FileNotFoundError:
        raise PipelineError(f"{path}: not there yet; {again}") from None
    except (SafetensorError, TypeError, ValueError, LookupError, AttributeError) as error:
        raise PipelineError(f"{path}: not a layout ({error}); remove it and {again}") from None


FARTHEST = 1e6


def _check(layout: Layout) -> None:
    """Refuses numbers that fit no pictures.

    Raises:
        ValueError: if there are some.
    """
    count = len(layout.places)
    shapes = [(layout.places, (count, 2), "f"), (layout.copies, (count,), "i")]
    shapes += [(layout.neighbours, (count, *layout.distances.shape[1:2]), "i")]
    shapes += [(layout.distances, layout.neighbours.shape, "f")]
    for values, shape, kind in shapes:
        if values.shape != shape or values.dtype.kind != kind or not np.isfinite(values).all():
            raise ValueError(f"expected numbers in the shape {shape}, found others")
    if len(layout.places) and np.abs(layout.places).max() > FARTHEST:
        raise ValueError("expected places on a map, found others")
    if layout.neighbours.size and not 0 <= layout.neighbours.min() <= layout.neighbours.max() < count:
        raise ValueError("expected the numbers of pictures, found others")
