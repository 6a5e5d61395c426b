"""What is fitted to what, and the names of the tables that it leaves: a fit's inputs, and its results' files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.base.errors import PipelineError
from pipeline.config.disturbed import COPIES, HALF, MIXED, PREDICTED, REFITTED, SUBSAMPLE, UNEVEN
from pipeline.config.settings import Corruption
from pipeline.experiments.settings import RobustnessStudy
from pipeline.heads.settings import FitSettings

SCP = "scp"
"""The method that is fitted with each kind of pairs."""


@dataclass(frozen=True)
class Trial:
    """A fit to pictures that are not those of the clean one, or with another number of clusters."""

    axis: str
    corruption: Corruption | None = None
    share: float = 1.0
    """Of the pictures that are corrupted."""
    subset: str = ""
    """Of uneven classes, see `subsets_of`; empty: all pictures."""
    factor: float = 1.0
    """Of the number of clusters."""

    @property
    def name(self) -> str:
        """Of its table."""
        if self.axis == UNEVEN:
            return f"{UNEVEN}_{self.subset or 1}_{self.factor:g}"
        if self.corruption is None:
            return self.axis
        share = f"_{self.share:g}" if self.axis == MIXED else ""
        return f"{self.axis}_{self.corruption.name}{share}"


def corruptions(study: RobustnessStudy) -> list[Corruption]:
    """All that the study's axes need, a cache each."""
    each = [Corruption(kind, severity) for kind in study.kinds for severity in study.severities]
    if PREDICTED in study.axes:
        return each
    return _again(study, each) if {REFITTED, MIXED} & {*study.axes} else []


def _again(study: RobustnessStudy, each: list[Corruption]) -> list[Corruption]:
    """Those that are fitted again."""
    return [corruption for corruption in each if corruption.name in study.refitted]


def subsets_of(study: RobustnessStudy) -> dict[str, tuple[float, bool]]:
    """The subsets of uneven classes: by name the ratio, and whether half of the classes are small."""
    stepwise = {f"{ratio:g}": (ratio, False) for ratio in study.ratios if ratio < 1}
    return stepwise | {f"{HALF}{ratio:g}": (ratio, True) for ratio in study.half_ratios}


def trials(study: RobustnessStudy) -> Iterator[Trial]:
    """What is fitted beside the clean pictures, what tells most first."""
    return (trial for trial in _all_trials(study) if trial.axis in study.axes)


def _all_trials(study: RobustnessStudy) -> Iterator[Trial]:
    again = _again(study, corruptions(study))
    yield from (Trial(REFITTED, each) for each in again)
    yield from (Trial(MIXED, each, share) for each in again for share in study.shares)
    yield from (Trial(UNEVEN, factor=factor) for factor in dict.fromkeys(study.factors) if factor != 1)
    for subset in subsets_of(study):
        factors = (1.0,) if subset.startswith(HALF) else dict.fromkeys((1.0, *study.factors))
        yield from (Trial(UNEVEN, subset=subset, factor=factor) for factor in factors)
    yield from (Trial(SUBSAMPLE), Trial(COPIES))


def check_enough(study: RobustnessStudy, images: int, clusters: int) -> None:
    """Refuses so few pictures that a share of them is none, or that clusters would be more.

    Args:
        study: its shares and factors.
        images: how many pictures there are.
        clusters: of the clean pictures.

    Raises:
        PipelineError: if so.
    """
    shares = {MIXED: ("shares", study.shares), COPIES: ("copied", (study.copied,))}
    for axis, (key, given) in shares.items():
        for share in given if axis in study.axes else ():
            if round(share * images) < 1:
                raise PipelineError(f"studies.robustness.{key}: {share:g} of {images:,} pictures is none; take more")
    factors = (1.0, *study.factors) if UNEVEN in study.axes else (1.0,)
    fits = [(images, round(clusters * max(factors)))]
    fits += [(round(images * study.subsample), clusters)] if SUBSAMPLE in study.axes else []
    for there, wanted in fits:
        if there < wanted:
            raise PipelineError(
                f"studies.robustness: expected as many pictures as clusters, found {there:,} for {wanted}; take "
                "another data set, or smaller factors"
            )


def fitted_with(study: RobustnessStudy, fit: FitSettings) -> dict[str, tuple[str, FitSettings]]:
    """The methods by the names they have here, SCP with each kind of pairs, and what each is given."""
    found: dict[str, tuple[str, FitSettings]] = {}
    for method in study.methods or fit.methods:
        if method == SCP:
            found |= {f"{SCP}-{kind}": (SCP, fit.with_section(SCP, pairs=kind)) for kind in study.pairs}
        else:
            found[method] = method, fit
    return found
