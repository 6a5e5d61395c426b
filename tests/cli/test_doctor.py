from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.cli.doctor import FLOAT16, LIBRARIES, doctor
from pipeline.cli.settings import Settings
from pipeline.config.settings import RunSettings
from pipeline.features.shards import DTYPE
from pipeline.images.datasets.entry import Dataset
from pipeline.images.datasets.registry import DATASETS, find_dataset
from tests.conftest import BACKBONE, DATASET, ROOT

pytestmark = pytest.mark.usefixtures("nothing_downloaded")


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
    monkeypatch.setitem(LIBRARIES, "no_such_library", "no-such-library")
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
    # 26,500 images, 5 views, 512 + 768 + 768 dimensions, 2 bytes; three weight files and STL-10.
    caches = f"needs {26_500 * 5 * 2048 * 2 / 1e9:.2f} GB more for feature caches"
    assert f"{caches} and {(605 + 343 + 343 + 2640) / 1e3:.2f} GB for downloads" in text
    assert DTYPE.itemsize == FLOAT16


def test_the_doctor_counts_what_a_mix_has_of_its_parts(settings: Settings, tmp_path: Path) -> None:
    # Guards against a mix's parts being counted as still to be made.
    mix = "efficientnet-lite0+efficientnet-lite1"
    chosen = replace(settings, run=RunSettings((DATASET,), (mix, BACKBONE)))
    folder = tmp_path / "features" / DATASET
    for part, size in ((BACKBONE, 10_000_000), ("efficientnet-lite1", 30_000_000)):
        (folder / part).mkdir(parents=True)
        (folder / part / "train-00000.h5").write_bytes(bytes(size))
    text, _ = doctor(chosen, [DATASETS[DATASET]], [folder / mix, folder / BACKBONE])
    needed = 10_000 * 5 * (1280 + 1280) * 2 - 40_000_000
    assert f"needs {needed / 1e9:.2f} GB more for feature caches and 0.00 GB for downloads" in text
    both = [replace(DATASETS[name], source=str(tmp_path)) for name in ("cifar20", "cifar100")]
    text, _ = doctor(chosen, both, [])
    assert "0.17 GB for downloads" in text


def test_the_doctor_says_how_to_bring_files(settings: Settings, tmp_path: Path) -> None:
    def line(entry: Dataset) -> str:
        return next(line for line in doctor(settings, [entry], [])[0].splitlines() if f"files of {entry.name}" in line)

    assert line(DATASETS[DATASET]).endswith(f"; restore them with 'git checkout -- {DATASETS[DATASET].source}'")
    found = line(find_dataset("imagenet10", None, str(tmp_path)))
    assert f"expected in {tmp_path}, found no train/n02056570; bring the pictures of its classes to {tmp_path}" in found
    gone = tmp_path / "gone"
    assert line(find_dataset("pets", str(gone), None)).endswith(f"expected in {gone}; bring your pictures there")


@pytest.mark.parametrize("seen", [1, 0])
def test_the_doctor_looks_at_the_gpus(seen: int, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    about = SimpleNamespace(name="Fake GPU", total_memory=80_000_000_000)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda _: about)
    monkeypatch.setattr("faiss.get_num_gpus", lambda: seen)
    lines = doctor(settings, [], [])[0].splitlines()
    assert "ok       cuda:0: Fake GPU, 80 GB" in lines
    advice = ": k-means runs on the CPU; install faiss-gpu to change that"
    assert ("ok       faiss sees 1 GPUs" if seen else f"missing  faiss sees 0 GPUs{advice}") in lines
    assert not any("no CUDA device" in line for line in lines)


@pytest.mark.parametrize("backbone", ["clip-vitl14", f"{BACKBONE}+clip-vitl14"])
def test_without_a_network_missing_weights_end_in_one_line_within_seconds(backbone: str, tmp_path: Path) -> None:
    # As in a fresh clone: nothing is prepared. Of a mix the second backbone's weights are what is missing.
    for name in ("params.yaml", "data/embedded"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(ROOT / name)
    environment = {**os.environ, "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "extract", "--backbone", backbone, "--device", "cpu"],
        capture_output=True, text=True, cwd=tmp_path, env={**environment, "PYTHONPATH": str(ROOT)}, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "open_clip_model.safetensors" in line
    assert "run 'hf download timm/vit_large_patch14_clip_224.openai" in line
    assert "data/weights/clip-vitl14" in line


def test_a_wrong_value_of_a_method_is_found(settings: Settings) -> None:
    wrong = replace(settings, fit=settings.fit.with_section("kmeans", starts=-1))
    text, well = doctor(wrong, [], [])
    assert not well
    assert "fit.kmeans.starts: expected a number at least 1, found -1" in text
