"""cluster: pictures, or embeddings -> clusters, a page to browse, and a head for new pictures, in one go."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from pipeline.base.errors import PipelineError
from pipeline.base.kept import forget
from pipeline.base.text import printable, quoted
from pipeline.base.timing import part
from pipeline.collection.adding import add as add_to
from pipeline.collection.edited import read_before
from pipeline.collection.estimate import Estimate, known_estimate, read_estimate
from pipeline.collection.fill_cache import Gathered, Say, fill_cache, held
from pipeline.collection.fitted import is_fitted, read_fitted, write_fitted
from pipeline.collection.fitting import needs_views, suited
from pipeline.collection.kept_estimate import kept_estimate
from pipeline.collection.page import browse, write_run
from pipeline.collection.request import FEWEST, Request, check_add, check_method, requested
from pipeline.collection.standing import Standing, stand, standing
from pipeline.collection.tables import read_shown
from pipeline.collection.taught import Teacher
from pipeline.config.devices import pick_device
from pipeline.config.settings import DatasetSettings
from pipeline.config.types import AUTO
from pipeline.features.cache import open_features
from pipeline.heads.settings import FitSettings
from pipeline.methods.fit import fit

Place = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class Clustering:
    """The clusters of a collection.

    Attributes
    ----------
    ids : list of str
        The pictures by their paths below `root`, or the ids of embeddings, without those that were set aside.
    clusters : ndarray of int, shape (n,)
        The number of each one's cluster, which later runs keep; from 0 on at the first.
    confidences : ndarray of float, shape (n,)
        How sure it is, 0 to 1: what its nearest pictures and the runs of the method say (docs/confidence.md).
    root : Path
        The folder that the paths of the pictures start at.
    folder : Path
        All results: assignments, page, head, cache.
    page : Path
        The HTML page to browse.
    head : Path
        The folder of the head, for `pipeline.load_head`.
    """

    ids: list[str]
    clusters: np.ndarray
    confidences: np.ndarray
    root: Path
    folder: Path
    page: Path
    head: Path

    @property
    def paths(self) -> list[Path]:
        """The files of the pictures."""
        return [self.root / name for name in self.ids]


def cluster(
    sources: Place | Sequence[Place],
    clusters: int | Literal["auto"] = "auto",
    out: Place | None = None,
    backbone: str | None = None,
    method: str | None = None,
    seed: int | None = None,
    device: str = "auto",
    geometry: str | None = None,
    exclude: Sequence[str] = (),
    cache: Place | None = None,
    refit: bool = False,
    add: bool = False,
) -> Clustering:
    """Clusters pictures, or embeddings of a file, as ``pipeline cluster`` does: no labels, no text.

    What was computed before from the same sources is kept. Progress goes to standard error.

    Parameters
    ----------
    sources : path or sequence of paths
        Folders, picture files, patterns, or .txt lists of paths; or one .npy, .npz, .h5 or .parquet file of
        embeddings, or a folder of such files alone.
    clusters : int or "auto", default="auto"
        Clusters to look for, at least 2; ``auto``: as many as seem to be there.
    out : path, default=None
        Folder for the results. None: the name of the source with ``-clusters``, in the current folder.
    backbone : str, default=None
        What makes the embeddings, see ``pipeline backbones``; ``auto``: the best one whose weights are on this machine.
        None: efficientnet-lite0.
    method : str, default=None
        ``auto``, ``scp``, ``kmeans`` or another; see docs/methods.md. None: auto.
    seed : int, default=None
        Another seed gives another clustering. None: 0.
    device : str, default="auto"
        ``auto`` (CUDA where there is one), ``cpu``, ``cuda`` or ``cuda:N``.
    geometry : str, default=None
        ``pad`` (all of a picture on a background of its own colour), ``squash``, ``crop`` or ``published``. None: pad.
    exclude : sequence of str, default=()
        Patterns of files and folders to skip, as ``--exclude``.
    cache : path, default=None
        Folder of embeddings that several results share, as ``--cache``.
    refit : bool, default=False
        Fits anew, also where the pictures changed little since the last run, as ``--refit``.
    add : bool, default=False
        Whether the clusters of the earlier result stand, and new pictures are assigned to them, as ``--add``.

    Returns
    -------
    Clustering

    Raises
    ------
    PipelineError
        If a name is unknown, a source is not there, there are fewer pictures than clusters, the folder holds
        something else, or there is nothing to add to.
    """
    named = [sources] if isinstance(sources, str | os.PathLike) else sources
    names = [os.fspath(source) for source in named]
    if not names:
        raise PipelineError("sources: expected at least one folder or file, found none")
    if clusters != AUTO and not (isinstance(clusters, int | np.integer) and clusters >= FEWEST):
        raise PipelineError(
            f"clusters: expected a whole number of at least {FEWEST}, or {AUTO}, found {quoted(clusters)}"
        )
    if seed is not None and not (isinstance(seed, int | np.integer) and seed >= 0):
        raise PipelineError(f"seed: expected a whole number of at least 0, found {quoted(seed)}")
    if method is not None:
        check_method(method)
    folder = None if out is None else os.fspath(out)
    shared = None if cache is None else os.fspath(cache)
    request = requested(names, folder, backbone, device, exclude, geometry, shared)
    options = {"--out": folder, "--backbone": backbone, "--method": method, "--seed": seed, "--device": device}
    options |= {"--geometry": geometry, "--cache": shared}
    given = [text for name, value in options.items() if value is not None for text in (name, str(value))]
    given += [text for pattern in exclude for text in ("--exclude", pattern)] + ["--refit"] * refit
    command = shlex.join(["pipeline", "cluster", *names, "-k", str(clusters), *given])

    def silent(line: str, err: bool = False) -> None:
        """The results are given back, so nobody needs to read of them."""

    count = None if clusters == AUTO else int(clusters)
    if add:
        stated = {"clusters": count, "backbone": backbone, "geometry": geometry, "method": method, "seed": seed}
        check_add({**stated, "refit": refit or None})
        root = add_to(request, silent)
    else:
        root = cluster_collection(request, count, method, seed, silent, command, refit)
    collection = request.collection
    found = read_shown(collection)
    return Clustering(
        ids=found.ids,
        clusters=found.clusters,
        confidences=found.confidences,
        root=root,
        folder=collection.folder,
        page=collection.page,
        head=collection.head,
    )


def cluster_collection(
    request: Request,
    clusters: int | None,
    method: str | None,
    seed: int | None,
    say: Say,
    command: str | None = None,
    refit: bool = False,
) -> Path:
    """The whole job of `pipeline cluster`.

    Args:
        request: what to cluster, and where to write.
        clusters: how many to look for; None: as many as are estimated.
        method: its name, checked; None: that of params.yaml.
        seed: of the fit; None: that of params.yaml.
        say: takes a line for each step.
        command: the command line that does the same; None: the one that runs.
        refit: whether to fit anew also where the pictures changed little since the last fit.

    Returns:
        the folder that the pictures' paths start at.

    Raises:
        PipelineError: see `cluster`.
    """
    device, settings, collection = pick_device(request.device), request.settings, request.collection
    choice, name = settings.cluster, method or settings.cluster.method
    with held(collection, device) as run:
        before, last = read_before(collection), None if refit else read_fitted(collection)
        given = fill_cache(request, clusters or FEWEST, device, run, say, augmented=needs_views(settings.fit, name))
        seeded = replace(settings.fit, seed=settings.fit.seed if seed is None else seed)
        dataset = DatasetSettings(FEWEST, choice.balance_weight, choice.image_size, choice.geometry)
        known = standing(last, given, choice, seeded, name, clusters, dataset)
        count, evidence = _counted(given, request, known, clusters, device, say)
        dataset = replace(dataset, clusters=count)
        fitting = suited(seeded, choice, name, given.images, count)
        if is_fitted(last, collection, given.features, fitting, dataset):
            say(f"{name}: fitted before, kept as it is")
        elif known is not None:
            stand(known, given, before.pictures, say)
        else:
            _fit(given, fitting, dataset, clusters is None, device, say)
        teacher = Teacher(fitting, choice.answers, dataset, device, say)
        with part("page"):
            made = browse(collection, given.root, given.features, name, choice, evidence, before, say, teacher=teacher)
        if line := made.line():
            say(line)
        skipped = {} if request.files is None else {printable(why): n for why, n in request.files.skipped.items()}
        facts = {"skipped": skipped, **run.facts(), **({} if command is None else {"command": printable(command)})}
        write_run(
            collection,
            request.sources,
            given.root,
            given.features,
            fitting,
            dataset,
            given.images,
            given.rejected,
            evidence,
            facts,
        )
    return given.root


def _counted(
    given: Gathered, request: Request, known: Standing | None, clusters: int | None, device: str, say: Say
) -> tuple[int, Estimate | None]:
    """How many clusters to look for, and the estimate, if one was made now or before."""
    settings, path = request.settings, given.collection.estimate
    if clusters is not None:
        features = open_features(given.features)
        return clusters, known_estimate(path, features, settings.cluster, settings.fit)
    if known is not None:  # The estimate that the fit went by stands as well.
        return known.clusters, read_estimate(path) if path.is_file() else None
    with part("estimate"):
        made = kept_estimate(given, settings, device)
    for line in (made.line(), *(level.line() for level in made.levels)):
        say(line)
    return made.choice, made


def _fit(
    given: Gathered, settings: FitSettings, dataset: DatasetSettings, estimated: bool, device: str, say: Say
) -> None:
    """Fits the method."""
    collection, features = given.collection, given.features
    summaries = fit(
        collection.name,
        features,
        collection.heads,
        collection.predictions,
        settings,
        given.extract,
        dataset,
        device,
        kept=collection.kept,
    )
    for summary in summaries:
        say(summary.line())
        used = summary.clusters_used[summary.kept]
        if used < dataset.clusters:
            empty = f"{dataset.clusters - used} of the {dataset.clusters} clusters got no picture"
            say(f"{empty}: fewer groups differ here; 'pipeline duplicates {collection.folder}' lists copies")
    write_fitted(collection, features, settings, dataset, estimated)
    forget(collection.kept)
