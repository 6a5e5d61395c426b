"""benchmarks/authors.py, as far as it goes without the authors' repositories."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch

from benchmarks import authors
from pipeline.base.errors import PipelineError
from pipeline.cli.settings import read_params
from pipeline.evaluation.scores import accuracy
from pipeline.methods import METHODS


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


@pytest.mark.parametrize("method", authors.COMPARED)
def test_every_method_has_code_and_a_title(method: str) -> None:
    assert method in METHODS or method in authors.THEIRS
    assert authors.title(method)
    assert method not in authors.THEIRS or authors.AUTHORS in authors.THEIRS[method].values


def test_scikit_learns_kmeans_sees_directions_and_repeats() -> None:
    draw = np.random.default_rng(0)
    classes = np.repeat([0, 1, 2], 20)
    rows = np.eye(3)[classes] + 0.1 * draw.normal(size=(60, 3))
    rows *= draw.uniform(1, 100, (60, 1))
    given = authors.Given(rows.astype(np.float32), np.zeros((60, 2), np.int64), 3, None, authors.AUTHORS)  # type: ignore[arg-type]
    found = authors.kmeans(given, 0)
    assert accuracy(found, classes) == 1
    np.testing.assert_array_equal(found, authors.kmeans(given, 0))


# What TAC's repository looks like from outside, and of its training nothing: the pictures' numbers give the clusters.
TAC = {
    "models.py": """
class ClusterHead:
    def __init__(self, in_dim=512, num_clusters=10):
        self.made = in_dim, num_clusters
""",
    "loss_utils.py": """
class DistillLoss:
    def __init__(self, class_num, temperature):
        super(DistillLoss, self).__init__()
        self.made = class_num, temperature
""",
    "eval_utils.py": "cluster_metric = None",
    "data_utils.py": "",
    "train_head.py": """
import numpy as np
import torch
from eval_utils import cluster_metric
from loss_utils import DistillLoss
from models import ClusterHead
from torch.utils.data import DataLoader, TensorDataset

rows, text = (np.load(f"./data/CIFAR-10_{name}.npy") for name in ("image_embedding_train", "retrieved_nouns_embedding"))
near = np.load("./data/CIFAR-10_indices50_text.npy")
np.testing.assert_allclose(text, rows[near].mean(1), rtol=1e-6)
np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-6)
assert ClusterHead(in_dim=512, num_clusters=10).made == (4, 3)
assert DistillLoss(class_num=10, temperature=0.5).made == (3, 0.5)
labels = np.loadtxt("./data/CIFAR-10_labels_test.txt")
loader = DataLoader(TensorDataset(torch.from_numpy(rows)), batch_size=512, shuffle=True, drop_last=True)
for epoch in range(20):
    assert [len(batch) for batch, in loader] == [8, 8]
    cluster_metric(labels, np.arange(len(labels)) % (epoch + 1))
""",
}


def test_tacs_script_gets_our_data_widths_batch_and_steps(tmp_path: Path) -> None:
    for name, text in TAC.items():
        (tmp_path / name).write_text(text)
    fit = read_params().fit
    fit = replace(fit, training=replace(fit.training, batch=8, epochs=1, min_steps=5))
    rows = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    near = (np.arange(20)[:, None] + [1, 2]) % 20
    given = authors.Given(rows, near, 3, fit, authors.AUTHORS)
    with mock.patch.dict(sys.modules), mock.patch.object(sys, "path", [str(tmp_path), *sys.path]), authors.at_home():
        # Five steps of two batches a pass: three passes; the second run finds all as the first did.
        for seed in (0, 1):
            np.testing.assert_array_equal(authors.tac(given, seed), np.arange(20) % 3)


def test_an_accuracy_of_a_stand_in_is_bracketed() -> None:
    classes = np.array([0, 0, 1, 1])
    assert authors.row("tac", "theirs", iter([(classes, 2.0)]), classes, True) == ["TAC", "theirs", "(100.0)", "2.0"]
    assert authors.row("scp", "ours", iter([(classes, 2.0)]), classes) == ["SCP", "ours", "100.0", "2.0"]
