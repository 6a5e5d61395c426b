"""The settings of a fit: which methods, how often, the pairs, the head and its training."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any, TypeVar

from pipeline.config.params import REST, Section, plain, read_section
from pipeline.config.types import Count, NotNegative, OneOf, Precision, Range, Widths

T = TypeVar("T")

Pairs = Annotated[str, OneOf(("views", "neighbours", "both"))]
"""What a head's pairs are; see `pipeline.heads.pairs.Sampling`."""
IMAGES_PER_CLUSTER = 8
"""In a batch at least, where its size is ours to choose: the balance term needs to see the clusters' shares."""


@dataclass(frozen=True)
class PairsSettings:
    """The pairs that heads are trained on."""

    neighbours: Count
    """Nearest images of each that it is paired with, where pairs are neighbours."""
    adaptive: bool
    """Only those of them that have the image among theirs; see `pipeline.heads.pairs.mutual`."""


@dataclass(frozen=True)
class TrainingSettings:
    """The head and its training; params.yaml says which values are the paper's and which are ours."""

    hidden: Annotated[tuple[Count, ...], Widths(4, "as the head has five layers")]
    learning_rate: Annotated[float, Range(1e-8)]
    weight_decay: NotNegative
    epochs: Count
    min_steps: Count
    batch: Annotated[int, Range(2)]
    precision: Precision


@dataclass(frozen=True)
class FitSettings:
    """Which methods are fitted, and how often."""

    seed: Annotated[int, Range(0)]
    runs: Count
    methods: tuple[str, ...]
    pairs: PairsSettings
    training: TrainingSettings
    sections: dict[str, Section] = field(metadata=REST)
    """What params.yaml says of single methods, by key; a method reads its own, see `section`."""

    def section(self, name: str, kind: type[T]) -> T:
        """A method's settings: what params.yaml says of it, and the defaults of `kind` where it is silent.

        Args:
            name: the key below `fit:`, such as ``spherical_kmeans``.
            kind: the method's data class.

        Raises:
            PipelineError: if a key is unknown or missing, or a value ill-typed or out of range.
        """
        return read_section(self._unread(name), kind)

    def with_section(self, name: str, **values: Any) -> FitSettings:
        """The same with other values of a method."""
        before = self._unread(name)
        after = replace(before, values={**before.values, **{key: plain(value) for key, value in values.items()}})
        return replace(self, sections={**self.sections, name: after})

    def _unread(self, name: str) -> Section:
        return self.sections.get(name, Section({}, f"fit.{name}"))

    def plain(self) -> dict[str, Any]:
        """All values as params.yaml has them."""
        own = {each.name: plain(getattr(self, each.name)) for each in fields(self) if each.name != "sections"}
        return {**own, **{name: section.values for name, section in self.sections.items()}}
