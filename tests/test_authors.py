"""benchmarks/authors.py, as far as it goes without the authors' repositories."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import authors
from pipeline.errors import PipelineError


@pytest.mark.parametrize("method", authors.REPOSITORIES)
def test_a_missing_repository_is_named_with_its_address(method: str, tmp_path: Path) -> None:
    wanted = authors.REPOSITORIES[method]
    with pytest.raises(PipelineError, match=r"expected the code of .* found none; run 'git clone https://") as raised:
        authors.find_repository(method, tmp_path)
    assert wanted.url in str(raised.value)
    assert wanted.commit in str(raised.value)
    assert "\n" not in str(raised.value)


def test_another_commit_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "turtle"
    folder.mkdir()
    (folder / "run_turtle.py").write_text("")
    subprocess.run(["git", "init", "-q", folder], check=True)
    assert authors.find_repository("turtle", tmp_path) == folder
    assert "tested at 4674efa" in capsys.readouterr().err


def test_the_docstring_gives_every_repository_and_commit() -> None:
    for each in authors.REPOSITORIES.values():
        assert f"git clone {each.url} " in str(authors.__doc__)
        assert each.commit in str(authors.__doc__)


def test_torchs_files_stay_in_memory_as_they_were() -> None:
    real, here = torch.save, Path.cwd()
    with authors.at_home():
        value = {"row": torch.zeros(2)}
        torch.save(value, Path("checkpoint"))
        value["row"] += 1
        np.testing.assert_array_equal(torch.load("checkpoint")["row"], [0, 0])
        assert value["row"].cuda() is value["row"]
        assert not list(Path().iterdir())
    assert (torch.save, Path.cwd()) == (real, here)


def test_the_steps_are_reached_in_whole_passes() -> None:
    given = authors.Given(np.zeros((25, 3), np.float32), np.zeros((25, 2), np.int64), 2, None, authors.AUTHORS)  # type: ignore[arg-type]
    assert given.epochs(10, 5) == 3


def test_the_help_is_shown() -> None:
    done = subprocess.run([sys.executable, "-m", "benchmarks.authors", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "--repositories" in done.stdout
