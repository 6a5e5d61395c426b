"""One cache for several results: whatever one of them has computed, the others copy.

For each backbone and recipe there is a folder of shards that are written once and never changed, each with what a run
had and the folder had not. So nothing needs to be locked: of two processes that add the same both are right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.files import sha256_of_json
from pipeline.extraction.plan import Planned
from pipeline.extraction.reuse import Holder, holders
from pipeline.features.shards import Origin, write_shard
from pipeline.features.unlisted import read_unlisted

DIGITS = 16
"""Of the digests that folders and shards are named after."""


@dataclass(frozen=True)
class Shared:
    """The folder of a backbone."""

    folder: Path

    def of(self, recipe: str) -> Path:
        """Where the embeddings of a recipe are."""
        return self.folder / recipe[:DIGITS]

    def holders(self, recipe: str, dim: int) -> list[Holder]:
        """The shards of a recipe that are whole; their files are absolute paths."""
        return holders(Path(), [str(path.absolute()) for path in self.of(recipe).glob("*.h5")], dim)

    def add(self, features: Path, shards: Sequence[Planned], width: int, dim: int) -> None:
        """Adds what a finished cache has and this one has not, or with fewer views.

        Args:
            features: the cache.
            shards: its shards, of one recipe.
            width: embeddings of a row.
            dim: their length.
        """
        recipe = shards[0].recipe
        held = {key for each in self.holders(recipe, dim) if each.width >= width for key in each.origin.keys} | {""}
        for shard in shards:
            rows = {}
            for row, key in enumerate(shard.origin.keys):
                if key not in held:
                    held.add(key)
                    rows[row] = key
            read = read_unlisted(features / shard.file) if rows else None
            if read is not None:
                origin = Origin(recipe, list(rows.values()))
                fingerprint = sha256_of_json([recipe, width, origin.keys])
                path = self.of(recipe) / f"{fingerprint[:DIGITS]}.h5"
                write_shard(path, origin.keys, read[1][list(rows)], fingerprint, origin)
