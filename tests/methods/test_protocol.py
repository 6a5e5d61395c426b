"""The whole protocol as a researcher runs it, command by command, on a folder of pictures: a cell and a mix."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from safetensors.torch import save_file

from pipeline.backbones import registry
from pipeline.cli import main as cli
from pipeline.cli.settings import read_params
from pipeline.experiments.studies import STUDIES, variants_of
from pipeline.heads.saved import load_model
from pipeline.images.datasets.imagenet import IMAGENET10_CLASSES
from pipeline.images.datasets.registry import DATASETS
from pipeline.methods import METHODS as REGISTRY
from tests.backbones.tiny_clip import tiny_clip
from tests.collection.wordnet import write_wordnet
from tests.images.datasets.files import SIZES, write_files, write_imagenet

METHODS = ("scp", "kmeans")
"""Those of params.yaml."""
BACKBONES = ["efficientnet-lite0", "efficientnet-lite0+efficientnet-lite1"]


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["pipeline", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert not stop.value.code, arguments


@pytest.fixture
def pets(project: Callable[..., Path], pictures: np.ndarray, tmp_path: Path) -> Path:
    """A project whose one data set is a folder of 72 pictures in three class folders a split."""
    for number, picture in enumerate(pictures[:72]):
        split = "train" if number < 54 else "test"
        path = tmp_path / "pets" / split / f"class {number % 3}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    dataset = {
        "folder": str(tmp_path / "pets"),
        "clusters": 3,
        "balance_weight": 5.0,
        "image_size": 32,
        "geometry": "published",
    }
    return project(
        **{
            "run": {"datasets": ["pets"], "backbones": BACKBONES},
            "datasets": {"pets": dataset},
            "fit.runs": 2,
            "fit.training.hidden": [16, 16, 16, 16],
            "fit.training.epochs": 1,
            "fit.training.min_steps": 12,
            "fit.training.batch": 32,
            # Of every method of the leaderboard no more than shows that its results reach the tables.
            "fit.temi.heads": 2,
            "fit.turtle.steps": 20,
            "fit.pro_dsc.warmup": 5,
            "fit.pro_dsc.steps": 5,
            "fit.consensus.heads": 2,
            "fit.consensus.min_steps": 12,
            "fit.consensus.steps": 10,
            "fit.auto.methods": {"spectral": 1, "umap-kmeans": 1},
            "fit.cpp": {"warmup": 5, "steps": 5},
            "studies.leaderboard.runs": 2,
            "studies.systems.runs": 2,
            "studies.text-guided.runs": 2,
            "studies.repeats.runs": 3,
            "studies.ablation.runs": 2,
            "studies.balance": {"runs": 2, "weights": [0.5, 5.0]},
            "studies.views": {"runs": 2, "views": [2, 5]},
            "studies.emergence": {"runs": 1, "steps": [0, 5]},
            "figures.map_images": 20,
            "figures.cloud_images": 18,
            "figures.search_results": 6,
            "metrics.map_images": 20,
        }
    )


STAGES = """
import sys
from pipeline.cli import main as cli
for stage in (["prepare"], ["extract", "--device", "cpu"], ["fit", "--device", "cpu"], ["evaluate"], ["metrics"]):
    sys.argv = ["pipeline", *stage]
    try:
        cli.main()
    except SystemExit as stop:
        assert not stop.code, stage
