"""A collection: the folder that `pipeline cluster` makes of somebody's pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from glob import has_magic
from pathlib import Path
from urllib.parse import unquote_to_bytes

from pipeline.base.errors import PipelineError
from pipeline.base.files import read_json, write_text
from pipeline.base.locks import alone
from pipeline.base.text import printable
from pipeline.images.sources import MARK, TAG, absolute

SPLIT = "train"
"""The only split of a collection."""
ROOT_FROM_HERE = "root_from_here"
"""In `Collection.about`: the way to the pictures' folder from the collection's, as a relative URL."""
TAG_TEXT = "Signature: 8a477f597d28d172789f06886806bc55\n# Made anew by 'pipeline cluster' where it is missing.\n"


@dataclass(frozen=True)
class Collection:
    """The files of a collection's folder."""

    folder: Path

    @property
    def name(self) -> str:
        """The folder's name as text, which stands for the collection in messages and in the cache."""
        return printable(self.folder.name)

    @property
    def assignments(self) -> Path:
        """Without a suffix: the CSV and the Parquet file."""
        return self.folder / "assignments"

    @property
    def head(self) -> Path:
        """What predicts new pictures."""
        return self.folder / "head"

    @property
    def page(self) -> Path:
        """The page to browse."""
        return self.folder / "index.html"

    @property
    def about(self) -> Path:
        """How it was made."""
        return self.folder / "run.json"

    @property
    def estimate(self) -> Path:
        """How many clusters there may be, with the evidence."""
        return self.folder / "estimate.json"

    @property
    def clusters(self) -> Path:
        """The numbers and names of the clusters, which last."""
        return self.folder / "clusters.json"

    @property
    def edits(self) -> Path:
        """What people corrected."""
        return self.folder / "edits.json"

    @property
    def aside(self) -> Path:
        """The pictures that people set aside."""
        return self.folder / "aside.csv"

    @property
    def changes(self) -> Path:
        """What changed since the last run."""
        return self.folder / "changes.csv"

    @property
    def robustness(self) -> Path:
        """How stable the clusters are; beside it, as .csv, each picture."""
        return self.folder / "robustness.json"

    @property
    def trials(self) -> Path:
        """What that was computed from, trial by trial."""
        return self.folder / "cache" / "robustness"

    @property
    def thumbnails(self) -> Path:
        """What the page shows."""
        return self.folder / "thumbnails"

    @property
    def images(self) -> Path:
        """The image list."""
        return self.folder / "cache" / "images"

    def features(self, backbone: str) -> Path:
        """The embeddings."""
        return self.folder / "cache" / "features" / backbone

    @property
    def heads(self) -> Path:
        """What `fit` leaves."""
        return self.folder / "cache" / "heads"

    @property
    def predictions(self) -> Path:
        """What `fit` leaves."""
        return self.folder / "cache" / "predictions"

    @property
    def kept(self) -> Path:
        """The runs of a fit that was stopped."""
        return self.folder / "cache" / "parts"

    @property
    def layout(self) -> Path:
        """The map and the nearest neighbours."""
        return self.folder / "cache" / "layout.safetensors"

    @property
    def fitted(self) -> Path:
        """What the last finished fit was made from."""
        return self.folder / "cache" / "fitted"

    @property
    def last(self) -> Path:
        """The pictures of the last run, with the numbers that the head gave them: the next is matched to it."""
        return self.folder / "cache" / "last.csv"

    @property
    def obeyed(self) -> Path:
        """The SHA-256 of the edits that the tables and the page are made with."""
        return self.folder / "cache" / "edits"

    @property
    def suggestions(self) -> Path:
        """Names that clusters may have."""
        return self.folder / "cache" / "suggestions.json"

    @property
    def taught(self) -> Path:
        """The head that learnt from edits.json."""
        return self.folder / "cache" / "taught"

    @property
    def lock(self) -> Path:
        """Held while the folder is filled. Inside: the folder beside may be closed to whoever may fill this one."""
        return self.folder / ".lock"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other processes out while the block fills the folder, and leaves no folder where it wrote nothing.

        Raises:
            PipelineError: see `check`; or if another process is filling the folder.
        """
        self.check()
        new = not self.folder.exists()
        try:
            with alone(self.folder, self.lock):
                yield
        finally:
            if new:
                with suppress(OSError):  # It is not empty.
                    self.folder.rmdir()

    def check(self) -> None:
        """Refuses a place that results cannot be written to.

        Raises:
            PipelineError: if there is a file, or a folder with something else in it.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise PipelineError(f"{self.folder}: expected a folder for the results, found a file; give --out another")
        others = self.folder.is_dir() and any(path != self.lock for path in self.folder.iterdir())
        if others and not (self.folder / MARK).is_file():
            raise PipelineError(
                f"{self.folder}: expected an empty folder or an earlier result of this command, found other files; "
                "give --out a folder of its own"
            )

    def root_beside(self) -> Path | None:
        """Where the pictures' folder is if it was moved together with this one; None: nobody knows.

        Raises:
            PipelineError: if `about` is damaged.
        """
        if not self.about.is_file():
            return None
        there = read_json(self.about, "pipeline cluster").get(ROOT_FROM_HERE)
        return (
            absolute(absolute(self.folder) / os.fsdecode(unquote_to_bytes(there))) if isinstance(there, str) else None
        )

    def claim(self, sources: Sequence[str], root: Path, replace: bool) -> None:
        """Makes the folder, or goes on in one that was made before.

        Args:
            sources: what is to be clustered.
            root: the folder that its paths start at.
            replace: whether results of other sources may give way, as they may where somebody named the folder.

        Raises:
            PipelineError: see `check`; or if it has the results of other sources, which are not to give way.
        """
        self.check()
        if not replace and self.about.is_file():
            about = read_json(self.about, "pipeline cluster")
            named, place = [printable(source) for source in sources], printable(str(root))
            # A folder can be named in several ways, and is known by its place alone.
            alone = len(sources) == len(about["sources"]) == 1 and Path(sources[0]).is_dir()
            same = about["root"] == place or self.root_beside() == root
            if not same or not (alone or about["sources"] == named):
                others = f"{about['root']} ({' '.join(about['sources'])})"
                raise PipelineError(
                    f"{self.folder}: expected the clusters of {place} ({' '.join(named)}), found those of {others}; "
                    "give --out another folder, or this one to replace them"
                )
        write_text(self.folder / MARK, "Made by 'pipeline cluster', which looks for no pictures in here.\n")
        for place_of_ours in (self.thumbnails, self.folder / "cache"):
            write_text(place_of_ours / TAG, TAG_TEXT)


