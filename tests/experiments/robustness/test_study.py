"""The study of robustness on groups of points: what is fitted to what, what is kept, and the tables that come of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.base.csv_tables import read_table, write_table
from pipeline.base.errors import PipelineError
from pipeline.cli.settings import Settings, read_params
from pipeline.config.disturbed import SUBSET_COLUMNS
from pipeline.config.names import LABEL_COLUMNS
from pipeline.config.paths import ROBUSTNESS, cell_paths, extract_command
from pipeline.config.settings import DatasetSettings
from pipeline.evaluation.robustness import evaluate_robustness
from pipeline.experiments.robustness.cost import cost
from pipeline.experiments.robustness.fitting import fit_robustness
from pipeline.experiments.robustness.results import Results, summary
from pipeline.experiments.robustness.tables import write_tables
from pipeline.experiments.robustness.trials import check_enough, corruptions, fitted_with, trials
from pipeline.experiments.settings import RobustnessStudy
from pipeline.features.manifest import Manifest
from pipeline.features.shards import write_shard
from pipeline.methods import ended
from tests.collection.test_criteria import blobs
from tests.conftest import write_images

PICTURES = 48


@pytest.fixture
def study(settings: Settings) -> RobustnessStudy:
    chosen = replace(settings.studies.robustness, kinds=("jpeg", "fog"), severities=(1, 3), refitted=("jpeg-3",))
    return replace(chosen, runs=2, refit_runs=1, methods=("kmeans",), images=PICTURES)


def write_cache(folder: Path, ids: list[str], rows: np.ndarray) -> None:
    views = np.repeat(rows[:, None], 3, 1).astype(np.float16)
    shard = write_shard(folder / "train-00000.h5", ids, views, str(folder))
    Manifest("mine", "embeddings", "f", rows.shape[1], 2, {}, {"train": [shard]}).write(folder)


@pytest.fixture
def made(tmp_path: Path, study: RobustnessStudy, pictures: np.ndarray) -> Path:
    """Three groups of points as a cell's caches: JPEG moves nothing, and fog makes one group of all."""
    rows, which = blobs(3, PICTURES)
    records = write_images(tmp_path / "images", pictures[:PICTURES])
    ids = [record.id for record in records]
    write_cache(tmp_path / "features" / "clean", ids, rows)
    for each in corruptions(study):
        write_cache(tmp_path / "features" / each.name, ids, rows if each.kind == "jpeg" else rows * 0 + rows[0])
    for name in ("mine", "twin"):
        classes = (f"class {group}" for group in which)
        write_table(tmp_path / "labels" / f"{name}.csv", LABEL_COLUMNS, zip(ids, classes, strict=True))
    members = [("0.1", 0, each) for each in ids[:20]] + [("half-0.1", 0, each) for each in ids[20:]]
    write_table(tmp_path / "subsets.csv", SUBSET_COLUMNS, members)
    return tmp_path


def fit(made: Path, study: RobustnessStudy, settings: Settings) -> int:
    about = DatasetSettings(3, 5.0, None, "published")
    others = {"twin": made / "features" / "clean"}
    places = (made / "features", others, made / "subsets.csv")
    given = (settings.fit, settings.cluster, about)
    return fit_robustness(*places, study, *given, "cpu", made / "predictions", made / "parts", lambda _: None)


def test_each_fit_leaves_its_table_and_is_made_once(made: Path, study: RobustnessStudy, settings: Settings) -> None:
    assert fit(made, study, settings) == 1 + len(list(trials(study)))
    written = {path.stem for path in (made / "predictions").glob("*.csv")}
    assert written == {
        *("clean", "confidence", "shifted_twin", "refitted_jpeg-3", "mixed_jpeg-3_0.2", "subsample", "copies"),
        *(f"predicted_{each.name}" for each in corruptions(study)),
        *("uneven_1_0.5", "uneven_1_2", "uneven_0.1_1", "uneven_0.1_0.5", "uneven_0.1_2"),
        "uneven_half-0.1_1",
    }
    before = {path.name: path.read_bytes() for path in (made / "predictions").iterdir()}
    assert fit(made, study, settings) == 0
    (made / "predictions" / "subsample.csv").unlink()
    write_table(made / "predictions" / "copies.csv", ("id",), [])
    assert fit(made, study, settings) == 2
    assert {path.name: path.read_bytes() for path in (made / "predictions").iterdir()} == before
    rows = read_table(made / "predictions" / "mixed_jpeg-3_0.2.csv", ("id", "corrupted", "kmeans:0"), "")
    assert sum(row["corrupted"] == "1" for row in rows) == round(0.2 * PICTURES)