"""


@pytest.mark.slow
def test_two_runs_give_the_same_bytes(pets: Path) -> None:
    """Every output of the graph, in two folders and processes that order their sets differently."""
    processes, found = [], []
    for name in "ab":
        (pets / name).mkdir()
        values = yaml.safe_load((pets / "params.yaml").read_text())
        values["run"]["backbones"] = BACKBONES[:1]
        (pets / name / "params.yaml").write_text(yaml.safe_dump(values))
        environment = os.environ | {"PYTHONHASHSEED": str(ord(name)), "OMP_NUM_THREADS": "1"}
        processes.append(subprocess.Popen([sys.executable, "-c", STAGES], cwd=pets / name, env=environment))
    assert [process.wait(500) for process in processes] == [0, 0]
    for name in "ab":
        data = pets / name / "data"
        files = {str(path.relative_to(data)): path.read_bytes() for path in data.rglob("*") if path.is_file()}
        runs = {path: json.loads(files.pop(path)) for path in list(files) if path.startswith("runs/")}
        cell = f"pets/{BACKBONES[0]}"
        cells = [f"extract/{cell}", *(f"{stage}/{cell}/{name}" for stage in ("fit", "evaluate") for name in METHODS)]
        assert set(runs) == {f"runs/{stage}.json" for stage in ("prepare/pets", *cells, "metrics")}
        assert runs["runs/extract/pets/efficientnet-lite0.json"]["images"] == {"computed": 72, "reused": 0}
        for method in METHODS:
            run = runs[f"runs/fit/{cell}/{method}.json"]
            assert set(run["seconds"]) == {"start", "read", method, "write", "wall"}
            assert run["runs"] == {method: {"computed": 2, "kept": 0}}
        found.append(files)
    assert {path.partition("/")[0] for path in found[0]} == {
        *("classes", "evaluation", "features", "heads", "images", "labels", "metrics.json", "plots", "predictions"),
        *("report", "scores.json"),
    }
    assert found[0] == found[1]


@pytest.mark.slow
def test_every_table_and_figure_is_made(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for stage in ("prepare", "extract", "fit", "evaluate", "metrics"):
        command(monkeypatch, stage)
    command(monkeypatch, "extract", "--study", "views")
    for study in STUDIES:
        command(monkeypatch, *(["zero-shot"] if study == "zero-shot" else ["fit", "--study", study]))
        command(monkeypatch, "evaluate", "--study", study)
    for study in ("repeats", "ablation", "balance", "views"):
        command(monkeypatch, "tables", "--study", study)
    command(monkeypatch, "compare")
    command(monkeypatch, "systems")
    command(monkeypatch, "figures")
    for study in ("balance", "views", "emergence"):
        command(monkeypatch, "figures", "--study", study)

    data = pets / "data"
    settings = read_params(pets / "params.yaml")
    assert set(json.loads((data / "metrics.json").read_text())["pets"]) == set(BACKBONES)
    for name, entry in STUDIES.items():
        if entry.text:
            continue
        for backbone in BACKBONES:
            for variant in variants_of(name, settings.fit, settings.studies.sections):
                folder = data / "studies" / name / "evaluation" / "pets" / backbone / variant.name
                assert {path.name for path in folder.iterdir()} == set(variant.fit.methods)
                for method in variant.fit.methods:
                    assert json.loads((folder / method / "scores.json").read_text())["runs"] == variant.fit.runs
    text = (data / "tables" / "systems" / "systems.md").read_text()
    assert all(text.count(f"| {entry.title}") >= len(BACKBONES) for entry in REGISTRY.values() if not entry.text)
    for name in ("leaderboard", "systems"):
        shutil.rmtree(data / "tables" / name)
    tables = {path.name: path.read_text() for path in (data / "tables").rglob("*.*")}
    kinds = ("comparison", "ablation", "balance", "views")
    assert set(tables) == {"comparison.html", *(f"{name}.{kind}" for name in kinds for kind in ("md", "tex", "csv"))}
    assert all(backbone in text for text in tables.values() for backbone in BACKBONES)
    figures = {"cells": ["maps", "search-embedding", "search-head", "cloud"]}
    figures |= {name: [name] for name in ("balance", "views", "emergence")}
    for place, names in figures.items():
        for backbone in BACKBONES:
            found = {path.name for path in (data / "figures" / place / "pets" / backbone).iterdir()}
            assert found == {f"{name}.{kind}" for name in names for kind in ("svg", "png")}


def test_zero_shot_is_a_row_of_the_comparison(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backbone, _ = tiny_clip(pets)
    monkeypatch.setitem(registry.BACKBONES, backbone.name, backbone)
    cell = ["--backbone", backbone.name]
    command(monkeypatch, "prepare")
    command(monkeypatch, "extract", *cell)
    command(monkeypatch, "fit", "--study", "repeats", *cell)
    command(monkeypatch, "zero-shot", *cell)
    for study in ("repeats", "zero-shot"):
        command(monkeypatch, "evaluate", "--study", study, *cell)
    command(monkeypatch, "tables", "--study", "repeats", *cell)
    folder = pets / "data" / "tables" / "repeats"
    (row,) = (line for line in (folder / "comparison.md").read_text().splitlines() if "zero-shot" in line)
    assert row.startswith("| CLIP zero-shot, ours (uses text) | clip-tiny |")
    assert "| none / test | one run |" in row
    assert "CLIP zero-shot, ours$^\\dagger$ & clip-tiny" in (folder / "comparison.tex").read_text()
    assert "CLIP zero-shot, ours" in (folder / "comparison.html").read_text()


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that a command ends in."""
    monkeypatch.setattr(sys, "argv", ["pipeline", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    (line,) = (each for each in capsys.readouterr().err.splitlines() if each.startswith("pipeline: "))
    return line.removeprefix("pipeline: ")


def test_what_reads_nouns_is_fitted_scored_and_marked(
    pets: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    backbone, model = tiny_clip(pets)
    monkeypatch.setitem(registry.BACKBONES, backbone.name, backbone)
    write_wordnet(pets / "wordnet")
    monkeypatch.setenv("WNSEARCHDIR", str(pets / "wordnet"))
    monkeypatch.chdir(pets)
    cell = ["--backbone", backbone.name]
    small = ["-S", "fit.sic={epochs: 2}"]
    command(monkeypatch, "prepare")
    command(monkeypatch, "extract", *cell)
    assert refused(monkeypatch, capsys, "fit", *cell, "--method", "tac").endswith(
        "data/nouns/clip-tiny: expected the embeddings of WordNet's nouns, found none; "
        "run 'pipeline nouns --backbone clip-tiny'"
    )
    command(monkeypatch, "nouns", *cell)
    assert "clip-tiny: nouns of WordNet: 9 words and 8 synsets" in capsys.readouterr().out
    command(monkeypatch, "fit", *cell, "--method", "tac-kmeans", "--method", "sic", *small)
    command(monkeypatch, "fit", "--study", "text-guided", *cell)
    command(monkeypatch, "zero-shot", *cell)
    for study in ("text-guided", "zero-shot"):
        command(monkeypatch, "evaluate", "--study", study, *cell)
    command(monkeypatch, "tables", "--study", "text-guided", *cell)
    tables = pets / "data" / "tables" / "text-guided"
    rows = [
        row.split(" | ") for row in (tables / "text-guided.md").read_text().splitlines() if row.startswith("| pets")
    ]
    titles = ["k-means", "SCP", "TAC without training (uses text)", "TAC (uses text)", "SIC (uses text)"]
    assert [row[2] for row in rows] == [*titles, "CLIP zero-shot (uses text)"]
    with (tables / "text-guided-classes.csv").open(newline="") as file:
        head, *by_class = csv.reader(file)
    assert head == ["data set", "backbone", "class", "images", *(row[2] for row in rows)]
    assert [row[2:4] for row in by_class] == [*([f"class {number}", "6"] for number in range(3)), ["all", "18"]]
    scores = pets / "data" / "studies"
    for name, place in (("sic", "text-guided"), ("zero-shot", "zero-shot")):
        (found,) = scores.glob(f"{place}/evaluation/pets/clip-tiny/*/{name}/scores.json")
        kept = 100 * json.loads(found.read_text())["test"]["acc"]["kept"]
        assert float(by_class[-1][head.index(REGISTRY[name].marked)]) == pytest.approx(kept, abs=1e-3)
    heads = pets / "data" / "studies" / "text-guided" / "heads" / "pets" / "clip-tiny"
    assert load_model(heads / "tac" / "tac" / "head.safetensors", REGISTRY).model.config() == {"hidden": [32]}

    # Other nouns than the results were made from, and other weights than the nouns were.
    (pets / "wordnet" / "data.noun").write_text("00000060 06 n 01 ball 0 000 | a ball\n")
    command(monkeypatch, "nouns", *cell)
    assert "tac-kmeans: made from other nouns than there now are; run 'pipeline fit --study text-guided" in refused(
        monkeypatch, capsys, "evaluate", "--study", "text-guided", *cell
    )
    save_file(
        {name: value + 0.1 for name, value in model.state_dict().items()},
        pets / "data" / "weights" / "clip-tiny" / "open_clip_model.safetensors",
    )
    (pets / "data" / "weights" / "clip-tiny.sha256").unlink()
    command(monkeypatch, "extract", *cell)
    assert "made with other weights than clip-tiny now has; run 'pipeline nouns" in refused(
        monkeypatch, capsys, "fit", *cell, "--method", "tac"
    )


def test_a_backbone_without_a_text_tower_is_refused_by_what_reads_nouns(
    pets: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(monkeypatch, capsys, "fit", "--backbone", BACKBONES[1], "--method", "sic") == (
        f"pets x {BACKBONES[1]}: expected a backbone whose text tower is read here, as sic reads nouns, found none; "
        "these have one: clip-vitb32, clip-vitl14"
    )
    # By hand nothing is left behind that looks like nouns; the graph leaves such a backbone out.
    assert refused(monkeypatch, capsys, "nouns").startswith(f"{BACKBONES[0]}: expected a backbone whose text tower")
    assert not (pets / "data" / "nouns").exists()
    for key in ("methods", "centred"):
        assert refused(monkeypatch, capsys, "fit", "--method", "auto", "-S", f"fit.auto.{key}={{tac: 1}}") == (
            f"params.yaml: fit.auto.{key}: 'tac' reads text; remove it"
        )
    command(monkeypatch, "nouns", "--skip")
    command(monkeypatch, "fit", "--study", "text-guided")
    said = capsys.readouterr().out.splitlines()
    for backbone in BACKBONES:
        for line in (backbone, f"pets x {backbone}"):
            assert said.count(f"{line}: left out, no text tower of this backbone is read here") == 1
        assert (pets / "data" / "nouns" / backbone).is_dir()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cifar10", "stl10", "fashion-mnist", "imagenet10"])
def test_a_data_set_in_its_real_format_goes_through_every_stage(
    name: str, project: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "imagenet10":
        write_imagenet(tmp_path / "imagenet", IMAGENET10_CLASSES)
        sizes = {"train": 20, "test": 10}
    else:
        write_files(name, tmp_path / "data" / "raw", monkeypatch)
        sizes = SIZES
    monkeypatch.setitem(DATASETS, name, replace(DATASETS[name], sizes=sizes))
    project(
        **{
            "run": {"datasets": [name], "backbones": BACKBONES},
            "prepare.imagenet_root": str(tmp_path / "imagenet"),
            f"datasets.{name}.image_size": 32,
            "extract.views": 2,
            "fit.runs": 2,
            "fit.training.min_steps": 5,
            "fit.training.epochs": 1,
        }
    )
    for stage in ("prepare", "extract", "fit", "evaluate"):
        command(monkeypatch, stage)
    for backbone in BACKBONES:
        folder = tmp_path / "data" / "evaluation" / name / backbone / "scp"
        scores = json.loads((folder / "scores.json").read_text())
        assert all(0 < scores[split]["acc"]["kept"] <= 1 for split in sizes)
        assert len((folder / "classes.csv").read_text().splitlines()) == 1 + sum(sizes.values())


@pytest.mark.slow
def test_labels_decide_nothing_before_the_metrics(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def assignments() -> dict[str, bytes]:
        folders = [pets / "data" / name for name in ("heads", "predictions", "features")]
        return {str(path): path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}

    for stage in ("prepare", "extract", "fit"):
        command(monkeypatch, stage, *([] if stage == "prepare" else ["--backbone", BACKBONES[0]]))
    before = assignments()
    labels = pets / "data" / "labels" / "pets.csv"
    header, *rows = labels.read_text().splitlines()
    ids, classes = zip(*(row.split(",") for row in rows), strict=True)
    labels.write_text("\n".join([header, *(f"{i},{c}" for i, c in zip(ids, reversed(classes), strict=True))]) + "\n")
    for stage in ("fit", "evaluate"):
        command(monkeypatch, stage, "--backbone", BACKBONES[0])
    assert assignments() == before
