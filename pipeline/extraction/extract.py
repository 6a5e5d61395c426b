"""extract: images x frozen backbone -> K augmented views and a clean one -> shards of embeddings."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from pipeline.backbones.registry import Backbone
from pipeline.backbones.weights import find_weights
from pipeline.config.devices import meanings, suited
from pipeline.config.settings import ExtractSettings
from pipeline.extraction.clean_views import CleanViews
from pipeline.extraction.engines import Engine, Work, here, write
from pipeline.extraction.plan import Planned, describe, plan, recipe_of
from pipeline.extraction.reuse import Holder, Outdated, holders, is_older, with_copies
from pipeline.extraction.shared import Shared
from pipeline.extraction.timings import Timings
from pipeline.features.manifest import MANIFEST_NAME, RANGES, Manifest, listed_shards
from pipeline.features.shards import DTYPE, SUFFIXES, Shard, reusable_shard
from pipeline.images import listing
from pipeline.images.listing import ImageRecord


def extract(
    dataset: str,
    backbone: Backbone,
    image_folder: Path,
    feature_folder: Path,
    settings: ExtractSettings,
    device: str,
    engine: Engine = here,
    cache: Path | None = None,
    records: Sequence[ImageRecord] | None = None,
    clean: CleanViews | None = None,
) -> Timings:
    """Fills the feature cache of a data set and a backbone.

    Shards that are there and fit are kept as they are. Of the others whatever embeddings are known by their pictures'
    content are copied from where they stand, and the rest is computed.

    A cache that was begun on another kind of device, in the precision and with the batch that the settings name for
    that, is kept and finished in them.

    Args:
        dataset: name of the data set, for the manifest.
        backbone: the frozen backbone, with the geometry to use.
        image_folder: where `prepare` put the image list.
        feature_folder: the cache to fill; it may lie in a store.
        settings: views, augmentation, seed, precision, batch and shard size; the manifest has the precision and the
            batch that were used.
        device: ``cpu`` or a CUDA device.
        engine: makes the shards that are missing.
        cache: a folder that several caches share, see `shared`: what it has is copied, and what it has not is added.
        records: of the list those to take; None: all.
        clean: views that were made while the list was; None: none were.

    Returns:
        the time spent reading, augmenting, in the backbone and writing.

    Raises:
        PipelineError: if the list, a picture or the weights cannot be had.
    """
    start = time.perf_counter()
    timings = Timings()
    records = listing.read_list(image_folder) if records is None else records
    weights, sha256 = find_weights(backbone)
    shared = None if cache is None else Shared(cache / backbone.name)
    settings, planned, done = _begun(backbone, sha256, records, feature_folder, settings, device, shared)
    missing = [shard for shard in planned if shard.file not in done]
    timings.reused = len(records) - sum(len(shard.todo) for shard in missing)
    timings.widened = sum(known > 0 for shard in missing for known in shard.todo.values())

    if missing:
        timings.renewed = any(is_older(file) for file in _shards_in(feature_folder))
        # Where a manifest stands the cache counts as whole, so an outdated one goes before the first shard changes.
        (feature_folder / MANIFEST_NAME).unlink(missing_ok=True)
        outdated = Outdated(feature_folder, _shards_in(feature_folder) - {shard.file for shard in planned}, missing)
        work = Work(
            title=f"{dataset} x {backbone.name} on {device}",
            total=len(records),
            backbone=backbone,
            weights=weights,
            weights_sha256=sha256,
            images=image_folder,
            features=feature_folder,
            settings=settings,
            device=device,
            clean=clean,
        )
        with closing(_written(engine, work, missing, timings)) as written:
            for shard in written:
                done[shard.file] = shard
                outdated.written(shard.file)

    ranges = listing.ranges_in(records).plain()
    _finish(dataset, backbone, sha256, settings, ranges, feature_folder, planned, done)
    if shared is not None:
        shared.add(feature_folder, planned, 1 + settings.views, backbone.dim)
    timings.wall = time.perf_counter() - start
    return timings


def _written(engine: Engine, work: Work, missing: Sequence[Planned], timings: Timings) -> Generator[Shard, None, None]:
    """Writes the shards; those that are copied altogether need no backbone."""
    for shard in missing:
        if not shard.todo:
            yield write(work, shard, np.empty((0, 1 + work.settings.views, work.backbone.dim), DTYPE), timings)
    computed = [shard for shard in missing if shard.todo]
    if computed:
        yield from engine(work, computed, timings)


Begun = tuple[ExtractSettings, list[Planned], dict[str, Shard]]
"""What a cache is made with, its shards, and by their names those that are there."""


def _begun(
    backbone: Backbone,
    sha256: str,
    records: Sequence[ImageRecord],
    features: Path,
    settings: ExtractSettings,
    device: str,
    shared: Shared | None,
) -> Begun:
    """As the settings are suited to the device; or if no shard is, but others are, in another of their meanings."""
    names = _shards_in(features)
    listed = listed_shards(features)
    own = suited(settings, device)
    held: list[Holder] | None = None
    tried: list[Begun] = []
    for meant in (own, *(each for each in meanings(settings) if each != own)):
        described = describe(backbone, meant)
        recipe = recipe_of(backbone, sha256, described)
        elsewhere = shared is not None and shared.of(recipe).is_dir()
        if held is not None and not elsewhere and not any(holder.origin.recipe == recipe for holder in held):
            continue
        planned = plan(backbone, sha256, described, records, meant)
        there = [shard for shard in planned if shard.file in names]
        done = _whole(features, there, (1 + meant.views, backbone.dim), listed)
        missing = [shard for shard in planned if shard.file not in done]
        if missing:
            if held is None:
                held = holders(features, names - done.keys(), backbone.dim)
            own_rows = [Holder(shard.file, shard.origin, 1 + meant.views) for shard in there if shard.file in done]
            others = shared.holders(recipe, backbone.dim) if shared is not None else []
            copied = with_copies(missing, [*others, *held, *own_rows], meant)
            by_file = {shard.file: shard for shard in copied}
            planned = [by_file.get(shard.file, shard) for shard in planned]
        tried.append((meant, planned, done))
        if done or any(shard.copies for shard in planned):
            return tried[-1]
    return tried[0]


def _shards_in(features: Path) -> set[str]:
    """The names of the shards in a cache, whole or not."""
    return {path.name for path in features.iterdir() if path.suffix == ".h5"} if features.is_dir() else set()


def _whole(
    features: Path, planned: Sequence[Planned], shape: tuple[int, int], listed: dict[str, Shard]
) -> dict[str, Shard]:
    """Those of the planned shards that are whole in the cache; `shape` is an image's."""
    done = {}
    for shard in planned:
        ids = [record.id for record in shard.records]
        own = shard.fingerprint, listed.get(shard.file), shard.origin
        fits = reusable_shard(features / shard.file, ids, (len(ids), *shape), *own)
        if fits is not None:
            done[shard.file] = fits
    return done


def _finish(
    dataset: str,
    backbone: Backbone,
    sha256: str,
    settings: ExtractSettings,
    ranges: dict[str, list[float]],
    features: Path,
    planned: Sequence[Planned],
    done: dict[str, Shard],
) -> None:
    """Writes the manifest of a cache whose shards are all there, and removes those that it does not list."""
    splits: dict[str, list[Shard]] = {}
    for shard in planned:
        splits.setdefault(shard.split, []).append(done[shard.file])
    made_with = describe(backbone, settings) | ({RANGES: ranges} if ranges else {})
    manifest = Manifest(dataset, backbone.name, sha256, backbone.dim, settings.views, made_with, splits)
    manifest.write(features)
    for stale in features.iterdir():
        if stale.suffix in SUFFIXES and stale.name not in done:
            stale.unlink()
