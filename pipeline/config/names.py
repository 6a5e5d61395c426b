"""The names that one stage writes and another reads: of splits, files and columns, and of backbones joined to a mix."""

from __future__ import annotations

TRAIN, TEST = "train", "test"
"""The splits: heads learn from the first, and scores are of the second, where there is one."""

LABEL_COLUMNS = ("id", "label")
"""The label table, which `prepare` writes and `evaluate` alone reads."""
CLASS_COLUMNS = ("class",)
"""The names of the classes, once each: what zero-shot classification reads, and no other stage."""

CLASS_NAMES, NOUNS = "class names", "nouns"
"""The texts that methods read: the names of a data set's classes, and WordNet's nouns. Never the label of an image."""

HEAD = "head.safetensors"
"""Of each method: the kept run's model."""
HISTORY = "history.csv"
"""Of each method: the objective's terms along the training, for all runs."""
SUMMARY = "summary.json"
"""Of each method: how the runs ended and which was kept."""
SNAPSHOTS = "snapshots"
"""Of each method, where they were asked for: the kept run's model at some steps of its training."""
SCORES = "scores.json"
"""Of each method: ACC, NMI and ARI."""
CLASSES = "classes.csv"
"""Of each method: the class of each image that it assigned."""
CONFUSION = "confusion.csv"
"""Of each method: images by cluster and class."""

MIX_SIGN = "+"
"""Between the names of the backbones whose embeddings are joined (SCP-MIX): ``first+second``."""
OWN = "embeddings"
"""In the place of a backbone's name: embeddings that were brought, not extracted here."""


TERMS = ("consistency", "confidence", "balance")
"""Of SCP's objective: columns of the history, and what an ablation switches off."""


OPTION = "-S"
"""What names, on the command line, a value in the place of params.yaml's."""


def snapshot_name(step: int) -> str:
    """The file of the model before a training step."""
    return f"step-{step:05d}.safetensors"


def parts_of(backbone: str) -> list[str]:
    """The backbones of a mix; a single backbone is its own only part."""
    return backbone.split(MIX_SIGN)
