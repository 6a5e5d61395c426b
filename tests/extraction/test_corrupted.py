"""A corrupted set is a cache like any other: of its own, resumed, verified, and outdated where its values change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.base.errors import PipelineError
from pipeline.config.settings import Corruption, ExtractSettings
from pipeline.extraction import corruptions
from pipeline.extraction.corruptions import corrupted
from pipeline.extraction.extract import extract
from pipeline.extraction.plan import describe
from pipeline.extraction.rendering import render
from pipeline.extraction.timings import Timings
from pipeline.features.manifest import read_manifest, read_split
from pipeline.features.verify import verify
from pipeline.images.listing import open_image, read_list, sample
from tests.conftest import DATASET, SMALL, write_images

NOISE = Corruption("gaussian-noise", 5)


@pytest.fixture
def images(tmp_path: Path, pictures: np.ndarray) -> Path:
    write_images(tmp_path / "images", pictures[:12])
    return tmp_path / "images"


def run(images: Path, features: Path, settings: ExtractSettings) -> Timings:
    return extract(DATASET, SMALL, images, features, settings, "cpu")


def clean(features: Path) -> np.ndarray:
    return read_split(features, read_manifest(features), "train").clean


def test_it_is_made_once_and_says_what_was_done(images: Path, tmp_path: Path, small: ExtractSettings) -> None:
    run(images, tmp_path / "clean", small)
    noisy = replace(small, corruption=NOISE)
    assert run(images, tmp_path / "noisy", noisy).reused == 0
    assert not np.allclose(clean(tmp_path / "noisy"), clean(tmp_path / "clean"), atol=0.01)
    assert read_manifest(tmp_path / "noisy").settings["corruption"] == corruptions.described("gaussian-noise", 5)
    assert "corruption" not in read_manifest(tmp_path / "clean").settings
    assert run(images, tmp_path / "noisy", noisy).reused == 12
    assert verify(tmp_path / "noisy").whole


def test_the_same_settings_give_the_same_bytes(images: Path, tmp_path: Path, small: ExtractSettings) -> None:
    for name in ("one", "other"):
        run(images, tmp_path / name, replace(small, corruption=NOISE))
    assert np.array_equal(clean(tmp_path / "one"), clean(tmp_path / "other"))


def test_no_clean_embedding_is_taken_for_a_corrupted_one(images: Path, tmp_path: Path, small: ExtractSettings) -> None:
    run(images, tmp_path / "features", small)
    before = clean(tmp_path / "features")
    assert run(images, tmp_path / "features", replace(small, corruption=NOISE)).reused == 0
    assert not np.array_equal(clean(tmp_path / "features"), before)


def test_other_values_make_it_stale(
    images: Path, tmp_path: Path, small: ExtractSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    noisy = replace(small, corruption=NOISE)
    run(images, tmp_path / "noisy", noisy)
    entry = corruptions.KINDS[NOISE.kind]
    other = entry._replace(small=(*entry.small[:4], (0.5,)))
    monkeypatch.setitem(corruptions.KINDS, NOISE.kind, other)
    assert run(images, tmp_path / "noisy", noisy).reused == 0


def test_the_picture_is_corrupted_before_the_backbones_geometry(images: Path, small: ExtractSettings) -> None:
    record = read_list(images)[3]
    rendered = render(images, record, SMALL, replace(small, corruption=NOISE))
    picture = corrupted(open_image(images, record).convert("RGB"), "gaussian-noise", 5, small.seed, record.digest)
    assert np.array_equal(np.asarray(rendered.pixels[0]), np.asarray(picture.resize((32, 32), 3)))


def test_an_unknown_kind_is_refused_with_the_near_ones(small: ExtractSettings) -> None:
    with pytest.raises(PipelineError, match="unknown corruption 'gaussian'; did you mean gaussian-"):
        describe(SMALL, replace(small, corruption=Corruption("gaussian", 1)))


def test_a_sample_depends_on_the_contents_and_keeps_the_order(images: Path) -> None:
    records = read_list(images)
    chosen = sample(records, 5)
    assert len(chosen) == 5
    assert [each for each in records if each in chosen] == chosen
    assert set(sample(records[::-1], 5)) == set(chosen)
    assert sample(records, 99) == records
