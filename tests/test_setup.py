"""The set-up: constraints.txt is really what is installed, and leaves no direct dependency out."""

from __future__ import annotations

import importlib.metadata
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def applicable(lines: list[str]) -> dict[str, Requirement]:
    """The requirements that hold on this machine and Python, by name."""
    requirements = [Requirement(line) for line in lines]
    return {canonicalize_name(r.name): r for r in requirements if r.marker is None or r.marker.evaluate()}


TESTED = applicable((ROOT / "constraints.txt").read_text().split("\n")[:-1])


def test_the_tested_versions_are_the_installed_ones() -> None:
    found = {name: importlib.metadata.version(name) for name in TESTED}
    assert {name: version for name, version in found.items() if version not in TESTED[name].specifier} == {}


def test_every_direct_dependency_has_a_tested_version() -> None:
    extras = [line for path in (ROOT / "extras").glob("*.txt") for line in path.read_text().splitlines()]
    direct = applicable(PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"] + extras)
    del direct["scp-pipeline"]
    assert set(direct) <= set(TESTED)
    assert {"faiss-gpu", "faiss-cpu"} & set(direct) != {"faiss-gpu", "faiss-cpu"}
