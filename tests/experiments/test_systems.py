"""The table of all systems, from made-up scores of every study that it reads."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.base.errors import PipelineError
from pipeline.base.files import write_json
from pipeline.cli.settings import read_params
from pipeline.config.params import DEFAULTS
from pipeline.config.paths import Cell, run_file, study_paths
from pipeline.experiments.studies import systems as systems_study
from pipeline.experiments.study import Variants
from pipeline.experiments.systems import systems
from pipeline.experiments.systems_on_cell import SOURCES
from pipeline.methods import METHODS, baselines, settings_of
from pipeline.report.results import published_results
from tests.experiments.test_tables import rows_of
from tests.report.test_latex import check

DATASETS = ("stl10", "cifar10", "cifar20", "imagenet10")
TAC, SHOT = "TAC (uses text)", "CLIP zero-shot (uses text)"
ACC = {"kmeans": 0.5, "iic": 0.6, "cpp": 0.7, "scp": 0.8, "tac": 0.85, "zero-shot": 0.9}
"""Of each method, whatever the data set."""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def scores(acc: float, runs: int, splits: tuple[str, ...] = ("train", "test")) -> dict[str, Any]:
    values = {"mean": acc, "std": 0.01 * (runs > 1), "kept": acc + 0.01, "oracle": acc + 0.05}
    return {"runs": runs, "clusters_used": 10, **{each: {m: values for m in ("acc", "nmi", "ari")} for each in splits}}


def cell(dataset: str, backbone: str = "clip-vitb32", text: bool = True, **more: Any) -> dict[str, Variants]:
    """The studies' variants on a cell, evaluated."""
    methods = {
        "leaderboard": {"scp-views": ["scp"], "scp-both": ["scp"], "others": ["kmeans"]},
        "systems": {"all": ["iic", "cpp"]},
        "text-guided": {"scp": ["scp"], "kmeans": ["kmeans"], "tac": ["tac"]} if text else {},
        "zero-shot": {"zero-shot": ["zero-shot"]} if text else {},
    }
    found: dict[str, Variants] = {}
    for study, variants in methods.items():
        found[study] = {name: study_paths(study, dataset, backbone, name) for name in variants}
        for name, place in found[study].items():
            for method in variants[name]:
                acc = ACC[method] - 0.02 * (name == "scp-both")
                write_json(
                    place.evaluation / method / "scores.json",
                    scores(acc, 1 if text and method == "zero-shot" else 5, **more),
                )
    return found


def record_of(study: str, place: Cell, name: str) -> Path:
    return run_file("fit", place.dataset, place.backbone, name, study=study)


def write(cells: list[dict[str, Variants]]) -> str:
    return systems(cells, record_of, Path("out"), Path("costs"), METHODS)


def table(name: str) -> list[dict[str, str]]:
    with Path(name).open(newline="") as file:
        return list(csv.DictReader(file))


def test_ours_stand_beside_the_published_with_their_leaks() -> None:
    write([cell("cifar10")])
    head, _, *rows = rows_of(Path("out/systems.md").read_text())
    of = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    best_first = [SHOT, TAC, "SCP, pairs: views", "SCP, pairs: both", "CPP", "IIC", "k-means"]
    assert list(of) == best_first
    scp = of["SCP, pairs: views"]
    assert (scp["ACC mean ± std"], scp["ACC kept"], scp["ACC oracle"]) == ("**80.0** ± 1.0", "81.0", "85.0")
    assert scp["published ACC"] == "93.2* (CLIP ViT-B/32); 95.2* (DINO ViT-B/8)"
    assert of["SCP, pairs: both"]["published ACC"] == "", "the paper has pairs of views"
    assert of["CPP"]["published ACC"] == ""
    assert of["IIC"]["published ACC"] == "61.7 (none: from scratch)", "no leak is known"
    assert of["CLIP zero-shot (uses text)"]["published ACC"] == "90.0 (CLIP ViT-B/32)"
    assert [name for name, row in of.items() if row["objective alone"]] == ["IIC"]
    assert of["CLIP zero-shot (uses text)"]["ACC mean ± std"] == "90.0"


