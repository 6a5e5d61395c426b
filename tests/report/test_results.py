from __future__ import annotations

from typing import Any

import pytest

from pipeline.methods import METHODS
from pipeline.report.results import (
    LEAKS,
    METRICS,
    NOT_TOLD,
    Result,
    Score,
    Scores,
    own_results,
    published_results,
)


def scores(acc: float, runs: int = 50) -> dict[str, Any]:
    values = {"mean": acc - 0.05, "std": 0.02, "kept": acc, "oracle": acc + 0.01}
    return {"runs": runs, "clusters_used": 10, "test": dict.fromkeys(METRICS, values), "train": {}}


def result(acc: float | None, dataset: str = "stl10", text: bool = False, **more: Any) -> Result:
    values: Scores = dict.fromkeys(METRICS, None if acc is None else Score(acc))
    return Result(
        more.pop("method", "X"), text, more.pop("backbone", "b"), dataset, values, "train / test", "p", "s", **more
    )


def value(result: Result, metric: str) -> tuple[float, float]:
    score = result.scores[metric]
    assert score is not None
    return score.value, score.std or 0.0


def test_a_cell_gives_mean_kept_and_oracle() -> None:
    mean, kept, oracle = own_results("stl10", "clip-vitb32", {"scp": scores(0.7)}, METHODS)
    assert (mean.title, mean.text, mean.backbone) == ("SCP, ours", False, "clip-vitb32")
    assert value(mean, "acc") == pytest.approx((65.0, 2.0))
    assert value(kept, "nmi") == pytest.approx((70.0, 0.0))
    assert value(oracle, "ari") == pytest.approx((71.0, 0.0))
    assert "chosen without labels" in kept.protocol
    assert "chosen with labels" in oracle.protocol
    assert {row.split for row in (mean, kept, oracle)} == {"train / test"}


def test_one_run_is_one_row_and_text_is_marked() -> None:
    (row,) = own_results("stl10", "clip-vitb32", {"zero-shot": scores(0.9, runs=1)}, METHODS)
    assert row.text
    assert (row.split, row.protocol) == ("none / test", "one run"), "nothing is fitted"
    assert value(row, "acc") == pytest.approx((90.0, 0.0))
    assert own_results("pets", "resnet50", {"scp": {"runs": 5, "clusters_used": 3}}, METHODS) == []


def test_the_published_results_are_read() -> None:
    rows = published_results("cifar10")
    paper = [row for row in rows if row.method == "SCP" and row.backbone == "CLIP ViT-B/32"]
    assert [row.scores["acc"] for row in paper] == [Score(93.2)]
    assert {row.method for row in rows if row.text} == {"SIC", "TAC", "CLIP zero-shot"}
    assert all(row.source and row.protocol for row in rows)
    assert all(0 < score.value <= 100 for row in rows for score in row.scores.values() if score)
    assert published_results("fashion-mnist-mini") == []


def test_leaks_and_hands_are_those_of_the_table() -> None:
    rows = published_results("cifar10")
    of = {row.method: row for row in rows}
    assert of["SCP"].leaks == ("best run chosen on test labels", "values tuned by data set")
    assert of["TURTLE"].leaks == ("scored on images it was fitted to",)
    assert of["SCAN"].leaks == ("chosen on evaluation features",)
    assert not of["k-means"].leaks
    # The paper's own figures, and those of authors' own repositories.
    assert {row.method for row in rows if not row.secondary} == {"SCP", "DPAC", "ProPos"}
    assert (of["SCP"].split, of["MiCE"].split) == ("train / test", "train+test / train+test")
    assert (of["PICA"].split, of["PICA"].protocol) == (NOT_TOLD, NOT_TOLD)
    for row in rows:
        fitted, scored = row.split.split(" / ") if row.split != NOT_TOLD else ("", "-")
        assert (LEAKS["transductive"] in row.leaks) == (scored in fitted), row
    assert of["SCP"].cited == "arXiv 2502.04226 table 2"
    first = [row.backbone == "none: from scratch" for row in rows]
    assert first == sorted(first, reverse=True), "those trained from scratch stand together"


def test_the_large_sets_have_rows_too() -> None:
    rows = {(row.method, row.backbone): row for row in published_results("imagenet1k")}
    temi = rows["TEMI", "MSN ViT-L"].scores
    assert [score and score.value for score in temi.values()] == [61.6, 82.5, 48.4]
    assert [row.method for row in rows.values()] == ["TEMI", "TEMI", "PRO-DSC", "TURTLE", "ICCE"]
    assert [row.method for row in published_results("tiny-imagenet")] == ["PRO-DSC"]
