"""The fit of a collection: what suits the number of its pictures."""

from __future__ import annotations

import math
from dataclasses import replace

from pipeline.collection.settings import ClusterSettings
from pipeline.config.settings import ExtractSettings
from pipeline.heads.settings import IMAGES_PER_CLUSTER, FitSettings
from pipeline.methods import METHODS


def suited(settings: FitSettings, choice: ClusterSettings, method: str, images: int, clusters: int) -> FitSettings:
    """The fit of a collection: batches of a quarter of the pictures (ours), or the fit's own where that is less.

    Few pictures then still give steps that differ. A batch holds eight pictures a cluster, however many clusters there
    are, as the balance term needs to see their shares. Many pictures are seen in fewer epochs (ours).
    """
    batch = max(2, min(images, max(min(settings.training.batch, images // 4), IMAGES_PER_CLUSTER * clusters)))
    epochs = max(1, min(settings.training.epochs, choice.most_steps // math.ceil(images / batch)))
    training = replace(settings.training, batch=batch, epochs=epochs)
    # An ensemble has its runs inside.
    runs = 1 if METHODS[method].ensemble else choice.runs
    return replace(settings, runs=runs, methods=(method,), training=training)


def suited_views(settings: ExtractSettings, choice: ClusterSettings, images: int) -> ExtractSettings:
    """The extraction of a collection: the fewer pictures, the more views of each (ours)."""
    views = min(choice.most_views, max(settings.views, choice.few_embeddings // images))
    return replace(settings, views=views)
