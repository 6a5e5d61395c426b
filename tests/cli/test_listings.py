from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.backbones.loaders.from_open_clip import build_open_clip
from pipeline.backbones.registry import BACKBONES
from pipeline.cli.listings import aligned, list_backbones, list_datasets, list_methods
from pipeline.images.datasets.registry import DATASETS, find_dataset
from pipeline.methods import METHODS
from tests.backbones.weight_files import place
from tests.conftest import ROOT

pytestmark = pytest.mark.usefixtures("nothing_downloaded")


def row(table: str, name: str) -> str:
    (line,) = (line for line in table.splitlines() if line.split()[0] == name)
    return line


def test_every_backbone_is_listed_with_its_state(tmp_path: Path) -> None:
    table = list_backbones(tmp_path)
    for name, entry in BACKBONES.items():
        line = row(table, name)
        assert f"  {entry.dim} " in line
        assert entry.licence in line
        state = "here" if entry.weights.package else "gated" if entry.weights.gated else "not here"
        assert line.endswith(f"  {state}")
    place(BACKBONES["dino-vitb16"], tmp_path, b"x")
    assert row(list_backbones(tmp_path), "dino-vitb16").endswith("  here")
    assert max(map(len, table.splitlines())) <= 105


def test_every_method_is_listed_with_its_marks() -> None:
    table = list_methods()
    for name, entry in METHODS.items():
        line = row(table, name)
        module = line.split()[-1]
        assert (ROOT / module).is_file()
        marks = line.removeprefix(name).removesuffix(module).strip().removeprefix(entry.title).split()
        assert marks == [*(["yes"] if entry.objective_alone else []), *entry.text.split()]
    assert max(map(len, table.splitlines())) <= 120


def test_listing_loads_no_library_and_asks_no_server() -> None:
    code = "import sys; from pipeline.cli.listings import list_backbones, list_methods\n"
    code += "list_backbones(); list_methods()\n"
    code += "print(sorted({'timm', 'open_clip', 'transformers', 'torchvision', 'faiss'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_every_data_set_is_listed(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    mine = find_dataset("pets", str(tmp_path / "pictures"), None)
    table = list_datasets([*DATASETS.values(), mine])
    assert "60,000 / 10,000" in row(table, "fashion-mnist")
    assert "2,640 MB" in row(table, "stl10")
    assert "all below the folder" in row(table, "pets")
    assert "  here  " in row(table, "pets")
    assert "not here" in row(table, "imagenet10")
    assert re.search("  Python package +here  ", row(table, "mnist-5k"))
    assert re.search("  npm package +not here  ", row(table, "emoji"))
    raw = tmp_path / "data" / "raw"
    for file in DATASETS["stl10"].files:
        # Guards against an empty folder that counted as the data set.
        assert "not here" in row(list_datasets(DATASETS.values()), "stl10")
        (raw / file).parent.mkdir(parents=True, exist_ok=True)
        (raw / file).write_bytes(b"")
    assert "not here" not in row(list_datasets(DATASETS.values()), "stl10")


def test_columns_stand_below_their_heads() -> None:
    assert aligned([("a", "long head"), ("longer", "b")]) == "a       long head\n------  ---------\nlonger  b"


@pytest.mark.slow
def test_the_size_of_a_download_is_that_of_its_model() -> None:
    import timm
    import torch
    import torchvision

    for name, entry in BACKBONES.items():
        with torch.device("meta"):
            if entry.library == "open_clip":
                module = build_open_clip(entry)
            elif entry.library == "timm":
                module = timm.create_model(entry.model, num_classes=0)
            elif entry.library == "torchvision":
                module = torchvision.models.get_model(entry.model, weights=None)
            else:
                continue
        size = sum(value.numel() * value.element_size() for value in module.state_dict().values())
        assert entry.weights.megabytes == pytest.approx(size / 1e6, rel=0.02), name
