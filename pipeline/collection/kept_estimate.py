"""The estimate of a collection's number of clusters, made once and kept in its folder."""

from __future__ import annotations

from pipeline.base.progress import progress_line
from pipeline.collection.estimate import Estimate, estimate, known_estimate, write_estimate
from pipeline.collection.fill_cache import Gathered, Say, fill_cache, held
from pipeline.collection.fitting import needs_views
from pipeline.collection.remade import method_of
from pipeline.collection.request import FEWEST, Request
from pipeline.collection.result import SPLIT
from pipeline.collection.settings import CollectionSettings
from pipeline.config.devices import pick_device
from pipeline.features.cache import open_features


def estimate_collection(request: Request, say: Say) -> Estimate:
    """The whole job of `pipeline estimate`: looks at the sources, fills the cache, and estimates.

    Args:
        request: whose clusters to count; the evidence is written into its collection.
        say: takes a line for each step.

    Raises:
        PipelineError: see `fill_cache`.
    """
    device = pick_device(request.device)
    with held(request.collection, device) as run:
        # The views that an earlier clustering asked for stay.
        known = request.collection.about.is_file()
        augmented = known and needs_views(request.settings.fit, method_of(request.collection))
        given = fill_cache(request, FEWEST, device, run, say, augmented=augmented)
        return kept_estimate(given, request.settings, device)


def kept_estimate(given: Gathered, settings: CollectionSettings, device: str) -> Estimate:
    """How many clusters there may be; made before of the same embeddings, it is kept."""
    path, features = given.collection.estimate, open_features(given.features)
    known = known_estimate(path, features, settings.cluster, settings.fit)
    if known is not None:
        return known
    show = progress_line(f"{given.collection.name}, how many clusters")
    made = estimate(features.read(SPLIT).clean, settings.cluster, settings.fit, device, show)
    write_estimate(path, made, features, settings.cluster, settings.fit)
    return made
