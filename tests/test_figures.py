from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from pipeline.errors import PipelineError
from pipeline.figures import Shown, figures, search_figure
from pipeline.files import write_json
from pipeline.methods.saved import load_model, save_model
from pipeline.names import HEAD, SCORES, SNAPSHOTS, snapshot_name
from pipeline.paths import Cell
from pipeline.settings import FiguresSettings
from tests.test_report import make_cell

SETTINGS = FiguresSettings(map_images=12, search_results=6, cloud_images=10, seed=0)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def variant(root: Path, cell: Cell, name: str, labelled: bool = True) -> Cell:
    """A study's variant: the cell's own head, and made-up scores."""
    folder = root / "study" / name
    made = replace(cell, heads=folder / "heads", evaluation=folder / "evaluation")
    shutil.copytree(cell.heads, made.heads)
    scores = {key: 0.5 for key in ("mean", "std", "kept", "oracle")}
    splits = {split: dict.fromkeys(("acc", "nmi", "ari"), scores) for split in ("train", "test")} if labelled else {}
    write_json(made.evaluation / SCORES, {"scp": {"runs": 2, "clusters_used": 3, **splits}})
    return made


@pytest.mark.parametrize("classes", [3, 0])
def test_a_cell_has_maps_a_search_and_a_cloud(classes: int, tmp_path: Path) -> None:
    cell, out = make_cell(tmp_path, classes=classes), tmp_path / "out"
    out.mkdir()
    (out / "stale.png").write_bytes(b"")
    names = figures(None, cell, {}, SETTINGS, out)
    assert names == ["maps", "search-embedding", "search-head", "cloud"]
    first = contents(out)
    assert set(first) == {f"{name}.{kind}" for name in names for kind in ("svg", "png")}
    figures(None, cell, {}, SETTINGS, out)
    assert contents(out) == first


def test_the_search_marks_other_classes_alone(tmp_path: Path) -> None:
    shown = Shown(make_cell(tmp_path), SETTINGS)
    figure: Figure = search_figure(shown, shown.clean)
    captions = [axes.get_xlabel() for axes in figure.axes]
    assert len(captions) == 1 + SETTINGS.search_results
    assert captions[0].startswith("query class")
    query = captions[0].removeprefix("query ")
    for rank, caption in enumerate(captions[1:], 1):
        assert caption.startswith("✗") == (not caption.endswith(query))
        assert str(rank) in caption


def test_without_labels_nothing_is_marked(tmp_path: Path) -> None:
    shown = Shown(make_cell(tmp_path, classes=0), SETTINGS)
    captions = [axes.get_xlabel() for axes in search_figure(shown, shown.clean).axes]
    assert captions == ["query", *map(str, range(1, 7))]


@pytest.mark.parametrize("study", ["balance", "views"])
@pytest.mark.parametrize("labelled", [True, False])
def test_a_study_has_its_curve(study: str, labelled: bool, tmp_path: Path) -> None:
    cell = make_cell(tmp_path)
    variants = {name: variant(tmp_path, cell, name, labelled) for name in ("10", "2", "0.5")}
    assert figures(study, cell, variants, SETTINGS, tmp_path / "out") == [study]
    assert set(contents(tmp_path / "out")) == {f"{study}.svg", f"{study}.png"}


def test_emergence_has_a_map_for_each_step(tmp_path: Path) -> None:
    cell = make_cell(tmp_path)
    made = variant(tmp_path, cell, "steps")
    for step in (0, 10):
        save_model(made.heads / "scp" / SNAPSHOTS / snapshot_name(step), load_model(made.heads / "scp" / HEAD))
    assert figures("emergence", cell, {"steps": made}, SETTINGS, tmp_path / "out") == ["emergence"]


def test_what_is_missing_is_named_and_nothing_is_lost(tmp_path: Path) -> None:
    cell, out = make_cell(tmp_path), tmp_path / "out"
    figures(None, cell, {}, SETTINGS, out)
    before = contents(out)
    (cell.heads / "scp" / HEAD).unlink()
    with pytest.raises(PipelineError, match="there is no fitted head here; run 'pipeline fit'"):
        figures(None, cell, {}, SETTINGS, out)
    made = replace(cell, evaluation=tmp_path / "nowhere")
    with pytest.raises(PipelineError, match="run 'pipeline evaluate --study balance --dataset toy"):
        figures("balance", cell, {"5": made}, SETTINGS, out)
    assert contents(out) == before
