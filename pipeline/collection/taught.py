"""The head of a result that learnt from its edits.json: trained by `cluster`, applied by whatever comes after it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.errors import PipelineError
from pipeline.base.files import read_json, sha256_of_file, sha256_of_json, write_json
from pipeline.base.text import printable
from pipeline.collection.answers import answers_in
from pipeline.collection.edits import Action
from pipeline.collection.fill_cache import Say
from pipeline.collection.numbers import Numbers
from pipeline.collection.result import Collection
from pipeline.collection.settings import AnswerSettings
from pipeline.config.names import HEAD
from pipeline.config.settings import DatasetSettings
from pipeline.features.cache import Features
from pipeline.heads.answers import Answers, spread
from pipeline.heads.predictions import Assignments, best_two
from pipeline.heads.problem import Model, Problem
from pipeline.heads.saved import SavedModel, load_model, save_model
from pipeline.heads.settings import FitSettings
from pipeline.heads.teaching import teach
from pipeline.images.listing import ImageRecord
from pipeline.methods import METHODS

ABOUT, AGAIN = "taught.json", "pipeline cluster"
FORM = "scp"
"""The method that restores a taught head, whatever was fitted: an MLP as SCP's."""


@dataclass(frozen=True)
class Spoken:
    """What a head says of a collection."""

    head: Path
    """Its file."""
    model: Model
    logits: np.ndarray
    """float (n, outputs)."""
    numbers: Numbers
    """Of its outputs."""

    def assignments(self, ids: Sequence[str]) -> Assignments:
        """The choices of the head, as outputs."""
        order, best = best_two(self.logits, self.model.confidences(self.logits))
        splits = np.full(len(order), "", dtype=np.str_)
        return Assignments(list(ids), splits, order[:, 0], best[:, 0], order[:, 1], best[:, 1])


@dataclass(frozen=True)
class Teacher:
    """How a head is trained."""

    settings: FitSettings
    answers: AnswerSettings
    dataset: DatasetSettings
    device: str
    say: Say


def origin_of(collection: Collection) -> str:
    """The SHA-256 of the fitted head that the taught one comes from; empty: there is none."""
    try:
        return str(read_json(collection.taught / ABOUT, AGAIN)["origin"])
    except (PipelineError, LookupError, TypeError):
        return ""


def learnt(
    collection: Collection,
    fitted: Spoken,
    actions: Sequence[Action],
    records: Sequence[ImageRecord],
    features: Features,
    views: np.ndarray,
    clean: np.ndarray,
    near: np.ndarray,
    teacher: Teacher | None,
) -> Spoken:
    """The head that learnt from the actions, or, where they say nothing to learn from, the one that was fitted.

    Args:
        collection: where taught heads are kept.
        fitted: what the fit left.
        actions: of edits.json.
        records: the pictures.
        features: of them.
        views: float16 (n, 1 + views, dim), theirs.
        clean: float32 (n, dim), the first of each.
        near: int (n, count), the nearest other pictures of each.
        teacher: trains; None: what was trained before from the same fit is used, and nothing is trained now.
    """
    about, head = collection.taught / ABOUT, collection.taught / HEAD
    origin = sha256_of_file(fitted.head)
    if teacher is None:
        return _kept(about, head, fitted, origin, None, clean)
    paths, digests = [printable(record.id) for record in records], [record.digest for record in records]
    answers, outputs = answers_in(actions, paths, digests, fitted.numbers.numbers)
    if not answers:
        shutil.rmtree(collection.taught, ignore_errors=True)
        return fitted
    numbers = replace(fitted.numbers, numbers=outputs, next=max(fitted.numbers.next, *(n + 1 for n in outputs)))
    made_from = _made_from(origin, answers, numbers, features, teacher)
    kept = _kept(about, head, fitted, origin, made_from, clean)
    if kept is fitted:
        clusters = fitted.logits.argmax(1)
        beliefs = spread(clean, near, clusters, len(outputs), answers, teacher.answers.reach)
        dataset = replace(teacher.dataset, clusters=len(outputs))
        problem = Problem(views, teacher.settings, dataset, teacher.device, lambda _: None)
        model = teach(problem, beliefs, answers, teacher.answers.steps, teacher.settings.seed)
        about.unlink(missing_ok=True)
        save_model(head, SavedModel(FORM, model, features.describe()))
        write_json(about, {"origin": origin, "made_from": made_from, "numbers": list(outputs), "next": numbers.next})
        kept = _kept(about, head, fitted, origin, made_from, clean)
    before = np.array(outputs)[fitted.logits.argmax(1)]
    followed = np.flatnonzero(np.array(kept.numbers.numbers)[kept.logits.argmax(1)] != before)
    others = len(set(followed.tolist()) - set(answers.rows()))
    teacher.say(
        f"the head learnt from what was said of {len(answers.rows()):,} pictures, after which {others:,} others are in "
        "another cluster"
    )
    return kept


def _made_from(origin: str, answers: Answers, numbers: Numbers, features: Features, teacher: Teacher) -> str:
    plain: dict[str, Any] = {
        "head": origin,
        "answers": [sorted(answers.belongs.items()), sorted(answers.excluded.items()), answers.together, answers.apart],
        "numbers": numbers.numbers,
        "features": features.fingerprint,
        "settings": [teacher.settings.plain(), asdict(teacher.answers)],
    }
    return sha256_of_json(plain)


def _kept(about: Path, head: Path, fitted: Spoken, origin: str, made_from: str | None, clean: np.ndarray) -> Spoken:
    """The head that was taught before, if it comes from this fit and, where given, was made from just this."""
    try:
        known = read_json(about, AGAIN)
        same = known["origin"] == origin and made_from in (None, known["made_from"])
        if not same:
            return fitted
        model = load_model(head, METHODS).model
        numbers = replace(fitted.numbers, numbers=tuple(known["numbers"]), next=max(fitted.numbers.next, known["next"]))
    except (PipelineError, LookupError, TypeError):  # It was not finished, or is damaged: it is made again.
        return fitted
    return Spoken(head, model, model.logits(clean), numbers)
