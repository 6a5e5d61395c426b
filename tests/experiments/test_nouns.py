"""The embedding of WordNet's nouns against open_clip's own documented use, with a tiny CLIP of random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file

from pipeline.backbones.registry import BACKBONES, Backbone
from pipeline.backbones.text import text_embedder
from pipeline.backbones.weights import find_weights
from pipeline.base.errors import PipelineError
from pipeline.cli.settings import Settings
from pipeline.collection import nouns as wordnet
from pipeline.config.settings import DatasetSettings
from pipeline.experiments import nouns as module
from pipeline.experiments.nouns import nouns
from pipeline.features.nouns import LISTS, NounCache, noun_file
from pipeline.heads.problem import Problem
from pipeline.methods import sic, tac, tac_kmeans
from tests.backbones.references import open_clip_reference
from tests.backbones.tiny_clip import tiny_clip
from tests.backbones.weight_files import with_weights
from tests.collection.wordnet import DATA, SYNSETS, write_wordnet

WORDS = [word for synset in SYNSETS for word in synset]
FIRST = [synset[0] for synset in SYNSETS]


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Backbone, open_clip.CLIP]:
    monkeypatch.chdir(tmp_path)
    write_wordnet(tmp_path / "wordnet")
    monkeypatch.setenv("WNSEARCHDIR", str(tmp_path / "wordnet"))
    monkeypatch.setattr(module, "AT_A_TIME", 4)
    return tiny_clip(tmp_path)


def embed(backbone: Backbone, tmp_path: Path) -> str:
    return nouns(backbone, tmp_path / "nouns", tmp_path / "parts", "cpu")


def expected(backbone: Backbone, model: open_clip.CLIP, words: list[str], templates: tuple[str, ...]) -> np.ndarray:
    """Noun by noun and prompt by prompt."""
    tokenizer = open_clip.get_tokenizer(backbone.model)
    rows = []
    with torch.inference_mode():
        for word in words:
            prompts = [model.encode_text(tokenizer([each.format(word)]), normalize=True)[0] for each in templates]
            rows.append(torch.nn.functional.normalize(torch.stack(prompts).mean(0), dim=0).numpy())
    return np.stack(rows)


def read(backbone: Backbone, tmp_path: Path, name: str) -> np.ndarray:
    return NounCache(tmp_path / "nouns", backbone.name, find_weights(backbone)[1]).read(name)


def test_nouns_are_embedded_as_open_clip_does(tmp_path: Path, clip: tuple[Backbone, open_clip.CLIP]) -> None:
    backbone, model = clip
    assert embed(backbone, tmp_path) == "nouns of WordNet: 9 words and 8 synsets"
    for name, words in (("words", WORDS), ("synsets", FIRST)):
        wanted = expected(backbone, model, words, LISTS[name].templates)
        np.testing.assert_allclose(read(backbone, tmp_path, name), wanted, atol=1e-3)
    assert not (tmp_path / "parts").exists()


@pytest.mark.slow
def test_the_real_shapes_of_clip_embed_them_for_every_method_that_reads_them(
    tmp_path: Path, clip: tuple[Backbone, open_clip.CLIP], settings: Settings
) -> None:
    reference = open_clip_reference(BACKBONES["clip-vitb32"])
    backbone = with_weights(BACKBONES["clip-vitb32"], sha256=None)
    folder = tmp_path / "data" / "weights" / "clip-vitb32"
    folder.mkdir(parents=True)
    reference.save(folder)
    ball, dog = DATA.splitlines()[1:3]
    (tmp_path / "wordnet" / "data.noun").write_text(f"{ball}\n{dog}\n")
    embed(backbone, tmp_path)
    assert isinstance(reference.module, open_clip.CLIP)
    for name, words in (("words", WORDS[:3]), ("synsets", FIRST[:2])):
        wanted = expected(backbone, reference.module, words, LISTS[name].templates)
        found = read(backbone, tmp_path, name)
        assert found.shape == (len(words), 512)
        np.testing.assert_allclose(found, wanted, atol=1e-3)
    with torch.inference_mode():
        images = reference.encode(torch.randn(30, 3, 224, 224, generator=torch.Generator().manual_seed(0)))
    # Random towers say much the same of all nouns.
    fit = settings.fit.with_section("sic", epochs=2, most_common=1.0).with_section("tac", epochs=2)
    cache = NounCache(tmp_path / "nouns", backbone.name, find_weights(backbone)[1])
    views = images.numpy().astype(np.float16)[:, None]
    about = DatasetSettings(2, 5.0, None, "published")
    problem = Problem(views, fit, about, "cpu", lambda _: None, given_nouns=cache)
    for method in (tac_kmeans, tac, sic):
        (run,) = method.fit(problem, [0])
        logits = run.model.logits(images.numpy())
        assert logits.shape == (30, 2)
        assert np.isfinite(logits).all()
        assert np.isfinite(run.loss)


def test_what_fits_is_left_as_it_is(
    tmp_path: Path, clip: tuple[Backbone, open_clip.CLIP], monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone, model = clip
    embed(backbone, tmp_path)
    before = {name: noun_file(tmp_path / "nouns", name).read_bytes() for name in LISTS}
    with monkeypatch.context() as patch:
        patch.setattr(module, "text_embedder", None)
        embed(backbone, tmp_path)
    noun_file(tmp_path / "nouns", "words").write_bytes(b"damaged")
    embed(backbone, tmp_path)
    assert {name: noun_file(tmp_path / "nouns", name).read_bytes() for name in LISTS} == before
    weights = tmp_path / "data" / "weights"
    save_file(
        {name: value + 0.1 for name, value in model.state_dict().items()},
        weights / "clip-tiny" / "open_clip_model.safetensors",
    )
    (weights / "clip-tiny.sha256").unlink()
    embed(backbone, tmp_path)
    assert all(noun_file(tmp_path / "nouns", name).read_bytes() != before[name] for name in LISTS)


def test_what_was_embedded_before_a_stop_is_not_embedded_again(
    tmp_path: Path, clip: tuple[Backbone, open_clip.CLIP], monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone, _ = clip
    whole = text_embedder(backbone, find_weights(backbone)[0])
    seen: list[str] = []

    def interrupted(prompts: list[str]) -> np.ndarray:
        if len(seen) > 30:
            raise KeyboardInterrupt
        seen.extend(prompts)
        return whole(prompts)

    with monkeypatch.context() as patch:
        patch.setattr(module, "text_embedder", lambda *_: interrupted)
        with pytest.raises(KeyboardInterrupt):
            embed(backbone, tmp_path)
    first = list(seen)
    assert 0 < len(first) < 7 * len(WORDS)

    def counted(prompts: list[str]) -> np.ndarray:
        seen.extend(prompts)
        return whole(prompts)

    with monkeypatch.context() as patch:
        patch.setattr(module, "text_embedder", lambda *_: counted)
        embed(backbone, tmp_path)
    assert len(seen) == len(set(seen)) == 7 * len(WORDS) + len(FIRST)
    found = read(backbone, tmp_path, "words")
    noun_file(tmp_path / "nouns", "words").unlink()
    embed(backbone, tmp_path)
    assert np.array_equal(read(backbone, tmp_path, "words"), found)


def test_without_wordnet_it_is_said(
    tmp_path: Path, clip: tuple[Backbone, open_clip.CLIP], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wordnet, "SYSTEM", ())
    for name in ("WNSEARCHDIR", "WNHOME", "NLTK_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    message = r"^WordNet: expected .* data\.noun .*, found none; run 'apt-get install wordnet-base', or .* WNSEARCHDIR$"
    with pytest.raises(PipelineError, match=message):
        embed(clip[0], tmp_path)
