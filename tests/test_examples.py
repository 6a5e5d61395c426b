"""examples/ and the code of docs/python.md: they run, and every command in them exists with its options."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from sklearn.metrics import adjusted_rand_score

import pipeline
from pipeline.base.csv_tables import write_table
from pipeline.config import params
from tests.commands import check
from tests.conftest import ROOT

EXAMPLES = ROOT / "examples"


def commands(text: str) -> list[list[str]]:
    """The arguments of every `pipeline …` outside of comments."""
    joined = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    found = re.findall(r"(?:^|&&|--)\s+pipeline ([^&\n\"]*(?:\"[^\"]*\"[^&\n\"]*)*)", joined, re.MULTILINE)
    return [shlex.split(command) for command in found]


def test_slurm() -> None:
    path = EXAMPLES / "slurm.sh"
    subprocess.run(["bash", "-n", path], check=True)
    found = commands("\n" + path.read_text().replace("\npipeline", "\n pipeline"))
    assert [arguments[0] for arguments in found] == ["extract", "verify"]
    check(found)


def test_kuberay() -> None:
    job = yaml.safe_load((EXAMPLES / "kuberay.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    shell, option, script = shlex.split(job["spec"]["entrypoint"])
    assert (shell, option) == ("bash", "-c")
    found = commands(script)
    assert [arguments[0] for arguments in found] == ["prepare", "extract", "verify"]
    check(found)
    # A task fits into a worker, and every container runs the one image.
    cluster = job["spec"]["rayClusterSpec"]
    (worker,) = (
        container for group in cluster["workerGroupSpecs"] for container in group["template"]["spec"]["containers"]
    )
    (head,) = cluster["headGroupSpec"]["template"]["spec"]["containers"]
    assert worker["image"] == head["image"]
    assert worker["resources"]["limits"]["cpu"] == found[1][found[1].index("--cpus-per-task") + 1]


SCRIPT = str(EXAMPLES / "cluster_embeddings.py")


def script(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", [SCRIPT, *arguments])
    runpy.run_path(SCRIPT, run_name="__main__")


@pytest.mark.slow
def test_the_script_clusters_digits(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    script(monkeypatch)
    found = re.fullmatch(r"1,797 embeddings in 10 clusters, ARI (0\.\d\d)\n", capsys.readouterr().out)
    assert found is not None
    assert float(found[1]) > 0.6


@pytest.mark.parametrize("views", [1, 3], ids=["clean", "views"])
def test_the_script_clusters_a_cache(
    views: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 40)
    rows = rng.normal(0, 0.1, (80, views, 8)) + 4 * np.eye(2, 8)[labels][:, None]
    np.save("views.npy", rows.astype(np.float32))
    pipeline.cluster("views.npy", clusters=2, method="kmeans", device="cpu")
    write_table(Path("labels.csv"), ("id", "label"), enumerate(labels.tolist()))
    cache = "views-clusters/cache/features/embeddings"
    script(monkeypatch, "--cache", cache, "--labels", "labels.csv", "--clusters", "2")
    assert capsys.readouterr().out == "80 embeddings in 2 clusters, ARI 1.00\n"
    with pytest.raises(SystemExit, match="2"):
        script(monkeypatch, "--cache", cache)
    assert "--cache needs --labels" in capsys.readouterr().err


def code_of(notebook: dict[str, Any]) -> list[str]:
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_the_notebook_has_no_outputs_and_names_no_kernel() -> None:
    notebook = json.loads((EXAMPLES / "clustering.ipynb").read_text())
    assert notebook["metadata"] == {}
    for cell in notebook["cells"]:
        assert cell["metadata"] == {}
        assert (cell.get("outputs", []), cell.get("execution_count")) == ([], None)
    assert (EXAMPLES / "clustering.ipynb").stat().st_size < 10_000


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for number, cell in enumerate(code_of(json.loads((EXAMPLES / "clustering.ipynb").read_text()))):
        exec(compile(cell, f"cell {number}", "exec"), names)
    assert adjusted_rand_score(names["labels"], names["found"]) > adjusted_rand_score(names["labels"], names["means"])
    assert names["new"].shape == (297,)
    assert names["train"].clean.shape == (1500, 64)


@pytest.mark.slow
def test_the_page_on_python_runs(
    project: Callable[..., Path], pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(params, "DEFAULTS", project(**{"cluster.method": "kmeans"}) / "params.yaml")
    Path("photos").mkdir()
    for number, picture in enumerate(pictures[:24]):
        Image.fromarray(picture).save(f"photos/{number:02d}.png")
    rng = np.random.default_rng(0)
    names: dict[str, Any] = {name: rng.normal(size=(48, 8)) for name in ("embeddings", "more_embeddings")}
    names["new_embeddings"] = rng.normal(size=(3, 1280))
    for block in re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / "python.md").read_text(), re.M | re.S):
        exec(compile(block, "docs/python.md", "exec"), names)
    assert names["labels"].shape == (48,)
    assert names["new_shares"].shape == (3, 12)
    assert names["train"].ids == [f"{number:02d}.png" for number in range(24)]
