"""What figures show of a cell: embeddings of one split, and the classes where they are known."""

from __future__ import annotations

import numpy as np

from pipeline.base.errors import PipelineError
from pipeline.config.names import CLASSES
from pipeline.config.paths import Cell
from pipeline.experiments.settings import FiguresSettings
from pipeline.features.cache import open_features
from pipeline.heads.method import Methods
from pipeline.heads.predictions import predicted_methods
from pipeline.report import projection
from pipeline.report.cells import evaluate_command, read_classes


class Shown:
    """What the figures show of a cell: the split that the page shows too, and its classes where they are known."""

    def __init__(self, cell: Cell, settings: FiguresSettings, methods: Methods) -> None:
        self.cell, self.settings, self.methods = cell, settings, methods
        features = open_features(cell.features)
        self.split = next((name for name in ("test", "train") if name in features.splits), next(iter(features.splits)))
        embeddings = features.read(self.split)
        self.ids, self.clean = embeddings.ids, embeddings.clean
        method = predicted_methods(cell.evaluation, evaluate_command(cell, None))[0]
        known = read_classes(cell, method)
        if known and not set(self.ids) <= set(known):
            raise PipelineError(
                f"{cell.evaluation / method / CLASSES}: other images than {cell.features}; run 'dvc repro'"
            )
        self.labels = [known[image_id] for image_id in self.ids] if known else None
        self.names = dict(enumerate(sorted(set(known.values()))))

    def sample(self, most: int) -> np.ndarray:
        """At most `most` images of the split, by the seed."""
        return projection.sample(len(self.ids), most, self.settings.seed)

    def titled(self, images: int) -> str:
        """What a figure's title says of its images."""
        return f"{images:,} {self.split} images of {self.cell.dataset}, {self.cell.backbone}"

    def classes(self, chosen: np.ndarray) -> np.ndarray:
        """The number of each chosen image's class, in the order of `names`."""
        numbers = {name: number for number, name in self.names.items()}
        assert self.labels is not None, "asked for where there are labels"
        return np.array([numbers[self.labels[row]] for row in chosen])