def test_all_that_is_published_on_the_data_sets_is_there() -> None:
    write([cell("cifar10"), cell("imagenet1k"), cell("fashion-mnist-mini")])
    results = published_results("cifar10") + published_results("imagenet1k")
    rows = table("out/published.csv")
    assert sorted((row["data set"], row["method"], row["backbone"]) for row in rows) == sorted(
        (each.dataset, each.method, each.backbone) for each in results
    )
    temi = next(row for row in rows if (row["data set"], row["backbone"]) == ("imagenet1k", "DINO ViT-B/16"))
    assert [temi[name] for name in ("acc", "nmi", "ari", "split", "protocol")] == [
        *("58.0", "81.4", "45.9", "not told", "not told")
    ]
    text, page = Path("out/published.md").read_text(), Path("out/systems.html").read_text()
    groups = {name: part for name, part in zip(*[iter(text.split("**")[1:])] * 2, strict=False) if "Published" in name}
    assert list(groups) == [
        *(f"Published on cifar10, of {each}" for each in ("methods that are here, too", "others, on frozen backbones")),
        "Published on cifar10, of others, trained from scratch",
        "Published on imagenet1k, of others, on frozen backbones",
    ]
    assert "SCP" in groups["Published on cifar10, of methods that are here, too"]
    assert "ProPos" in groups["Published on cifar10, of others, trained from scratch"]
    assert "best run chosen on test labels; values tuned by data set" in text
    for name in ("ICCE", "Results of others, trained from scratch", "no row on fashion-mnist-mini"):
        assert name in page
    assert "ICCE" in Path("out/published.tex").read_text()


def test_a_method_of_two_studies_stands_once() -> None:
    twice = cell("stl10")
    place = twice["systems"]["all"]
    write_json(place.evaluation / "kmeans" / "scores.json", scores(0.1, 5))
    write([twice])
    (row,) = (row for row in table("out/systems.csv") if row["method"] == "k-means")
    assert float(row["ACC mean"]) == 100 * ACC["kmeans"], "as the leaderboard has it"


def test_every_objective_of_a_baseline_is_marked_as_alone() -> None:
    theirs = {name for name, entry in METHODS.items() if entry.module.startswith(f"{baselines.__name__}.")}
    # P2OT trains a part of DINO's.
    assert {name for name, entry in METHODS.items() if entry.objective_alone} == theirs | {"scan", "p2ot"}
    scratch = "none: from scratch"
    rows = published_results("cifar10")
    alone = {row.method for row in rows} - {row.method for row in rows if row.backbone != scratch}
    for entry in METHODS.values():
        assert entry.objective_alone or entry.title not in alone, "published from scratch alone"


def test_costs_stand_in_the_second_folder_alone() -> None:
    record = {"seconds": {"kmeans": 10.0, "iic": 30.0}, "runs": {"kmeans": {"computed": 2}, "iic": {"computed": 0}}}
    for study, name in (("leaderboard", "others"), ("systems", "all")):
        write_json(run_file("fit", "stl10", "clip-vitb32", name, study=study), record)
    text = write([cell("stl10")])
    names = {f"systems.{kind}" for kind in ("md", "tex", "csv", "json", "html")}
    names |= {f"{name}.{kind}" for name in ("ranks", "published") for kind in ("md", "tex", "csv")}
    for folder, with_costs in (("out", False), ("costs", True)):
        assert {path.name for path in Path(folder).iterdir()} == names
        for name in names:
            assert ("seconds" in (Path(folder) / name).read_text()) == (with_costs and name.startswith("systems"))
        for name in ("systems.tex", "ranks.tex"):
            check((Path(folder) / name).read_text())
    seconds = {row["method"]: row["seconds a run"] for row in table("costs/systems.csv")}
    assert seconds == {**dict.fromkeys(seconds, ""), "k-means": "5.0"}
    assert "seconds a run" in text
    (found,) = json.loads(Path("costs/systems.json").read_text())
    assert {each["title"]: each["seconds_a_run"] for each in found["systems"]}["k-means"] == 5.0


def test_the_table_for_programs_has_a_number_a_column() -> None:
    write([cell("cifar10")])
    shot, _, scp, *_ = table("out/systems.csv")
    assert [float(scp[f"ACC {name}"]) for name in ("mean", "std", "kept", "oracle")] == [80, 1, 81, 85]
    assert (scp["uses text"], shot["uses text"]) == ("", "class names")
    assert (scp["method"], scp["published as"]) == ("SCP, pairs: views", "SCP")
    (found,) = json.loads(Path("out/systems.json").read_text())
    assert found["systems"][2]["published"][0] == {
        "acc": 93.2,
        "nmi": 85.5,
        "ari": 85.7,
        "backbone": "CLIP ViT-B/32",
        "split": "train / test",
        "protocol": "best of 50 runs",
        "leaks": ["best run chosen on test labels", "values tuned by data set"],
        "cited": "primary",
        "source": "arXiv 2502.04226 table 2",
    }


