from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.base.errors import PipelineError
from pipeline.cli.settings import Settings, read_params
from pipeline.config.names import TERMS
from pipeline.config.params import plain
from pipeline.experiments.studies import STUDIES, get_study, own_cache_of, settings_of, variants_of
from pipeline.experiments.studies.ablation import TERM_SETS, term_set_name
from pipeline.experiments.study import Variant
from pipeline.heads import scp as scp_method
from tests.config.test_params import written
from tests.conftest import ROOT


def variants(name: str, settings: Settings) -> list[Variant]:
    return variants_of(name, settings.fit, settings.studies.sections)


def test_every_set_of_terms_is_there_once() -> None:
    assert len(TERM_SETS) == len(set(TERM_SETS)) == 2 ** len(TERMS) - 1
    assert TERM_SETS[-1] == TERMS
    assert term_set_name(("consistency", "balance")) == "consistency+balance"


@pytest.mark.parametrize("name", STUDIES)
def test_variants_differ_in_what_the_study_varies_alone(name: str, settings: Settings) -> None:
    made = variants(name, settings)
    names = [variant.name for variant in made]
    assert len(set(names)) == len(names) > 0
    assert all("/" not in each for each in names)
    for variant in made:
        sections = {**variant.fit.sections, "scp": settings.fit.sections["scp"]}
        scp, before = (fit.section("scp", scp_method.Settings) for fit in (variant.fit, settings.fit))
        assert replace(scp, terms=before.terms, pairs=before.pairs) == before
        methods, runs = settings.fit.methods, settings.fit.runs
        assert replace(variant.fit, sections=sections, methods=methods, runs=runs) == settings.fit


def test_the_parameters_reach_the_variants(settings: Settings) -> None:
    sections = settings.studies.sections
    own = {name: settings_of(name, sections) for name in STUDIES}
    (repeats,) = variants("repeats", settings)
    assert (repeats.fit.runs, repeats.fit.methods) == (own["repeats"].runs, own["repeats"].methods)
    weights = [variant.balance_weight for variant in variants("balance", settings)]
    assert tuple(weights) == own["balance"].weights
    assert tuple(variant.views for variant in variants("views", settings)) == own["views"].views
    cache = own_cache_of("views", settings.extract, sections)
    assert cache == replace(settings.extract, views=max(own["views"].views))
    assert own_cache_of("balance", settings.extract, sections) is None
    assert variants("emergence", settings)[0].steps == own["emergence"].steps
    terms = [variant.fit.section("scp", scp_method.Settings).terms for variant in variants("ablation", settings)]
    assert terms == list(TERM_SETS)


def test_every_studys_settings_are_those_of_the_file(settings: Settings) -> None:
    sections = settings.studies.sections
    own = {name: settings_of(name, sections) for name in STUDIES}
    assert {name: plain(each) for name, each in own.items() if each is not None} == {
        name: section.values for name, section in sections.items()
    }
    assert [name for name, each in own.items() if each is None] == ["zero-shot"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("studies.balance.weights", [-1], r"studies\.balance\.weights\[0\]: expected a number at least 0, found -1"),
        ("studies.views.veiws", [2], r"studies\.views: unknown key 'veiws'; did you mean views\?"),
        ("studies.ablation", {}, r"studies\.ablation\.runs: missing"),
    ],
)
def test_a_wrong_value_is_named_where_the_study_is_used(tmp_path: Path, key: str, value: Any, message: str) -> None:
    sections = read_params(written(tmp_path, key, value)).studies.sections
    with pytest.raises(PipelineError, match=message) as error:
        settings_of(key.split(".")[1], sections)
    assert str(error.value).startswith(str(tmp_path / "params.yaml"))


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("ablations", r"params\.yaml: studies: unknown key 'ablations'; did you mean ablation"),
        ("zero-shot", r"params\.yaml: studies: unknown key 'zero-shot'; known: ablation, balance, ceilings, emergence"),
    ],
)
def test_settings_of_no_study_are_refused(tmp_path: Path, key: str, message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        read_params(written(tmp_path, f"studies.{key}", {"runs": 3}))


def test_near_names_are_offered() -> None:
    with pytest.raises(PipelineError, match=r"--study: unknown study 'ablations'; did you mean ablation"):
        get_study("ablations", "--study")


def test_the_variants_need_no_code_that_draws_or_learns() -> None:
    """A fit of a study loads what it varies, not what its table and its figures are made with."""
    names = ", ".join(repr(name) for name in STUDIES)
    code = (
        "import sys; from pipeline.cli.settings import read_params; from pipeline.experiments import studies\n"
        f"settings = read_params()\nfor name in ({names}):\n"
        "    studies.variants_of(name, settings.fit, settings.studies.sections)\n"
        "print(*{'matplotlib', 'jinja2', 'torch', 'numpy'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


EPOCHS = '''"""SCP trained for several numbers of epochs."""

from dataclasses import dataclass, replace

from pipeline.config.types import Count
from pipeline.experiments.study import Variant, scp_alone


@dataclass(frozen=True)
class Settings:
    """The numbers of epochs."""

    epochs: tuple[Count, ...]


def variants(fit, settings):
    scp = scp_alone(fit, 1)
    return [Variant(str(each), replace(scp, training=replace(fit.training, epochs=each))) for each in settings.epochs]


def table(cells, *_):
    from pipeline.experiments.study_table import study_table

    return study_table("epochs", cells, ["epochs"], lambda name: [name])


def figures(by_name, shown):
    from pipeline.experiments.study_curve import study_curve

    return {"epochs": study_curve("epochs", by_name, [shown.split], "epochs")}
'''


@pytest.mark.slow
def test_a_new_study_is_a_module_an_entry_and_a_section(tmp_path: Path) -> None:
    """In a copy of the project: no stage, no command and no other module is touched."""
    for name in ("pipeline", "experiments/dvc.yaml", "params.yaml", ".dvcignore"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        subprocess.run(["cp", "-RP", ROOT / name, tmp_path / name], check=True)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text("[core]\n    no_scm = true\n    analytics = false\n")

    package = tmp_path / "pipeline" / "experiments" / "studies"
    (package / "epochs.py").write_text(EPOCHS)
    registry = (package / "__init__.py").read_text()
    entry = '    "epochs": StudyEntry("pipeline.experiments.studies.epochs", "Epochs", "ours"),\n'
    registry = registry.replace('    "zero-shot": StudyEntry(', entry + '    "zero-shot": StudyEntry(')
    for key in ("fitted", "evaluated", "tables", "figures"):
        registry = registry.replace(f'    "{key}": [', f'    "{key}": ["epochs", ')
    (package / "__init__.py").write_text(registry)
    values = yaml.safe_load((tmp_path / "params.yaml").read_text())
    values["run"] = {"datasets": ["stl10"], "backbones": ["resnet50"]}
    values["studies"]["epochs"] = {"epochs": [1, 30]}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))

    def said(*command: str) -> str:
        found = subprocess.run([sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True)
        return found.stdout + found.stderr

    for command in ("tables", "figures"):
        assert "did you mean epochs?" in said("pipeline", command, "--study", "epoch")
    assert "run 'pipeline fit --study epochs" in said("pipeline", "tables", "--study", "epochs")
    stages = said("dvc", "stage", "list", "--name-only", "experiments/dvc.yaml").split()
    assert {stage.removeprefix("experiments/dvc.yaml:") for stage in stages if "epochs" in stage} == {
        *("fit-study@epochs-stl10-resnet50", "evaluate-study@epochs-stl10-resnet50", "tables@epochs"),
        "figures-study@epochs",
    }
