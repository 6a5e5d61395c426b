"""Parts of a result that outlast the process that made them: each a file that knows all that it was made from.

A part is whole or not there, and is taken only where its fingerprint and its digest are right. One that is damaged, or
of other settings, counts as missing, and the next one of its name takes its place. So nothing here has to be tidied up
for results to be right.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.base.files import sha256_of_json, write_bytes

if TYPE_CHECKING:
    import numpy as np

SUFFIX = ".part"
DIGEST, LENGTH = 32, 8
"""Bytes of the SHA-256 of all that follows it, and of the length of the text after that."""


@dataclass(frozen=True)
class Part:
    """What a file holds."""

    about: Any
    """Plain data, as JSON has it."""
    arrays: dict[str, np.ndarray]


@dataclass(frozen=True)
class Store:
    """A folder of parts that have most of what they were made from in common."""

    folder: Path
    made_from: Any
    """Plain data: all that decides every part alike."""

    def read(self, name: str, made_from: Any) -> Part | None:
        """The part of this name; None if there is none that is whole and made from just this.

        Args:
            name: of the part, such as ``scp/17``.
            made_from: plain data, all that decides this part beside what decides every one.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            data = self._path(name).read_bytes()
            digest, length, rest = data[:DIGEST], data[DIGEST : DIGEST + LENGTH], data[DIGEST + LENGTH :]
            if hashlib.sha256(length + rest).digest() != digest:
                return None
            end = int.from_bytes(length, "little")
            head = json.loads(rest[:end])
            if head["fingerprint"] != self._fingerprint(made_from):
                return None
            return Part(head["about"], load(rest[end:]))
        except (OSError, ValueError, LookupError, TypeError, SafetensorError):
            return None

    def write(self, name: str, made_from: Any, part: Part) -> None:
        """Keeps a part in the place of any other of its name; the arguments are those of `read`."""
        import numpy as np
        from safetensors.numpy import save

        head = {"fingerprint": self._fingerprint(made_from), "about": part.about}
        text = json.dumps(head).encode("ascii")  # Keys in their order: they become columns.
        # safetensors writes an array's memory as it lies, whatever its strides say.
        arrays = save({key: np.ascontiguousarray(array) for key, array in part.arrays.items()})
        content = len(text).to_bytes(LENGTH, "little") + text + arrays
        write_bytes(self._path(name), hashlib.sha256(content).digest() + content)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}{SUFFIX}"

    def _fingerprint(self, made_from: Any) -> str:
        return sha256_of_json([self.made_from, made_from])


def forget(folder: Path, names: Iterable[str] | None = None) -> None:
    """Removes a store's parts, whatever they were made from.

    Args:
        folder: of the store.
        names: of the folders in it to remove, such as ``scp``; None: all.
    """
    for each in [folder] if names is None else [folder / name for name in names]:
        shutil.rmtree(each, ignore_errors=True)
    with suppress(OSError):  # Others may be left in it.
        folder.rmdir()
