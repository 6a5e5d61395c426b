"""SCP and k-means beside TAC and SIC, which read WordNet's nouns, and CLIP, which reads the names of the classes.

All are on the same embeddings: not in the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.experiments.study import MethodRuns, Variant, Variants

if TYPE_CHECKING:
    from pipeline.heads.method import Methods
    from pipeline.heads.settings import FitSettings


Settings = MethodRuns


def variants(fit: FitSettings, settings: Settings) -> list[Variant]:
    """One for each method, which is its name."""
    return [Variant(name, replace(fit, runs=settings.runs, methods=(name,))) for name in settings.methods]


def table(cells: Sequence[Variants], others: Sequence[Variants], methods: Methods) -> dict[str, str]:
    """The methods by data set and by class, those that read text marked; the others are CLIP's zero-shot classes."""
    from pipeline.experiments.class_table import class_table
    from pipeline.experiments.study_table import study_table

    own, shot = "text-guided", "zero-shot"
    # The one variant of zero-shot, by its method as all others are.
    shots = [dict(zip((shot,), by_name.values(), strict=False)) for by_name in others]
    by_dataset = study_table(own, cells, ["method"], lambda name: [methods[name].marked], (shot, shots))
    columns = [
        [
            (methods[name].marked, name, study, cell)
            for study, by_name in ((own, ours), (shot, theirs))
            for name, cell in by_name.items()
        ]
        for ours, theirs in zip(cells, shots, strict=True)
    ]
    return by_dataset | class_table(f"{own}-classes", [each for each in columns if each])
