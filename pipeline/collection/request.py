"""What is asked of a collection, checked as far as neither pictures nor embeddings need to be read.

Nothing here imports a library that computes, so that a wrong word is refused at once.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.backbones.best import best_here
from pipeline.backbones.registry import check_mix
from pipeline.base.errors import PipelineError, unknown
from pipeline.collection.result import Collection, default_folder
from pipeline.collection.settings import CollectionSettings
from pipeline.config import params
from pipeline.config.devices import check_device
from pipeline.config.names import CLASS_NAMES
from pipeline.config.settings import GEOMETRIES
from pipeline.config.types import AUTO
from pipeline.images.sources import Sources, find_files, is_vectors
from pipeline.methods import find_entry

FEWEST = 2
"""A clustering has two clusters at least."""


@dataclass(frozen=True)
class Request:
    """Pictures, or embeddings, and what is to become of them."""

    sources: tuple[str, ...]
    """Folders, files, patterns, lists; or one file of embeddings."""
    files: Sources | None
    """The files of the pictures; None: they are embeddings."""
    collection: Collection
    """Where to write."""
    may_replace: bool
    """See `Collection.claim`."""
    backbone: str
    cache: Path | None
    """A folder of embeddings that several results share."""
    device: str
    """As it was named; whether it is here is not known yet."""
    settings: CollectionSettings
    chosen: str = ""
    """Why it is this backbone, where the program chose it; for people."""


def requested(
    sources: Sequence[str],
    out: str | None,
    backbone: str | None,
    device: str,
    exclude: Sequence[str] = (),
    geometry: str | None = None,
    cache: str | None = None,
) -> Request:
    """Checks what every work on a collection is given.

    Args:
        sources: folders, files, patterns, lists; or one file of embeddings.
        out: the folder to write; None: one in the current folder, named after the source.
        backbone: its name, or a mix ``first+second``, or ``auto``: the best one whose weights are here; None: that of
            params.yaml.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        exclude: patterns of what to pass over in the sources, see `pipeline.images.skipping.Skip`.
        geometry: one of `GEOMETRIES`; None: that of params.yaml.
        cache: a folder of embeddings that several results share; None: each has its own alone.

    Raises:
        PipelineError: if a name is unknown, the output is a file or a folder of other files, a source is not there, or
            no file is.
    """
    check_device(device)
    settings = params.read(CollectionSettings, params.DEFAULTS, partial=True)
    _check_settings(settings)
    if geometry is not None:
        if geometry not in GEOMETRIES:
            raise unknown("geometry", geometry, GEOMETRIES, "--geometry")
        settings = replace(settings, cluster=replace(settings.cluster, geometry=geometry))
    if cache is not None and Path(cache).exists() and not Path(cache).is_dir():
        raise PipelineError(f"--cache {cache}: expected a folder, or a new one, found a file; name another")
    name, chosen = settings.cluster.backbone if backbone is None else backbone, ""
    if name != AUTO:
        check_mix(name, "--backbone", [AUTO])
    collection = Collection(Path(out) if out else default_folder(sources))
    collection.check()
    files = None if is_vectors(sources) else find_files(sources, collection.folder, exclude)
    if name == AUTO:
        name, chosen = best_here()
    shared = None if cache is None else Path(cache)
    return Request(tuple(sources), files, collection, out is not None, name, shared, device, settings, chosen)


def _check_settings(settings: CollectionSettings) -> None:
    """Refuses what the types of params.yaml cannot."""
    wanted = settings.cluster.estimate.wanted
    if wanted.fewest > wanted.most:
        found = f"found fewest: {wanted.fewest} and most: {wanted.most}"
        raise PipelineError(f"{params.DEFAULTS}: cluster.estimate.wanted: expected fewest to be at most most, {found}")
    for name in settings.cluster.small.auto.centred:
        check_method(name, f"{params.DEFAULTS}: cluster.small.auto.centred")


def check_add(given: Mapping[str, object]) -> None:
    """Refuses what means nothing where the clusters of an earlier result stand.

    Args:
        given: options by their names; None: not given.

    Raises:
        PipelineError: if one is given.
    """
    if named := [option for option, value in given.items() if value is not None]:
        add = "--add" if named[0].startswith("-") else "add"
        raise PipelineError(f"{add}: the clusters stand as they were fitted, found {named[0]} too; leave one out")


def check_method(name: str, where: str = "--method") -> None:
    """Refuses a method that cannot cluster a collection.

    Raises:
        PipelineError: if there is no such method, or it reads text.
    """
    text = find_entry(name, where).text
    if text == CLASS_NAMES:
        raise PipelineError(f"{where} {name}: it reads the names of classes, which a folder of pictures has not")
    if text:
        raise PipelineError(f"{where} {name}: it reads WordNet's nouns, which 'pipeline fit' alone gives to a method")


def check_picture(path: Path) -> None:
    """Refuses a picture that is not there.

    Raises:
        PipelineError: if it is not.
    """
    if not os.path.lexists(path):
        raise unreadable(path, os.strerror(errno.ENOENT))


def unreadable(path: Path, reason: str) -> PipelineError:
    """The error for a picture to look for that cannot be read."""
    return PipelineError(f"{path}: expected a picture, found none that can be read ({reason})")
