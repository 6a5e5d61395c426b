"""Nothing stale: each value that decides an output, changed alone, is noticed by every later stage run by hand."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
import yaml

from pipeline.backbones.registry import BACKBONES
from pipeline.base.made_from import write_made_from
from pipeline.cli.settings import Settings, StudiesSettings, read_params
from pipeline.config.devices import suited
from pipeline.config.paths import cell_paths, study_features, study_paths
from pipeline.config.settings import DatasetSettings, ExtractSettings, PrepareSettings
from pipeline.config.types import OneOf, Range
from pipeline.experiments.studies import balance, leaderboard, views
from pipeline.experiments.zero_shot import made_from_names
from pipeline.extraction.plan import describe, digest_of_plan
from pipeline.features.manifest import read_manifest
from pipeline.heads import scp
from pipeline.heads.settings import FitSettings
from pipeline.images.listing import LIST_NAME, read_list
from pipeline.methods import kmeans
from tests.commands import failure
from tests.conftest import BACKBONE, ROOT
from tests.copies import PETS, write_pets
from tests.methods.test_protocol import command

CELL = cell_paths(PETS, BACKBONE)
STUDIES = ("--study", "balance"), ("--study", "views")
COMPARED = ("--study", "leaderboard")
CPU = ("--device", "cpu")
READ_ELSEWHERE = {
    "run": "what is computed, and nothing of how",
    "metrics": "read by the stage that shows it, which no other follows",
    "figures": "likewise",
    "cluster": "likewise, by pipeline cluster and pipeline trial",
    "zero_shot": "read by zero-shot, see below",
}
"""Sections of params.yaml that decide no output which another stage reads, or whose test needs other weights."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with all stages run, for the graph and for two studies, of which one has a cache of its own."""
    root = tmp_path_factory.mktemp("made")
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    write_pets(root / "folders" / PETS)
    shutil.copytree(root / "folders" / PETS, root / "folders" / "others")
    values["datasets"][PETS] = {
        "folder": str(root / "folders" / PETS),
        "clusters": 3,
        "balance_weight": 5.0,
        "image_size": 32,
        "geometry": "published",
    }
    values["run"] = {"datasets": [PETS], "backbones": [BACKBONE]}
    values["extract"] |= {"views": 2, "precision": "fp32", "shard_rows": 32}
    values["fit"] |= {"runs": 2, "methods": ["scp", "kmeans"]}
    values["fit"]["training"] |= {"hidden": [8, 8, 8, 8], "epochs": 1, "min_steps": 5, "batch": 32}
    values["metrics"] |= {"map_images": 20}
    values["figures"] |= {"map_images": 20}
    values["studies"] |= {"balance": {"runs": 1, "weights": [1.0, 2.0]}, "views": {"runs": 1, "views": [2, 3]}}
    values["studies"]["leaderboard"] |= {"runs": 1, "methods": ["kmeans"], "pairs": ["views"]}
    (root / "params.yaml").write_text(yaml.safe_dump(values))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        command(patch, "prepare")
        command(patch, "extract", *CPU)
        command(patch, "extract", "--study", "views", *CPU)
        for options in ((), *STUDIES, COMPARED):
            command(patch, "fit", *options, *CPU)
            command(patch, "evaluate", *options)
        command(patch, "metrics")
        for options in STUDIES:
            command(patch, "tables", *options)
    return root


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same to be changed; its pictures lie where they lay."""
    root = tmp_path / "project"
    shutil.copytree(made, root, ignore=shutil.ignore_patterns("folders", "report", "plots"))
    monkeypatch.chdir(root)
    return root


def change(key: str, value: Any) -> None:
    path = Path("params.yaml")
    values = yaml.safe_load(path.read_text())
    *parents, last = key.split(".")
    place = values
    for parent in parents:
        place = place.setdefault(parent, {})
    place[last] = value
    path.write_text(yaml.safe_dump(values))


def value_of(key: str) -> Any:
    value = yaml.safe_load(Path("params.yaml").read_text())
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def keys(kind: type, prefix: str) -> Iterator[tuple[str, Any]]:
    """The key of each value of a data class, and its type; sections of others are left out."""
    hints = get_type_hints(kind, include_extras=True)
    for each in fields(kind):
        if is_dataclass(hints[each.name]):
            yield from keys(hints[each.name], f"{prefix}.{each.name}")
        elif not each.metadata.get("rest"):
            yield f"{prefix}.{each.name}", hints[each.name]


def other(value: Any, hint: Any) -> Any:
    """Another value that the type allows."""
    rules = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    words = [rule.words for rule in rules if isinstance(rule, OneOf)]
    if words:
        return next(word for word in words[0][::-1] if word != value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, float):
        return value / 2 or 0.5
    if isinstance(value, int):
        return value + (32 if any(isinstance(rule, Range) and rule.low > 10 for rule in rules) else 1)
    return [other(value[0], None), *value[1:]] if isinstance(value[0], int | float) else value[:-1]


SPECIAL = {
    "prepare.imagenet_root": "/elsewhere",
    "extract.corruption": {"kind": "jpeg", "severity": 1},
    f"datasets.{PETS}.exclude": ["*.gif"],
    f"datasets.{PETS}.image_size": 64,
    f"datasets.{PETS}.geometry": "squash",
    "fit.methods": ["scp", "kmeans", "spherical-kmeans"],
    "studies.views.views": [2, 4],
    "studies.leaderboard.methods": ["kmeans", "spherical-kmeans"],
    "studies.leaderboard.pairs": ["views", "both"],
}
"""Other values that cannot be made of the type alone."""
UNREAD = {
    "extract.batch_on_gpu": "no GPU has made anything here",
}
"""Keys that decide no output here, and why."""

BY_DATASET = {key.rpartition(".")[2]: (key, hint) for key, hint in keys(DatasetSettings, f"datasets.{PETS}")}
IMAGES = dict(keys(PrepareSettings, "prepare")) | dict(BY_DATASET[name] for name in ("folder", "exclude"))
FEATURES = dict(keys(ExtractSettings, "extract")) | dict(BY_DATASET[name] for name in ("image_size", "geometry"))
FITS = (
    dict(keys(FitSettings, "fit"))
    | dict(keys(scp.Settings, "fit.scp"))
    | dict(keys(kmeans.Settings, "fit.kmeans"))
    | {key: hint for key, hint in BY_DATASET.values() if key not in {**IMAGES, **FEATURES}}
)
SHOWN = ("neighbours", "silhouette_images", "seed")
"""Of the leaderboard: read by the stage that shows it, which no other follows."""
OF_STUDIES = (
    dict(keys(balance.Settings, "studies.balance"))
    | dict(keys(views.Settings, "studies.views"))
    | {
        key: hint
        for key, hint in keys(leaderboard.Settings, "studies.leaderboard")
        if key.rpartition(".")[2] not in SHOWN
    }
)


def test_every_section_is_looked_at_or_said_why_not() -> None:
    sections = {key.partition(".")[0] for key in (*IMAGES, *FEATURES, *FITS)}
    assert sections | set(READ_ELSEWHERE) | {"studies"} == {each.name for each in fields(Settings)}
    # Those of single studies are looked at below; estimates, ceilings and theorem are read by the stage that shows
    # them, and robustness by stages of its own.
    own_stages = {"estimates", "ceilings", "theorem", "robustness"}
    assert {each.name for each in fields(StudiesSettings)} == {"sections", *own_stages}
    own = {each.name for each in fields(DatasetSettings)}
    assert {key.rpartition(".")[2] for key in {**IMAGES, **FEATURES, **FITS} if key.startswith("datasets.")} == own


LATER = {
    "images": ("extract", "fit", "evaluate", "metrics", "figures", "trial", "tables --study balance", "compare"),
    "features": ("fit", "evaluate", "metrics", "figures", "trial", "tables --study balance", "compare"),
    "fits": ("evaluate", "metrics", "compare"),
}


@pytest.mark.parametrize(
    ("stage", "key"),
    [(stage, key) for stage, found in (("images", IMAGES), ("features", FEATURES), ("fits", FITS)) for key in found],
)
def test_a_changed_value_is_noticed_by_each_later_stage(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stage: str, key: str
) -> None:
    hint = {**IMAGES, **FEATURES, **FITS}[key]
    if key == f"datasets.{PETS}.folder":
        change(key, str(Path(value_of(key)).with_name("others")))
    else:
        change(key, SPECIAL[key] if key in SPECIAL else other(value_of(key), hint))
    if key in UNREAD:
        command(monkeypatch, "evaluate")
        return
    for later in LATER[stage]:
        if later == "compare" and key in ("fit.runs", "fit.methods", "fit.scp.pairs"):  # The study has its own.
            continue
        line = failure(capsys, monkeypatch, *later.split(), *(CPU if later in ("extract", "fit", "trial") else ()))
        assert re.search(r"run '(pipeline|dvc) ", line), line
        if key != "fit.methods":
            assert "params.yaml" in line or "shard_rows" in line
        name = key.rpartition(".")[2].replace("image_size", "size").replace("geometry", "fit")
        assert name in line or key == "fit.methods", line


@pytest.mark.parametrize("key", OF_STUDIES)
def test_a_changed_value_of_a_study_is_noticed(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    study = key.split(".")[1]
    value = SPECIAL[key] if key in SPECIAL else other(value_of(key), OF_STUDIES[key])
    change(key, value)
    if study == "leaderboard":
        assert "run 'pipeline " in failure(capsys, monkeypatch, "evaluate", *COMPARED)
        assert "run 'pipeline " in failure(capsys, monkeypatch, "compare")
        return
    for later in ("fit", "evaluate", "tables", "figures") if key == "studies.views.views" else ("evaluate", "tables"):
        more = CPU if later == "fit" else ()
        assert "run 'pipeline " in failure(capsys, monkeypatch, later, "--study", study, *more)


def test_pictures_that_were_prepared_again_are_noticed_by_each_later_stage(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = CELL.images / LIST_NAME
    lines = path.read_text().splitlines(keepends=True)
    fields_of = lines[1].split(",")
    lines[1] = lines[1].replace(fields_of[4], fields_of[4][::-1])
    path.write_text("".join(lines))
    for later in LATER["features"]:
        line = failure(capsys, monkeypatch, *later.split(), *(CPU if later in ("fit", "trial") else ()))
        assert f"made from other images than {CELL.images} now lists" in line
        assert f"run 'pipeline extract --dataset {PETS} --backbone {BACKBONE}'" in line
    line = failure(capsys, monkeypatch, "fit", "--study", "views", *CPU)
    assert f"cache {study_features('views', PETS, BACKBONE)}: made from other images" in line


def test_other_labels_are_noticed_by_what_shows_the_scores(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    CELL.labels.write_text(re.sub(",cats$", ",lions", CELL.labels.read_text(), flags=re.MULTILINE))
    for later in ("metrics", "figures", "tables --study balance"):
        line = failure(capsys, monkeypatch, *later.split())
        assert "made from other labels than there now are; run 'pipeline evaluate" in line
    command(monkeypatch, "evaluate")
    command(monkeypatch, "metrics")


def test_other_predictions_are_noticed_by_what_shows_the_scores(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for cell, options in (
        (CELL, ["metrics"]),
        (study_paths("balance", PETS, BACKBONE, "1"), ["tables", "--study", "balance"]),
    ):
        path = cell.predictions / "scp" / "runs.csv"
        text = path.read_text()
        path.write_text(text[:-2] + ("1\n" if text[-2] != "1" else "0\n"))
        line = failure(capsys, monkeypatch, *options)
        assert "made from other predictions than there now are; run 'pipeline evaluate" in line


def test_another_cache_is_noticed_where_it_is_shown_with_the_predictions(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(CELL.images)  # No list, which the cache would be held against.
    manifest = read_manifest(CELL.features)
    first, *rest = manifest.splits["train"]
    shards = [replace(first, fingerprint="0" * 64), *rest]
    replace(manifest, splits={**manifest.splits, "train": shards}).write(CELL.features)
    for later in ("metrics", "figures"):
        line = failure(capsys, monkeypatch, later)
        assert f"made from another cache than {CELL.features} now is" in line
        assert "run 'pipeline fit " in line


def test_what_is_not_there_is_not_looked_at(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(CELL.images)
    command(monkeypatch, "fit", *CPU)
    shutil.rmtree(CELL.features)
    command(monkeypatch, "evaluate")
    shutil.rmtree("data/studies/balance/predictions")
    command(monkeypatch, "tables", "--study", "balance")


def test_results_that_do_not_say_what_they_are_made_from(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder, later in (
        (CELL.evaluation / "scp", "metrics"),
        (CELL.predictions / "scp", "evaluate"),
        (CELL.images, "fit"),
    ):
        (folder / "made_from.json").unlink()
        line = failure(capsys, monkeypatch, later)
        assert f"{folder}: expected made_from.json, which says what it was made from, found none; run 'pipeline" in line


def test_other_prompts_and_names_of_classes_are_noticed(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of predictions that are none but for what they say of themselves: the weights of CLIP are not everywhere."""
    settings, clip = read_params(), BACKBONES["clip-vitb32"].seeing("published", 32)
    cell = study_paths("zero-shot", PETS, clip.name, "clean")
    weights, meant = (clip.weights.sha256 or "").ljust(64, "0"), suited(settings.extract, "cpu")
    seen = {
        "weights_sha256": weights,
        "views": meant.views,
        "settings": describe(clip, meant),
        "shards": digest_of_plan(clip, weights, read_list(cell.images), meant),
    }
    names = made_from_names(settings.zero_shot, cell.classes)
    write_made_from(cell.predictions / "zero-shot", {"fit": names, "features": {clip.name: seen}})
    arguments = "evaluate", "--study", "zero-shot", "--backbone", clip.name
    assert "assignments.csv: not there yet" in failure(capsys, monkeypatch, *arguments)
    change("zero_shot.templates", ["a {}"])
    again = f"run 'pipeline zero-shot --dataset {PETS} --backbone {clip.name}'"
    line = failure(capsys, monkeypatch, *arguments)
    assert "made with zero_shot.templates [" in line
    assert again in line
    change("zero_shot.templates", names["templates"])
    cell.classes.write_text(cell.classes.read_text().replace("cats", "lions"))
    line = failure(capsys, monkeypatch, *arguments)
    assert "made from other names of classes than there now are" in line
    assert again in line


def test_a_variation_is_held_against_its_own_values(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("-S", "fit.kmeans.starts=1", "--method", "kmeans")
    command(monkeypatch, "fit", *options, *CPU)
    command(monkeypatch, "evaluate", *options)
    size = ("-S", f"datasets.{PETS}.image_size=64", "--method", "kmeans")
    assert "geometry.size 32" in failure(capsys, monkeypatch, "fit", *size, *CPU)
