"""Packages of Python, Debian or npm that ship labelled pictures: their place here, and how their files are checked.

What such a package ships is one split, `train`: none of them has another.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.errors import PipelineError
from pipeline.config.paths import RAW


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
            "Python": f"uv pip install --no-deps --reinstall {self.name}=={self.version}",
            "Debian": f"apt-get install --no-install-recommends {self.name}={self.version}",
            "npm": f"npm install --no-save --prefix {RAW} {self.name}@{self.version}",
        }[self.kind]

    def place(self, inside: str) -> str:
        """A folder of it on this machine, whether it is there or not.

        Args:
            inside: the folder as the package names it: of Debian an absolute path.
        """
        if self.kind == "npm":
            return f"{RAW}/node_modules/{self.name}"
        if self.kind == "Debian":
            return inside
        try:
            return str(importlib.metadata.distribution(self.name).locate_file(inside))
        except importlib.metadata.PackageNotFoundError:
            return inside


def checked(package: Package, path: Path, sha256: str) -> bytes:
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
