"""The nouns of WordNet in the space of a backbone's pictures: a cache of their own, which TAC and SIC read.

A folder a backbone, a file a list of nouns. An embedding is kept once, in float16, however many nouns are spelled so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.errors import PipelineError
from pipeline.base.files import sha256_of_file, sha256_of_json, write_bytes
from pipeline.features.lengths import unit_length

FORMAT = 1
WORDS, SYNSETS = "words", "synsets"


@dataclass(frozen=True)
class NounList:
    """Which nouns a list has, and the prompts whose embeddings are averaged."""

    templates: tuple[str, ...]
    """With {} in the place of the noun."""
    first_alone: bool
    """The first word of each synset alone; else every word of every synset, in the order of WordNet's file."""


LISTS: dict[str, NounList] = {
    WORDS: NounList(
        (
            "itap of a {}.",
            "a bad photo of the {}.",
            "a origami {}.",
            "a photo of the large {}.",
            "a {} in a video game.",
            "art of the {}.",
            "a photo of the small {}.",
        ),
        first_alone=False,
    ),
    SYNSETS: NounList(("a photo of a {}",), first_alone=True),
}
"""TAC's nouns and SIC's, each with the paper's prompts. TAC's authors chose theirs among those of CLIP for ImageNet."""


@dataclass(frozen=True)
class NounCache:
    """The nouns of a backbone; nothing is read yet."""

    folder: Path
    backbone: str
    weights_sha256: str
    """What a file must have been made with."""

    def read(self, name: str) -> np.ndarray:
        """The embeddings of a list, float32 (nouns, dim) of length 1.

        Raises:
            PipelineError: if the file is missing or damaged, or made with other weights.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        path, again = noun_file(self.folder, name), self._again
        try:
            made_from = read_made_from(path)
            if made_from["weights_sha256"] != self.weights_sha256:
                raise PipelineError(f"{path}: made with other weights than {self.backbone} now has; {again}")
            tensors = load(path.read_bytes())
            found: np.ndarray = unit_length(tensors["embeddings"].astype(np.float32))[tensors["numbers"]]
            return found
        except FileNotFoundError:
            raise self._missing(path) from None
        except (SafetensorError, OSError, LookupError, TypeError, ValueError) as error:
            raise PipelineError(f"{path}: not a file of nouns ({error}); {again}") from None

    def digest(self) -> str:
        """The SHA-256 of the lists' files.

        Raises:
            PipelineError: if one is missing.
        """
        digest = digest_of_nouns(self.folder)
        if digest is None:
            raise self._missing(self.folder)
        return digest

    def _missing(self, path: Path) -> PipelineError:
        return PipelineError(f"{path}: expected the embeddings of WordNet's nouns, found none; {self._again}")

    @property
    def _again(self) -> str:
        return f"run 'pipeline nouns --backbone {self.backbone}'"


def noun_file(folder: Path, name: str) -> Path:
    """The file of a list."""
    return folder / f"{name}.safetensors"


def digest_of_nouns(folder: Path) -> str | None:
    """The SHA-256 of a backbone's lists; None where one is missing."""
    paths = [noun_file(folder, name) for name in LISTS]
    if not all(path.is_file() for path in paths):
        return None
    return sha256_of_json([sha256_of_file(path) for path in paths])


def write_nouns(path: Path, embeddings: np.ndarray, numbers: np.ndarray, made_from: dict[str, Any]) -> None:
    """Writes a list, whole or not at all.

    Args:
        path: see `noun_file`.
        embeddings: float (spellings, dim) of length 1.
        numbers: int (nouns,), the spelling of each noun.
        made_from: plain data, with ``weights_sha256``.
    """
    from safetensors.numpy import save

    tensors = {"embeddings": embeddings.astype(np.float16), "numbers": numbers.astype(np.int32)}
    about = json.dumps({"format": FORMAT, "made_from": made_from}, sort_keys=True)
    write_bytes(path, save(tensors, metadata={"nouns": about}))


def read_made_from(path: Path) -> dict[str, Any]:
    """What a list was made from.

    Raises:
        FileNotFoundError: if there is no such file.
        SafetensorError, ValueError, LookupError, TypeError: if it is none of this format.
    """
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        about = json.loads((file.metadata() or {})["nouns"])
    if about["format"] != FORMAT:
        raise ValueError(f"expected format {FORMAT}, found {about['format']!r}")
    made_from: dict[str, Any] = about["made_from"]
    return made_from
