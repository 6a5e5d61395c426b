"""CLIP with the names of the classes, which stands beside the repeats in Table 2; `pipeline zero-shot` fits it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.experiments.study import Variant

if TYPE_CHECKING:
    from pipeline.heads.settings import FitSettings


def variants(fit: FitSettings, _: None) -> list[Variant]:
    """One, on the clean embeddings; its settings are `zero_shot:` of params.yaml."""
    return [Variant("clean", fit)]
