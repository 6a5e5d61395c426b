"""zero-shot: clean embeddings + class names -> a class for every image. The one stage that reads text.

It knows the names of the classes and the label of no image. It needs a backbone with a text tower.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.backbones.registry import Backbone
from pipeline.backbones.text import embed_texts
from pipeline.backbones.weights import find_weights
from pipeline.base.csv_tables import read_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import sha256_of_file
from pipeline.base.made_from import write_made_from
from pipeline.base.timing import part
from pipeline.config.names import CLASS_COLUMNS, HEAD
from pipeline.experiments.settings import ZeroShotSettings
from pipeline.features.cache import open_features
from pipeline.heads.class_names import from_prompts
from pipeline.heads.predictions import write_predictions
from pipeline.heads.saved import SavedModel, save_model

NAME = "zero-shot"


def zero_shot(
    backbone: Backbone,
    feature_folder: Path,
    classes: Path,
    head_folder: Path,
    prediction_folder: Path,
    settings: ZeroShotSettings,
) -> str:
    """Classifies the images of every split of a cache by the names of the classes.

    Writes the model and the predictions as a fit does, with the one run that there is; what was there is replaced.

    Args:
        backbone: the cache's, with a text tower.
        feature_folder: the cache; its clean embeddings are used.
        classes: the table of class names that `prepare` wrote.
        head_folder: for the model.
        prediction_folder: for the assignments; cluster i is the i-th class name.
        settings: the prompts' templates.

    Returns:
        one line for people.

    Raises:
        PipelineError: if there are no class names, a template has no place for one, the cache or the weights are
            missing, or the cache was made with other weights.
    """
    names = _class_names(classes)
    for template in settings.templates:
        if "{}" not in template:
            raise PipelineError(f"params.yaml: zero_shot.templates: expected {{}} in each, found '{template}'")
    features = open_features(feature_folder)
    path, sha256 = find_weights(backbone)
    if features.parts[0].manifest.weights_sha256 != sha256:
        raise PipelineError(
            f"cache {feature_folder}: made with other weights than {path}; "
            f"run 'pipeline extract --dataset {features.dataset} --backbone {backbone.name}'"
        )
    # CIFAR writes its names as aquatic_mammals.
    spelled = [name.replace("_", " ") for name in names]
    prompts = [template.replace("{}", name) for name in spelled for template in settings.templates]
    with part("text"):
        embedded = embed_texts(backbone, path, prompts)
    model = from_prompts(embedded.reshape(len(names), len(settings.templates), -1))

    with part("read"):
        splits = {name: features.read(name) for name in features.splits}
    logits = np.concatenate([model.logits(split.clean) for split in splits.values()])
    for folder in (head_folder, prediction_folder):
        shutil.rmtree(folder, ignore_errors=True)
    save_model(head_folder / NAME / HEAD, SavedModel(NAME, model, features.describe()))
    write_predictions(
        prediction_folder / NAME,
        [image_id for split in splits.values() for image_id in split.ids],
        [name for name, split in splits.items() for _ in split.ids],
        logits,
        model.confidences(logits),
        logits.argmax(1)[:, None],
    )
    made_from = {"fit": made_from_names(settings, classes), "features": features.made_from}
    write_made_from(prediction_folder / NAME, made_from)
    return f"{len(names)} classes by {len(settings.templates)} prompts each; it reads the names of the classes"


def made_from_names(settings: ZeroShotSettings, classes: Path) -> dict[str, Any]:
    """All that decides the predictions beside the features and the weights, as plain data."""
    return {"templates": list(settings.templates), "classes": sha256_of_file(classes)}


def _class_names(classes: Path) -> list[str]:
    names = [row["class"] for row in read_table(classes, CLASS_COLUMNS, "pipeline prepare")]
    if not names:
        raise PipelineError(f"{classes}: there are no class names, and zero-shot classification needs them")
    return names