def test_methods_are_ranked_over_the_data_sets_of_each_backbone() -> None:
    cells = [cell(name) for name in DATASETS] + [cell(name, "dino-vitb8", text=False) for name in DATASETS]
    text = write(cells)
    ranked = {(row["backbone"], row["data set"], row["method"]): float(row["rank"]) for row in table("out/ranks.csv")}
    order = ["CLIP zero-shot (uses text)", "TAC (uses text)", "SCP, pairs: views", "SCP, pairs: both", "CPP", "IIC"]
    for name in DATASETS:
        assert [ranked["clip-vitb32", name, title] for title in [*order, "k-means"]] == [1, 2, 3, 4, 5, 6, 7]
        assert ranked["dino-vitb8", name, "SCP, pairs: views"] == 1
        assert ("dino-vitb8", name, "TAC (uses text)") not in ranked
    assert "Friedman's test over 4 data sets: chi squared 24.0" in text
    assert "Nemenyi's critical difference of mean ranks at 5%: 4.5, which tells 3 of 21 pairs of methods apart." in text
    drawn = sorted(path.name for path in Path("out").glob("critical-difference-*"))
    assert drawn == [
        f"critical-difference-{b}.{kind}" for b in ("clip-vitb32", "dino-vitb8") for kind in ("png", "svg")
    ]
    first = {path.name: path.read_bytes() for path in Path("out").iterdir()}
    write(cells)
    assert {path.name: path.read_bytes() for path in Path("out").iterdir()} == first
    assert Path("out/systems.html").read_text().count("data:image/png;base64,") == 2


def test_a_method_that_is_missing_on_one_data_set_is_not_ranked() -> None:
    cells = [cell(name, text=name != "stl10") for name in DATASETS]
    write(cells)
    assert {row["method"] for row in table("out/ranks.csv")} == {
        *("SCP, pairs: views", "SCP, pairs: both", "CPP", "k-means", "IIC")
    }


@pytest.mark.parametrize("datasets", [1, 2])
def test_too_few_data_sets_are_ranked_and_not_tested(datasets: int) -> None:
    text = write([cell(name) for name in DATASETS[:datasets]])
    sets = "1 data set" if datasets == 1 else "2 data sets"
    assert f"No test: on {sets} with labels no two methods can be told apart; it takes 3." in text
    assert not list(Path("out").glob("critical-difference-*"))
    assert len(table("out/ranks.csv")) == 7 * datasets


def test_where_the_test_finds_nothing_there_is_no_diagram(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [cell(name) for name in DATASETS[:2]]
    turned = {name: 1.3 - acc for name, acc in ACC.items()}  # The last are first.
    monkeypatch.setattr("tests.experiments.test_systems.ACC", turned)
    cells += [cell(name) for name in DATASETS[2:]]
    assert "it finds no difference between the methods" in write(cells)
    assert not list(Path("out").glob("critical-difference-*"))


def test_without_labels_there_are_rows_and_no_ranks() -> None:
    write([cell("stl10", splits=())])
    assert "no labels" in Path("out/systems.md").read_text()
    assert table("out/ranks.csv") == []
    check(Path("out/systems.tex").read_text())


def test_missing_scores_are_named_and_nothing_is_lost() -> None:
    Path("out").mkdir()
    Path("out/old.md").write_text("precious")
    missing: dict[str, Variants] = {study: {"x": study_paths(study, "stl10", "resnet50", "x")} for study in SOURCES}
    with pytest.raises(PipelineError, match="run 'pipeline evaluate --study leaderboard --dataset stl10"):
        write([missing])
    assert Path("out/old.md").read_text() == "precious"


def test_objectives_on_other_pairs_than_their_own_are_told_apart() -> None:
    fit = read_params(DEFAULTS).fit
    own, on = systems_study.variants(fit, systems_study.Settings(3, ("iic", "gcc"), {"neighbours": ("iic",)}))
    assert (own.name, own.fit.methods, on.name, on.fit.methods) == ("all", ("iic", "gcc"), "on-neighbours", ("iic",))
    assert settings_of(own.fit, "iic").pairs == "views"
    assert settings_of(on.fit, "iic").pairs == "neighbours"
    assert (own.fit.runs, on.fit.runs) == (3, 3)

    both, place = cell("stl10"), study_paths("systems", "stl10", "clip-vitb32", "on-neighbours")
    write_json(place.evaluation / "iic" / "scores.json", scores(0.65, 5))
    write([{**both, "systems": {**both["systems"], "on-neighbours": place}}])
    rows = {row["method"]: row for row in table("out/systems.csv")}
    assert float(rows["IIC, pairs: neighbours"]["ACC mean"]) == 65
    assert rows["IIC, pairs: neighbours"]["published as"] == "IIC"
    head, _, *lines = rows_of(Path("out/systems.md").read_text())
    published = {line[0]: line[head.index("published ACC")] for line in lines}
    assert published["IIC"]
    assert not published["IIC, pairs: neighbours"], "its paper has views"
