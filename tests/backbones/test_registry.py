"""The entries: whether each is sensible, and what is said of a name that is none."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from pipeline.backbones.geometry import FITS
from pipeline.backbones.registry import BACKBONES, ENTRIES, Backbone, get_backbone
from pipeline.config.settings import GEOMETRIES, PUBLISHED
from pipeline.extraction import views
from tests.backbones.weight_files import refusal

every_backbone = pytest.mark.parametrize("backbone", BACKBONES.values(), ids=BACKBONES)


def test_names_are_unique() -> None:
    assert len(BACKBONES) == len(ENTRIES)


@every_backbone
def test_entries_are_sensible(backbone: Backbone) -> None:
    geometry, weights = backbone.geometry, backbone.weights
    assert backbone.name == backbone.name.lower().strip()
    assert len(backbone.mean) == len(backbone.std) == 3
    assert all(0.0 < value < 1.0 for value in backbone.mean + backbone.std)
    assert geometry.interpolation in views.RESAMPLING
    assert geometry.size <= geometry.resize <= 1.2 * geometry.size
    assert geometry.fit == "centre" or (geometry.fit == "squash" and geometry.resize == geometry.size)
    assert bool(weights.package) + bool(weights.repository) + bool(weights.url) == 1
    assert weights.files
    assert weights.megabytes > 0
    assert weights.revision is None or re.fullmatch("[0-9a-f]{40}", weights.revision)
    assert weights.sha256 is None or re.fullmatch("[0-9a-f]{64}", weights.sha256)
    named = re.search(r"-([0-9a-f]{8})\.pth$", weights.files[0])
    assert named is None or str(weights.sha256).startswith(named[1])
    assert backbone.licence


@every_backbone
def test_only_convolutional_backbones_change_their_size(backbone: Backbone) -> None:
    resized = backbone.at_size(96)
    assert resized.geometry.size == (96 if backbone.any_size else backbone.geometry.size)
    assert backbone.at_size(None) is backbone


@every_backbone
def test_every_geometry_can_be_had_of_every_backbone(backbone: Backbone) -> None:
    assert backbone.seeing(PUBLISHED, None) is backbone
    for name in set(GEOMETRIES) - {PUBLISHED}:
        seen = backbone.seeing(name, 96).geometry
        assert seen.fit == FITS[name]
        assert seen.size == backbone.at_size(96).geometry.size
        assert seen.interpolation == backbone.geometry.interpolation


def test_every_geometry_has_a_fit() -> None:
    assert {PUBLISHED, *FITS} == set(GEOMETRIES)


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    message = refusal(lambda: get_backbone("clip-vitb23", "--backbone"))
    assert message.startswith("--backbone: unknown backbone 'clip-vitb23'; did you mean clip-vitb32")


@pytest.mark.parametrize("module", ["registry", "weights", "loaders", "text"])
def test_a_name_is_checked_without_any_library(module: str) -> None:
    """The command line checks names before anything else: what takes seconds to import waits until it is used."""
    code = f"import sys; before = set(sys.modules); import pipeline.backbones.{module}\n"
    code += "print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    own = {name.partition(".")[0] for name in done.stdout.split()} - sys.stdlib_module_names
    assert own == {"pipeline"}
