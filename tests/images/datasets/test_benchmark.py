"""The benchmark's sets: how many there are, and that the rule alone says which are sealed."""

from __future__ import annotations

import hashlib
import re

from pipeline.cli.settings import read_params
from pipeline.images.datasets.benchmark import FOR_DEVELOPMENT, LOOKED_AT, SETS, divided
from pipeline.images.datasets.registry import DATASETS
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "benchmark.md").read_text()


def test_the_first_eight_hashes_are_for_development() -> None:
    development, sealed = divided()
    hashes = [hashlib.sha256(name.encode()).hexdigest() for name in (*development, *sealed)]
    assert hashes == sorted(hashes)
    assert len(development) == FOR_DEVELOPMENT == 8
    assert len(sealed) >= 7
    assert sorted((*development, *sealed)) == sorted(SETS)


def test_nobody_moves_a_set() -> None:
    """Guards against a set that is renamed, added or taken away once figures are known."""
    assert len(set(SETS)) == 16
    _, sealed = divided()
    assert set(sealed) == {
        *("dia-shapes", "freeorion", "mate-icons", "oxygen-icons", "printed-scripts", "scratch-letters"),
        *("stellarium-deep-sky", "wesnoth-units"),
    }
    assert not set(LOOKED_AT) & set(SETS)


def test_the_sets_are_labelled_and_of_the_sizes_that_are_wanted() -> None:
    about = read_params(ROOT / "params.yaml").datasets
    for name in (*SETS, *LOOKED_AT):
        sizes = DATASETS[name].sizes
        assert sizes is not None, name
        assert 100 <= sum(sizes.values()) <= 5_000, name
        assert 3 <= about[name].clusters <= 40, name


def test_the_page_says_what_the_sets_are() -> None:
    development, _ = divided()
    about = read_params(ROOT / "params.yaml").datasets
    rows = re.findall(r"^\| `([\w-]+)` \| ([\d,]+) \| (\d+) \| (\d+) \| (\d+) \|.*\| (\w+) \|$", PAGE, re.MULTILINE)
    assert sorted(name for name, *_ in rows) == sorted((*SETS, *LOOKED_AT))
    for name, pictures, classes, smallest, largest, role in rows:
        assert DATASETS[name].sizes == {"train": int(pictures.replace(",", ""))}, name
        assert about[name].clusters == int(classes), name
        assert int(smallest) * int(classes) <= int(pictures.replace(",", "")) <= int(largest) * int(classes), name
        assert role == ("development" if name in (*development, *LOOKED_AT) else "sealed"), name


def test_the_pages_commands_prepare_all() -> None:
    (section,) = re.findall(r"^## Prepare the sets$(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
    assert sorted(re.findall(r"--dataset ([\w-]+)", section)) == sorted(SETS)
