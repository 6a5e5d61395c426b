"""The signatures of a collection's pictures: made of their thumbnails once, and kept by the pictures' digests."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from pipeline.base.kept import Part, Store
from pipeline.images.decoding import decode
from pipeline.images.listing import ImageRecord
from pipeline.images.signatures import UNKNOWN, Signature, Signatures, signature, stacked
from pipeline.images.thumbnails import thumbnail_path

VERSION = 1
"""Of the signatures: another one makes them anew."""
NAME = "signatures"


def kept_signatures(folder: Path, records: Sequence[ImageRecord], thumbnails: Path) -> Signatures:
    """The signatures of pictures, in the order of the list; of one without a thumbnail, `UNKNOWN`.

    A thumbnail and not the picture, which has more pixels to go through: what differs is less than what JPEG does.

    Args:
        folder: where they are kept, in one file.
        records: of the pictures.
        thumbnails: the folder of their thumbnails.
    """
    store = Store(folder, VERSION)
    known = _known(store)
    wanted = sorted({record.digest for record in records if record.digest})
    new = [digest for digest in wanted if digest not in known]

    def look(digest: str) -> Signature | None:
        try:
            return signature(decode(thumbnail_path(thumbnails, digest)))
        except Exception:  # It is missing or damaged, for which decoders have many words.
            return None

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1), thread_name_prefix="look") as pool:
        made = {digest: each for digest, each in zip(new, pool.map(look, new), strict=True) if each is not None}
    if made or set(known) - set(wanted):
        known = {digest: found for digest in wanted if (found := made.get(digest) or known.get(digest))}
        _keep(store, known)
    digests = [record.digest for record in records]
    return stacked([known.get(digest, UNKNOWN) for digest in digests], digests)


def _known(store: Store) -> dict[str, Signature]:
    part = store.read(NAME, None)
    if part is None:
        return {}
    rows = zip(part.arrays["grey"], part.arrays["colour"], part.arrays["aspect"].tolist(), strict=True)
    return {digest: Signature(*row) for digest, row in zip(part.about, rows, strict=True)}


def _keep(store: Store, known: dict[str, Signature]) -> None:
    if known:
        each = stacked(list(known.values()), list(known))
        arrays: dict[str, np.ndarray] = {"grey": each.grey, "colour": each.colour, "aspect": each.aspect}
        store.write(NAME, None, Part(list(known), arrays))
