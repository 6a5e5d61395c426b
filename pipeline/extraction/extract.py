"""extract: images x frozen backbone -> K augmented views and a clean one -> shards of embeddings."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from pipeline.backbones.registry import Backbone
from pipeline.backbones.weights import find_weights
from pipeline.config.devices import meanings, suited
from pipeline.config.settings import ExtractSettings
from pipeline.extraction.engines import Engine, Work, here
from pipeline.extraction.plan import Planned, describe, plan
from pipeline.extraction.timings import Timings
from pipeline.features.manifest import MANIFEST_NAME, RANGES, Manifest, listed_shards
from pipeline.features.shards import SUFFIXES, Shard, reusable_shard
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
) -> Timings:
    """Fills the feature cache of a data set and a backbone; shards that are there and fit are kept as they are.

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

    Returns:
        the time spent reading, augmenting, in the backbone and writing.

    Raises:
        PipelineError: if the list, a picture or the weights cannot be had.
    """
    start = time.perf_counter()
    timings = Timings()
    records = listing.read_list(image_folder)
    weights, sha256 = find_weights(backbone)
    settings, planned, done = _begun(backbone, sha256, records, feature_folder, settings, device)
    timings.reused = sum(shard.rows for shard in done.values())
    missing = [shard for shard in planned if shard.file not in done]

    if missing:
        # Where a manifest stands the cache counts as whole, so an outdated one goes before the first shard changes.
        (feature_folder / MANIFEST_NAME).unlink(missing_ok=True)
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
        )
        with closing(engine(work, missing, timings)) as written:
            done |= {shard.file: shard for shard in written}

    ranges = listing.ranges_in(records).plain()
    _finish(dataset, backbone, sha256, settings, ranges, feature_folder, planned, done)
    timings.wall = time.perf_counter() - start
    return timings


Begun = tuple[ExtractSettings, list[Planned], dict[str, Shard]]
"""What a cache is made with, its shards, and by their names those that are there."""


def _begun(
    backbone: Backbone,
    sha256: str,
    records: Sequence[ImageRecord],
    features: Path,
    settings: ExtractSettings,
    device: str,
) -> Begun:
    """As the settings are suited to the device; or if no shard is, but others are, in another of their meanings."""
    names = {path.name for path in features.iterdir()} if features.is_dir() else set()
    listed = listed_shards(features)
    own = suited(settings, device)
    tried: list[Begun] = []
    for meant in (own, *(each for each in meanings(settings) if each != own)):
        planned = plan(backbone, sha256, describe(backbone, meant), records, meant)
        there = [shard for shard in planned if shard.file in names]
        done = _whole(features, there, (1 + meant.views, backbone.dim), listed)
        tried.append((meant, planned, done))
        if done:
            return tried[-1]
        if not there:
            break
    return tried[0]


def _whole(
    features: Path, planned: Sequence[Planned], shape: tuple[int, int], listed: dict[str, Shard]
) -> dict[str, Shard]:
    """Those of the planned shards that are whole in the cache; `shape` is an image's."""
    done = {}
    for shard in planned:
        ids = [record.id for record in shard.records]
        fits = reusable_shard(features / shard.file, ids, (len(ids), *shape), shard.fingerprint, listed.get(shard.file))
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
