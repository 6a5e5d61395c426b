from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.cli.settings import Settings
from pipeline.collection.fitted import settings_of
from pipeline.collection.fitting import needs_views, suited, suited_extraction
from pipeline.config.settings import DatasetSettings
from pipeline.methods.auto import Settings as AutoSettings


@pytest.mark.parametrize(
    ("images", "clusters", "batch"),
    [(2, 2, 2), (20, 3, 20), (100, 3, 25), (500, 12, 125), (500, 50, 400), (10_000, 10, 512), (100_000, 1000, 8000)],
)
def test_the_batch_suits_the_number_of_pictures(images: int, clusters: int, batch: int, settings: Settings) -> None:
    fit = suited(settings.fit, settings.cluster, "scp", images, clusters)
    assert fit.training == replace(settings.fit.training, batch=batch)
    assert (fit.runs, fit.methods) == (settings.cluster.runs, ("scp",))


@pytest.mark.parametrize(("images", "epochs"), [(10_000, 30), (100_000, 10), (10**7, 1)])
def test_many_pictures_are_seen_in_fewer_epochs(images: int, epochs: int, settings: Settings) -> None:
    choice = replace(settings.cluster, most_steps=2000)
    fit = suited(
        replace(settings.fit, training=replace(settings.fit.training, batch=512, epochs=30)), choice, "scp", images, 10
    )
    assert fit.training.epochs == epochs


@pytest.mark.parametrize(("images", "views"), [(2, 8), (250, 8), (400, 5), (500, 4), (10**5, 4)])
def test_few_pictures_get_more_views(images: int, views: int, settings: Settings) -> None:
    choice = replace(settings.cluster, few_embeddings=2000, most_views=8)
    own = replace(settings.extract, views=4, batch=32)
    small = replace(own, batch=choice.batch, shard_rows=choice.shard_rows)
    assert choice.shard_rows < own.shard_rows
    assert suited_extraction(own, choice, images, augmented=True) == replace(small, views=views)
    assert suited_extraction(own, choice, images, augmented=False) == replace(small, views=0)
    fewer = replace(own, shard_rows=100)
    assert suited_extraction(fewer, choice, images, augmented=False).shard_rows == 100


@pytest.mark.parametrize(
    ("method", "needed"), [("auto", False), ("consensus", False), ("kmeans", False), ("scan", False), ("scp", True)]
)
def test_the_methods_that_need_views_get_them(method: str, needed: bool, settings: Settings) -> None:
    assert needs_views(settings.fit, method) is needed
    own = settings.fit.with_section(method, pairs="both")
    assert method != "scan" or needs_views(own, method)


@pytest.mark.parametrize(
    ("method", "images", "fewer"), [("auto", 900, True), ("auto", 9000, False), ("consensus", 900, True)]
)
def test_few_pictures_get_fewer_heads(method: str, images: int, fewer: bool, settings: Settings) -> None:
    given = suited(settings.fit, settings.cluster, method, images, 10).sections["consensus"].values
    small = settings.cluster.small
    heads = small.auto.heads if method == "auto" else small.heads
    own = {**settings.fit.sections["consensus"].values, "pairs": "neighbours"}
    asked = {"heads": heads, "min_steps": small.min_steps, "steps": small.steps}
    assert given == ({**own, **asked} if fewer else own)


def test_auto_has_members_on_centred_embeddings_where_there_are_few_pictures(settings: Settings) -> None:
    few, many, other = (
        suited(settings.fit, settings.cluster, method, images, 10)
        for method, images in (("auto", 1000), ("auto", 1001), ("consensus", 1000))
    )
    assert few.section("auto", AutoSettings).centred == settings.cluster.small.auto.centred != {}
    assert many.sections["auto"] == other.sections["auto"] == settings.fit.sections["auto"]


def test_a_result_is_known_by_what_auto_is_made_of(settings: Settings) -> None:
    dataset = DatasetSettings(10, 5.0, None, "pad")
    small = settings.cluster.small
    others = replace(small, auto=replace(small.auto, centred={"umap-kmeans": 1})), replace(small, heads=3)
    now, centred, unread = (
        settings_of(suited(settings.fit, replace(settings.cluster, small=each), "auto", 500, 10), dataset)
        for each in (small, *others)
    )
    assert centred != now == unread
