"""The facts of a collection's pictures: read from their files once, and kept by the pictures' digests."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from pathlib import Path

from pipeline.base.kept import Part, Store
from pipeline.images.facts import Facts, facts_of
from pipeline.images.listing import ImageRecord

VERSION = 1
"""Of the facts: another one has them read anew."""
NAME = "facts"


def kept_facts(folder: Path, records: Sequence[ImageRecord], root: Path) -> list[Facts | None]:
    """The facts of pictures, in the order of the list; None: no picture, or gone before anybody looked.

    Args:
        folder: where they are kept, in one file.
        records: of the pictures.
        root: the folder that their ids start at.
    """
    store = Store(folder, VERSION)
    part = store.read(NAME, None)
    known = {} if part is None else {digest: Facts(*values) for digest, values in part.about.items()}
    files = {record.digest: root / record.id for record in records if record.digest}
    new = sorted(set(files) - set(known))

    def look(digest: str) -> Facts | None:
        try:
            return facts_of(files[digest])
        except OSError:
            return None

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1), thread_name_prefix="look") as pool:
        made = {digest: facts for digest, facts in zip(new, pool.map(look, new), strict=True) if facts is not None}
    if made or set(known) - set(files):
        known = {digest: found for digest in sorted(files) if (found := made.get(digest) or known.get(digest))}
        store.write(NAME, None, Part({digest: astuple(facts) for digest, facts in known.items()}, {}))
    return [known.get(record.digest) for record in records]
