from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.base.provenance import commit, peak_memory, recorded, versions
from pipeline.base.timing import Parts, part, timed


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
    return subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_how_a_run_went_is_written_once_it_has_come_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/pipeline", "fit", "--dataset", "my \udce9 pictures"])
    path = tmp_path / "runs" / "fit.json"
    with pytest.raises(KeyboardInterrupt), recorded(path, {"seed": 0}):
        raise KeyboardInterrupt
    assert not path.exists()
    with recorded(path, {"fit": {"seed": 0}}) as run:
        assert not path.exists()
        for _ in range(2):
            with part("read"):
                pass
        run.notes["images"] = 3
    about = json.loads(path.read_text())
    assert list(about) == [
        "command",
        "parameters",
        "images",
        "device",
        "versions",
        "commit",
        "started",
        "seconds",
        "peak_memory_bytes",
    ]
    assert about["command"] == "pipeline fit --dataset 'my � pictures'"
    assert (about["parameters"], about["images"]) == ({"fit": {"seed": 0}}, 3)
    assert set(about["seconds"]) == {"start", "read", "wall"}
    assert about["device"]["name"] == "cpu"
    assert about["versions"] == versions()
    with part("read"):  # Nobody asks.
        pass


def test_the_versions_are_those_that_are_here() -> None:
    found = versions()
    assert found["numpy"] == np.__version__
    assert found["torch"] == torch.__version__.partition("+")[0]
    assert {"python", "scp-pipeline", "timm"} <= set(found)
    assert any(name.startswith("faiss-") for name in found)


def test_the_commit_is_that_of_the_code(tmp_path: Path) -> None:
    code = tmp_path / "package" / "code.py"
    code.parent.mkdir()
    code.write_text("1\n")
    assert commit(code) is None
    git(tmp_path, "init", "-q")
    assert commit(code) is None  # As of an installed copy in somebody else's repository.
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    known = {"sha": git(tmp_path, "rev-parse", "HEAD").strip(), "dirty": False}
    assert commit(code) == known
    (tmp_path / "dvc.lock").write_text("of no matter")
    assert commit(code) == known
    code.write_text("2\n")
    assert commit(code) == {**known, "dirty": True}


def test_without_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit() is None


def test_the_peak_of_memory_is_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    # Where that can be, a part forgets the peak of earlier tests: to exceed it takes seconds.
    with timed(), part("anew"):
        pass
    before = peak_memory("cpu", Parts())["process"]
    held = np.ones(max(before, 2**28), np.uint8)
    assert peak_memory("cpu", Parts())["process"] >= before + held.nbytes // 2
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: {"cuda:1": 7}[device])
    assert peak_memory("cuda:1", Parts())["cuda"] == 7
