"""The sections of the page of the stage `metrics`, in order, the same for every cell.

A section is a function of its data in a module of this folder, a template of its name in `assets/metrics/`, and an
entry in `SECTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline.report.cells import CellResult
from pipeline.report.sections.clusters import clusters_data
from pipeline.report.sections.images import images_data
from pipeline.report.sections.maps import maps_data
from pipeline.report.sections.results import results_data
from pipeline.report.sections.setup import setup_data
from pipeline.report.sections.training import training_data
from pipeline.report.settings import MetricsSettings


@dataclass(frozen=True)
class Section:
    """A section of the page."""

    name: str
    """Of its template, and of its place on the page."""
    title: str
    data: Callable[[CellResult, MetricsSettings], dict[str, Any]]
    """What the template shows of a cell, as `data`, beside `result`, the cell itself."""


SECTIONS = (
    Section("results", "Results", results_data),
    Section("training", "Training", training_data),
    Section("maps", "Maps", maps_data),
    Section("clusters", "Clusters", clusters_data),
    Section("images", "Images", images_data),
    Section("setup", "Set-up", setup_data),
)
