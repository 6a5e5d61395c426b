"""How many clusters embeddings may have, with the evidence for it. No labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.errors import PipelineError
from pipeline.base.files import read_json, sha256_of_json, write_json
from pipeline.collection import criteria
from pipeline.collection.criteria import Criterion
from pipeline.collection.proposed import Level, proposed_levels, wanted_numbers
from pipeline.collection.settings import ClusterSettings, EstimateSettings
from pipeline.config.settings import PUBLISHED, DatasetSettings
from pipeline.features.cache import Features
from pipeline.features.neighbours import Neighbours
from pipeline.heads import cpp, scp
from pipeline.heads.problem import Problem
from pipeline.heads.runs import run_seeds
from pipeline.heads.settings import FitSettings
from pipeline.heads.subspaces import Subspaces
from pipeline.methods import umap_kmeans

FEWEST = 30
"""Of fewer pictures no head is trained, and the evidence is weak whatever it is."""
CLOSE = 1
"""Communities and finer ones count as the same number up to this difference: the one that people forgive (ours)."""
STABLE = 0.6
"""Communities last from this stability on; settled with the numbers of classes in sight (ours)."""
ALIKE = 2.0
"""UMAP's silhouette supports a number from which it is at most this factor away (ours)."""
APART = 0.8
"""From this mean silhouette on UMAP's layout on, groups lie apart for all to see (ours)."""
CLEAR, FAIR, WEAK = "clear", "fair", "weak"


@dataclass(frozen=True)
class Estimate:
    """A recommendation with its range, and what it rests on."""

    choice: int
    low: int
    high: int
    """`low` to `high`: communities and finer ones; where the evidence is weak, the coarse and the fine level."""
    evidence: str
    """``clear``, ``fair`` or ``weak``, see `recommended`."""
    sampled: int
    """Pictures that were looked at."""
    criteria: list[Criterion]
    levels: list[Level] = field(default_factory=list)
    """What there is to choose from, where the evidence is weak; the choice is the medium one."""

    def line(self) -> str:
        """The estimate for people."""
        span = f"{self.low} to {self.high}" if self.low < self.high else "at every resolution"
        advice = "; choose a level with -k" if self.levels else "; try other numbers with -k"
        advice = advice if self.evidence == WEAK else ""
        return f"about {self.choice} clusters ({span}; the evidence is {self.evidence}{advice})"

    def table(self) -> str:
        """What each criterion chose, one a line."""
        width = max(len(each.name) for each in self.criteria)
        rows = (f"{each.name:{width}}  {each.choice or '-':>3}  {each.text}" for each in self.criteria)
        return "\n".join(rows)


def recommended(rows: np.ndarray, choice: ClusterSettings, fit: FitSettings) -> Estimate:
    """A recommendation of criteria that train nothing (ours).

    Communities that last in subsamples are clear evidence where UMAP's layout shows as many groups, far apart. Where
    finer ones are about as many, these are the choice. That is fair evidence, and clear where the silhouette on UMAP's
    layout, which knows no resolution, supports it. Otherwise it is weak: the number depends on how closely one looks,
    so levels are proposed, and the choice is the medium one.

    Args:
        rows: float (n, dim), clean embeddings, at least 2.
        choice: settings of the criteria.
        fit: how UMAP lays out.
    """
    settings = choice.estimate
    prepared = criteria.prepared(rows, settings)
    graph = criteria.joined(prepared)
    asked = [criteria.communities(graph, settings), criteria.finer_communities(graph, settings)]
    coarser, finer = (max(2, each.choice or 0) for each in asked)
    if len(prepared) >= FEWEST:
        umap = criteria.silhouette_of_layout(prepared, settings, fit.section("umap_kmeans", umap_kmeans.Settings))
        asked.append(umap)
        shown = umap.choice or 0
        apart = abs(shown - coarser) <= CLOSE and umap.curve.get(shown, 0) >= APART
        if (apart or abs(finer - coarser) <= CLOSE) and criteria.stability(graph, prepared, settings) >= STABLE:
            if apart:
                low, high = sorted((coarser, shown))
                return Estimate(coarser, low, high, CLEAR, len(prepared), asked)
            low, high = sorted((coarser, finer))
            supported = 1 / ALIKE <= shown / finer <= ALIKE
            return Estimate(finer, low, high, CLEAR if supported else FAIR, len(prepared), asked)
    numbers = wanted_numbers(finer, len(rows), settings.wanted)
    levels = proposed_levels(prepared, numbers, len(rows), settings)
    return Estimate(numbers[1], numbers[0], numbers[2], WEAK, len(prepared), asked, levels)


