"""Values of the command line in the place of params.yaml's, checked by the same reader."""

from __future__ import annotations

import pytest
import yaml

from pipeline.base.errors import PipelineError
from pipeline.cli.settings import read_params
from pipeline.config.overrides import overridden
from pipeline.methods import settings_of
from tests.conftest import ROOT

PARAMS = ROOT / "params.yaml"


def test_values_take_the_place_of_the_files() -> None:
    changes = ["fit.runs=2", "fit.scp.terms=[consistency]", "datasets.stl10.balance_weight=2"]
    settings = read_params(PARAMS, changes)
    assert settings.fit.runs == 2
    assert settings_of(settings.fit, "scp").terms == ("consistency",)
    assert settings.datasets["stl10"].balance_weight == 2.0
    assert read_params(PARAMS).fit.runs != 2


def test_a_name_with_dots_in_it_is_one_name() -> None:
    before = {"datasets": {"v1.5": {"clusters": 3}}}
    assert overridden(before, ["datasets.v1.5.clusters=4"], yaml.safe_load) == {"datasets": {"v1.5": {"clusters": 4}}}
    assert before["datasets"]["v1.5"]["clusters"] == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "fit.rums=2",
            r"params\.yaml with -S: fit: unknown key 'rums'; did you mean runs",
        ),
        ("fit.training.epoch=2", r"with -S: fit\.training: unknown key 'epoch'; did you mean epochs\?"),
        ("fit.kmenas.starts=2", r"with -S: fit: unknown key 'kmenas'; did you mean kmeans"),
        ("fit.runs=many", r"with -S: fit\.runs: expected a whole number, found 'many'"),
        ("fit.training.learning_rate=3e-3", r"expected a number \(write 3\.0e-3 or 0\.003\), found '3e-3'"),
        ("fit.runs", r"-S 'fit\.runs': expected a key and a value, such as fit\.runs=2"),
        ("=2", r"expected a key and a value"),
        ("fit..runs=2", r"expected a key and a value"),
        ("fit.runs=[", r"-S 'fit\.runs=\[': the value is not YAML"),
        ("fit.runs.more=1", r"-S 'fit\.runs\.more=1': expected a mapping at fit\.runs, found 5"),
    ],
)
def test_what_is_wrong_is_one_line(change: str, message: str) -> None:
    with pytest.raises(PipelineError, match=message) as error:
        read_params(PARAMS, [change])
    assert "\n" not in str(error.value)


def test_a_wrong_setting_of_a_method_is_found_where_the_method_is_used() -> None:
    with pytest.raises(PipelineError, match=r"with -S: fit\.scp: unknown key 'termz'; did you mean terms\?"):
        settings_of(read_params(PARAMS, ["fit.scp.termz=[balance]"]).fit, "scp")