def test_another_study_fits_what_is_missing_and_removes_the_rest(
    made: Path, study: RobustnessStudy, settings: Settings
) -> None:
    fit(made, study, settings)
    assert fit(made, replace(study, shares=(0.5,)), settings) == 1
    names = {path.name for path in (made / "predictions").iterdir()}
    assert "mixed_jpeg-3_0.5.csv" in names
    assert "mixed_jpeg-3_0.2.csv" not in names


def test_what_other_code_has_fitted_is_fitted_again(
    made: Path, study: RobustnessStudy, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(made, study, settings)
    monkeypatch.setattr(ended, "code_digest", lambda: "another")
    assert fit(made, study, settings) == 1 + len(list(trials(study)))


def test_what_is_shown_is_what_the_points_say(made: Path, study: RobustnessStudy, settings: Settings) -> None:
    fit(made, study, settings)
    evaluate_robustness(made / "predictions", made / "labels", "mine", made / "scores")
    results = Results.read("mine", made / "scores")

    def mean(trial: str, metric: str) -> float:
        values = results.get(trial, "kmeans", metric)
        assert values is not None
        return float(values.mean())

    assert mean("clean", "acc") == mean("predicted_jpeg-3", "acc") == mean("refitted_jpeg-3", "same") == 1
    assert mean("predicted_jpeg-1", "moved") == 0
    assert mean("predicted_fog-3", "acc") == pytest.approx(1 / 3)
    assert mean("predicted_fog-3", "moved") == pytest.approx(2 / 3)
    assert mean("uneven_1_2", "purity") == 1
    assert mean("uneven_1_0.5", "purity") < 1
    _, columns, rows = summary(results, study)
    assert rows[0][0] == "kmeans"
    assert len(rows[0]) == len(columns)


@pytest.fixture
def shown(made: Path, study: RobustnessStudy, settings: Settings) -> Path:
    fit(made, study, settings)
    evaluate_robustness(made / "predictions", made / "labels", "mine", made / "scores")
    cell = replace(cell_paths("mine", "embeddings"), images=made / "images")
    write_tables([(cell, made / "scores")], study, 0, made / "tables")
    return made / "tables"


def test_all_formats_are_written_and_the_page_asks_for_nothing(shown: Path) -> None:
    names = {path.name for path in shown.iterdir()}
    assert names == {"mine", *(f"robustness.{kind}" for kind in ("md", "tex", "csv", "json", "html"))}
    drawn = {path.name for path in (shown / "mine" / "embeddings").iterdir()}
    assert drawn == {f"{name}.{kind}" for name in ("heat-map", "curves", "examples") for kind in ("svg", "png")}
    page = (shown / "robustness.html").read_text()
    assert page.count("<img") == 3
    assert "http" not in page
    (cell,) = json.loads((shown / "robustness.json").read_text())
    clean = [each for each in cell["scores"] if (each["trial"], each["metric"]) == ("clean", "acc")]
    assert clean == [{"trial": "clean", "method": "kmeans", "metric": "acc", "mean": 1.0, "std": 0.0, "runs": 2}]


def test_several_cells_stand_in_one_table(made: Path, study: RobustnessStudy, settings: Settings) -> None:
    fit(made, study, settings)
    evaluate_robustness(made / "predictions", made / "labels", "mine", made / "scores")
    cells = [replace(cell_paths("mine", name), images=made / "images") for name in ("one", "two")]
    write_tables([(cell, made / "scores") for cell in cells], study, 0, made / "tables")
    text = (made / "tables" / "robustness.md").read_text()
    assert "| method | mine x one | mine x two |" in text
    worse = np.mean([100.0, 100.0, 100 / 3, 100 / 3])
    # No relative error, as k-means makes none under JPEG.
    assert f"| kmeans | 100.0 to {worse:.1f} | 100.0 to {worse:.1f} |" in text
    assert "<h2>All cells</h2>" in (made / "tables" / "robustness.html").read_text()


def test_scp_is_fitted_with_each_kind_of_pairs(study: RobustnessStudy, settings: Settings) -> None:
    found = fitted_with(replace(study, methods=None), replace(settings.fit, methods=("scp", "kmeans")))
    assert list(found) == ["scp-views", "scp-both", "kmeans"]
    assert found["scp-both"][1].sections["scp"].values["pairs"] == "both"


def test_the_cost_is_said_in_counts(study: RobustnessStudy, settings: Settings) -> None:
    assert cost("extract", study, settings.fit, 2).startswith("extract: at most 10 sets of pictures, 864 embeddings;")
    fits = 1 + len(list(trials(study)))
    assert f"{2 + (fits - 1)} runs of 1 methods, {fits} fits of each" in cost("fit", study, settings.fit, 1)


def test_a_cache_of_the_study_names_the_command_that_makes_it() -> None:
    cache = ROBUSTNESS / "features" / "digits" / "clip-vitb32" / "fog-3"
    assert extract_command(cache) == "pipeline disturb extract --dataset digits --backbone clip-vitb32"


def test_an_axis_alone_is_fitted_and_shown(made: Path, study: RobustnessStudy, settings: Settings) -> None:
    alone = replace(study, axes=("shifted",))
    assert (corruptions(alone), list(trials(alone))) == ([], [])
    assert [each.name for each in corruptions(replace(study, axes=("mixed",)))] == ["jpeg-3"]
    assert fit(made, alone, settings) == 1
    assert {path.stem for path in (made / "predictions").glob("*.csv")} == {"clean", "confidence", "shifted_twin"}
    evaluate_robustness(made / "predictions", made / "labels", "mine", made / "scores")
    cell = replace(cell_paths("mine", "embeddings"), images=made / "images")
    assert "| method | clean ACC |\n| --- | --- |\n| kmeans | 100.0 ± 0.0 |\n" in write_tables(
        [(cell, made / "scores")], alone, 0, made / "tables"
    )
    page = (made / "tables" / "robustness.html").read_text()
    assert "Heads of one data set predict another one" in page
    assert "<img" not in page


def test_subsets_of_another_study_are_not_fitted(made: Path, study: RobustnessStudy, settings: Settings) -> None:
    for other in (replace(study, half_ratios=(0.3,)), replace(study, ratios=()), replace(study, seed=1)):
        with pytest.raises(PipelineError, match="run 'pipeline disturb subsets'"):
            fit(made, other, settings)


def test_another_share_of_copies_leaves_the_other_fits(made: Path, study: RobustnessStudy, settings: Settings) -> None:
    fit(made, study, settings)
    assert fit(made, replace(study, copied=0.2), settings) == 1


def test_data_sets_of_other_classes_are_no_shift(made: Path, study: RobustnessStudy, settings: Settings) -> None:
    fit(made, study, settings)
    ids = [row["id"] for row in read_table(made / "labels" / "twin.csv", LABEL_COLUMNS, "")]
    write_table(made / "labels" / "twin.csv", LABEL_COLUMNS, [(each, "class 0") for each in ids])
    with pytest.raises(PipelineError, match="expected data sets with the same classes, found 'class 1'"):
        evaluate_robustness(made / "predictions", made / "labels", "mine", made / "scores")


def test_without_labels_the_share_that_stays_is_shown(made: Path, study: RobustnessStudy, settings: Settings) -> None:
    fit(made, study, settings)
    write_table(made / "labels" / "mine.csv", LABEL_COLUMNS, [])
    evaluate_robustness(made / "predictions", made / "labels", "mine", made / "scores")
    cell = replace(cell_paths("mine", "embeddings"), images=made / "images")
    assert "ACC" not in write_tables([(cell, made / "scores")], study, 0, made / "tables")
    text = (made / "tables" / "robustness.md").read_text()
    assert "## mine x embeddings, no labels" in text
    assert "| method | ARI with clean | moved % |" in text
    drawn = (made / "tables" / "mine" / "embeddings" / "heat-map.svg").read_text()
    assert "pictures that stay, %" in drawn
    assert "ACC" not in drawn


def test_axes_may_have_nothing_to_try(project: Callable[..., Path]) -> None:
    empty: dict[str, list[object]] = {
        f"studies.robustness.{key}": [] for key in ("refitted", "shares", "factors", "ratios", "half_ratios")
    }
    root = project(**empty, **{"studies.robustness.shifts": []})
    found = read_params(root / "params.yaml").studies.robustness
    assert [trial.name for trial in trials(found)] == ["subsample", "copies"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shares": (0.2, 0.001)}, "shares: 0.001 of 48 pictures is none"),
        ({"copied": 0.01}, "copied: 0.01 of 48 pictures is none"),
        ({"factors": (0.5, 17.0)}, "expected as many pictures as clusters, found 48 for 51"),
        ({"subsample": 0.05}, "expected as many pictures as clusters, found 2 for 3"),
    ],
)
def test_so_few_pictures_that_nothing_is_tried_are_refused(
    study: RobustnessStudy, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(PipelineError, match=message):
        check_enough(replace(study, **changes), PICTURES, 3)
    check_enough(study, PICTURES, 3)
    check_enough(replace(study, **changes, axes=("predicted", "refitted")), PICTURES, 3)
