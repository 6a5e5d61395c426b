"""The registry: which data sets there are, and how one is found by its name."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.base.errors import PipelineError
from pipeline.cli.settings import read_params
from pipeline.images import datasets
from pipeline.images.datasets.registry import DATASETS, find_dataset, get_dataset
from tests.conftest import ROOT


def test_every_entry_of_a_module_is_in_the_registry() -> None:
    """Guards against a data set that is written and never listed, and one that takes another's name."""
    names = [info.name for info in pkgutil.iter_modules(datasets.__path__, f"{datasets.__name__}.")]
    modules = [importlib.import_module(name) for name in names]
    entries = [entry for module in modules for entry in getattr(module, "ENTRIES", ())]
    assert sorted(entry.name for entry in entries) == sorted(DATASETS)
    assert all(DATASETS[entry.name] is entry for entry in entries)


def test_a_name_is_checked_without_a_library() -> None:
    """Guards against commands that load what reads files before they refuse a name."""
    code = "import sys; from pipeline.images.datasets.registry import DATASETS\n"
    code += "print(sorted({'numpy', 'torch', 'torchvision', 'sklearn', 'PIL'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_every_data_set_has_its_parameters() -> None:
    found = read_params(ROOT / "params.yaml").datasets
    # The others are folders that a user has added.
    assert {name for name, each in found.items() if each.folder is None} == set(DATASETS)


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_dataset("imagenet10", None, "~/imagenet").source == str(tmp_path / "imagenet")
    monkeypatch.setenv("IMAGENET_ROOT", "~/elsewhere")
    assert find_dataset("imagenet10", None, None).source == str(tmp_path / "elsewhere")
    assert find_dataset("pets", "~/pets", None).source == str(tmp_path / "pets")
    # Of a user who does not exist: as it is, and the error names it.
    assert find_dataset("pets", "~no-such-user/pets", None).source == "~no-such-user/pets"


def test_a_folder_needs_a_name_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="'stl10' has a folder, but is the name of a known data set"):
        find_dataset("stl10", str(tmp_path), None, "params.yaml: datasets")


def test_near_names_are_offered() -> None:
    with pytest.raises(PipelineError, match="unknown data set 'fashion-mnist-mni'; did you mean fashion-mnist-mini"):
        get_dataset("fashion-mnist-mni")
