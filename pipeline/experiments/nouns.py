"""nouns: WordNet + a backbone's text tower -> embeddings of its nouns, a cache of their own that TAC and SIC read.

It reads no image and no name of a class.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.backbones.registry import Backbone
from pipeline.backbones.text import Embed, text_embedder
from pipeline.backbones.weights import find_weights
from pipeline.base.errors import PipelineError
from pipeline.base.files import sha256_of_json
from pipeline.base.kept import Part, Store, forget
from pipeline.base.timing import part
from pipeline.collection.nouns import find_synsets
from pipeline.features.nouns import LISTS, NounList, noun_file, read_made_from, write_nouns
from pipeline.heads.class_names import from_prompts

AT_A_TIME = 2048
"""Spellings whose embeddings are kept together, for a command that is stopped."""


def nouns(
    backbone: Backbone, folder: Path, kept: Path, device: str, progress: Callable[[str], None] = lambda _: None
) -> str:
    """Embeds every list of nouns that is not there yet; one that is, of the same weights and nouns, is left as it is.

    Each prompt's embedding is brought to length 1, and their mean again, as CLIP's classification has it (ours).

    Args:
        backbone: one with a text tower.
        folder: for the lists.
        kept: the folder where parts are kept until a list is whole.
        device: ``cpu`` or a CUDA device.
        progress: takes a short text that tells how far it is.

    Returns:
        one line for people.

    Raises:
        PipelineError: if there is no WordNet on this machine, or the weights are missing.
    """
    synsets = find_synsets()
    if not synsets:
        raise PipelineError(
            "WordNet: expected its file data.noun on this machine, found none; run 'apt-get install wordnet-base', or "
            "name a folder that has it in WNSEARCHDIR"
        )
    path, sha256 = find_weights(backbone)
    embed, told = None, []
    for name, wanted in LISTS.items():
        words = [synset[0] for synset in synsets] if wanted.first_alone else [word for each in synsets for word in each]
        made_from = {"weights_sha256": sha256, "templates": list(wanted.templates), "nouns": sha256_of_json(words)}
        told.append(f"{len(words):,} {name}")
        if _is_there(noun_file(folder, name), made_from):
            continue
        spellings = list(dict.fromkeys(words))
        with part(name):
            embed = embed or text_embedder(backbone, path, device)
            embeddings = _embedded(embed, spellings, wanted, Store(kept / name, made_from), progress)
        number = {word: row for row, word in enumerate(spellings)}
        write_nouns(noun_file(folder, name), embeddings, np.array([number[word] for word in words]), made_from)
    forget(kept)
    return f"nouns of WordNet: {' and '.join(told)}"


def _is_there(path: Path, made_from: dict[str, Any]) -> bool:
    """Whether a list is there that was made from just this."""
    from safetensors import SafetensorError

    try:
        return read_made_from(path) == made_from
    except (SafetensorError, OSError, LookupError, TypeError, ValueError):
        return False


def _embedded(
    embed: Embed, spellings: list[str], wanted: NounList, store: Store, progress: Callable[[str], None]
) -> np.ndarray:
    """The mean of the prompts' embeddings for each spelling, float16 (spellings, dim) of length 1."""
    blocks = []
    for first in range(0, len(spellings), AT_A_TIME):
        progress(f"{first:,} of {len(spellings):,} nouns by {len(wanted.templates)} prompts")
        words = spellings[first : first + AT_A_TIME]
        found = store.read(str(first), words)
        if found is None:
            prompts = [template.replace("{}", word) for word in words for template in wanted.templates]
            means = from_prompts(embed(prompts).reshape(len(words), len(wanted.templates), -1)).embeddings
            found = Part(None, {"embeddings": means.astype(np.float16)})
            store.write(str(first), words, found)
        blocks.append(found.arrays["embeddings"])
    return np.concatenate(blocks)
