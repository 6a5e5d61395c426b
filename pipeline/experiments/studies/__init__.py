"""The studies: experiments beside the main graph, one module each, and one entry in `STUDIES`.

A new study also stands in those of `study_lists` that it belongs to, below `studies:` in params.yaml if it has
settings, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.base.errors import entry_of
from pipeline.config.names import CLASS_NAMES, NOUNS
from pipeline.config.params import Section, read_section
from pipeline.experiments.study import CacheStudy, FiguresStudy, StudyEntry, TableStudy, Variant

if TYPE_CHECKING:
    from pipeline.config.settings import ExtractSettings
    from pipeline.heads.settings import FitSettings

STUDIES: dict[str, StudyEntry] = {
    "repeats": StudyEntry("pipeline.experiments.studies.repeats", "Many runs", "Table 2", beside="zero-shot"),
    "ablation": StudyEntry("pipeline.experiments.studies.ablation", "Every set of terms", "Table 4"),
    "balance": StudyEntry("pipeline.experiments.studies.balance", "Weight of the balance term", "Figure 5"),
    "views": StudyEntry("pipeline.experiments.studies.views", "Number of cached views", "ours"),
    "emergence": StudyEntry("pipeline.experiments.studies.emergence", "Clusters along the training", "Figure 2"),
    "leaderboard": StudyEntry("pipeline.experiments.studies.leaderboard", "Every method on the same cache", "ours"),
    "systems": StudyEntry("pipeline.experiments.studies.systems", "The objectives of other systems", "ours"),
    "zero-shot": StudyEntry(
        "pipeline.experiments.studies.zero_shot", "CLIP with the names of the classes", "Table 2", text=CLASS_NAMES
    ),
    "text-guided": StudyEntry(
        "pipeline.experiments.studies.text_guided",
        "What text adds to the same embeddings",
        "ours",
        text=NOUNS,
        beside="zero-shot",
    ),
}

# experiments/dvc.yaml reads this file and takes its matrices from here. DVC takes lists that are written out and
# nothing that follows from the entries above; a test compares the two.
study_lists = {
    "fitted": [
        "repeats",
        "ablation",
        "balance",
        "emergence",
        "leaderboard",
        "systems",
    ],  # on the caches of the main graph
    "with_own_cache": ["views"],
    "with_nouns": ["text-guided"],
    "evaluated": [
        "repeats",
        "ablation",
        "balance",
        "views",
        "emergence",
        "leaderboard",
        "systems",
        "zero-shot",
        "text-guided",
    ],
    # The repeats' is the stage comparison; the text-guided, the leaderboard and the systems have stages of their own.
    "tables": ["ablation", "balance", "views"],
    "figures": ["balance", "views", "emergence"],
}


def get_study(name: str, where: str = "") -> StudyEntry:
    """The entry of this name.

    Raises:
        PipelineError: if there is none; near names are offered.
    """
    return entry_of(STUDIES, "study", name, where)


def settings_of(name: str, sections: Mapping[str, Section]) -> Any:
    """A study's own settings, as its data class `Settings`; None if it has none.

    Args:
        name: of the study.
        sections: what params.yaml has below `studies:`, by the studies' names.

    Raises:
        PipelineError: if a key is unknown or missing, or a value ill-typed or out of range.
    """
    kind = getattr(STUDIES[name].load(), "Settings", None)
    return None if kind is None else read_section(sections.get(name, Section({}, f"studies.{name}")), kind)


def variants_of(name: str, fit: FitSettings, sections: Mapping[str, Section]) -> list[Variant]:
    """The variants of a study; see `settings_of`."""
    return STUDIES[name].load().variants(fit, settings_of(name, sections))


def own_cache_of(name: str, extract: ExtractSettings, sections: Mapping[str, Section]) -> ExtractSettings | None:
    """What a study's cache is made with, see `settings_of`; None where the cells' own caches serve."""
    study = STUDIES[name].load()
    return study.extract_settings(extract, settings_of(name, sections)) if isinstance(study, CacheStudy) else None


def with_tables() -> dict[str, TableStudy]:
    """The studies that end in tables, by name."""
    loaded = {name: entry.load() for name, entry in STUDIES.items()}
    return {name: study for name, study in loaded.items() if isinstance(study, TableStudy)}


def with_figures() -> dict[str, FiguresStudy]:
    """The studies that end in figures, by name."""
    loaded = {name: entry.load() for name, entry in STUDIES.items()}
    return {name: study for name, study in loaded.items() if isinstance(study, FiguresStudy)}
