from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.backbones.registry import BACKBONES
from pipeline.base.errors import PipelineError
from pipeline.cli.settings import Settings
from pipeline.collection.result import Collection
from pipeline.config.devices import suited
from pipeline.config.paths import cell_paths, extract_command, study_features
from pipeline.extraction.plan import describe
from pipeline.features.cache import open_features, write_mix
from pipeline.features.manifest import Manifest, read_manifest, read_split
from pipeline.features.shards import write_shard
from tests.conftest import SMALL

SPLITS = {"train": 7, "test": 3}


def write_cache(
    folder: Path, settings: Settings, dim: int, scale: float = 1.0, ids: str = "{split}-{row}", seed: int = 0
) -> Path:
    """A small cache with random embeddings of the given length of a row, as of pictures of 32 pixels."""
    rng = np.random.default_rng([dim, seed])
    splits = {}
    for split, rows in SPLITS.items():
        values = scale * rng.normal(size=(rows, 1 + settings.extract.views, dim))
        names = [ids.format(split=split, row=row) for row in range(rows)]
        splits[split] = [write_shard(folder / f"{split}-00000.h5", names, values, f"{dim}{seed}" * 8)]
    backbone = BACKBONES[folder.name].at_size(32) if folder.name in BACKBONES else SMALL
    described = describe(backbone, suited(settings.extract, "cpu"))
    weights = (backbone.weights.sha256 or "").ljust(64, "0")
    Manifest("pets", folder.name, weights, dim, settings.extract.views, described, splits).write(folder)
    return folder


def test_a_single_cache_is_read_as_it_is(tmp_path: Path, settings: Settings) -> None:
    folder = write_cache(tmp_path / "one", settings, 6, scale=9.0)
    features = open_features(folder)
    assert (features.backbone, features.dataset, features.dim, features.views) == ("one", "pets", 6, 4)
    assert features.splits == SPLITS
    stored = read_split(folder, read_manifest(folder), "train")
    assert features.read("train").views.tobytes() == stored.views.tobytes()


def test_fewer_views_are_the_first_ones(tmp_path: Path, settings: Settings) -> None:
    features = open_features(write_cache(tmp_path / "one", settings, 6))
    assert np.array_equal(features.read("test", 2).views, features.read("test").views[:, :3])
    with pytest.raises(PipelineError, match="5 views an image were asked for, it holds 4"):
        features.read("test", 5)


def test_a_mix_joins_embeddings_of_length_one(tmp_path: Path, settings: Settings) -> None:
    parts = [write_cache(tmp_path / name, settings, dim, scale) for name, dim, scale in (("a", 6, 90.0), ("b", 4, 0.1))]
    mix = write_mix(tmp_path / "a+b")
    assert open_features(tmp_path / "a+b") == mix
    assert (mix.backbone, mix.dim, mix.splits) == ("a+b", 10, SPLITS)
    joined = mix.read("train", 3)
    assert joined.views.shape == (7, 4, 10)
    assert joined.views.dtype == np.float16
    for place, folder in zip((slice(6), slice(6, 10)), parts, strict=True):
        own = open_features(folder).read("train", 3).views.astype(np.float64)
        expected = own / np.sqrt((own**2).sum(-1, keepdims=True))
        assert np.abs(joined.views[..., place] - expected).max() < 1e-3
    assert [part["backbone"] for part in mix.describe()["parts"]] == ["a", "b"]


def test_parts_with_other_views_are_refused(tmp_path: Path, settings: Settings) -> None:
    write_cache(tmp_path / "a", settings, 6)
    other = replace(settings.extract, augmentation=replace(settings.extract.augmentation, blur_probability=0.1))
    for changed, what in ((replace(settings.extract, views=3), "views"), (replace(settings.extract, seed=7), "seed")):
        write_cache(tmp_path / "b", replace(settings, extract=changed), 4)
        with pytest.raises(PipelineError, match=rf"expected both caches with the same {what}, .*run 'pipeline extract"):
            write_mix(tmp_path / "a+b")
    write_cache(tmp_path / "b", replace(settings, extract=other), 4)
    with pytest.raises(PipelineError, match="expected both caches with the same augmentation"):
        write_mix(tmp_path / "a+b")


def test_parts_with_other_images_are_refused(tmp_path: Path, settings: Settings) -> None:
    write_cache(tmp_path / "a", settings, 6)
    write_cache(tmp_path / "b", settings, 4, ids="{split}-9{row}")
    mix = write_mix(tmp_path / "a+b")
    with pytest.raises(PipelineError, match=r"expected the images of .*a, split 'train', found others \(train-0\)"):
        mix.read("train")


def test_a_mix_of_caches_made_anew_is_refused(tmp_path: Path, settings: Settings) -> None:
    write_cache(tmp_path / "a", settings, 6)
    write_cache(tmp_path / "b", settings, 4)
    with pytest.raises(PipelineError, match=r"mix\.json: not there yet; run 'pipeline extract .*--backbone a\+b"):
        open_features(tmp_path / "a+b")
    write_mix(tmp_path / "a+b")
    write_cache(tmp_path / "b", settings, 4, seed=1)
    with pytest.raises(PipelineError, match=r"b was made anew since; run 'pipeline extract .*--backbone a\+b"):
        open_features(tmp_path / "a+b")
    with pytest.raises(PipelineError, match="c: there is no finished feature cache here"):
        write_mix(tmp_path / "a+c")


def test_the_command_of_a_cache_is_that_of_what_made_it() -> None:
    """Guards against 'pipeline extract --dataset features' for the cache in a result of 'pipeline cluster'."""
    cell = cell_paths("stl10", "clip-vitb32").features
    assert extract_command(cell) == "pipeline extract --dataset stl10 --backbone clip-vitb32"
    study = study_features("views", "stl10", "a+b")
    assert extract_command(study) == "pipeline extract --study views --dataset stl10 --backbone a+b"
    for folder, named in (("holiday-clusters", "holiday-clusters"), ("my pictures", "'my pictures'")):
        cache_of_result = Collection(Path(folder)).features("clip-vitb32")
        assert extract_command(cache_of_result) == f"pipeline cluster THE_SAME_PICTURES --out {named}"
