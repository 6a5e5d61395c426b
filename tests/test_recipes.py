"""CONTRIBUTING.md and docs/recipes.md: what they say of the house is so, and each recipe is followed in a copy."""

from __future__ import annotations

import ast
import json
import re
import shutil
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from pipeline.cli.settings import read_params
from pipeline.images.listing import open_image, read_list
from tests.conftest import BACKBONE, ROOT
from tests.copies import CELL, PETS, Copy, make_copy
from tests.recipes import PAGES, recipes

CONTRIBUTING = PAGES[0].read_text(encoding="utf-8")
GRAPHS = ("dvc.yaml", "experiments/dvc.yaml")
RECIPES = recipes()


def rows(head: str) -> list[list[str]]:
    """The cells of a table of CONTRIBUTING.md, without the two lines of its head."""
    lines = CONTRIBUTING[CONTRIBUTING.index(head) :].splitlines()
    table = lines[: next(number for number, line in enumerate(lines) if not line.startswith("|"))]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[2:]]


def test_the_house_is_the_one_of_the_contract() -> None:
    (contract,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    listed = [(name.strip("`"), text) for name, text in rows("| room |")]
    assert [room for room, _ in listed] == contract["layers"][-13:]
    for room, text in listed:
        docstring = ast.get_docstring(ast.parse((ROOT / "pipeline" / room / "__init__.py").read_text()))
        assert docstring is not None
        assert text == docstring.splitlines()[0].rstrip("."), f"pipeline/{room}/__init__.py says it otherwise"


def test_every_file_that_is_named_is_there() -> None:
    made = {block.file for blocks in RECIPES.values() for block in blocks}
    for page in PAGES:
        named = set(re.findall(r"`([\w./]+\.(?:py|yaml|txt|j2))`", page.read_text(encoding="utf-8")))
        assert len(named) > 20
        assert [name for name in named - made if "NAME" not in name and not (ROOT / name).is_file()] == []


def table() -> dict[str, tuple[set[str], set[str]]]:
    """The files to touch for each recipe, and the stages that become stale, as CONTRIBUTING.md lists them."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for title, files, stages in rows("| to add |"):
        named = tuple(set(re.findall(r"`([^`]+)`", cell)) for cell in (files, stages))
        other = found.get(files.removeprefix("as "))
        like = found.get(stages.removeprefix("as "))
        every = set(graphs()) if stages == "all" else named[1]
        found[title[1:].partition("](")[0]] = (other[0] if other else named[0], like[1] if like else every)
    return found


def graphs() -> dict[str, Any]:
    """The stages of both graphs."""
    return {
        name: stage for file in GRAPHS for name, stage in yaml.safe_load((ROOT / file).read_text())["stages"].items()
    }


def stale(files: Iterable[str]) -> set[str]:
    """The stages that depend on the room of one of these files."""
    found = graphs().items()
    return {name for name, stage in found if any(file.startswith(f"{dep}/") for dep in stage["deps"] for file in files)}


def pattern(file: str) -> str:
    """What a file of the table may be called, in which NAME stands for a name of one's own."""
    return re.escape(file).replace("NAME", r"\w+")


def test_every_recipe_of_the_table_has_an_example() -> None:
    assert set(table()) == set(RECIPES)


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_table_names_the_files_and_the_stages_of_a_recipe(recipe: str) -> None:
    files, stages = table()[recipe]
    blocks = RECIPES[recipe]
    assert all(
        f"`{block.file}`" in block.before or block.file == blocks[place - 1].file for place, block in enumerate(blocks)
    )
    touched = {block.file for block in blocks}
    assert len(touched) == len(files)
    assert all(any(re.fullmatch(pattern(file), each) for file in files) for each in touched)
    assert stale(touched) == stages


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """A copy of the project in which nothing was computed."""
    return make_copy(tmp_path)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A copy after `dvc repro`, and with something in the place of every output of the experiments.

    DVC then has a lock for each stage of both graphs, and can say whether it is stale.
    """
    copy = make_copy(tmp_path_factory.mktemp("computed"))
    code = copy.run("python", "-c", "import pipeline; print(pipeline.__file__)").strip()
    assert Path(code).is_relative_to(copy.root), "the copy's own code is what runs"
    fitted = (f"settings@{PETS}", f"fit@{CELL}-kmeans", f"evaluate@{CELL}-kmeans")
    # The order of stages that do not need each other is DVC's own, and not the same everywhere.
    assert sorted(copy.repro()) == sorted([f"prepare@{PETS}", f"extract@{CELL}", *fitted, "metrics"])
    outputs = "from dvc.repo import Repo; print(*(out.fs_path for out in Repo().index.outs), sep='\\n')"
    for path in map(Path, copy.run("python", "-c", outputs).splitlines()):
        if not path.exists():
            path.mkdir(parents=True)
            (path / "placeholder").touch()
    copy.run("dvc", "commit", "--quiet", "--force", "experiments/dvc.yaml")
    copy.commit()
    assert copy.status() == {}
    return copy


@pytest.fixture
def computed(once: Copy) -> Iterator[Copy]:
    """The copy in which everything is computed, as it was before any recipe."""
    yield once
    once.reset()


@pytest.mark.slow
def test_a_method(computed: Copy) -> None:
    files = computed.follow("a method")
    assert len(files) <= 3
    changes = computed.status()
    assert {name.partition("@")[0] for name in changes} == table()["a method"][1]
    for name, change in changes.items():
        assert change == [{"changed deps": {"pipeline/methods": "modified"}}], name

    if (ROOT / ".mypy_cache").is_dir():  # All else is checked already.
        shutil.copytree(ROOT / ".mypy_cache", computed.root / ".mypy_cache", dirs_exist_ok=True)
    computed.run("ruff", "check", ".")
    computed.run("ruff", "format", "--check", ".")
    computed.run("mypy", *(file for file in files if "bisecting_kmeans" in file))
    computed.run("lint-imports")
    computed.pytest("tests/methods/test_bisecting_kmeans.py", "tests/methods/test_methods.py", "-k", "bisecting")

    computed.change(**{"fit.methods": ["kmeans", "bisecting-kmeans"]})
    # The code of all methods is one room; what it does not change ends where its fit is over.
    own = (f"fit@{CELL}-bisecting-kmeans", f"evaluate@{CELL}-bisecting-kmeans")
    assert sorted(computed.repro()) == sorted([f"settings@{PETS}", f"fit@{CELL}-kmeans", *own, "metrics"])
    data = computed.root / "data"
    assert set(json.loads((data / "metrics.json").read_text())[PETS][BACKBONE]) == {"kmeans", "bisecting-kmeans"}
    summary = json.loads((data / "heads" / PETS / BACKBONE / "bisecting-kmeans" / "summary.json").read_text())
    assert summary["settings"] == {"starts": 5}, "the defaults beside the method"
    assert "bisecting k-means" in (data / "report" / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_an_objective_on_pairs(copy: Copy) -> None:
    copy.follow("an objective on pairs")
    copy.pytest("tests/methods/test_imsat.py", "tests/methods/test_methods.py", "-k", "imsat")


@pytest.mark.slow
def test_a_term_of_scps_objective(copy: Copy) -> None:
    copy.follow("a term of SCP's objective")
    # Where the terms are computed, and where each has a column.
    tests = (f"tests/{name}.py" for name in ("heads/test_objectives", "report/test_numbers", "experiments/test_tables"))
    copy.pytest(*tests, "-k", "test_terms or total or target or history or set_of_terms")


@pytest.mark.slow
def test_a_backbone_and_a_library(copy: Copy) -> None:
    """The entries' own tests compare the embeddings with the library's, and the size of the files."""
    assert copy.follow("a backbone") == {"pipeline/backbones/registry.py"}
    copy.follow("a library of backbones")
    assert {"dino-vits16", "own-net"} <= set(copy.run("pipeline", "backbones").split())
    copy.pytest("tests/backbones", "-k", "dino-vits16 or own-net or every_library or any_library")


def images_of(copy: Copy, dataset: str) -> Path:
    """The folder of a data set's image list."""
    return copy.root / "data" / "images" / dataset


@pytest.mark.slow
def test_a_data_set_of_picture_files(copy: Copy, tmp_path: Path) -> None:
    (block,) = RECIPES["a data set of picture files"]
    block.follow(copy.root)
    new = read_params(copy.root / "params.yaml").datasets["my-pictures"]
    assert new.folder == "/path/to/pictures"
    assert (new.clusters, new.image_size) == (12, None)

    for place in ("train/cats", "train/dogs", "test/cats", "test/dogs"):
        (tmp_path / "pictures" / place).mkdir(parents=True)
        Image.new("RGB", (40, 30)).save(tmp_path / "pictures" / place / "one.jpg")
    names = [PETS, "my-pictures"]
    copy.change(**{"datasets.my-pictures.folder": str(tmp_path / "pictures"), "run.datasets": names})
    assert "my-pictures: 2 train, 2 test, 2 classes" in copy.run("pipeline", "prepare").splitlines()
    assert {record.split for record in read_list(images_of(copy, "my-pictures"))} == {"train", "test"}
    # A user's data set is nothing that a test may stumble over.
    tests = (f"tests/{name}.py" for name in ("config/test_params", "images/datasets/test_registry", "test_graph"))
    copy.pytest(*tests, "-m", "not slow")  # The slow one makes a copy of its own, with its own data set alone.


@pytest.mark.slow
def test_a_data_set_in_a_format_of_its_own(copy: Copy) -> None:
    copy.follow("a data set in a format of its own")
    records = np.random.default_rng(0).integers(0, 256, (400, 1 + 28 * 28), dtype=np.uint8)
    records[:, 0] %= 3
    source = copy.root / "data" / "raw" / "traffic-signs"
    source.mkdir(parents=True)
    records[:300].tofile(source / "train.bin")
    records[300:].tofile(source / "test.bin")
    prepare = ("pipeline", "prepare", "--dataset", "traffic-signs")
    assert copy.run(*prepare) == "traffic-signs: 300 train, 100 test, 3 classes\n"
    images = images_of(copy, "traffic-signs")
    last = read_list(images)[-1]
    np.testing.assert_array_equal(np.asarray(open_image(images, last)).ravel(), records[-1, 1:])
    (source / "test.bin").write_bytes(records[300:].tobytes()[:-1])
    assert "expected records of 785 bytes, found 78499 bytes" in copy.run(*prepare, fails=True)
    copy.pytest("tests/images/datasets/test_traffic_signs.py", "tests/images/datasets/test_registry.py")


@pytest.mark.slow
def test_a_data_set_that_a_package_ships(copy: Copy) -> None:
    copy.follow("a data set that a package ships")
    assert copy.run("pipeline", "prepare", "--dataset", "digits-01") == "digits-01: 360 train, 2 classes\n"
    tests = (f"tests/images/datasets/test_{name}.py" for name in ("digits_01", "packages", "registry"))
    copy.pytest(*tests, "-k", "digits_01 or digits-01 or registry")


@pytest.mark.slow
def test_a_study(computed: Copy) -> None:
    computed.follow("a study")
    old = {name.partition("@")[0] for name in computed.status() if "pairs" not in name}
    assert old == table()["a study"][1]
    assert computed.repro("experiments/dvc.yaml:tables@pairs") == [
        *(f"fit-study@pairs-{CELL}", f"evaluate-study@pairs-{CELL}", "tables@pairs")
    ]
    lines = (computed.root / "data" / "tables" / "pairs" / "pairs.md").read_text().splitlines()
    table_of = [line.split("|") for line in lines if line.startswith("|")]
    assert [cells[3].strip() for cells in table_of[2:]] == ["views", "neighbours", "both"]


@pytest.mark.slow
def test_a_section_of_the_page(computed: Copy) -> None:
    recipe = "a section of the page of `metrics`"
    computed.follow(recipe)
    assert {name.partition("@")[0] for name in computed.status()} == table()[recipe][1]
    assert computed.repro() == ["metrics"]
    page = (computed.root / "data" / "report" / "index.html").read_text(encoding="utf-8")
    assert re.search(r"<h3>Confidence</h3>\s*<ul>\s*<li>k-means: \d+\.\d %</li>", page)
    computed.pytest("tests/report/test_confidence.py")
