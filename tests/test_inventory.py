from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import inventory
from pipeline.backbones import BACKBONES, build_open_clip
from pipeline.cache import DTYPE
from pipeline.datasets import DATASETS, find_dataset
from pipeline.inventory import FLOAT16, aligned, doctor, list_backbones, list_datasets
from pipeline.settings import RunSettings, Settings
from tests.conftest import BACKBONE, DATASET, ROOT
from tests.test_backbones import place


@pytest.fixture(autouse=True)
def _no_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has downloaded nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


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


def test_listing_loads_no_library_and_asks_no_server() -> None:
    code = "import sys; from pipeline.inventory import list_backbones; list_backbones()\n"
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
    (tmp_path / "data" / "raw" / "stl10_binary").mkdir(parents=True)
    assert "not here" not in row(list_datasets(DATASETS.values()), "stl10")


def test_columns_stand_below_their_heads() -> None:
    assert aligned([("a", "long head"), ("longer", "b")]) == "a       long head\n------  ---------\nlonger  b"


def test_the_doctor_finds_the_default_well(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text, well = doctor(settings, [DATASETS[DATASET]], [Path("data/features") / DATASET / BACKBONE])
    assert well, text
    assert "torch " in text
    assert "weights of efficientnet-lite0" in text
    assert f"files of {DATASET}" in text


def test_the_doctor_says_what_is_missing_and_what_to_do(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(inventory.LIBRARIES, "no_such_library", "no-such-library")
    run = RunSettings(("stl10", "imagenet10"), ("clip-vitb32+dino-vitb8", "dinov3-vitb16"))
    chosen = replace(settings, run=run)
    text, well = doctor(chosen, [DATASETS["stl10"], DATASETS["imagenet10"]], [tmp_path])
    assert not well
    missing = [line for line in text.splitlines() if line.startswith("missing")]
    assert len(missing) == 6
    for line, words in zip(
        missing,
        ("no_such_library cannot be imported", "weights of clip-vitb32: 605 MB .* 'hf download timm/",
         "weights of dino-vitb8", "weights of dinov3-vitb16: accept the licence",
         "files of stl10: 2,640 MB .*pipeline prepare --dataset stl10", "files of imagenet10: .*IMAGENET_ROOT"),
        strict=True,
    ):  # fmt: skip
        assert re.search(words, line), line
    # 26,500 images, 5 views, 512 + 768 + 768 dimensions, 2 bytes.
    assert f"need {26_500 * 5 * 2048 * 2 / 1e9:.2f} GB more" in text
    assert DTYPE.itemsize == FLOAT16


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


def test_without_a_network_missing_weights_end_in_one_line_within_seconds(tmp_path: Path) -> None:
    for name in ("params.yaml", "data/embedded"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(ROOT / name)
    images = tmp_path / "data" / "images" / DATASET
    images.mkdir(parents=True)
    (images / "images.csv").write_text("id,split,path,index,digest\nx,train,x.png,,0\n")
    environment = {**os.environ, "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "extract", "--backbone", "clip-vitl14", "--device", "cpu"],
        capture_output=True, text=True, cwd=tmp_path, env={**environment, "PYTHONPATH": str(ROOT)}, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "open_clip_model.safetensors" in line
    assert "run 'hf download timm/vit_large_patch14_clip_224.openai" in line
    assert "data/weights/clip-vitl14" in line
