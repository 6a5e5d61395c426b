"""Nouns in the space of a collection's pictures: embedded once by the backbone's text tower, and kept beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.backbones.registry import Backbone
from pipeline.backbones.text import embed_texts
from pipeline.base.kept import Part, Store
from pipeline.collection.fill_cache import Say
from pipeline.heads.class_names import ClassNames, from_prompts

TEMPLATE = "a photo of a {}."
"""CLIP's own first prompt (Radford et al., ICML 2021)."""
VERSION = 1
"""Of what is kept: another one makes it anew."""
NAME = "nouns"


def kept_nouns(folder: Path, backbone: Backbone, path: Path, sha256: str, nouns: list[str], say: Say) -> ClassNames:
    """The classifier by nouns; cluster i of it is the i-th noun.

    Args:
        folder: where it is kept, in one file.
        backbone: one with a text tower.
        path: of its weights.
        sha256: theirs.
        nouns: at least one.
        say: takes a line where they are to be embedded, which takes minutes on a CPU.

    Raises:
        PipelineError: if the weights cannot be read.
    """
    store, made_from = Store(folder, VERSION), [sha256, TEMPLATE, nouns]
    part = store.read(NAME, made_from)
    if part is None:
        say(f"embedding {len(nouns):,} nouns to suggest names, once")
        embedded = from_prompts(embed_texts(backbone, path, [TEMPLATE.format(noun) for noun in nouns])[:, None])
        part = Part(None, {"embeddings": embedded.embeddings.astype(np.float16)})
        store.write(NAME, made_from, part)
    return ClassNames(part.arrays["embeddings"].astype(np.float32))
