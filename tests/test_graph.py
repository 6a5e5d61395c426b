"""dvc.yaml against the code: dependencies, paths, labels and parameters."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.config import paths
from pipeline.experiments.studies import STUDIES
from tests.conftest import ROOT

STAGES: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
EXPERIMENTS: dict[str, Any] = yaml.safe_load((ROOT / "experiments" / "dvc.yaml").read_text())["stages"]
MODULES = {
    "prepare": "pipeline.images.prepare",
    "extract": "pipeline.extraction.extract",
    "fit": "pipeline.methods.fit",
    "evaluate": "pipeline.evaluation.evaluate",
    "metrics": "pipeline.report.metrics",
}
EXPERIMENT_MODULES = {
    "extract-study": "pipeline.extraction.extract",
    "fit-views": "pipeline.methods.fit",
    "fit-study": "pipeline.methods.fit",
    "zero-shot": "pipeline.experiments.zero_shot",
    "evaluate-study": "pipeline.evaluation.evaluate",
    "comparison": "pipeline.experiments.tables",
    "tables": "pipeline.experiments.tables",
    "figures": "pipeline.experiments.figures",
    "figures-study": "pipeline.experiments.figures",
    "estimates": "pipeline.experiments.trial",
    "leaderboard": "pipeline.experiments.compare",
}
VERBS = {*MODULES.values(), *EXPERIMENT_MODULES.values()}
VERBS |= {
    "pipeline.cli.inventory",
    "pipeline.collection.collect",
    "pipeline.collection.page",
    "pipeline.collection.predict",
    "pipeline.collection.search",
}
VERBS |= {"pipeline.collection.export", "pipeline.collection.exchange", "pipeline.features.verify"}
"""The modules of the commands."""
ASSETS = ROOT / "pipeline" / "report" / "assets"


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
    """A file and all project files that it leads to."""
    seen, todo = set(), {path}
    while todo:
        file = todo.pop()
        seen.add(file)
        todo |= imported_by(file) - seen
    return seen


def outputs(stage: str, key: str = "outs") -> list[str]:
    outs = (STAGES | EXPERIMENTS)[stage].get(key, [])
    return [next(iter(out)) if isinstance(out, dict) else out for out in outs]


def texts_of(path: Path) -> set[str]:
    """The texts in a module, or what a template names in quotes."""
    if path.suffix != ".py":
        return set(re.findall(r"""['"]([\w./-]+)['"]""", path.read_text()))
    constants = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str)}


def assets_of(files: set[Path]) -> set[Path]:
    """The assets that modules name, and those that these name; where one lies in a folder, all of the folder."""
    assets: dict[str, set[Path]] = {}
    for path in ASSETS.rglob("*.*"):
        together = {path} if path.parent == ASSETS else set(path.parent.glob("*.*"))
        assets[path.relative_to(ASSETS).as_posix()] = together
    seen: set[Path] = set()
    while files := {each for path in files for text in texts_of(path) & set(assets) for each in assets[text]} - seen:
        seen |= files
    return seen


def code_of(module: str) -> set[str]:
    """What a stage of this module depends on: the files that it leads to, and the assets that these name."""
    start = file_of(module)
    assert start, module
    files = closure(start)
    return {str(path.relative_to(ROOT)) for path in files | assets_of(files)}


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
def test_code_dependencies_are_the_files_really_imported(stage: str, module: str) -> None:
    listed = {dep for dep in (STAGES | EXPERIMENTS)[stage]["deps"] if dep.startswith("pipeline")}
    assert listed == code_of(module)


def test_no_verb_imports_a_verb_and_no_noun_reads_parameters() -> None:
    verbs = {file_of(name) for name in VERBS}
    reader = file_of("pipeline.config.params")
    front = {file_of(name) for name in ("pipeline.cli.main", "pipeline.__main__", "pipeline.estimator")}
    for path in (ROOT / "pipeline").rglob("*.py"):
        if path in front:
            continue
        assert not imported_by(path) & (verbs - {path}), path
        assert reader not in imported_by(path) - {path}, path


def test_there_is_no_import_circle() -> None:
    for path in (ROOT / "pipeline").rglob("*.py"):
        for target in imported_by(path) - {path}:
            # A package's __init__ may name its own modules as text, to import them where they are used.
            if target.name != "__init__.py" and path.name != "__init__.py":
                assert path not in closure(target), f"{path} and {target}"


