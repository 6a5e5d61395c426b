from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import apply_overrides

from pipeline.base.errors import PipelineError
from pipeline.cli.settings import read_params
from pipeline.config.params import Section, plain, read_section
from pipeline.config.types import Count, NotNegative
from pipeline.heads.method import section_of
from pipeline.methods import METHODS, settings_of
from tests.conftest import ROOT


def written(tmp_path: Path, key: str, value: Any) -> Path:
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    *parents, last = key.split(".")
    place = values
    for parent in parents:
        place = place[parent]
    place[last] = value
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def test_the_repositorys_own_file_is_read() -> None:
    settings = read_params(ROOT / "params.yaml")
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    # Whatever a user has added to it.
    assert list(settings.run.datasets) == values["run"]["datasets"]
    assert list(settings.extract.augmentation.crop_area) == values["extract"]["augmentation"]["crop_area"]
    assert {name: each.clusters for name, each in settings.datasets.items()} == {
        name: each["clusters"] for name, each in values["datasets"].items()
    }


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("extract.veiws", 4, r"extract: unknown key 'veiws'; did you mean views\?"),
        ("fit.training.lambda", 4, r"fit\.training: unknown key 'lambda'; known: batch, epochs"),
        ("fit.kmeans", 5, r"fit\.kmeans: expected a mapping, found 5"),
        ("extrakt", {}, r"params\.yaml: unknown key 'extrakt'; did you mean extract\?"),
        ("extract.views", "four", r"extract\.views: expected a whole number, found 'four'"),
        ("extract.views", 4.5, r"extract\.views: expected a whole number, found 4\.5"),
        ("extract.views", True, r"extract\.views: expected a whole number, found True"),
        ("extract.views", 1, r"extract\.views: expected a number at least 2, found 1"),
        ("extract.precision", "fp8", r"extract\.precision: unknown value 'fp8'"),
        ("extract.augmentation", None, r"extract\.augmentation: expected a mapping, found None"),
        ("extract.augmentation.crop_area", [0.9, 0.5], r"expected the smaller number first"),
        ("extract.augmentation.crop_area", [0.5], r"crop_area: expected a list of 2, found \[0\.5\]"),
        ("extract.augmentation.crop_probability", 1.5, r"expected a number between 0 and 1, found 1\.5"),
        ("fit.methods", [], r"fit\.methods: expected a list with at least one entry"),
        ("fit.methods", "scp", r"fit\.methods: expected a list with at least one entry, found 'scp'"),
        ("fit.methods", ["scp", "scp"], r"fit\.methods: expected each name once \(twice: 'scp'\)"),
        ("fit.training.hidden", [512, 512], r"expected 4 widths"),
        ("fit.training.learning_rate", "3e-3", r"expected a number \(write 3\.0e-3 or 0\.003\), found '3e-3'"),
        ("fit.training.learning_rate", "2.5E4", r"expected a number \(write 2\.5e\+4 or 25000\), found '2\.5E4'"),
        ("fit.training.learning_rate", "high", r"learning_rate: expected a number, found 'high'"),
        ("datasets.fashion-mnist-mini.clusters", 1, r"clusters: expected a number at least 2, found 1"),
        ("datasets.fashion-mnist-mini", {"clusters": 3}, r"datasets\.fashion-mnist-mini\.balance_weight: missing"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(tmp_path: Path, key: str, value: Any, message: str) -> None:
    with pytest.raises(PipelineError, match=message) as error:
        read_params(written(tmp_path, key, value))
    assert str(error.value).startswith(str(tmp_path / "params.yaml"))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("fit.scp.terms", ["consistency", "balanced"], r"fit\.scp\.terms\[1\]: .*did you mean balance\?"),
        ("fit.scp.termz", ["balance"], r"fit\.scp: unknown key 'termz'; did you mean terms\?"),
        ("fit.kmeans.starts", 0, r"fit\.kmeans\.starts: expected a number at least 1, found 0"),
        ("fit.kmeans", {"starts": 3}, r"fit\.kmeans\.iterations: missing"),
        ("fit.auto.methods", {"kmeans": 0}, r"fit\.auto\.methods\.kmeans: expected a number at least 1, found 0"),
    ],
)
def test_a_wrong_value_of_a_method_is_named_where_the_method_is_used(
    tmp_path: Path, key: str, value: Any, message: str
) -> None:
    fit = read_params(written(tmp_path, key, value)).fit
    with pytest.raises(PipelineError, match=message) as error:
        settings_of(fit, key.split(".")[1])
    assert str(error.value).startswith(str(tmp_path / "params.yaml"))


