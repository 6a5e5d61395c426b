"""A copy of the project, in which a test follows a recipe and runs the real commands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from dvc.utils.serialize import modify_yaml
from PIL import Image

from tests import warm
from tests.conftest import BACKBONE, ROOT
from tests.recipes import recipes

PETS = "pets"
CELL = f"{PETS}-{BACKBONE}"
"""The one cell of a copy, as DVC's stages name it."""
SHARED = {"init.defaultBranch": "main", "user.name": "nobody", "user.email": "nobody@example.org"}
"""Settings of git, whatever this machine's are."""

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
"""Where pytest is run by a hook of git, these name the project itself."""


@dataclass(frozen=True)
class Copy:
    """The project's files in another folder, under git, with one small data set."""

    root: Path

    def run(self, *command: str, fails: bool = False) -> str:
        """What a command prints in the copy, whose code and whose parameters it uses.

        Raises:
            AssertionError: if it fails, or is to fail and does not.
        """
        path = os.pathsep.join(map(str, (warm.commands(), Path(sys.executable).parent, os.environ["PATH"])))
        done = subprocess.run(
            command,
            cwd=self.root,
            env={**ENVIRONMENT, "PATH": path, "PYTHONPATH": str(self.root)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert bool(done.returncode) == fails, f"{' '.join(command)}\n{done.stdout}"
        return done.stdout

    def git(self, *arguments: str) -> str:
        """What git prints."""
        settings = [word for key, value in SHARED.items() for word in ("-c", f"{key}={value}")]
        return self.run("git", *settings, *arguments)

    def pytest(self, *arguments: str) -> str:
        """What pytest prints in the copy; a test that fails there fails here."""
        here = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"  # By what `warm` has imported.
        return self.run("pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "-W", here, *arguments)

    def status(self) -> dict[str, Any]:
        """What DVC finds stale: the stages of both graphs, and what changed of each."""
        found: dict[str, Any] = json.loads(self.run("dvc", "status", "--json"))
        return {name.rpartition(":")[2]: changes for name, changes in found.items()}

    def repro(self, *targets: str) -> list[str]:
        """The stages that `dvc repro` runs, in order."""
        return re.findall(r"Running stage '(?:\S+:)?([^':]+)'", self.run("dvc", "repro", *targets))

    def change(self, **values: Any) -> None:
        """Other parameters, by their dotted keys."""
        with modify_yaml(str(self.root / "params.yaml")) as params:
            for key, value in values.items():
                *parents, last = key.split(".")
                place = params
                for parent in parents:
                    place = place[parent]
                place[last] = value

    def follow(self, recipe: str) -> set[str]:
        """Follows a recipe and brings its imports and entries into order.

        Returns:
            the files that git finds changed or new.
        """
        for block in recipes()[recipe]:
            block.follow(self.root)
        self.run("ruff", "check", "--quiet", "--fix", ".")
        self.run("ruff", "format", "--quiet", ".")
        lines = self.git("status", "--porcelain", "--untracked-files=all").splitlines()
        return {line[3:] for line in lines}

    def commit(self) -> None:
        """Keeps all files as they are now for `reset`."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "A copy")

    def reset(self) -> None:
        """Brings back the files and the outputs of stages as they were at the last `commit`."""
        self.git("reset", "--quiet", "--hard")
        self.git("clean", "--quiet", "-d", "--force")
        self.run("dvc", "checkout", "--quiet", "--force")


def make_copy(folder: Path) -> Copy:
    """The project's files, with 60 pictures of three kinds in place of its data set and short trainings."""
    copy = Copy(folder / "project")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        # What stages left elsewhere is of no use here; a file may have been removed and not committed.
        if os.path.lexists(ROOT / name) and not name.endswith("dvc.lock"):
            (copy.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy.root / name, follow_symlinks=False)
    write_pets(folder / PETS)
    dataset = {
        "folder": str(folder / PETS),
        "clusters": 3,
        "balance_weight": 5.0,
        "image_size": 32,
        "geometry": "published",
    }
    copy.change(**{f"datasets.{PETS}": dataset, "run": {"datasets": [PETS], "backbones": [BACKBONE]}})
    copy.change(
        **{
            "extract.views": 2,
            "fit.runs": 2,
            "fit.methods": ["kmeans"],
            "fit.training.hidden": [16, 16, 16, 16],
            "fit.training.epochs": 1,
            "fit.training.min_steps": 12,
            "fit.training.batch": 32,
            "metrics.map_images": 20,
        }
    )
    copy.git("init", "--quiet")
    copy.commit()
    return copy


def write_pets(folder: Path) -> None:
    """60 pictures of noise in a colour of their class, two thirds of them for training."""
    generator = np.random.default_rng(0)
    for number in range(60):
        split, kind = "test" if number % 3 == 2 else "train", number % 4 % 3
        picture = generator.integers(0, 100, (32, 32, 3), np.uint8)
        picture[..., kind] += 150
        path = folder / split / ("cats", "dogs", "newts")[kind] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
