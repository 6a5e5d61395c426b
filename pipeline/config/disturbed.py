"""The names that the stages of the study of robustness have in common: of its axes, its tables and their columns."""

from __future__ import annotations

CLEAN = "clean"
"""The pictures as they are: of a cache, and of the fit to it."""
CONFIDENCE = "confidence"
"""Of the clean pictures, by the heads of the clean pictures."""
PREDICTED, REFITTED, MIXED = "predicted", "refitted", "mixed"
"""The three regimes."""
SHIFTED, UNEVEN, SUBSAMPLE, COPIES = "shifted", "uneven", "subsample", "copies"

HALF = "half-"
"""What the name of a subset begins with where half of the classes are small."""

MARK = "corrupted"
"""The column that says which pictures of a mixed set are."""
SUBSET_COLUMNS = ("subset", "seed", "id")
SCORES = "scores.csv"
SCORE_COLUMNS = ("trial", "method", "run", "metric", "value")
