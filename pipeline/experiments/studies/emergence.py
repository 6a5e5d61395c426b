"""Figure 2: the heads that a training passes through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pipeline.config.names import HEAD, SNAPSHOTS
from pipeline.config.types import Count, Range
from pipeline.experiments.study import SCP, Variant, Variants, scp_alone

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pipeline.experiments.shown_split import Shown
    from pipeline.heads.settings import FitSettings


@dataclass(frozen=True)
class Settings:
    """The steps whose heads are kept, and how many trainings."""

    runs: Count
    steps: tuple[Annotated[int, Range(0)], ...]
    """Training steps before which the head is kept; 0 is the untrained head. The end is kept in any case."""


def variants(fit: FitSettings, settings: Settings) -> list[Variant]:
    """One, whose training leaves a head at each of the steps."""
    return [Variant("steps", scp_alone(fit, settings.runs), steps=settings.steps)]


def figures(by_name: Variants, shown: Shown) -> dict[str, Figure]:
    """Figure 2: t-SNE of the logits before some training steps and at the end."""
    import numpy as np

    from pipeline.heads.saved import load_model
    from pipeline.report import charts, projection
    from pipeline.report.charts import Map

    (variant,) = by_name.values()
    folder = variant.heads / SCP
    heads = {f"step {int(path.stem.split('-')[1])}": path for path in sorted((folder / SNAPSHOTS).glob("step-*"))}
    chosen = shown.sample(shown.settings.map_images)
    logits = {
        title: load_model(path, shown.methods).model.logits(shown.clean[chosen])
        for title, path in {**heads, "end": folder / HEAD}.items()
    }
    groups = shown.classes(chosen) if shown.labels else logits["end"].argmax(1)
    panels = [Map(title, projection.project(rows, shown.settings.seed), groups) for title, rows in logits.items()]
    clusters = {int(group): "cluster" for group in np.unique(groups)}
    title = f"SCP, logits along one training; {shown.titled(len(chosen))}"
    names = shown.names if shown.labels else clusters
    return {"emergence": charts.maps(panels, names, len(panels), title)}