@pytest.mark.parametrize(("key", "message"), [("kmenas", r"fit: unknown key 'kmenas'; did you mean kmeans")])
def test_settings_of_no_method_are_refused(tmp_path: Path, key: str, message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        read_params(written(tmp_path, f"fit.{key}", {"starts": 3}))


def test_every_methods_settings_are_those_of_the_file() -> None:
    fit = read_params(ROOT / "params.yaml").fit
    for name in METHODS:
        own, section = settings_of(fit, name), fit.sections.get(section_of(name))
        # Without a section the defaults beside the method hold, and the file may name some values of others alone.
        if own is not None and section is not None:
            assert plain(own) | section.values == plain(own)
    assert set(fit.sections) <= {section_of(name) for name in METHODS}


def test_a_methods_values_may_be_others(tmp_path: Path) -> None:
    fit = read_params(ROOT / "params.yaml").fit
    assert settings_of(fit.with_section("scp", terms=("balance",)), "scp").terms == ("balance",)
    assert fit.with_section("scp", terms=("balance",)).plain()["scp"]["terms"] == ["balance"]
    assert yaml.safe_load((ROOT / "params.yaml").read_text())["fit"] == fit.plain()


@dataclass(frozen=True)
class Own:
    """Settings whose defaults stand beside the method."""

    steps: Count
    rate: NotNegative = 0.5


def test_defaults_beside_a_method_hold_where_params_yaml_is_silent() -> None:
    assert read_section(Section({"steps": 3}, "fit.own"), Own) == Own(3, 0.5)
    assert read_section(Section({"steps": 3, "rate": 1}, "fit.own"), Own) == Own(3, 1.0)
    with pytest.raises(PipelineError, match=r"^params\.yaml: fit\.own\.steps: missing"):
        read_section(Section({}, "fit.own"), Own)


def test_null_where_it_is_allowed_and_whole_numbers_for_floats(tmp_path: Path) -> None:
    assert read_params(written(tmp_path, "datasets.fashion-mnist-mini.image_size", None))
    weight = read_params(written(tmp_path, "datasets.fashion-mnist-mini.balance_weight", 5))
    assert isinstance(weight.datasets["fashion-mnist-mini"].balance_weight, float)


@pytest.mark.parametrize("text", ["", "[]", "run: [", "a: b: c", "\x00"])
def test_what_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(PipelineError) as error:
        read_params(path)
    assert "\n" not in str(error.value)


FIT = yaml.safe_load((ROOT / "params.yaml").read_text())["fit"]


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        ("fit.runs=7", f"  runs: {FIT['runs']}", "  runs: 7"),
        (
            "fit.scp.balance_target=0.9",
            f"    balance_target: {FIT['scp']['balance_target']}",
            "    balance_target: 0.9",
        ),
        (f"fit.methods=[{','.join([*FIT['methods'][:-1], 'gmm-full'])}]", f"  - {FIT['methods'][-1]}", "  - gmm-full"),
        ("prepare.imagenet_root=/images", "  imagenet_root:", "  imagenet_root: /images"),
    ],
)
def test_dvc_changes_one_value_of_the_file_and_nothing_else(
    change: str, before: str, after: str, tmp_path: Path
) -> None:
    """As `dvc exp run -S` does; it loses what stands right after a list."""
    path = tmp_path / "params.yaml"
    # DVC writes nothing for null; a data set of somebody's own may say the word.
    shipped = re.sub(r": null$", ":", (ROOT / "params.yaml").read_text(), flags=re.MULTILINE)
    path.write_text(shipped)
    apply_overrides(path, [change])
    pairs = zip(shipped.splitlines(), path.read_text().splitlines(), strict=True)
    assert [pair for pair in pairs if pair[0] != pair[1]] == [(before, after)]


def test_a_missing_file_says_where_to_go(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="not found; run the command in the project's folder"):
        read_params(tmp_path / "params.yaml")