def stages_that_need(word: str) -> list[str]:
    return [name for name, stage in (STAGES | EXPERIMENTS).items() if any(word in dep for dep in stage["deps"])]


def test_labels_reach_evaluate_alone() -> None:
    # The trial of the estimate makes subsets by label; what it finds is a table that no other stage reads.
    assert stages_that_need("labels") == ["evaluate", "evaluate-study", "estimates"]
    assert stages_that_need(str(paths.TABLES)) == []
    assert any("labels" in out for out in outputs("prepare"))
    # The predictions are made upstream of it: what depends on the scores are tables, figures and the page.
    assert stages_that_need("evaluation") == [
        "metrics",
        "comparison",
        "tables",
        "leaderboard",
        "figures",
        "figures-study",
    ]


def test_class_names_reach_zero_shot_alone() -> None:
    assert any("classes" in out for out in outputs("prepare"))
    assert stages_that_need("classes") == ["zero-shot"]
    assert str(file_of("pipeline.experiments.zero_shot")) not in code_of("pipeline.methods.fit")


def test_paths_are_those_of_the_code() -> None:
    cell = paths.cell_paths("${item.dataset}", "${item.backbone}")
    assert outputs("prepare") == [str(cell.images), str(cell.labels), str(cell.classes)]
    assert outputs("extract") == [str(cell.features)]
    assert outputs("fit") == [str(cell.heads), str(cell.predictions)]
    assert outputs("evaluate") == [str(cell.evaluation)]
    assert outputs("metrics", "metrics") == [str(paths.METRICS)]
    assert outputs("metrics") == [str(paths.PLOTS), str(paths.REPORT)]
    assert str(cell.images) in STAGES["extract"]["deps"]
    assert str(cell.features) in STAGES["fit"]["deps"]
    assert {str(cell.predictions), str(cell.labels)} <= set(STAGES["evaluate"]["deps"])


def test_paths_of_the_studies_are_those_of_the_code() -> None:
    cell = paths.study_paths("${item.study}", "${item.dataset}", "${item.backbone}", "variant")
    features = paths.study_features("${item.study}", "${item.dataset}", "${item.backbone}")
    fitted = [str(cell.heads.parent), str(cell.predictions.parent)]
    assert outputs("extract-study") == [str(features)]
    assert outputs("fit-study") == outputs("fit-views") == fitted
    assert [out.replace("zero-shot", "${item.study}") for out in outputs("zero-shot")] == fitted
    assert str(features) in EXPERIMENTS["fit-views"]["deps"]
    assert str(cell.features) in EXPERIMENTS["fit-study"]["deps"]
    assert {fitted[1], str(cell.labels)} <= set(EXPERIMENTS["evaluate-study"]["deps"])
    assert outputs("evaluate-study") == [str(cell.evaluation.parent)]
    assert outputs("tables") == [str(paths.TABLES / "${item.study}")]
    assert outputs("figures-study") == [str(paths.figure_folder("${item.study}", cell))]
    assert outputs("estimates") == [str(paths.ESTIMATES)]
    assert outputs("leaderboard") == [str(paths.LEADERBOARD)]
    assert outputs("figures") == [str(paths.figure_folder(None, cell))]


def test_every_study_is_computed() -> None:
    named = {study for stage in EXPERIMENTS.values() for study in stage.get("matrix", {}).get("study", [])}
    assert named == set(STUDIES)
    assert set(EXPERIMENTS["evaluate-study"]["matrix"]["study"]) == set(STUDIES)


def test_everything_generated_lies_below_data() -> None:
    for stage in STAGES | EXPERIMENTS:
        assert all(out.startswith("data/") for out in outputs(stage) + outputs(stage, "metrics"))


def test_every_parameter_belongs_to_a_stage() -> None:
    stages = (STAGES | EXPERIMENTS).values()
    used = {re.sub(r"\$\{.*?\}", "*", name) for stage in stages for name in stage.get("params", [])}
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    sections = {name for name in values if name not in ("datasets", "studies")}
    assert {name for name in used if "." not in name} == sections
    entry = next(iter(values["datasets"].values()))
    # The whole entry is prepare's, whose folder: most entries do not have.
    expected = {f"datasets.*.{key}" for key in entry} | {"datasets.*", "studies.*"}
    expected |= {"studies.estimates", "studies.leaderboard", "studies.ceilings"}
    assert {name for name in used if "." in name} == expected
