"""`pipeline robustness`: what it says, and what it refuses."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.base.locks import alone
from pipeline.cli import main as cli
from pipeline.collection import refitted
from pipeline.collection.cluster import cluster
from pipeline.collection.result import Collection

Run = Callable[..., tuple[int, str]]
MADE = Collection(Path("some-clusters"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a result of 30 embeddings."""
    folder = tmp_path_factory.mktemp("made")
    rows = np.eye(3, 8)[np.arange(30) % 3] * 8 + np.random.default_rng(0).normal(size=(30, 8))
    np.save(folder / "some.npy", rows.astype(np.float32))
    cluster(folder / "some.npy", clusters=3, out=folder / MADE.folder, device="cpu", method="kmeans")
    return folder


@pytest.fixture
def robustness(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """The command in a copy of that folder; its exit code and what it said."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    capfd.readouterr()

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["pipeline", "robustness", *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capfd.readouterr()
        return int(stop.value.code or 0), out + err

    return run


def test_it_says_what_holds_together(robustness: Run) -> None:
    code, said = robustness("--device", "cpu")
    assert code == 0, said
    assert "of 3 clusters 3 hold together; 0 of 30 pictures wander" in said
    assert "fitted once more: ARI 1.00, 0.0 % move" in said
    assert "disturbed:" not in said
    assert "AUROC" not in said  # Nothing moved, so there is nothing to foretell.
    assert f"page: {MADE.page}" in said
    assert (MADE.folder / "robustness.csv").is_file()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nowhere"], "nowhere: expected a result of 'pipeline cluster', found none; cluster the pictures first"),
        (["some.npy"], "some.npy: expected a result of 'pipeline cluster', found none"),
        (["some-clusters/head"], "some-clusters/head: expected a result of 'pipeline cluster', found none"),
        (["some-clusters", "--device", "gpu"], "--device: expected auto, cpu, cuda or cuda:N, found 'gpu'"),
        (["some-clusters", "--pictures", "nowhere"], "--pictures nowhere: expected the folder where the pictures are"),
    ],
)
def test_what_is_wrong_is_refused_in_one_line(arguments: list[str], expected: str, robustness: Run) -> None:
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    code, said = robustness(*arguments)
    assert code == 2
    assert said.startswith(f"pipeline: {expected}")
    assert said.count("\n") == 1
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


def test_several_results_need_a_name(robustness: Run) -> None:
    shutil.copytree(MADE.folder, "other-clusters")
    code, said = robustness()
    assert code == 2
    assert "found 2 (other-clusters, some-clusters); name it: pipeline robustness RESULT" in said


def test_a_second_one_at_the_same_time_is_refused(robustness: Run) -> None:
    with alone(MADE.folder, MADE.lock):
        code, said = robustness("some-clusters")
    assert code == 2
    assert "is being filled by another process" in said


def test_ctrl_c_says_what_is_kept(robustness: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(refitted, "fit_method", stopped)
    code, said = robustness("some-clusters")
    assert code == 130
    assert "stopped; fits and disturbed pictures that are finished are kept, the same command goes on" in said
