"""cluster --add: the clusters stand, and the saved head assigns the new pictures."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pipeline.backbones.registry import get_backbone
from pipeline.base.errors import PipelineError
from pipeline.base.files import read_json, write_json
from pipeline.base.text import printable
from pipeline.collection.assigned import assign, saved_head, takes
from pipeline.collection.edited import read_before
from pipeline.collection.fill_cache import Say, fill_cache, held
from pipeline.collection.fitting import needs_views
from pipeline.collection.page_data import way_to
from pipeline.collection.remade import method_of, remake
from pipeline.collection.request import FEWEST, Request
from pipeline.collection.result import ROOT_FROM_HERE
from pipeline.config.devices import pick_device
from pipeline.config.names import MIX_SIGN, OWN
from pipeline.config.settings import GEOMETRIES
from pipeline.features.cache import open_features
from pipeline.features.scaling import recorded


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
        path, saved = saved_head(collection, method)
        parts = saved.embedding["parts"]
        if (parts[0]["backbone"] == OWN) != (request.files is None):
            raise PipelineError(
                f"{collection.folder}: made of {'embeddings' if request.files else 'pictures'}, found "
                f"{'pictures' if request.files else 'embeddings'} to add; give the sources that it was made of"
            )
        scaling = recorded(parts[0], parts[0]["dim"]) if request.files is None else None
        augmented = needs_views(request.settings.fit, method)
        given = fill_cache(_as_before(request, parts), FEWEST, device, run, say, scaling, augmented)
        if not takes(saved, given.features):
            raise PipelineError(
                f"{path}: fitted on other embeddings than are made here (other weights, or another version); run "
                "'pipeline cluster' without --add, which fits anew and keeps the numbers of the clusters"
            )
        assign(collection, method, saved, given.features, before.pictures)
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
            "embedding": open_features(given.features).describe(),
            "estimate": None,  # It was of fewer pictures.
        }
        write_json(collection.about, {**about, **facts, **run.facts()})
    return given.root


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
