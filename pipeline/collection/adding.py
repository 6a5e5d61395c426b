"""cluster --add: the clusters stand, and the saved head assigns the new pictures."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pipeline.backbones.registry import get_backbone
from pipeline.base.errors import PipelineError
from pipeline.base.files import read_json, write_json
from pipeline.base.text import printable
from pipeline.collection.edited import read_before
from pipeline.collection.fill_cache import Say, fill_cache, held
from pipeline.collection.page_data import way_to
from pipeline.collection.remade import method_of, remake
from pipeline.collection.request import FEWEST, Request
from pipeline.collection.result import ROOT_FROM_HERE, SPLIT
from pipeline.config.devices import pick_device
from pipeline.config.names import HEAD, MIX_SIGN, OWN
from pipeline.config.settings import GEOMETRIES
from pipeline.features.cache import open_features
from pipeline.features.scaling import recorded
from pipeline.heads.predictions import best_two, write_choices
from pipeline.heads.saved import load_model
from pipeline.images.listing import read_list
from pipeline.methods import METHODS


def add(request: Request, say: Say) -> Path:
    """Brings a collection up to date with its sources, without another fit.

    Args:
        request: the same sources as before, with what is new in them. The backbone and the geometry are the head's.
        say: takes a line for each step.

    Returns:
        the folder that the pictures' paths start at.

    Raises:
        PipelineError: if there is no result yet, it is of other sources, or the head was fitted on other embeddings
            than are made here.
    """
    collection, device = request.collection, pick_device(request.device)
    if not collection.about.is_file():
        raise PipelineError(
            f"{collection.folder}: expected a result to add to, found none; leave --add out the first time"
        )
    with held(collection, device) as run:
        before, method = read_before(collection), method_of(collection)
        path = collection.heads / method / HEAD
        saved = load_model(path, METHODS)
        parts = saved.embedding["parts"]
        if (parts[0]["backbone"] == OWN) != (request.files is None):
            raise PipelineError(
                f"{collection.folder}: made of {'embeddings' if request.files else 'pictures'}, found "
                f"{'pictures' if request.files else 'embeddings'} to add; give the sources that it was made of"
            )
        scaling = recorded(parts[0], parts[0]["dim"]) if request.files is None else None
        given = fill_cache(_as_before(request, parts), FEWEST, device, run, say, scaling)
        features = open_features(given.features)
        if _ways(features.describe()["parts"]) != _ways(parts):
            raise PipelineError(
                f"{path}: fitted on other embeddings than are made here (other weights, or another version); run "
                "'pipeline cluster' without --add, which fits anew and keeps the numbers of the clusters"
            )
        clean, records = features.read(SPLIT).clean, read_list(collection.images)
        logits = saved.model.logits(clean)
        order, best = best_two(logits, saved.model.confidences(logits))
        ids = [record.id for record in records]
        write_choices(collection.predictions / method, ids, [SPLIT] * len(ids), order, best, order[:, :1])
        made = remake(collection, say, before, given.root)
        if line := made.line():
            say(line)
        about = read_json(collection.about, "pipeline cluster")
        facts = {
            "sources": [printable(source) for source in request.sources],
            "root": printable(str(given.root)),
            ROOT_FROM_HERE: way_to(given.root, collection.folder),
            "pictures": given.images,
            "left_out": given.rejected,
            "embedding": features.describe(),
            "estimate": None,  # It was of fewer pictures.
        }
        write_json(collection.about, {**about, **facts, **run.facts()})
    return given.root


def _ways(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How embeddings are made, by backbone; of those that were brought the hash of their file is none of it."""
    return [part if part["backbone"] != OWN else {**part, "weights_sha256": ""} for part in parts]


def _as_before(request: Request, parts: list[dict[str, Any]]) -> Request:
    """The request with the backbone and the geometry that the head knows."""
    names = [part["backbone"] for part in parts]
    if request.files is None:
        return request
    choice, geometry = request.settings.cluster, parts[0].get("geometry")
    entry = get_backbone(names[0])
    sizes = (choice.image_size, None, *([geometry["size"]] if geometry else []))
    for name in GEOMETRIES:
        for size in sizes:
            if asdict(entry.seeing(name, size).geometry) == geometry:
                choice = replace(choice, geometry=name, image_size=size)
                return replace(
                    request, backbone=MIX_SIGN.join(names), settings=replace(request.settings, cluster=choice)
                )
    return replace(request, backbone=MIX_SIGN.join(names))
