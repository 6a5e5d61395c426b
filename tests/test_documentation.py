"""README, CONTRIBUTING and docs/: links lead somewhere; commands, stages, benchmarks and parameters in them exist."""

from __future__ import annotations

import re
import shlex
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from pipeline.experiments.studies import study_lists
from tests.commands import check, commands
from tests.conftest import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
IDS = [path.name for path in PAGES]


def prose(path: Path) -> str:
    """The text without its blocks of commands."""
    return re.sub(r"^ {4}.*$", "", path.read_text(), flags=re.MULTILINE)


def code(path: Path) -> list[str]:
    """Every line of the blocks of commands, and what stands in backticks."""
    text = path.read_text().replace("\\\n", " ")
    return re.findall(r"^ {4}(\S.*)$", text, re.MULTILINE) + re.findall(r"`([^`\n]+)`", prose(path))


def anchors(path: Path) -> set[str]:
    """What GitHub makes of the headings: small letters, no punctuation, hyphens for spaces."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    for link in links:
        if link.startswith("http"):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_and_picture_is_linked() -> None:
    linked = {(page.parent / link).resolve() for page in PAGES for link in re.findall(r"\]\(([^)#\s]+)", prose(page))}
    assert set((ROOT / "docs").iterdir()) <= linked


def test_the_readme_is_short_and_lists_every_page() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 180
    listed = re.findall(r"^\| \[(?:[\w./-]+)\]\(([\w./-]+)\) \|", text, re.MULTILINE)
    pages = [page.relative_to(ROOT).as_posix() for page in PAGES if page.name != "README.md"]
    assert sorted(listed) == sorted([*pages, "CHANGELOG.md"])


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_a_page_begins_with_its_answer_in_prose(page: Path) -> None:
    title, empty, first, *_ = page.read_text().splitlines()
    assert re.match(r"# \S", title)
    assert not empty
    assert re.match(r"[\w`*]", first)


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_commands_exist_with_their_options(page: Path) -> None:
    pattern = r"(?:\w+=\S+ )*(?:uv run (?:--extra \w+ )?)?pipeline ((?!-)[^#]+)"
    found = [shlex.split(match[1]) for line in code(page) if (match := re.match(pattern, line))]
    assert {name for name, *_ in found} <= set(commands())
    # A name alone speaks of the command, which may need arguments.
    check([arguments for arguments in found if len(arguments) > 1])


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_stages_and_benchmarks_exist(page: Path) -> None:
    files = {name: yaml.safe_load((ROOT / name).read_text())["stages"] for name in ("dvc.yaml", "experiments/dvc.yaml")}
    for line in code(page):
        for file, stage, key in re.findall(r"(experiments/dvc\.yaml):([\w-]+)(?:@([\w-]+))?", line):
            assert stage in files[file], line
            matrix = files[file][stage].get("matrix", {}).values()
            lists = [study_lists[kind] for kind in re.findall(r"\{study_lists\.(\w+)\}", str(list(matrix)))]
            assert not key or any(key in values for values in [*matrix, *lists]), line
        for module in re.findall(r"python -m ([\w.]+)", line):
            assert (ROOT / Path(*module.split("."))).with_suffix(".py").is_file(), line
        for script in re.findall(r"python (\S+\.py)", line):
            assert (ROOT / script).is_file(), line


def table(path: Path, heads: list[str]) -> list[list[str]]:
    """The rows of the first table whose columns are called so, but for the one that names the row, and maybe more."""
    rows = [[cell.strip(" *") for cell in line.split("|")[1:-1]] for line in path.read_text().splitlines()]
    first = next(number for number, row in enumerate(rows) if row[1 : 1 + len(heads)] == heads)
    return [row[: 1 + len(heads)] for row in takewhile(bool, rows[first + 2 :])]


def test_the_leaderboard_is_the_same_in_both_places() -> None:
    sets = [f"`{name}`" for name in ("fashion-mnist-mini", "digits", "mnist-5k", "tuxpaint", "emoji")]
    some, all_of_them = (table(ROOT / name, sets) for name in ("README.md", "docs/methods.md"))
    assert len(some) >= 4
    assert all(row in all_of_them for row in some)


def test_the_scores_of_the_default_are_the_same_in_both_places() -> None:
    text = " ".join((ROOT / "README.md").read_text().split())
    number = r"(\d+\.\d)"
    mean = r"(\d+\.\d ± \d+\.\d)"
    found = re.search(rf"accuracy of {number} % .*? and {mean} over five.*? {number} and {mean}", text)
    assert found is not None
    rows = table(ROOT / "docs" / "paper.md", ["runs", "ACC mean ± std", "ACC kept"])
    scores = {(method, runs): (kept, average) for method, runs, average, kept in rows}
    assert found.groups() == (*scores["SCP", "5"], *scores["k-means", "5"])


@pytest.mark.slow
def test_the_python_example_runs() -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"embeddings": np.random.default_rng(0).normal(size=(48, 8))}
    exec(compile(block, "README.md", "exec"), names)
    assert names["labels"].shape == (48,)


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_parameters_exist(page: Path) -> None:
    values: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text())
    for name in code(page):
        section, *keys = name.partition(":")[0].split(".")
        if section in values and keys and keys[-1] not in ("json", "py"):
            found: Any = values[section]
            for key in keys:
                assert key.startswith("<") or key in found, name
                found = next(iter(found.values())) if key.startswith("<") else found[key]
