from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.base.errors import PipelineError
from pipeline.config.params import read_params
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
    assert settings.run.datasets == ("fashion-mnist-mini",)
    assert settings.extract.augmentation.crop_area == (0.5, 1.0)
    assert settings.datasets["fashion-mnist-mini"].clusters == 10


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("extract.veiws", 4, r"extract: unknown key 'veiws'; did you mean views\?"),
        ("fit.training.lambda", 4, r"fit\.training: unknown key 'lambda'; known: batch, epochs"),
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
        ("fit.methods", ["scp", "scp"], r"fit\.methods: expected no name twice"),
        ("fit.scp.terms", ["consistency", "balanced"], r"did you mean balance\?"),
        ("fit.training.hidden", [512, 512], r"expected 4 widths"),
        ("fit.training.learning_rate", "1e-3", r"learning_rate: expected a number, found '1e-3'"),
        ("datasets.fashion-mnist-mini.clusters", 1, r"clusters: expected a number at least 2, found 1"),
        ("datasets.fashion-mnist-mini", {"clusters": 3}, r"datasets\.fashion-mnist-mini\.balance_weight: missing"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(tmp_path: Path, key: str, value: Any, message: str) -> None:
    with pytest.raises(PipelineError, match=message) as error:
        read_params(written(tmp_path, key, value))
    assert str(error.value).startswith(str(tmp_path / "params.yaml"))
    assert "\n" not in str(error.value)


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


def test_a_missing_file_says_where_to_go(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="not found; run the command in the project's folder"):
        read_params(tmp_path / "params.yaml")
