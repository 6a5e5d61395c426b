"""The data sets of packages, and where packages are."""

from __future__ import annotations

import gzip
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.base.errors import PipelineError
from pipeline.images.datasets import emoji, tuxpaint
from pipeline.images.datasets.entry import Dataset
from pipeline.images.datasets.packages import Package
from pipeline.images.datasets.registry import DATASETS

PACKAGED = [entry for entry in DATASETS.values() if entry.package]
TABLES = [entry for entry in PACKAGED if entry.files[-1].endswith(".gz")]
"""Those whose pictures are rows of a table."""


@pytest.mark.parametrize("entry", PACKAGED, ids=lambda entry: entry.name)
def test_what_is_not_installed_is_said_with_the_command_that_installs_it(entry: Dataset, tmp_path: Path) -> None:
    gone = replace(entry, source=str(tmp_path / "gone"))
    assert not gone.is_here
    with pytest.raises(PipelineError) as error:
        gone.read()
    assert entry.package
    assert str(error.value) == (
        f"{entry.name}: expected {entry.files[0]} of the {entry.package.kind} package {entry.package.name} "
        f"{entry.package.version} in {tmp_path / 'gone'}, found nothing there; run '{entry.package.install}'"
    )


@pytest.mark.parametrize("entry", TABLES, ids=lambda entry: entry.name)
def test_another_file_than_was_tested_is_refused(entry: Dataset, tmp_path: Path) -> None:
    assert entry.is_here
    for file in entry.files:
        shutil.copy(Path(entry.source, file), tmp_path / file)
    path = tmp_path / entry.files[-1]
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1]))
    with pytest.raises(PipelineError, match=rf"{path.name}: expected the file of .* SHA-256 .*; run 'uv pip install "):
        replace(entry, source=str(tmp_path)).read()


def test_where_packages_are() -> None:
    assert Path(Package("Python", "numpy", "2").place("numpy/__init__.py")).is_file()
    assert Package("Python", "no-such-package", "1").place("no/such") == "no/such"
    assert tuxpaint.PACKAGE.place("/usr/share/tuxpaint/stamps") == "/usr/share/tuxpaint/stamps"
    package = emoji.package_of("google")
    # The folder that npm makes below its prefix.
    assert f"--prefix {package.place('').partition('/node_modules/')[0]} " in package.install
