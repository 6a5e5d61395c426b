"""The pictures of a result disturbed: blurred, with noise, cropped, and what its saved head then says of them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.base.errors import PipelineError, unknown
from pipeline.collection.embedder import Embedder
from pipeline.collection.settings import RobustnessSettings
from pipeline.collection.stability import Planned, Trial
from pipeline.extraction.corruptions import KINDS, corrupted, described
from pipeline.extraction.rendering import Change
from pipeline.images.listing import ImageRecord, LostPictureError, digest_of_file

FIRST = 32
"""Pictures that tell how long an embedding takes."""
CROP = "crop"
"""The kind that is ours: a part of the picture, anywhere in it."""


def check_kinds(kinds: Sequence[str], where: str) -> None:
    """Refuses kinds that there are not.

    Raises:
        PipelineError: if there is one.
    """
    for kind in kinds:
        if kind != CROP and kind not in KINDS:
            raise unknown("kind", kind, [*KINDS, CROP], where)


def drawn(keys: Sequence[str], count: int, *salt: object) -> np.ndarray:
    """So many of the pictures, by their content alone: int (count,), ascending.

    Args:
        keys: of the pictures.
        count: how many; all where there are fewer.
        salt: another one draws others.
    """
    ranks = [hashlib.blake2b(repr((*salt, key)).encode(), digest_size=8).digest() for key in keys]
    return np.array(sorted(sorted(range(len(keys)), key=lambda row: (ranks[row], row))[:count]), dtype=np.int64)


def cropped(image: Image.Image, side: float, seed: int, severity: int, identity: str) -> Image.Image:
    """A part of a picture with this share of its sides, at least a pixel, anywhere in it."""
    digest = hashlib.blake2b(repr((seed, CROP, severity, identity)).encode(), digest_size=16).digest()
    generator = np.random.default_rng(int.from_bytes(digest, "little"))
    width, height = (max(1, round(side * length)) for length in image.size)
    left = int(generator.integers(image.width - width + 1))
    top = int(generator.integers(image.height - height + 1))
    return image.crop((left, top, left + width, top + height))


@dataclass(frozen=True)
class There:
    """The pictures that are to be disturbed and are there as they were clustered."""

    rows: np.ndarray
    """int (m,), of the result."""
    records: list[ImageRecord]
    """Where they are now."""
    lost: int
    """Those that are gone, or have changed since."""


def find_pictures(records: Sequence[ImageRecord], root: Path, settings: RobustnessSettings) -> There:
    """The pictures to disturb.

    Args:
        records: of the result.
        root: the folder that their ids start at.
        settings: how many, and which.
    """
    rows = drawn([record.digest for record in records], settings.images, settings.seed)
    here = [replace(records[row], path=str(root / records[row].id)) for row in rows]
    same = np.array([_is_same(record) for record in here], dtype=bool)
    found = [record for record, is_same in zip(here, same, strict=True) if is_same]
    return There(rows[same], found, int((~same).sum()))


def _is_same(record: ImageRecord) -> bool:
    try:
        return digest_of_file(Path(record.path)) == record.digest
    except OSError:
        return False


def change_of(kind: str, severity: int, settings: RobustnessSettings, side: int) -> Change:
    """What disturbs a decoded picture.

    Noise of single pixels, and what a JPEG loses, vanish when a large photo is made small for a backbone. So it is made
    small before, about as those are that the severities are for (ours); a crop is of the picture as it is.

    Args:
        kind: of the disturbance.
        severity: of it.
        settings: the seed and the size of crops.
        side: pixels of the shorter side that a picture is reduced to where it has more.
    """

    def change(image: Image.Image, record: ImageRecord) -> Image.Image:
        if kind == CROP:
            return cropped(image, settings.crop_side, settings.seed, severity, record.digest)
        return corrupted(reduced(image, side).convert("RGB"), kind, severity, settings.seed, record.digest)

    return change


def reduced(image: Image.Image, side: int) -> Image.Image:
    """A picture whose shorter side has at most so many pixels."""
    factor = side / min(image.size)
    if factor >= 1:
        return image
    return image.resize((round(factor * image.width), round(factor * image.height)), Image.Resampling.BICUBIC)


def pace(there: There, embedder: Embedder, settings: RobustnessSettings) -> float:
    """The seconds that an embedding takes here: of a few, disturbed in all ways by turns; 0: they are lost."""
    some = there.records[:FIRST]
    ways = [(kind, severity) for kind in settings.kinds for severity in settings.severities]
    turns = {record.id: ways[place % len(ways)] for place, record in enumerate(some)}

    def change(image: Image.Image, record: ImageRecord) -> Image.Image:
        return change_of(*turns[record.id], settings, embedder.side)(image, record)

    try:
        embedder.embed(some)  # The backbone is loaded, and warm.
        began = time.monotonic()
        embedder.embed(some, change)
    except LostPictureError:
        return 0.0
    return (time.monotonic() - began) / len(some)


def disturbances(
    there: There, embedder: Embedder, clusters_of: Callable[[np.ndarray], np.ndarray], settings: RobustnessSettings
) -> list[Planned]:
    """A trial for each kind and severity.

    Args:
        there: the pictures. One that is lost meanwhile is left out from then on.
        embedder: of the result's head.
        clusters_of: the numbers of the clusters for embeddings, float32 (m, dim).
        settings: kinds and severities.
    """
    records = dict(zip(there.rows.tolist(), there.records, strict=True))
    pictures = [(row, record.key) for row, record in records.items()]

    def planned(kind: str, severity: int) -> Planned:
        def make() -> Trial:
            rows, embeddings = _embedded(records, embedder, change_of(kind, severity, settings, embedder.side))
            return Trial(kind, rows, clusters_of(embeddings))

        how = [severity, settings.crop_side] if kind == CROP else [described(kind, severity), embedder.side]
        made_from = [how, settings.seed, pictures]
        return Planned(f"{kind}-{severity}", kind, len(pictures), made_from, make)

    return [planned(kind, severity) for kind in settings.kinds for severity in settings.severities] if records else []


def _embedded(records: dict[int, ImageRecord], embedder: Embedder, change: Change) -> tuple[np.ndarray, np.ndarray]:
    """The pictures by their rows and their embeddings, float32; those that are lost are taken out of `records`."""
    while records:
        try:
            embeddings = embedder.embed(list(records.values()), change)
            return np.array(list(records), dtype=np.int64), embeddings.astype(np.float32)
        except LostPictureError as lost:
            del records[next(row for row, record in records.items() if record.id == lost.image_id)]
    raise PipelineError("all pictures went away while this ran; bring them back, and run the same command again")
