"""dvc.yaml against the code: dependencies, paths, labels and parameters."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.config import paths
from pipeline.config.names import NOUNS
from pipeline.experiments.studies import STUDIES, study_lists, with_figures, with_tables
from pipeline.experiments.study import CacheStudy
from pipeline.experiments.systems_on_cell import SOURCES
from tests.conftest import BACKBONE, ROOT
from tests.copies import PETS, make_copy

STAGES: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
EXPERIMENTS: dict[str, Any] = yaml.safe_load((ROOT / "experiments" / "dvc.yaml").read_text())["stages"]
ALL = STAGES | EXPERIMENTS
MODULES = {
    "prepare": "pipeline.images.prepare",
    "extract": "pipeline.extraction.extract",
    "settings": "pipeline.methods.settings",
    "fit": "pipeline.methods.fit",
    "evaluate": "pipeline.evaluation.evaluate",
    "metrics": "pipeline.report.metrics",
}
EXPERIMENT_MODULES = {
    "extract-study": "pipeline.extraction.extract",
    "fit-views": "pipeline.methods.fit",
    "fit-study": "pipeline.methods.fit",
    "nouns": "pipeline.experiments.nouns",
    "fit-text": "pipeline.methods.fit",
    "zero-shot": "pipeline.experiments.zero_shot",
    "evaluate-study": "pipeline.evaluation.evaluate",
    "comparison": "pipeline.experiments.tables",
    "text-guided": "pipeline.experiments.tables",
    "tables": "pipeline.experiments.tables",
    "figures": "pipeline.experiments.figures",
    "figures-study": "pipeline.experiments.figures",
    "estimates": "pipeline.experiments.trial",
    "leaderboard": "pipeline.experiments.compare",
    "systems": "pipeline.experiments.systems",
    "theorem": "pipeline.experiments.theorem",
    "extract-robustness": "pipeline.extraction.extract",
    "subsets-robustness": "pipeline.evaluation.subsets",
    "fit-robustness": "pipeline.experiments.robustness.fitting",
    "evaluate-robustness": "pipeline.evaluation.robustness",
    "robustness": "pipeline.experiments.robustness.tables",
}
HOUSE = (
    *("cli", "experiments", "collection", "report", "evaluation", "methods", "heads"),
    *("extraction", "backbones", "features", "images", "config", "base"),
)
"""The rooms, each of which imports only those after it."""
FRONT = {ROOT / "pipeline" / name for name in ("__init__.py", "__main__.py", "estimator.py")}
"""What is in no room: the ways in. The first is imported with everything, and holds names alone."""


def file_of(module: str) -> Path | None:
    """The project file of a dotted module name, if there is one."""
    base = ROOT / Path(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


@cache
def imported_by(path: Path) -> set[Path]:
    """The project files that a file names: in imports anywhere, and in texts such as a registry's module names."""
    found: set[Path] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("pipeline."):
            names = [node.value]
        for name in names:
            parts = name.split(".")
            if parts[0] == "pipeline":
                files = (file_of(".".join(parts[: i + 1])) for i in range(len(parts)))
                found |= {file for file in files if file}
    return found


def closure(path: Path) -> set[Path]:
    """A file and all project files that it leads to; not by way of the package itself, which loads a name on use."""
    seen, todo = set(), {path}
    while todo:
        file = todo.pop()
        seen.add(file)
        todo |= imported_by(file) - seen - FRONT
    return seen


def outputs(stage: str, key: str = "outs") -> list[str]:
    outs = ALL[stage].get(key, [])
    return [next(iter(out)) if isinstance(out, dict) else out for out in outs]


def room_of(path: Path) -> str:
    """The room of a project file."""
    return path.relative_to(ROOT / "pipeline").parts[0]


def rooms_of(module: str) -> set[str]:
    """The rooms, as paths, of all files that a module leads to."""
    start = file_of(module)
    assert start, module
    return {f"pipeline/{room_of(path)}" for path in closure(start)}


