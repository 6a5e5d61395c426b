"""Pages of made pictures, written as `pipeline cluster` writes them."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pipeline.collection.copies import Copy
from pipeline.collection.criteria import Criterion
from pipeline.collection.estimate import Estimate
from pipeline.collection.layout import Layout
from pipeline.collection.levels import Levels
from pipeline.collection.numbers import first_numbers
from pipeline.collection.page import render
from pipeline.collection.page_data import page_data, read_thumbnails
from pipeline.collection.questions import Question
from pipeline.collection.suggestions import Suggestion
from pipeline.heads.predictions import Assignments
from pipeline.images.facts import Facts
from pipeline.images.listing import ImageRecord, digest_of
from pipeline.images.thumbnails import thumbnail, thumbnail_path

HOSTILE = "<img src=x onerror=alert(1)>.png"
ODD = '"quoted", and a comma.png'
CAFES = ("caf\u00e9 1.png", "cafe\u0301 2.png")
"""One name in the two spellings of Unicode."""
FORMULAS = ("=cmd().png", "+1", "-2", "@x", "'=x", "a\rb.png", "a;b.png")
NAMED = 20
"""The number of pictures of the page on which some are called `CAFES` and `FORMULAS`."""
BESIDE = 300
"""The number of pictures of the page whose thumbnails are not inside."""


def write_page(
    folder: Path, images: int, clusters: int, copies: int = 2, stability: dict[str, Any] | None = None
) -> Path:
    """A collection's page with its thumbnails and originals; picture i is in cluster i % clusters.

    Groups have three clusters each, and a cluster two parts: its pictures in turns.

    The first pictures are nearly the same, so many as `copies` in a group: two groups of two, or one of more.
    """
    rng = np.random.default_rng(0)
    names = [f"deep/{number:05d}.png" for number in range(images - 2)] + [HOSTILE, ODD]
    if images == NAMED:
        names[: len(CAFES + FORMULAS)] = [*CAFES, *FORMULAS]
    originals = folder / "pictures"
    (originals / "deep").mkdir(parents=True)
    # As many bytes as the thumbnail of a photo has.
    picture = Image.fromarray(rng.integers(0, 255, (18, 24, 3), dtype=np.uint8)).resize((240, 180))
    small = thumbnail(picture, 160)
    encoded = io.BytesIO()
    picture.save(encoded, "PNG")
    original = encoded.getvalue()
    assert 2_000 < len(small) < 6_000, len(small)
    records = []
    for name in names:
        digest = digest_of(name.encode())
        path = thumbnail_path(folder / "thumbnails", digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(small)
        (originals / name).write_bytes(original)
        records.append(ImageRecord(name, "train", str(originals / name), None, digest))
    found = Assignments(
        names,
        np.full(images, "train"),
        np.arange(images) % clusters,
        rng.uniform(0.5, 1, images),
        (np.arange(images) + 1) % clusters,
        rng.uniform(0, 0.5, images),
    )
    page = folder / "index.html"
    near = (np.arange(images)[:, None] + np.arange(1, 1 + min(8, images - 1))) % images
    pairs = np.where(np.arange(images) < max(4, copies), np.arange(images) // copies, -1)
    layout = Layout(rng.uniform(0, 1, (images, 2)), near, rng.uniform(0, 1, near.shape), pairs)
    margins = rng.uniform(0, 9, images)
    curve = {2: 0.1, 5: 0.9, clusters: 0.5}
    estimate = Estimate(
        5, 4, 7, "fair", images, [Criterion("communities", 5, curve, "shares"), Criterion("odd", None, {}, "")]
    )
    inside = read_thumbnails(folder / "thumbnails", records) if images != BESIDE else None
    facts = ("about", f"{images}", first_numbers(f"{images:012x}", clusters), estimate, inside, folder)
    groups = [list(range(first, min(first + 3, clusters))) for first in range(0, clusters, 3)]
    levels = Levels(groups, found.clusters * 2 + np.arange(images) // clusters % 2)
    asked = [Question(row, ((row + 1) % clusters, row % clusters)) for row in range(0, images, -(-images // 3))]
    told: list[Facts | None] = [
        Facts(240, 180, len(original), "2021-05-31 17:05:59" if row == 0 else "", "PNG") for row in range(images)
    ]
    told[1] = None
    seen = [
        Copy(record, originals / record.id, Facts(240, 180, len(original), "", "PNG"), "") for record in records[:4]
    ]
    # Of two groups of two the second knows which is the best.
    ranked = [[seen[3], seen[2]]] if copies == 2 and images >= 4 else []
    suggested = {"1": Suggestion("beaches", "folders", 0.8).plain()}
    data = page_data(
        records,
        found,
        margins,
        layout,
        originals,
        *facts,
        suggestions=suggested,
        questions=asked,
        copies=ranked,
        facts=told,
        levels=levels,
        stability=stability,
    )
    page.write_text(render(data))
    if inside is not None:
        shutil.rmtree(folder / "thumbnails")
    return page
