"""The suggestions of a result, with a tiny CLIP of random weights and a few nouns."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipeline.backbones.registry import BACKBONES
from pipeline.backbones.text import embed_texts
from pipeline.backbones.weights import find_weights
from pipeline.collection import kept_nouns as module
from pipeline.collection.result import Collection
from pipeline.collection.suggested import suggested
from pipeline.images.facts import Facts
from tests.backbones.tiny_clip import tiny_clip
from tests.collection.wordnet import write_wordnet

PATHS = [f"{number}.png" for number in range(6)]
CLUSTERS = [0, 0, 2, 2, None, 2]


def make(folder: Path, clean: np.ndarray, facts: list[Facts | None], said: list[str]) -> dict[str, Any]:
    features: Any = SimpleNamespace(backbone="clip-tiny")
    return suggested(
        Collection(folder), features, PATHS, CLUSTERS, clean, facts, True, lambda line, err=False: said.append(line)
    )


def test_nouns_are_embedded_once_and_name_what_is_like_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    backbone, _ = tiny_clip(tmp_path)
    monkeypatch.setitem(BACKBONES, backbone.name, backbone)
    write_wordnet(tmp_path / "dict")
    monkeypatch.setenv("WNSEARCHDIR", str(tmp_path / "dict"))
    texts = [f"a photo of a {noun}." for noun in ("dog", "ball")]
    dog, ball = embed_texts(backbone, find_weights(backbone)[0], texts)
    clean, said = np.stack([dog, 3 * dog, ball, ball, dog, 2 * ball]), list[str]()
    found = make(tmp_path / "a", clean, [None] * 6, said)
    assert {number: (each["text"], each["source"]) for number, each in found.items()} == {
        "0": ("dog", "text"),
        "2": ("ball", "text"),
    }
    assert said == ["embedding 3 nouns to suggest names, once"]
    (kept,) = (tmp_path / "a" / "cache").glob("nouns*")
    with monkeypatch.context() as patch:
        patch.setattr(module, "embed_texts", lambda *_: pytest.fail("embedded again"))
        assert make(tmp_path / "a", clean, [None] * 6, said) == found
    # Other nouns, and a file that is damaged, are embedded anew; without nouns there are no suggestions.
    kept.write_bytes(kept.read_bytes()[:-1])
    assert make(tmp_path / "a", clean, [None] * 6, said) == found
    index = tmp_path / "dict" / "index.noun"
    index.write_text(index.read_text().replace("dog n 1 1 @ 1 1", "dog n 1 1 @ 1 0"))
    make(tmp_path / "a", clean, [None] * 6, said)
    assert len(said) == 3
    index.unlink()
    assert make(tmp_path / "b", clean, [None] * 6, said) == {}


def test_the_dates_of_the_pictures_are_looked_at(tmp_path: Path) -> None:
    facts = [Facts(1, 1, 1, f"20{year}-08-03 10:00:00", "JPEG") for year in (21, 21, 19, 19, 21)]
    features: Any = SimpleNamespace(backbone="own")
    found = suggested(
        Collection(tmp_path), features, PATHS, CLUSTERS, np.zeros((6, 2)), [*facts, None], True, lambda *_: None
    )
    assert {number: each["text"] for number, each in found.items()} == {"0": "August 2021", "2": "August 2019"}
    assert found["2"]["share"] == 0.667