def estimate(
    rows: np.ndarray, choice: ClusterSettings, fit: FitSettings, device: str, progress: Callable[[str], None]
) -> Estimate:
    """Asks every criterion: the recommendation, and beside it what does not enter it.

    Args:
        rows: float (n, dim), clean embeddings, at least 2.
        choice: settings of the criteria and of the heads.
        fit: what the heads are trained with, where `choice` is silent.
        device: ``cpu`` or a CUDA device.
        progress: takes a short text that tells how far it is.
    """
    settings = choice.estimate
    progress("neighbour graph")
    found = recommended(rows, choice, fit)
    prepared = criteria.prepared(rows, settings)
    beside = [criteria.eigengap(prepared, settings), criteria.silhouette(prepared, settings)]
    if len(prepared) >= FEWEST:
        beside += _heads(prepared, choice, fit, device, progress)
        beside.append(_net(prepared, settings, fit, device, progress))
    return replace(found, criteria=found.criteria + beside)


def _heads(
    rows: np.ndarray, choice: ClusterSettings, fit: FitSettings, device: str, progress: Callable[[str], None]
) -> list[Criterion]:
    """What small heads on pairs of nearest neighbours say."""
    settings = choice.estimate
    near = Neighbours(lambda: rows)
    batch = max(2, min(fit.training.batch, len(rows) // 4))
    small = replace(
        fit.training, hidden=settings.hidden, min_steps=settings.steps, epochs=1, batch=batch, precision="fp32"
    )

    def clusters(k: int, weight: float, runs: int) -> list[np.ndarray]:
        progress(f"heads, {k} clusters")
        dataset = DatasetSettings(k, weight, None, PUBLISHED)
        problem = Problem(rows[:, None], replace(fit, training=small), dataset, device, lambda _: None, given_near=near)
        return [run.model.logits(rows).argmax(1) for run in scp.fit(problem, run_seeds(settings.seed, runs))]

    most, too_many = (min(number, len(rows) // 3) for number in (settings.most_of_heads, settings.too_many))
    runs = {k: clusters(k, choice.balance_weight, settings.runs) for k in range(2, most + 1)}
    (over,) = clusters(too_many, settings.weak_balance_weight, 1)
    return [criteria.agreement(runs), criteria.linear_accuracy(rows, runs), criteria.survivors(over, too_many)]


def _net(
    rows: np.ndarray, settings: EstimateSettings, fit: FitSettings, device: str, progress: Callable[[str], None]
) -> Criterion:
    """What a small CPP net says; of its own values it has the objective's, whatever a fit of `cpp` is given."""
    progress("rate reduction")
    values = cpp.Settings(
        hidden=settings.hidden[0],
        width=settings.net_width,
        warmup=settings.net_warmup,
        steps=settings.steps,
        learning_rate=settings.net_learning_rate,
        sample=len(rows),
    )
    given = replace(fit, sections={}).with_section("cpp", **asdict(values))
    problem = Problem(rows[:, None], given, DatasetSettings(2, 0.0, None, PUBLISHED), device, lambda _: None)
    (run,) = cpp.fit(problem, run_seeds(settings.seed, 1))
    assert isinstance(run.model, Subspaces)
    return criteria.rate_reduction(cpp.coding_lengths(run.model.net, rows, min(settings.most, len(rows) - 1), values))


def known_estimate(path: Path, features: Features, choice: ClusterSettings, fit: FitSettings) -> Estimate | None:
    """The estimate in a file, if there is one that was made of just this.

    Args:
        path: the JSON file.
        features: the cache.
        choice: see `estimate`.
        fit: see `estimate`.
    """
    if not path.is_file():
        return None
    known = read_json(path, "pipeline estimate")
    return _from_plain(known) if known.get("made_from") == _fingerprint(features, choice, fit) else None


def read_estimate(path: Path) -> Estimate:
    """The estimate in a file, whatever it was made of.

    Raises:
        PipelineError: if the file is missing or damaged.
    """
    try:
        return _from_plain(read_json(path, "pipeline estimate"))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise PipelineError(f"{path}: not an estimate ({error}); remove it") from None


def write_estimate(path: Path, made: Estimate, features: Features, choice: ClusterSettings, fit: FitSettings) -> None:
    """Writes an estimate for `known_estimate`; the arguments are those of the two."""
    write_json(path, {"made_from": _fingerprint(features, choice, fit), **asdict(made)})


def _fingerprint(features: Features, choice: ClusterSettings, fit: FitSettings) -> str:
    return sha256_of_json([features.fingerprint, asdict(choice), fit.plain()])


def _from_plain(known: dict[str, Any]) -> Estimate:
    """The estimate that was written; JSON has made texts of the curves' numbers."""
    values = {key: value for key, value in known.items() if key != "made_from"}
    made = [
        Criterion(**{**each, "curve": {int(k): value for k, value in each["curve"].items()}})
        for each in values.pop("criteria")
    ]
    levels = [Level(**each) for each in values.pop("levels", [])]  # An estimate of an earlier version has none.
    return Estimate(**values, criteria=made, levels=levels)
