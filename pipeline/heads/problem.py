"""What a method is given, a problem, and what each of its runs gives: a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pipeline.base.kept import Store
from pipeline.base.live import Watch
from pipeline.config.settings import DatasetSettings
from pipeline.features.lengths import unit_length
from pipeline.features.neighbours import Neighbours
from pipeline.features.nouns import NounCache
from pipeline.heads.settings import FitSettings

if TYPE_CHECKING:
    import torch

    from pipeline.features.components import Components


class Model(Protocol):
    """What a run leaves behind."""

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        """float32 (n, clusters) from clean embeddings (n, dim); the largest marks the cluster."""

    def confidences(self, logits: np.ndarray) -> np.ndarray:
        """float32 (n, clusters) in 0..1 from logits, in the same order of clusters."""

    def config(self) -> dict[str, Any]:
        """Plain data from which, with the tensors, the method's `restore` makes the model again."""

    def tensors(self) -> dict[str, np.ndarray]:
        """The model's numbers by name."""


class Source(Protocol):
    """Where pairs of views come from when not all embeddings are in memory; see `pipeline.heads.streaming.Stream`."""

    @property
    def images(self) -> int:
        """How many there are."""

    @property
    def readers(self) -> int:
        """Runs that may read at a time."""

    def statistics(self, unit: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and deviation of each dimension, over all views, as they are or at length 1."""

    def pairs(self, batch: int, steps: int, generator: torch.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Both halves of each step's pairs, float16 (batch, dim) each."""


@dataclass(frozen=True)
class Run:
    """One run of a method."""

    model: Model
    loss: float
    """The training loss, made without labels: the run with the least is kept."""
    history: list[dict[str, float]] = field(default_factory=list)
    """Values along the training, one row a point in time, each with a ``step``."""
    snapshots: dict[int, Model] = field(default_factory=dict)
    """The model before each training step that the problem asks for; empty for a method without steps."""


@dataclass(frozen=True)
class Problem:
    """What a method is given."""

    views: np.ndarray
    """float16 (images, 1 + views, dim), the train split; index 0 is the clean view."""
    settings: FitSettings
    dataset: DatasetSettings
    device: str
    progress: Callable[[str], None]
    """Takes a short text that tells how far the method is; may be called from several threads."""
    steps: tuple[int, ...] = ()
    """Training steps before which the model is to be kept too."""
    given_near: Neighbours | None = None
    """See `near`; None: made here."""
    shared: dict[Any, Any] = field(default_factory=dict)
    """What a method leaves for the next, so that nothing is computed twice; each names what it leaves."""
    stream: Source | None = None
    """Pairs of views where not all images are in memory; `views` are then a sample, or none."""
    parts: tuple[int, ...] = ()
    """Dimensions of each backbone's part of an embedding, where it is a mix; empty: one part."""
    ended: Callable[[int, Run], None] = lambda *_: None
    """May be told of a run, by its seed, as soon as it has ended, before it is given; from several threads."""
    store: Store | None = None
    """Where methods keep on the disk what others will want too; None: nowhere."""
    live: Watch | None = None
    """Told of each epoch of a training on the CPU, for people who look while it goes on."""
    given_nouns: NounCache | None = None
    """See `nouns`."""

    def inside(self) -> Problem:
        """The same for the runs that are parts of one: nobody is told of them, and none of their steps is kept."""
        return replace(self, steps=(), progress=lambda _: None, ended=lambda *_: None, live=None)

    @cached_property
    def near(self) -> Neighbours:
        """The nearest other images of each, by clean embeddings of length 1."""
        return self.given_near or Neighbours(lambda: unit_length(self.views[:, 0]))

    def nouns(self, name: str) -> np.ndarray:
        """WordNet's nouns in the space of the embeddings, float32 (nouns, dim) of length 1.

        Args:
            name: of the list; see `pipeline.features.nouns.LISTS`.

        Raises:
            PipelineError: if they cannot be read.
        """
        assert self.given_nouns is not None, "a fit gives them to the methods that read them"
        return self.given_nouns.read(name)

    def components(self, count: int) -> Components:
        """The first principal components of the clean embeddings; made once for all methods, and for all their runs."""
        from pipeline.features.components import Components  # Brings scikit-learn, and most methods need none.

        # An ensemble looks at a part of the images, with what the methods share still at hand.
        named = "components", len(self.views), count
        views, found = self.shared.get(named, (None, None))
        if views is not self.views:
            found = Components.of(self.views[:, 0], count)
            self.shared[named] = self.views, found
        result: Components = found
        return result
