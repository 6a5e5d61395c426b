"""dvc.yaml against the code: dependencies, paths, labels and parameters."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import paths
from tests.conftest import ROOT

STAGES: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
MODULES = {"prepare": "prepare", "extract": "extract", "fit": "fit", "evaluate": "evaluate", "metrics": "report"}


def file_of(module: str) -> Path | None:
    """The project file of a dotted module name, if there is one."""
    base = ROOT / Path(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


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
    return [next(iter(out)) if isinstance(out, dict) else out for out in STAGES[stage].get(key, [])]


@pytest.mark.parametrize("stage", MODULES)
def test_code_dependencies_are_the_files_really_imported(stage: str) -> None:
    listed = {dep for dep in STAGES[stage]["deps"] if dep.startswith("pipeline")}
    assets = {"pipeline/assets"} if stage == "metrics" else set()
    expected = {str(path.relative_to(ROOT)) for path in closure(ROOT / "pipeline" / f"{MODULES[stage]}.py")}
    assert listed == expected | assets


def test_no_verb_imports_a_verb_and_no_noun_reads_parameters() -> None:
    verbs = {ROOT / "pipeline" / f"{name}.py" for name in MODULES.values()}
    reader = ROOT / "pipeline" / "params.py"
    front = {ROOT / "pipeline" / name for name in ("cli.py", "__main__.py")}
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


def test_labels_reach_evaluate_alone() -> None:
    readers = [stage for stage in STAGES if any("labels" in dep for dep in STAGES[stage]["deps"])]
    assert readers == ["evaluate"]
    assert any("labels" in out for out in outputs("prepare"))
    # The predictions are made upstream of it: what depends on the scores is the last stage alone.
    after = [stage for stage in STAGES if any("evaluation" in dep for dep in STAGES[stage]["deps"])]
    assert after == ["metrics"]


def test_paths_are_those_of_the_code() -> None:
    cell = paths.cell_paths("${item.dataset}", "${item.backbone}")
    assert outputs("prepare") == [str(cell.images), str(cell.labels)]
    assert outputs("extract") == [str(cell.features)]
    assert outputs("fit") == [str(cell.heads), str(cell.predictions)]
    assert outputs("evaluate") == [str(cell.evaluation)]
    assert outputs("metrics", "metrics") == [str(paths.METRICS)]
    assert outputs("metrics") == [str(paths.PLOTS), str(paths.REPORT)]
    assert str(cell.images) in STAGES["extract"]["deps"]
    assert str(cell.features) in STAGES["fit"]["deps"]
    assert {str(cell.predictions), str(cell.labels)} <= set(STAGES["evaluate"]["deps"])


def test_everything_generated_lies_below_data() -> None:
    for stage in STAGES:
        assert all(out.startswith("data/") for out in outputs(stage) + outputs(stage, "metrics"))


def test_every_parameter_belongs_to_a_stage() -> None:
    used = {re.sub(r"\$\{.*?\}", "*", name) for stage in STAGES.values() for name in stage.get("params", [])}
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    sections = {name for name in values if name != "datasets"}
    assert {name for name in used if "." not in name} == sections
    entry = next(iter(values["datasets"].values()))
    assert {name for name in used if "." in name} == {f"datasets.*.{key}" for key in entry}
