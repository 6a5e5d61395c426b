"""Which pictures to ask a person about: the answers that would help most."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from pipeline.collection.rules import Rules
from pipeline.collection.settings import AnswerSettings
from pipeline.collection.taught import Spoken
from pipeline.heads.answers import Answers, spread

AT_A_TIME = 1024
"""Rows whose products with others are in memory together."""


@dataclass(frozen=True)
class Question:
    """Which of these clusters is it, or none?"""

    row: int
    candidates: tuple[int, ...]
    """The likeliest clusters, the likeliest first."""


def questions(
    rows: np.ndarray,
    units: np.ndarray,
    near: np.ndarray,
    spoken: Spoken,
    rules: Rules,
    answered: Collection[int],
    settings: AnswerSettings,
) -> list[Question]:
    """The questions about what a head says of a collection; the candidates are clusters as people see them.

    Args:
        rows: float (n, dim), clean embeddings.
        units: float32 (n, dim), the same of length one.
        near: int (n, m), the nearest other rows of each.
        spoken: what the head says.
        rules: what people corrected.
        answered: rows that are not asked about again.
        settings: how many to ask, and of how many clusters.
    """
    outputs = len(spoken.numbers.numbers)
    beliefs = spread(rows, near, spoken.logits.argmax(1), outputs, Answers(), settings.reach)
    found = []
    for question in ask(units, near, beliefs, answered, settings.questions, settings.candidates):
        row = rows[question.row][None]
        seen = [int(rules.resolve(np.array([output]), row)[0]) for output in question.candidates]
        found.append(Question(question.row, tuple(dict.fromkeys(seen))))
    return found


def ask(
    unit: np.ndarray, near: np.ndarray, beliefs: np.ndarray, answered: Collection[int], count: int, candidates: int
) -> list[Question]:
    """The pictures that are hard, stand for many, and are unlike each other: one after the other, the best of the rest.

    The three criteria and the form of the question are IDC's (Interactive Deep Clustering via Value Mining, NeurIPS
    2024); how they are measured, and that they are multiplied, is ours.

    Args:
        unit: float32 (n, dim), clean embeddings of length one.
        near: int (n, m), the nearest other rows of each.
        beliefs: float (n, clusters), see `pipeline.heads.answers.spread`.
        answered: rows that are not asked about again.
        count: of the questions, fewer where there are fewer pictures.
        candidates: of a question.
    """
    best = -np.sort(-beliefs, 1)[:, :2]
    hard = 1 - (best[:, 0] - best[:, -1])
    similar = _similar(unit, near) if near.shape[1] else np.zeros(len(unit))
    worth = hard * (similar - similar.min()) / max(np.ptp(similar), 1e-9)
    new, left = np.ones(len(unit)), np.ones(len(unit), bool)
    for row in answered:
        new, left[row] = np.minimum(new, 1 - unit @ unit[row]), False
    chosen: list[int] = []
    while len(chosen) < count and left.any():
        row = int(np.where(left, worth * np.maximum(new, 0), -1).argmax())
        chosen.append(row)
        new, left[row] = np.minimum(new, 1 - unit @ unit[row]), False
    order: np.ndarray = np.argsort(-beliefs[chosen], 1, kind="stable")[:, :candidates]
    return [Question(row, tuple(each)) for row, each in zip(chosen, order.tolist(), strict=True)]


def _similar(unit: np.ndarray, near: np.ndarray) -> np.ndarray:
    """The mean cosine of each row and its near ones, float (n,)."""
    parts = [slice(first, first + AT_A_TIME) for first in range(0, len(unit), AT_A_TIME)]
    return np.concatenate([np.mean([(unit[some] * unit[c]).sum(1) for c in near[some].T], 0) for some in parts])
