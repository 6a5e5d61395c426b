"""The files of nouns: what was written is read again, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.base.errors import PipelineError
from pipeline.features.lengths import unit_length
from pipeline.features.nouns import LISTS, NounCache, digest_of_nouns, noun_file, read_made_from, write_nouns

NUMBERS = np.array([0, 2, 1, 2])
EMBEDDINGS = unit_length(np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32))


def cache(folder: Path, weights: str = "w") -> NounCache:
    """A cache with every list."""
    for name in LISTS:
        write_nouns(noun_file(folder, name), EMBEDDINGS, NUMBERS, {"weights_sha256": "w"})
    return NounCache(folder, "clip", weights)


@pytest.mark.parametrize("name", LISTS)
def test_nouns_of_one_spelling_have_one_embedding_of_length_1(name: str, tmp_path: Path) -> None:
    found = cache(tmp_path).read(name)
    np.testing.assert_allclose(found, EMBEDDINGS[NUMBERS], atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-6)
    assert found.dtype == np.float32
    assert read_made_from(noun_file(tmp_path, name)) == {"weights_sha256": "w"}


def test_the_digest_is_of_all_lists(tmp_path: Path) -> None:
    first = cache(tmp_path).digest()
    assert cache(tmp_path).digest() == first == digest_of_nouns(tmp_path)
    write_nouns(noun_file(tmp_path, "synsets"), EMBEDDINGS, NUMBERS[:2], {"weights_sha256": "w"})
    assert digest_of_nouns(tmp_path) != first
    noun_file(tmp_path, "words").unlink()
    assert digest_of_nouns(tmp_path) is None
    with pytest.raises(PipelineError, match=r"found none; run 'pipeline nouns --backbone clip'"):
        NounCache(tmp_path, "clip", "w").digest()


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    again = r"; run 'pipeline nouns --backbone clip'$"
    with pytest.raises(PipelineError, match=r"words\.safetensors: made with other weights than clip now has" + again):
        cache(tmp_path, "others").read("words")
    path = noun_file(tmp_path, "words")
    for damaged in (b"", b"hello", path.read_bytes()[:-9]):
        path.write_bytes(damaged)
        with pytest.raises(PipelineError, match=r"words\.safetensors: not a file of nouns \(.*\)" + again):
            NounCache(tmp_path, "clip", "w").read("words")
    path.unlink()
    with pytest.raises(PipelineError, match=r"words\.safetensors: expected the embeddings .* found none" + again):
        NounCache(tmp_path, "clip", "w").read("words")
