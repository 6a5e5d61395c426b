"""The commands of the graph: what stands in their way is said in one line, with what to run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.commands import failure
from tests.conftest import BACKBONE, DATASET, write_images

Project = Callable[..., Path]


def test_stages_out_of_order_say_what_to_run(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project()
    cell = f"--dataset {DATASET} --backbone {BACKBONE}"
    assert f"run 'pipeline prepare --dataset {DATASET}'" in failure(capsys, monkeypatch, "extract", "--device", "cpu")
    assert f"no finished feature cache here; run 'pipeline extract {cell}'" in failure(capsys, monkeypatch, "fit")
    line = failure(capsys, monkeypatch, "evaluate")
    assert f"scp/made_from.json: not there yet; run 'pipeline fit {cell} --method scp'" in line
    line = failure(capsys, monkeypatch, "evaluate", "-S", "fit.runs=2")
    assert f"run 'pipeline fit {cell} --method scp -S fit.runs=2'" in line
    assert "run 'pipeline" in failure(capsys, monkeypatch, "metrics")
    # Guards against a study's command that names no study, or its variant as the backbone.
    line = failure(capsys, monkeypatch, "evaluate", "--study", "repeats")
    assert f"nothing of a method is here; run 'pipeline fit --study repeats {cell}'" in line
    line = failure(capsys, monkeypatch, "evaluate", "--study", "zero-shot", "--backbone", "clip-vitb32")
    assert f"nothing of a method is here; run 'pipeline zero-shot --dataset {DATASET} --backbone clip-vitb32'" in line
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
