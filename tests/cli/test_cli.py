"""The command line as a tired user meets it: one line, exit code 2, nothing lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from pipeline.cli import main as cli
from tests.conftest import BACKBONE, DATASET, write_images

Project = Callable[..., Path]


def failure(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """Runs a command that must fail as a user's mistake, and gives its one line."""
    monkeypatch.setattr(sys, "argv", ["pipeline", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    error = capsys.readouterr().err
    line = error.strip().splitlines()[-1]
    assert "Traceback" not in error
    assert line.startswith("pipeline: ")
    return line


@pytest.mark.parametrize(
    "code",
    [
        "sys.argv[1:] = ['--help']\nimport pipeline.cli.main as c\ntry: c.main()\nexcept SystemExit: pass",
        "import pipeline.base.provenance",  # Every command ends with it.
    ],
    ids=["help", "provenance"],
)
def test_no_heavy_library_is_needed(code: str) -> None:
    heavy = "{'torch', 'numpy', 'h5py', 'faiss', 'sklearn', 'matplotlib', 'timm'}"
    code = f"import sys\n{code}\nprint(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", ["prepare", "extract", "fit", "evaluate", "metrics"])
def test_every_command_explains_its_options(command: str) -> None:
    result = CliRunner().invoke(cli.app, [command, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert result.exit_code == 0
    assert "--dataset" in result.output
    assert ("--backbone" in result.output) == (command != "prepare")


def test_the_doctor_works_outside_of_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli.app, ["doctor"])
    assert result.exit_code == 0, result.output
    assert f"weights of {BACKBONE}" in result.output
    # There are no data sets and no caches to be.
    assert "files of" not in result.output
    assert "run:" not in result.output


def test_unknown_names_offer_the_near_ones(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project()
    line = failure(capsys, monkeypatch, "extract", "--backbone", "clip-vitb23")
    assert "--backbone: unknown backbone 'clip-vitb23'; did you mean clip-vitb32" in line
    line = failure(capsys, monkeypatch, "fit", "--dataset", "stl-10")
    assert "--dataset: unknown data set 'stl-10'; did you mean stl10?" in line
    project(**{"run.backbones": ["efficientnet-lite"]})
    line = failure(capsys, monkeypatch, "metrics")
    assert "params.yaml: run.backbones: unknown backbone 'efficientnet-lite'; did you mean efficientnet-lite" in line
    project(datasets={"fashion-mnist-maxi": {"clusters": 10, "balance_weight": 5.0, "image_size": None}})
    assert "params.yaml: datasets: unknown data set 'fashion-mnist-maxi'" in failure(capsys, monkeypatch, "prepare")


def test_outside_of_a_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "params.yaml: not found; run the command in the project's folder" in failure(capsys, monkeypatch, "fit")
    assert list(tmp_path.iterdir()) == []


def test_stages_out_of_order_say_what_to_run(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project()
    cell = f"--dataset {DATASET} --backbone {BACKBONE}"
    assert f"run 'pipeline prepare --dataset {DATASET}'" in failure(capsys, monkeypatch, "extract", "--device", "cpu")
    assert f"no finished feature cache here; run 'pipeline extract {cell}'" in failure(capsys, monkeypatch, "fit")
    assert f"there are no predictions; run 'pipeline fit {cell}'" in failure(capsys, monkeypatch, "evaluate")
    assert "run 'pipeline" in failure(capsys, monkeypatch, "metrics")
    # Guards against a study's command that names no study, or its variant as the backbone.
    line = failure(capsys, monkeypatch, "evaluate", "--study", "repeats")
    assert f"there are no predictions; run 'pipeline fit --study repeats {cell}'" in line
    line = failure(capsys, monkeypatch, "evaluate", "--study", "zero-shot", "--backbone", "clip-vitb32")
    assert f"there are no predictions; run 'pipeline zero-shot --dataset {DATASET} --backbone clip-vitb32'" in line
    line = failure(capsys, monkeypatch, "fit", "--study", "views")
    assert f"no finished feature cache here; run 'pipeline extract --study views {cell}'" in line
    line = failure(capsys, monkeypatch, "fit", "--study", "views", "--backbone", "resnet50+dino-vitb8")
    assert f"run 'pipeline extract --study views --dataset {DATASET} --backbone resnet50+dino-vitb8'" in line


def test_a_device_that_is_not_there(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project()
    assert "sees 0 CUDA devices" in failure(capsys, monkeypatch, "extract", "--device", "cuda:7").replace(
        "sees 1 CUDA", "sees 0 CUDA"
    )
    assert "expected auto, cpu, cuda or cuda:N, found 'gpu'" in failure(capsys, monkeypatch, "fit", "--device", "gpu")


def test_an_output_folder_that_cannot_be_written(
    project: Project, pictures: np.ndarray, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project(**{"datasets.fashion-mnist-mini.image_size": 32})
    write_images(folder / "data" / "images" / DATASET, pictures[:4])
    in_the_way = folder / "data" / "features"
    in_the_way.write_text("precious")
    line = failure(capsys, monkeypatch, "extract", "--device", "cpu")
    assert "data/features" in line
    assert "check the path, its permissions and the space on its disk" in line
    assert in_the_way.read_text() == "precious"


def test_a_disk_that_is_read_only(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # An injected error: permissions do not stop the superuser, who may well run the tests.
    project()

    def read_only(path: Path, *_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "mkdir", read_only)
    line = failure(capsys, monkeypatch, "prepare")
    assert line == (
        f"pipeline: data/images/{DATASET}: Read-only file system; "
        "check the path, its permissions and the space on its disk"
    )


def test_a_full_disk_is_named_by_the_file_that_did_not_fit(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against an error without a path: a write that fails says the reason alone."""
    project()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    line = failure(capsys, monkeypatch, "prepare")
    assert line.startswith(f"pipeline: data/images/{DATASET}/")
    assert line.endswith(": No space left on device; check the path, its permissions and the space on its disk")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_says_how_to_go_on(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    project()

    def interrupted(*_: object) -> None:
        signal.raise_signal(number)

    monkeypatch.setattr("pipeline.images.prepare.prepare", interrupted)
    monkeypatch.setattr(sys, "argv", ["pipeline", "prepare"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == code
    assert "the same command goes on from there" in capsys.readouterr().err
