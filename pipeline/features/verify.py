"""verify: caches -> whether every shard is what was written, to the last bit, and what makes a bad one again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.base.errors import PipelineError
from pipeline.config.names import parts_of
from pipeline.features.cache import MIX_NAME, open_features
from pipeline.features.manifest import MANIFEST_NAME, read_manifest
from pipeline.features.shards import SUFFIXES, read_shard


@dataclass(frozen=True)
class Verdict:
    """What was found in a cache."""

    whole: bool
    lines: list[str]
    """For people: one about the cache, then one for each thing that is wrong, then one for each stray file."""


def find_caches(folder: Path) -> list[Path]:
    """The caches that a folder stands for: itself, a mix after its parts, or all in a result of `pipeline cluster`.

    Raises:
        PipelineError: if it is none of these.
    """
    inside = folder / "cache" / "features"
    members = sorted(each for each in inside.iterdir() if each.is_dir()) if inside.is_dir() else []
    if members:
        return [found for each in members for found in find_caches(each)]
    if (folder / MIX_NAME).is_file():
        return [*(folder.parent / name for name in parts_of(folder.name)), folder]
    # Without a manifest there may be a run that was killed, or is at work.
    if (folder / MANIFEST_NAME).is_file() or any(path.suffix in SUFFIXES for path in folder.glob("*")):
        return [folder]
    raise PipelineError(
        f"{folder}: expected a feature cache (a folder with {MANIFEST_NAME} or {MIX_NAME}) or a result of "
        f"'pipeline cluster', found {'neither' if folder.is_dir() else 'no folder'}; name one, such as "
        "data/features/stl10/clip-vitb32"
    )


def verify(folder: Path) -> Verdict:
    """Reads every shard of a cache in full, one at a time; of a mix what it says about its parts.

    Returns:
        the verdict. Files that are not of the cache are named; they do not make it less whole.
    """
    faults: list[str] = []
    own, about = {MIX_NAME}, "a mix of caches that fit"
    try:
        if (folder / MIX_NAME).is_file():
            open_features(folder)
        else:
            splits = read_manifest(folder).splits
            shards = [shard for members in splits.values() for shard in members]
            own = {MANIFEST_NAME, *(shard.file for shard in shards)}
            for shard in shards:
                try:
                    read_shard(folder / shard.file, shard)
                except PipelineError as error:
                    faults.append(str(error))
            size = f"{sum(shard.rows for shard in shards):,} images, {sum(shard.bytes for shard in shards):,} bytes"
            about = f"{len(faults)} of {len(shards)} shards bad" if faults else f"{len(shards)} shards, {size}"
    except PipelineError as error:
        return Verdict(False, [f"{folder}: NOT WHOLE", str(error)])
    strays = [
        f"{path}: not of this cache, nothing reads it; remove it" for path in folder.iterdir() if path.name not in own
    ]
    return Verdict(not faults, [f"{folder}: {'NOT WHOLE' if faults else 'whole'}, {about}", *faults, *sorted(strays)])