def test_dvc_reads_both_files() -> None:
    command = [sys.executable, "-m", "dvc", "stage", "list", "--name-only", "dvc.yaml", "experiments/dvc.yaml"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    names = {line.partition("@")[0].removeprefix("experiments/dvc.yaml:") for line in result.stdout.split()}
    assert names == set(STAGES) | set(EXPERIMENTS)


def test_every_stage_has_its_module() -> None:
    assert set(STAGES) == set(MODULES)
    assert set(EXPERIMENTS) == set(EXPERIMENT_MODULES)


@pytest.mark.parametrize(
    ("stage", "module"), [*MODULES.items(), *EXPERIMENT_MODULES.items()], ids=[*MODULES, *EXPERIMENT_MODULES]
)
def test_code_dependencies_are_the_rooms_really_imported(stage: str, module: str) -> None:
    listed = [dep for dep in ALL[stage]["deps"] if dep.startswith("pipeline")]
    assert set(listed) == rooms_of(module)
    order = [HOUSE.index(room.removeprefix("pipeline/")) for room in listed]
    assert order == sorted(order), "from the stage's own room down"


def test_only_fits_their_settings_and_the_estimate_depend_on_the_code_of_methods() -> None:
    needing = stages_that_need("pipeline/methods")
    assert needing == ["settings", "fit", "fit-views", "fit-study", "fit-text", "estimates", "fit-robustness"]


def test_the_rooms_are_those_of_the_contract_and_nothing_stands_outside_of_them() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (contract,) = project["tool"]["importlinter"]["contracts"]
    assert tuple(contract["layers"]) == ("__main__", "estimator", *HOUSE)
    there = {path for path in (ROOT / "pipeline").iterdir() if path.name != "__pycache__"}
    assert there == FRONT | {ROOT / "pipeline" / room for room in HOUSE}
    for room in HOUSE:
        assert (ast.get_docstring(ast.parse((ROOT / "pipeline" / room / "__init__.py").read_text())) or "").strip()


def test_tests_lie_in_the_rooms_of_what_they_test() -> None:
    for path in (ROOT / "tests").iterdir():
        if path.is_dir() and path.name not in ("__pycache__", "browser", "cuda", "page"):
            assert path.name in HOUSE, path


def test_dvc_sees_no_compiled_code_and_no_second_copy_of_the_parameters() -> None:
    ignored = (ROOT / ".dvcignore").read_text().splitlines()
    assert {"__pycache__", "pipeline/config/defaults.yaml"} <= set(ignored)
    assert (ROOT / "pipeline" / "config" / "defaults.yaml").resolve() == ROOT / "params.yaml"


def test_no_stage_imports_a_stage() -> None:
    modules = {*MODULES.values(), *EXPERIMENT_MODULES.values()}
    stages = {path for path in map(file_of, modules) if path}
    assert len(stages) == len(modules)
    for path in sorted(stages):
        assert not imported_by(path) & (stages - {path}), path


def stages_that_need(word: str) -> list[str]:
    return [name for name, stage in ALL.items() if any(word in dep for dep in stage["deps"])]


def stages_that_read(word: str) -> list[str]:
    """The same of data."""
    data = {name: [dep for dep in stage["deps"] if dep.startswith("data/")] for name, stage in ALL.items()}
    return [name for name, deps in data.items() if any(word in dep for dep in deps)]


def test_labels_reach_evaluate_alone() -> None:
    # The trial of the estimate makes subsets by label; what it finds is a table that no other stage reads. The subsets
    # of the study of robustness have their own stage, from which ids alone come.
    own = ["subsets-robustness", "evaluate-robustness"]
    assert stages_that_need("labels") == ["evaluate", "evaluate-study", "estimates", *own]
    assert stages_that_need(str(paths.TABLES)) == []
    assert any("labels" in out for out in outputs("prepare"))
    # The predictions are made upstream of it: what depends on the scores are tables, figures and the page.
    assert stages_that_read("evaluation") == [
        "metrics",
        "comparison",
        "text-guided",
        "tables",
        "leaderboard",
        "systems",
        "robustness",
        "figures",
        "figures-study",
    ]


def test_class_names_reach_zero_shot_alone() -> None:
    assert any("classes" in out for out in outputs("prepare"))
    assert stages_that_need("classes") == ["zero-shot"]
    assert "pipeline/experiments" not in STAGES["fit"]["deps"]


def test_nouns_reach_the_methods_that_read_them_alone() -> None:
    assert outputs("nouns") == [str(paths.NOUN_LISTS / "${item.backbone}")]
    assert stages_that_read(str(paths.NOUN_LISTS)) == ["fit-text"]


def test_paths_are_those_of_the_code() -> None:
    cell = paths.cell_paths("${item.dataset}", "${item.backbone}")
    assert outputs("prepare") == [str(cell.images), str(cell.labels), str(cell.classes)]
    assert outputs("extract") == [str(cell.features)]
    settings, method = paths.SETTINGS / "${item.dataset}", "${item.method}"
    assert outputs("settings") == [str(settings)]
    assert outputs("fit") == [str(cell.heads / method), str(cell.predictions / method)]
    assert outputs("evaluate") == [str(cell.evaluation / method)]
    assert outputs("metrics", "metrics") == [str(paths.SCORES)]
    assert outputs("metrics") == [str(paths.METRICS), str(paths.PLOTS), str(paths.REPORT)]
    assert str(cell.images) in STAGES["extract"]["deps"]
    assert {str(cell.features), str(settings / f"{method}.json")} <= set(STAGES["fit"]["deps"])
    assert {str(cell.predictions / method), str(cell.labels)} <= set(STAGES["evaluate"]["deps"])


def test_dvc_removes_nothing_that_a_stopped_fit_has_kept() -> None:
    """It removes the outputs of a stage before it runs it."""
    kept = {paths.cell_paths("d", "b").kept, paths.study_paths("s", "d", "b", "v").kept, paths.NOUN_PARTS / "b"}
    outs = [Path(re.sub(r"\$\{item\.(\w)\w*\}", r"\1", out)) for stage in ALL for out in outputs(stage)]
    assert Path("data/studies/s/heads/d/b") in outs
    assert [(out, folder) for out in outs for folder in kept if folder.is_relative_to(out)] == []


def test_paths_of_the_studies_are_those_of_the_code() -> None:
    cell = paths.study_paths("${item.study}", "${item.dataset}", "${item.backbone}", "variant")
    features = paths.study_features("${item.study}", "${item.dataset}", "${item.backbone}")
    fitted = [str(cell.heads.parent), str(cell.predictions.parent)]
    assert outputs("extract-study") == [str(features)]
    assert outputs("fit-study") == outputs("fit-views") == outputs("fit-text") == fitted
    assert {str(cell.features), str(paths.NOUN_LISTS / "${item.backbone}")} <= set(EXPERIMENTS["fit-text"]["deps"])
    assert [out.replace("zero-shot", "${item.study}") for out in outputs("zero-shot")] == fitted
    assert str(features) in EXPERIMENTS["fit-views"]["deps"]
    assert str(cell.features) in EXPERIMENTS["fit-study"]["deps"]
    assert {fitted[1], str(cell.labels)} <= set(EXPERIMENTS["evaluate-study"]["deps"])
    assert outputs("evaluate-study") == [str(cell.evaluation.parent)]
    assert outputs("tables") == [str(paths.TABLES / "${item.study}")]
    assert outputs("figures-study") == [str(paths.figure_folder("${item.study}", cell).parents[1])]
    assert outputs("estimates") == [str(paths.ESTIMATES)]
    assert outputs("leaderboard") == [str(paths.LEADERBOARD)]
    assert outputs("theorem") == [str(paths.TABLES / "theorem")]
    assert outputs("systems") == [str(paths.TABLES / "systems")]
    read = [dep.split("/")[2] for dep in EXPERIMENTS["systems"]["deps"] if dep.startswith(str(paths.STUDIES))]
    assert read == list(SOURCES)
    study = paths.ROBUSTNESS
    assert outputs("extract-robustness") == [str(study / "features" / "${item.dataset}" / "${item.backbone}")]
    assert outputs("robustness") == [str(paths.TABLES / study.name)]
    assert outputs("figures") == [str(paths.figure_folder(None, cell))]


def test_what_a_study_ends_in_has_one_name_for_all_cells() -> None:
    """`tables@balance`, `figures-study@balance`."""
    for stage in ("tables", "figures-study"):
        assert list(EXPERIMENTS[stage]["matrix"]) == ["study"]


def test_every_study_is_computed() -> None:
    lists = study_lists
    text = {name for name, study in STUDIES.items() if study.text}
    own = {name for name, study in STUDIES.items() if isinstance(study.load(), CacheStudy)}
    assert lists["evaluated"] == [name for name in STUDIES]
    assert lists["with_own_cache"] == sorted(own)
    assert lists["fitted"] == [name for name in STUDIES if name not in own | text]
    assert lists["with_nouns"] == [name for name, study in STUDIES.items() if study.text == NOUNS]
    # What reads the scores of two studies is a stage of its own.
    beside = {name: study.beside for name, study in STUDIES.items() if study.beside}
    assert set(lists["tables"]) == set(with_tables()) - set(beside)
    by_command = {stage["cmd"]: stage for stage in EXPERIMENTS.values()}
    for pair in beside.items():
        read = {str(paths.STUDIES / name / "evaluation") for name in pair}
        assert read < set(by_command[f"pipeline tables --study {pair[0]}"]["deps"])
    assert set(lists["figures"]) == set(with_figures())
    # DVC watches the section of what is fitted.
    sections = yaml.safe_load((ROOT / "params.yaml").read_text())["studies"]
    assert {*lists["fitted"], *lists["with_own_cache"], *lists["with_nouns"]} <= set(sections)
    used = re.findall(r"study_lists\.(\w+)", (ROOT / "experiments" / "dvc.yaml").read_text())
    assert set(used) == set(lists)


def test_everything_generated_lies_below_data() -> None:
    for stage in ALL:
        assert all(out.startswith("data/") for out in outputs(stage) + outputs(stage, "metrics"))


def test_every_parameter_belongs_to_a_stage() -> None:
    stages = ALL.values()
    used = {re.sub(r"\$\{.*?\}", "*", name) for stage in stages for name in stage.get("params", [])}
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    sections = {name for name in values if name not in ("datasets", "studies")}
    assert {name for name in used if "." not in name} == sections
    entry = next(iter(values["datasets"].values()))
    # The whole entry is prepare's, whose folder: most entries do not have.
    expected = {f"datasets.*.{key}" for key in entry} | {"datasets.*", "studies.*"}
    expected |= {
        "fit.methods",
        "cluster.small",
        "cluster.most_steps",
        "run.datasets",
        "extract.seed",
        "studies.robustness",
        "studies.estimates",
        "studies.leaderboard",
        "studies.theorem",
        "studies.ceilings",
    }
    assert {name for name in used if "." in name} == expected


@pytest.mark.slow
def test_a_changed_value_fits_what_reads_it_and_nothing_else(tmp_path: Path) -> None:
    copy = make_copy(tmp_path)
    copy.change(**{"fit.methods": ["scp", "kmeans"]})
    assert len(copy.repro()) == 8
    settings, cell = f"settings@{PETS}", f"{PETS}-{BACKBONE}"

    def again(method: str) -> list[str]:
        return [settings, f"fit@{cell}-{method}", f"evaluate@{cell}-{method}", "metrics"]

    copy.change(**{f"datasets.{PETS}.balance_weight": 2.0})
    # The whole entry of a data set is prepare's, whose outputs stay the same.
    assert [stage for stage in copy.repro() if stage != f"prepare@{PETS}"] == again("scp")
    copy.change(**{"fit.gmm_full.starts": 1})
    assert copy.repro() == [settings], "no method that is fitted reads it"
    copy.change(**{"fit.methods": ["scp", "kmeans", "spherical-kmeans"]})
    assert copy.repro() == again("spherical-kmeans")
    copy.change(**{"fit.methods": ["spherical-kmeans"]})
    assert copy.repro() == [settings, "metrics"]
    (scores,) = json.loads((copy.root / "data" / "scores.json").read_text())[PETS].values()
    assert set(scores) == {"spherical-kmeans"}, "what is left of others is not shown"
