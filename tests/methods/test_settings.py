"""The files of settings: a changed value changes those of the methods that read it, and no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.base.errors import PipelineError
from pipeline.cli.settings import Settings
from pipeline.config.names import CLASS_NAMES
from pipeline.config.settings import DatasetSettings
from pipeline.heads.settings import FitSettings
from pipeline.methods import METHODS
from pipeline.methods.given import given_to
from pipeline.methods.settings import write_settings

DATASET = DatasetSettings(3, 5.0, None, "published")
FITTED = tuple(name for name, entry in METHODS.items() if entry.text != CLASS_NAMES)
TRAINED = {"turtle", "jule"}
"""On no pairs."""
BASELINES = {name for name, entry in METHODS.items() if entry.module.startswith("pipeline.methods.baselines.")}
HEADS = {"scp", "scan", "temi", "p2ot", "consensus", "auto"} | BASELINES - TRAINED


def files(folder: Path, fit: FitSettings, dataset: DatasetSettings = DATASET) -> dict[str, bytes]:
    assert write_settings(fit, dataset, folder) == list(fit.methods)
    return {path.stem: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("section", "values", "read"),
    [
        ("scp", {"terms": ("balance",)}, {"scp", "consensus", "auto"}),
        ("gmm_full", {"floor": 0.5}, {"gmm-full"}),
        ("kmeans", {"starts": 3}, {"kmeans", "spectral", "umap-kmeans", "idfd", "auto"}),
        ("spectral", {"tie": 2.0}, {"spectral", "auto"}),
        ("consensus", {"heads": 2}, {"consensus", "auto"}),
        ("auto", {"methods": {"gmm-diag": 1}}, {"auto"}),
        ("auto", {"centred": {"umap-kmeans": 1}}, {"auto"}),
    ],
)
def test_a_changed_setting_concerns_the_methods_that_read_it(
    section: str, values: dict[str, Any], read: set[str], settings: Settings, tmp_path: Path
) -> None:
    fit = replace(settings.fit, methods=FITTED)
    before, after = (files(tmp_path / "s", each) for each in (fit, fit.with_section(section, **values)))
    assert {name for name in FITTED if before[name] != after[name]} == read


def test_what_auto_fits_to_centred_embeddings_is_read_too(settings: Settings) -> None:
    fit = settings.fit.with_section("auto", centred={"gmm-diag": 1})
    before, after = (given_to(each, DATASET, "auto") for each in (fit, fit.with_section("gmm_diag", floor=0.5)))
    assert before != after


def test_common_values_concern_the_methods_that_read_them(settings: Settings, tmp_path: Path) -> None:
    fit = replace(settings.fit, methods=FITTED)
    before = files(tmp_path / "s", fit)

    def changed(fit: FitSettings, dataset: DatasetSettings = DATASET) -> set[str]:
        after = files(tmp_path / "s", fit, dataset)
        return {name for name in FITTED if before[name] != after[name]}

    assert changed(replace(fit, training=replace(fit.training, epochs=1))) == HEADS | TRAINED
    assert changed(replace(fit, pairs=replace(fit.pairs, neighbours=3))) == HEADS
    assert changed(fit, replace(DATASET, balance_weight=1.0)) == {"scp", "consensus", "auto"}
    assert changed(fit, replace(DATASET, clusters=4)) == changed(replace(fit, seed=1)) == set(FITTED)
    assert changed(replace(fit, runs=9)) == set(FITTED)
    assert changed(fit, replace(DATASET, image_size=64)) == set()


def test_a_method_that_is_not_fitted_any_more_has_no_file(settings: Settings, tmp_path: Path) -> None:
    files(tmp_path / "s", replace(settings.fit, methods=("scp", "kmeans")))
    assert set(files(tmp_path / "s", replace(settings.fit, methods=("kmeans",)))) == {"kmeans"}
    with pytest.raises(PipelineError, match=r"fit\.methods: unknown method 'kmean'"):
        write_settings(replace(settings.fit, methods=("kmean",)), DATASET, tmp_path / "s")
