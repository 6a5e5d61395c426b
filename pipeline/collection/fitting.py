"""The fit of a collection: what suits the number of its pictures."""

from __future__ import annotations

import math
from dataclasses import replace

from pipeline.collection.settings import ClusterSettings
from pipeline.config.settings import ExtractSettings
from pipeline.heads.pairs import BOTH, NEIGHBOURS, VIEWS
from pipeline.heads.settings import IMAGES_PER_CLUSTER, FitSettings
from pipeline.methods import METHODS, settings_of


def suited(settings: FitSettings, choice: ClusterSettings, method: str, images: int, clusters: int) -> FitSettings:
    """The fit of a collection: batches of a quarter of the pictures (ours), or the fit's own where that is less.

    Few pictures then still give steps that differ. A batch holds eight pictures a cluster, however many clusters there
    are, as the balance term needs to see their shares. Many pictures are seen in fewer epochs (ours), and of few ones
    an ensemble needs fewer heads, trained for less long (docs/speed.md); auto then has members of another kind beside
    them (docs/benchmark.md).
    """
    batch = max(2, min(images, max(min(settings.training.batch, images // 4), IMAGES_PER_CLUSTER * clusters)))
    epochs = max(1, min(settings.training.epochs, choice.most_steps // math.ceil(images / batch)))
    training = replace(settings.training, batch=batch, epochs=epochs)
    # An ensemble has its runs inside.
    runs, small = 1 if METHODS[method].ensemble else choice.runs, choice.small
    settings = _on_clean_views(settings, method)
    if METHODS[method].ensemble and images <= small.images:
        heads = small.heads
        if method == "auto":
            heads, settings = small.auto.heads, settings.with_section("auto", centred=small.auto.centred)
        settings = settings.with_section("consensus", heads=heads, min_steps=small.min_steps, steps=small.steps)
    return replace(settings, runs=runs, methods=(method,), training=training)


def needs_views(settings: FitSettings, method: str) -> bool:
    """Whether a method is to get augmented views."""
    return getattr(settings_of(_on_clean_views(settings, method), method), "pairs", None) in (VIEWS, BOTH)


def _on_clean_views(settings: FitSettings, method: str) -> FitSettings:
    """An ensemble's heads learn as much from neighbours, in the clean views of a collection's pictures (ours)."""
    return settings.with_section("consensus", pairs=NEIGHBOURS) if METHODS[method].ensemble else settings


def suited_extraction(
    settings: ExtractSettings, choice: ClusterSettings, images: int, augmented: bool
) -> ExtractSettings:
    """The extraction of a collection: the clean view alone, or augmented ones too, more of fewer pictures (ours).

    A batch is smaller than that of the graph's little pictures: its layers are most of what a small collection needs of
    memory (docs/speed.md). A shard is smaller too: photos take long to read, and a shard is what a stopped run loses.

    Args:
        settings: of the extraction.
        choice: of collections.
        images: how many there are.
        augmented: whether the method needs them.
    """
    views = min(choice.most_views, max(settings.views, choice.few_embeddings // images)) if augmented else 0
    rows = min(settings.shard_rows, choice.shard_rows)
    return replace(settings, views=views, batch=choice.batch, shard_rows=rows)
