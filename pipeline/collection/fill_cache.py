"""A request -> a collection whose feature cache is filled: the first step of `cluster` and `estimate`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.backbones.registry import Backbone, get_backbone
from pipeline.base.errors import PipelineError
from pipeline.base.files import write_text
from pipeline.base.provenance import Run, running
from pipeline.base.timing import part
from pipeline.collection.collect import check_count, collect, without_lost
from pipeline.collection.fitting import suited_extraction
from pipeline.collection.own_embeddings import bring
from pipeline.collection.request import Request
from pipeline.collection.result import TAG_TEXT, Collection
from pipeline.config.names import parts_of
from pipeline.config.settings import ExtractSettings
from pipeline.extraction.clean_views import CleanViews, clean_views
from pipeline.extraction.extract import extract
from pipeline.extraction.timings import note
from pipeline.features.cache import write_mix
from pipeline.features.scaling import Scaling, scaling_for
from pipeline.features.vectors import read_vectors
from pipeline.images.examination import REJECTED
from pipeline.images.listing import LostPictureError
from pipeline.images.sources import TAG, Sources


class Say(Protocol):
    """Takes the lines that tell people how the work goes."""

    def __call__(self, line: str, err: bool = False) -> None:
        """A line; `err`: it is no result, and goes where errors go."""


@dataclass(frozen=True)
class Gathered:
    """Somebody's pictures, or embeddings, with a cache that is filled."""

    collection: Collection
    root: Path
    """The folder that the pictures' paths start at."""
    images: int
    rejected: int
    features: Path
    extract: ExtractSettings
    """What the cache was made with; it says nothing of embeddings that were brought."""
    run: Run


@contextmanager
def held(collection: Collection, device: str) -> Iterator[Run]:
    """Keeps other processes out of a collection, and follows how the run goes."""
    with collection.alone(), running(device) as run:
        yield run


def fill_cache(
    request: Request,
    clusters: int,
    device: str,
    run: Run,
    say: Say,
    known: Scaling | None = None,
    augmented: bool = False,
) -> Gathered:
    """Looks at the sources and fills the cache of a collection that is `held`.

    Args:
        request: what to look at and to embed.
        clusters: how many are to be made; sources of fewer pictures are refused before anything is computed.
        device: ``cpu`` or a CUDA device.
        run: notes what the extraction took.
        say: takes a line for each step.
        known: what is done to embeddings that were brought, where a head that stays knows it; None: what they need.
        augmented: whether the method needs augmented views; what is there of the clean ones is kept.

    Raises:
        PipelineError: if there are too few pictures, embeddings cannot be read, or the folder holds the results of
            other sources.
    """
    if request.files is None:
        return _brought(request, clusters, run, say, known)
    return _extracted(request, request.files, clusters, device, run, say, augmented)


def _brought(request: Request, clusters: int, run: Run, say: Say, known: Scaling | None) -> Gathered:
    """Embeddings of a file, or of a folder of such files."""
    path, collection = Path(request.sources[0]), request.collection
    vectors = read_vectors(path)
    try:
        scaling = known or scaling_for(vectors.views)
    except ValueError as error:
        raise PipelineError(f"{path}: expected {error}") from None
    root = path.resolve() if path.is_dir() else path.resolve().parent
    rows, views, dim = vectors.views.shape
    beside = f", {views - 1} views beside the clean one" if views > 1 else ""
    say(f"{rows:,} embeddings of {dim} numbers{beside}")
    if scaling is not None:
        say(scaling.why)
    check_count(rows, clusters)
    collection.claim(request.sources, root, request.may_replace)
    return Gathered(collection, root, rows, 0, bring(vectors, scaling, collection), request.settings.extract, run)


def _extracted(
    request: Request, files: Sources, clusters: int, device: str, run: Run, say: Say, augmented: bool
) -> Gathered:
    """Pictures, and the embeddings that backbones make of them; one that goes away meanwhile costs itself alone."""
    collection = request.collection
    if request.chosen:
        say(request.chosen)
    say("looking at the pictures", err=True)
    models = _models_of(request)
    with clean_views(collection.folder, [model.geometry for model in models]) as clean:
        # Augmented views, and those that a GPU makes, are made from whole pictures.
        made = None if augmented or device != "cpu" else clean
        with part("look"):
            found = collect(files, collection, request.may_replace, clusters, None if made is None else made.add)
        say(found.line())
        while True:
            extracting = suited_extraction(request.settings.extract, request.settings.cluster, found.images, augmented)
            try:
                with part("embed"):
                    _extract_parts(request, models, extracting, device, run, say, made)
                break
            except LostPictureError as error:
                found, lost = without_lost(found, collection, error.image_id, clusters)
                first = f"{lost[0].path} ({lost[0].reason}){f' and {len(lost) - 1:,} more' if len(lost) > 1 else ''}"
                say(f"{first}: lost while this ran, see {REJECTED}; going on with {found.images:,} pictures", err=True)
    features = collection.features(request.backbone)
    if len(parts_of(request.backbone)) > 1:
        write_mix(features)
    return Gathered(collection, found.root, found.images, found.rejected, features, extracting, run)


def _models_of(request: Request) -> list[Backbone]:
    """The backbones of a request, as they see its pictures."""
    choice = request.settings.cluster
    return [get_backbone(name).seeing(choice.geometry, choice.image_size) for name in parts_of(request.backbone)]


def _extract_parts(
    request: Request,
    models: Sequence[Backbone],
    extracting: ExtractSettings,
    device: str,
    run: Run,
    say: Say,
    clean: CleanViews | None,
) -> None:
    """The embeddings of each backbone; what was made before is kept.

    Raises:
        LostPictureError: if a picture went away since the list was made.
    """
    collection = request.collection
    if request.cache is not None:
        write_text(request.cache / TAG, TAG_TEXT)  # No pictures are looked for in there, and no backup is needed.
    for model in models:
        features = collection.features(model.name)
        timings = extract(
            collection.name, model, collection.images, features, extracting, device, cache=request.cache, clean=clean
        )
        note(run, timings)
        say(f"{model.name}: {timings.line(device)}")
