from __future__ import annotations

import csv
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.base.csv_tables import write_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import write_json
from pipeline.cli.project import read_params
from pipeline.config.names import CLASSES, CONFUSION, HEAD, HISTORY, LABEL_COLUMNS, SCORES, SUMMARY, TERMS
from pipeline.config.paths import Cell
from pipeline.evaluation.evaluate import evaluate
from pipeline.features.manifest import Manifest
from pipeline.features.shards import write_shard
from pipeline.heads.head import Head
from pipeline.heads.predictions import ASSIGNMENTS, write_predictions
from pipeline.heads.problem import Model
from pipeline.heads.saved import SavedModel, save_model
from pipeline.heads.training import HeadModel
from pipeline.images.listing import ImageRecord, write_list
from pipeline.methods import METHODS, settings_of
from pipeline.methods.kmeans import Centroids, normalise
from pipeline.report.metrics import PAGE, ordered, report
from pipeline.report.settings import MetricsSettings
from tests.conftest import ROOT

SETTINGS = MetricsSettings(map_images=10, strip_images=12, seed=0)
SCRIPT = "<img src=x onerror=alert(1)>"
NOT_UTF8 = b"caf\xe9".decode("utf-8", "surrogateescape")
RUNS, KEPT, DIM = 2, 1, 6
MANIFEST_SETTINGS = {
    "seed": 0,
    "model": "toy",
    "precision": "fp32",
    "geometry": {"size": 32, "resize": 32, "fit": "centre", "interpolation": "bicubic"},
    "augmentation": {
        "crop_probability": 0.5,
        "crop_area": [0.5, 1.0],
        "blur_probability": 0.5,
        "blur_sigma": [0.1, 2.0],
    },
}


def make_cell(
    root: Path,
    dataset: str = "toy",
    clusters: int = 3,
    classes: int = 3,
    splits: tuple[str, ...] = ("train", "test"),
    images: int = 24,
) -> Cell:
    """A cell below `root`, as the stages before leave it; without labels where there are no classes."""
    cell = Cell(
        dataset,
        "backbone",
        **{name: root / name / dataset for name in ("images", "features", "heads", "predictions", "evaluation")},
        labels=root / "labels" / f"{dataset}.csv",
        classes=root / "classes" / f"{dataset}.csv",
    )
    generator = np.random.default_rng(0)
    names = [split for split in splits for _ in range(images)]
    ids = [f"{split}/{row}" for row, split in enumerate(names)]
    ids[-3:] = ["ß'\"&", NOT_UTF8, SCRIPT]
    groups = np.arange(len(ids)) % max(classes, 1)
    centres = generator.normal(size=(max(clusters, classes), DIM)).astype(np.float32)
    views = (centres[groups][:, None] + generator.normal(size=(len(ids), 3, DIM))).astype(np.float16)

    cell.images.mkdir(parents=True)
    np.save(cell.images / "all.npy", generator.integers(0, 256, (len(ids), 9, 9, 3), np.uint8))
    write_list(
        cell.images,
        [
            ImageRecord(each, split, "all.npy", row, "")
            for row, (each, split) in enumerate(zip(ids, names, strict=True))
        ],
    )
    labels = [(each, f"class {group} <b>") for each, group in zip(ids, groups.tolist(), strict=True)]
    write_table(cell.labels, LABEL_COLUMNS, labels if classes else [])
    shards = {}
    for split in splits:
        rows = [row for row, each in enumerate(names) if each == split]
        path = cell.features / f"{split}-00000.h5"
        shards[split] = [write_shard(path, [ids[row] for row in rows], views[rows], "f" * 64)]
    Manifest(dataset, "backbone", "0" * 64, DIM, 2, MANIFEST_SETTINGS, shards).write(cell.features)

    centroids = Centroids(normalise(centres[:clusters]))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        models: dict[str, Model] = {
            "scp": HeadModel(Head(DIM, (4, 4, 4, 4), clusters)),
            "kmeans": centroids,
        }
    logits = centroids.logits(views[:, 0])
    history = [(run, float(step), *generator.random(4).tolist()) for run in range(RUNS) for step in (1, 2, 3)]
    for method, model in models.items():
        folder = cell.heads / method
        save_model(folder / HEAD, SavedModel(method, model, {"parts": [{"backbone": "b", "dim": DIM}]}))
        scp = method == "scp"
        write_table(folder / HISTORY, ("run", "step", *((*TERMS, "total") if scp else ())), history if scp else [])
        fit = read_params(ROOT / "params.yaml").fit
        given = asdict(fit.training) | asdict(settings_of(fit, method)) | {"balance_weight": 5.0}
        summary = {
            "settings": given,
            "seeds": [1, 2],
            "losses": [0.5, 0.25],
            "kept": KEPT,
            "clusters": clusters,
            "clusters_used": [1, 2],
        }
        write_json(folder / SUMMARY, {"method": method, **summary})
        assigned = np.stack([generator.integers(0, clusters, len(ids)), logits.argmax(1)], 1)
        write_predictions(cell.predictions / method, ids, names, logits, centroids.confidences(logits), assigned)
    evaluate(cell.predictions, cell.labels, cell.evaluation, "pipeline fit")
    return cell