def default_folder(sources: Sequence[str]) -> Path:
    """Where the clusters of sources go: in the current folder, under the name of a single one."""
    name = "pictures"
    if len(sources) == 1 and (os.path.lexists(sources[0]) or not has_magic(sources[0])):
        source = Path(sources[0]).resolve()
        name = source.name if source.is_dir() else source.stem
    return Path(f"{name}-clusters")


def result_of(head: Path) -> Collection | None:
    """The result that a head lies in, named by itself, by its folder or by the result; None: it lies alone."""
    path = absolute(head)
    for folder in (path, *path.parents[:2]):
        found = Collection(folder)
        if (folder / MARK).is_file() and found.head.is_dir():
            return found
    return None


def only_collection(name: str = "name it with --in") -> Path:
    """The one result of `pipeline cluster` in the current folder; `name` says how to name another, for the error.

    Raises:
        PipelineError: if there is none, or more than one.
    """
    marked = (Collection(mark.parent) for mark in Path().glob(f"*/{MARK}"))
    found = sorted(each.folder.name for each in marked if each.about.is_file())
    if len(found) != 1:
        here = f"{len(found)} ({', '.join(found)})" if found else "none"
        raise PipelineError(f"expected one result of 'pipeline cluster' in this folder, found {here}; {name}")
    return Path(found[0])
