from __future__ import annotations

import shutil
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from pipeline.base.errors import PipelineError
from pipeline.base.files import write_json
from pipeline.config.names import HEAD, SCORES, SNAPSHOTS, snapshot_name
from pipeline.config.paths import Cell
from pipeline.experiments.cell_figures import search_figure
from pipeline.experiments.figures import figures
from pipeline.experiments.settings import FiguresSettings
from pipeline.experiments.shown_split import Shown
from pipeline.experiments.studies import with_figures
from pipeline.heads.saved import load_model, save_model
from pipeline.methods import METHODS
from tests.report.projects import make_cell

SETTINGS = FiguresSettings(map_images=12, search_results=6, cloud_images=10, seed=0)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def variant(root: Path, cell: Cell, name: str, labelled: bool = True) -> Cell:
    """A study's variant: the cell's own head, and made-up scores, which differ by split, metric and key."""
    folder = root / "study" / name
    made = replace(cell, heads=folder / "heads", evaluation=folder / "evaluation")
    shutil.copytree(cell.heads, made.heads)
    splits = {
        split: {
            metric: {key: made_up(name, split, metric, key) for key in ("mean", "std", "kept", "oracle")}
            for metric in ("acc", "nmi", "ari")
        }
        for split in ("train", "test")
    }
    scores = {"runs": 2, "clusters_used": 3, **(splits if labelled else {})}
    write_json(made.evaluation / "scp" / SCORES, scores)
    return made


def made_up(*names: str) -> float:
    """A score that no other name has: a hash of the names, in 0..1."""
    return zlib.crc32(" ".join(names).encode()) / 2**32


@pytest.mark.parametrize("classes", [3, 0])
def test_a_cell_has_maps_a_search_and_a_cloud(classes: int, tmp_path: Path) -> None:
    cell, out = make_cell(tmp_path, classes=classes), tmp_path / "out"
    out.mkdir()
    (out / "stale.png").write_bytes(b"")
    names = figures(None, cell, {}, SETTINGS, out, METHODS)
    assert names == ["maps", "search-embedding", "search-head", "cloud"]
    first = contents(out)
    assert set(first) == {f"{name}.{kind}" for name in names for kind in ("svg", "png")}
    figures(None, cell, {}, SETTINGS, out, METHODS)
    assert contents(out) == first


def test_the_search_marks_other_classes_alone(tmp_path: Path) -> None:
    shown = Shown(make_cell(tmp_path), SETTINGS, METHODS)
    figure: Figure = search_figure(shown, shown.clean, "")
    captions = [axes.get_xlabel() for axes in figure.axes]
    assert len(captions) == 1 + SETTINGS.search_results
    assert captions[0].startswith("query class")
    query = captions[0].removeprefix("query ")
    for rank, caption in enumerate(captions[1:], 1):
        assert caption.startswith("✗") == (not caption.endswith(query))
        assert str(rank) in caption


def test_without_labels_nothing_is_marked(tmp_path: Path) -> None:
    shown = Shown(make_cell(tmp_path, classes=0), SETTINGS, METHODS)
    captions = [axes.get_xlabel() for axes in search_figure(shown, shown.clean, "").axes]
    assert captions == ["query", *map(str, range(1, 7))]


@pytest.mark.parametrize("study", ["balance", "views"])
@pytest.mark.parametrize("labelled", [True, False])
def test_a_study_has_its_curve(study: str, labelled: bool, tmp_path: Path) -> None:
    cell = make_cell(tmp_path)
    variants = {name: variant(tmp_path, cell, name, labelled) for name in ("10", "2", "0.5")}
    assert figures(study, cell, variants, SETTINGS, tmp_path / "out", METHODS) == [study]
    assert set(contents(tmp_path / "out")) == {f"{study}.svg", f"{study}.png"}


@pytest.mark.parametrize(("study", "split"), [("balance", "train"), ("views", "test")])
def test_a_curve_shows_the_scores_of_its_split(study: str, split: str, tmp_path: Path) -> None:
    # The paper's Figure 5 is of the training split.
    cell = make_cell(tmp_path)
    names = ("10", "2", "0.5")
    variants = {name: variant(tmp_path, cell, name) for name in names}
    (axes,) = with_figures()[study].figures(variants, Shown(cell, SETTINGS, METHODS))[study].axes
    assert axes.get_ylabel() == f"percent, {split} split"
    ordered = ("0.5", "2", "10")
    curves = {line.get_label(): line for line in axes.get_lines()}
    for metric in ("acc", "nmi"):
        kept = curves[f"{metric.upper()}, kept run"]
        assert kept.get_xdata() == pytest.approx([0.5, 2.0, 10.0])
        assert kept.get_ydata() == pytest.approx([100 * made_up(name, split, metric, "kept") for name in ordered])
    bars = {each.get_label(): each for each in axes.containers}
    assert set(bars) == {"ACC, mean ± std", "NMI, mean ± std"}
    for metric in ("acc", "nmi"):
        line, _, (stems,) = bars[f"{metric.upper()}, mean ± std"]
        means = [100 * made_up(name, split, metric, "mean") for name in ordered]
        assert line.get_ydata() == pytest.approx(means)
        stds = [(high - low) / 2 for (_, low), (_, high) in stems.get_segments()]
        assert stds == pytest.approx([100 * made_up(name, split, metric, "std") for name in ordered])


def test_without_labels_a_curve_shows_the_clusters_in_use(tmp_path: Path) -> None:
    cell = make_cell(tmp_path, classes=0)
    variants = {name: variant(tmp_path, cell, name, labelled=False) for name in ("2", "1")}
    (axes,) = with_figures()["views"].figures(variants, Shown(cell, SETTINGS, METHODS))["views"].axes
    assert axes.get_ylabel() == "clusters in use"
    drawn = {line.get_label(): np.asarray(line.get_ydata()).tolist() for line in axes.get_lines()}
    assert drawn["clusters, kept run"] == [3.0, 3.0]


def test_emergence_has_a_map_for_each_step(tmp_path: Path) -> None:
    cell = make_cell(tmp_path)
    made = variant(tmp_path, cell, "steps")
    for step in (0, 10):
        save_model(made.heads / "scp" / SNAPSHOTS / snapshot_name(step), load_model(made.heads / "scp" / HEAD, METHODS))
    assert figures("emergence", cell, {"steps": made}, SETTINGS, tmp_path / "out", METHODS) == ["emergence"]
    drawn = with_figures()["emergence"].figures({"steps": made}, Shown(cell, SETTINGS, METHODS))["emergence"]
    assert [axes.get_title() for axes in drawn.axes] == ["step 0", "step 10", "end"]
    points = [sum(len(np.asarray(each.get_offsets())) for each in axes.collections) for axes in drawn.axes]
    assert points == [12, 12, 12]


def test_what_is_missing_is_named_and_nothing_is_lost(tmp_path: Path) -> None:
    cell, out = make_cell(tmp_path), tmp_path / "out"
    figures(None, cell, {}, SETTINGS, out, METHODS)
    before = contents(out)
    (cell.heads / "scp" / HEAD).unlink()
    with pytest.raises(PipelineError, match="there is no fitted head here; run 'pipeline fit'"):
        figures(None, cell, {}, SETTINGS, out, METHODS)
    made = replace(cell, evaluation=tmp_path / "nowhere")
    with pytest.raises(PipelineError, match="run 'pipeline evaluate --study balance --dataset toy"):
        figures("balance", cell, {"5": made}, SETTINGS, out, METHODS)
    assert contents(out) == before