def make_report(root: Path, *cells: Cell, settings: MetricsSettings = SETTINGS) -> str:
    page = report(list(cells), settings, root / "metrics.json", root / "plots", root / "report", METHODS)
    assert page == root / "report" / PAGE
    return page.read_text(encoding="utf-8")


class Elements(HTMLParser):
    """The elements of a page with their attributes, and its text with single spaces."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.parts: list[str] = []
        self.feed(page)
        self.text = " ".join(" ".join(self.parts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is None:  # Not a style sheet.
            self.parts.append(data)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def cell(root: Path) -> Cell:
    return make_cell(root)


@pytest.fixture(scope="module")
def page(root: Path, cell: Cell) -> str:
    return make_report(root, cell)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.DictReader(file))


def test_the_metrics_file_has_the_documented_schema(root: Path, cell: Cell, page: str) -> None:
    metrics = json.loads((root / "metrics.json").read_text())
    assert list(metrics) == ["toy"]
    assert list(metrics["toy"]) == ["backbone"]
    assert metrics["toy"]["backbone"] == json.loads((cell.evaluation / SCORES).read_text())
    assert set(metrics["toy"]["backbone"]) == {"scp", "kmeans"}
    for scores in metrics["toy"]["backbone"].values():
        assert set(scores) == {"runs", "clusters_used", "train", "test"}
        for split in ("train", "test"):
            assert set(scores[split]) == {"acc", "nmi", "ari"}
            for values in scores[split].values():
                assert set(values) == {"mean", "std", "kept", "oracle"}


def test_the_history_of_every_run_is_a_table(root: Path, page: str) -> None:
    rows = rows_of(root / "plots" / "history.csv")
    assert list(rows[0]) == ["cell", "method", "run", "step", "consistency", "confidence", "balance", "total"]
    assert len(rows) == RUNS * 3
    assert {(row["cell"], row["method"]) for row in rows} == {("toy x backbone", "scp")}


def test_the_confusion_table_gives_the_scored_accuracy(root: Path, cell: Cell, page: str) -> None:
    rows = rows_of(root / "plots" / "confusion.csv")
    assert list(rows[0]) == ["cell", "method", "actual", "predicted"]
    scores = json.loads((cell.evaluation / SCORES).read_text())
    for method in ("scp", "kmeans"):
        hits = [row["actual"] == row["predicted"] for row in rows if row["method"] == method]
        assert len(hits) == 24
        assert np.mean(hits) == pytest.approx(scores[method]["test"]["acc"]["kept"])


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path, root: Path, cell: Cell, page: str) -> None:
    make_report(tmp_path, cell)
    files = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert [str(file) for file in files] == [
        "metrics.json",
        "plots/confusion.csv",
        "plots/history.csv",
        f"report/{PAGE}",
    ]
    for file in files:
        assert (tmp_path / file).read_bytes() == (root / file).read_bytes()


def test_the_page_makes_no_request(page: str) -> None:
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", re.sub(r"base64,[A-Za-z0-9+/=]+", "", page))
    for tag, attributes in Elements(page).found:
        assert tag not in {"script", "iframe", "object", "embed", "base"}
        for name in ("src", "href", "xlink:href", "srcset", "data"):
            address = attributes.get(name) or "#"
            assert address.startswith(("#", "data:")), (tag, address[:50])


def test_names_stay_text(page: str) -> None:
    elements = Elements(page)
    assert SCRIPT not in page
    assert not any(name.startswith("on") for _, attributes in elements.found for name in attributes)
    titles = [attributes["title"] or "" for tag, attributes in elements.found if tag == "img" and "title" in attributes]
    assert any(title.startswith(SCRIPT) for title in titles)
    assert any(title.startswith("ß'\"&") for title in titles)
    assert any(title.startswith("caf\N{REPLACEMENT CHARACTER}") for title in titles)
    assert "class 1 <b>" in elements.text


def test_the_page_is_well_formed_and_accessible(page: str) -> None:
    found = Elements(page).found
    ids = Counter(attributes["id"] for _, attributes in found if "id" in attributes)
    assert ids.most_common(1)[0][1] == 1
    assert all(attributes.get("alt") for tag, attributes in found if tag == "img")
    links = {(attributes["href"] or "")[1:] for tag, attributes in found if tag == "a"}
    assert links <= set(ids)
    for tag in ("table", "section", "details", "figure", "ul", "div", "article"):
        assert page.count(f"<{tag}") == page.count(f"</{tag}>"), tag


def test_the_page_tells_what_is_ours_and_what_needed_labels(page: str) -> None:
    text = Elements(page).text
    assert "oracle: chosen with labels" in text
    assert "The kept run has the lowest training loss, a choice without labels ours" in text
    assert "The paper reports the best of 50 runs" in text
    assert "Published numbers: there are none for toy." in text


def test_mistakes_are_marked_by_more_than_colour(page: str) -> None:
    assert page.count('class="wrong"') == page.count("<span>≠ class") > 0


def test_published_numbers_stand_beside_ours(tmp_path: Path) -> None:
    text = Elements(make_report(tmp_path, make_cell(tmp_path, "cifar10"))).text
    assert "SCP, ours" in text
    assert "SCP CLIP ViT-B/32 93.2 85.5 85.7 best of 50 runs, test split arXiv 2502.04226 table 2" in text
    assert "k-means CLIP ViT-B/32 75.2 71.3 62.6" in text
    assert "there are none" not in text


def test_without_labels_the_page_has_neither_scores_nor_classes(tmp_path: Path) -> None:
    page = make_report(tmp_path, make_cell(tmp_path, classes=0))
    text = Elements(page).text
    assert "This data set has no labels" in text
    for absent in ("ACC", "oracle", "Matched to", "by class", "Confusion", "≠"):
        assert absent not in text
    assert page.count('class="map"') == 2
    scores = json.loads((tmp_path / "metrics.json").read_text())["toy"]["backbone"]["scp"]
    assert scores == {"runs": RUNS, "clusters_used": 3}
    assert rows_of(tmp_path / "plots" / "confusion.csv") == []


def test_without_a_test_split_the_train_split_is_shown(tmp_path: Path) -> None:
    text = Elements(make_report(tmp_path, make_cell(tmp_path, splits=("train",)))).text
    assert "SCP, kept run, train split" in text


@pytest.mark.parametrize(("clusters", "classes", "pictures"), [(5, 3, 0), (2, 4, 0), (3, 22, 2), (45, 3, 2)])
def test_clusters_and_classes_may_differ_in_number(tmp_path: Path, clusters: int, classes: int, pictures: int) -> None:
    page = make_report(tmp_path, make_cell(tmp_path, clusters=clusters, classes=classes, images=50))
    assert page.count('class="matrix-picture"') == pictures
    assert 1 < page.count('class="cluster"') <= clusters
    assert clusters <= classes or "unmatched" in Elements(page).text


def test_several_cells_stand_on_one_page_with_an_overview(tmp_path: Path, cell: Cell) -> None:
    page = make_report(tmp_path, cell, make_cell(tmp_path, "other", classes=0))
    assert page.count("<article") == 2
    assert page.count('href="#cell-2"') == 2
    assert set(json.loads((tmp_path / "metrics.json").read_text())) == {"toy", "other"}


@pytest.mark.parametrize(
    ("missing", "stage"),
    [
        (lambda cell: cell.evaluation, "evaluate"),
        (lambda cell: cell.evaluation / CLASSES, "evaluate"),
        (lambda cell: cell.evaluation / "scp" / CONFUSION, "evaluate"),
        (lambda cell: cell.heads, "fit"),
        (lambda cell: cell.heads / "kmeans" / HEAD, "fit"),
        (lambda cell: cell.heads / "scp" / SUMMARY, "fit"),
        (lambda cell: cell.predictions / "scp" / ASSIGNMENTS, "fit"),
        (lambda cell: cell.features, "extract"),
        (lambda cell: cell.images, "prepare"),
        (lambda cell: cell.images / "all.npy", "prepare"),
    ],
)
def test_a_missing_input_is_one_line_that_names_the_stage(
    tmp_path: Path, missing: Callable[[Cell], Path], stage: str
) -> None:
    cell = make_cell(tmp_path)
    path = missing(cell)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    with pytest.raises(PipelineError, match=rf"run 'pipeline {stage}") as error:
        make_report(tmp_path, cell)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "\x00"])
def test_damaged_scores_are_refused(tmp_path: Path, content: str) -> None:
    cell = make_cell(tmp_path)
    (cell.evaluation / SCORES).write_text(content)
    with pytest.raises(PipelineError, match=r"scores\.json: .*run 'pipeline evaluate --dataset toy"):
        make_report(tmp_path, cell)


@pytest.mark.parametrize(("file", "stage"), [("evaluation", "evaluate"), ("heads", "fit")])
def test_a_summary_without_its_keys_is_refused(tmp_path: Path, file: str, stage: str) -> None:
    cell = make_cell(tmp_path)
    path = cell.evaluation / SCORES if file == "evaluation" else cell.heads / "scp" / SUMMARY
    write_json(path, {"scp": {"runs": 2}})
    with pytest.raises(PipelineError, match=rf"expected '\w+', found .*run 'pipeline {stage} --dataset toy"):
        make_report(tmp_path, cell)


def test_labels_of_other_images_are_refused(tmp_path: Path) -> None:
    cell = make_cell(tmp_path)
    write_table(cell.evaluation / CLASSES, LABEL_COLUMNS, [("another", "class")])
    with pytest.raises(PipelineError, match=r"expected a class for every image.*run 'pipeline evaluate"):
        make_report(tmp_path, cell)


def test_a_cache_of_other_images_is_refused(tmp_path: Path) -> None:
    cell = make_cell(tmp_path)
    shutil.rmtree(cell.features)
    shard = write_shard(cell.features / "test-00000.h5", ["a"], np.ones((1, 3, DIM)), "f" * 64)
    Manifest("toy", "backbone", "0" * 64, DIM, 2, MANIFEST_SETTINGS, {"test": [shard]}).write(cell.features)
    with pytest.raises(PipelineError, match=r"expected the 1 images of the split 'test'.*found 24.*run 'pipeline fit"):
        make_report(tmp_path, cell)


def test_a_failed_report_leaves_the_last_one(tmp_path: Path) -> None:
    cell = make_cell(tmp_path)
    before = make_report(tmp_path, cell)
    (cell.evaluation / SCORES).unlink()
    with pytest.raises(PipelineError):
        make_report(tmp_path, cell)
    assert (tmp_path / "report" / PAGE).read_text(encoding="utf-8") == before


def test_the_test_split_is_shown_first() -> None:
    assert ordered({"validation": 1, "train": 2, "test": 3}) == ["test", "train", "validation"]
