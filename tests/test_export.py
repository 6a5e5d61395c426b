from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.collection import Collection
from pipeline.errors import PipelineError
from pipeline.export import export, plan, undo
from pipeline.images import ImageRecord, write_list
from pipeline.predictions import PREDICTED_COLUMNS
from pipeline.tables import write_table

NOT_UTF8 = b"caf\xe9.png".decode("utf-8", "surrogateescape")
CLUSTERS = {"a.png": 0, "deep/a.png": 0, NOT_UTF8: 11}


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """Three pictures in two clusters; what is in the files does not matter here."""
    made = Collection(tmp_path / "made")
    for name in CLUSTERS:
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode(name))
    write_list(made.images, [ImageRecord(n, "train", str(tmp_path / "pictures" / n), None, "") for n in CLUSTERS])
    rows = [(name, cluster, 1.0, 1, 0.0) for name, cluster in CLUSTERS.items()]
    write_table(made.assignments.with_suffix(".csv"), PREDICTED_COLUMNS, rows)
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("way", ["symlink", "copy", "move"])
def test_every_picture_is_in_the_folder_of_its_cluster(way: str, collection: Collection, tmp_path: Path) -> None:
    before = contents(tmp_path / "pictures")
    target = tmp_path / "sorted"
    line = export(plan(collection, target), target, way)
    assert line.startswith("3 pictures ")
    assert " into 2 folders of " in line
    expected = {f"cluster-{cluster:02d}/{name}": os.fsencode(name) for name, cluster in CLUSTERS.items()}
    found = contents(target)
    assert found.pop("undo.csv", b"").count(b"\n") == (4 if way == "move" else 0)
    assert found == expected
    assert contents(tmp_path / "pictures") == ({} if way == "move" else before)
    assert (target / "cluster-00" / "a.png").is_symlink() == (way == "symlink")


def test_a_move_is_undone_also_when_it_was_cut_short(collection: Collection, tmp_path: Path) -> None:
    before, target = contents(tmp_path / "pictures"), tmp_path / "sorted"
    steps = plan(collection, target)
    export(steps, target, "move")
    # As if the move had been stopped before its last picture.
    os.replace(steps[-1].target, steps[-1].source)
    with pytest.raises(PipelineError, match="undo that first"):
        export([], target, "move")
    assert undo(target / "undo.csv") == "2 pictures moved back"
    assert contents(tmp_path / "pictures") == before
    assert contents(target) == {}
    assert not (target / "cluster-00").exists()


def test_nothing_is_overwritten_and_nothing_half_done(collection: Collection, tmp_path: Path) -> None:
    target = tmp_path / "sorted"
    (target / "cluster-00" / "deep").mkdir(parents=True)
    (target / "cluster-00" / "deep" / "a.png").write_text("mine")
    with pytest.raises(PipelineError, match="there already, and nothing is overwritten; nothing was changed"):
        plan(collection, target)
    assert contents(target) == {"cluster-00/deep/a.png": b"mine"}
    (tmp_path / "pictures" / "a.png").unlink()
    with pytest.raises(PipelineError, match=r"a\.png: is gone; nothing was changed"):
        plan(collection, tmp_path / "other")


def test_an_undo_overwrites_nothing_either(collection: Collection, tmp_path: Path) -> None:
    target = tmp_path / "sorted"
    export(plan(collection, target), target, "move")
    (tmp_path / "pictures" / "a.png").write_text("new")
    moved = contents(target)
    with pytest.raises(PipelineError, match="nothing was changed"):
        undo(target / "undo.csv")
    assert contents(target) == moved
    with pytest.raises(PipelineError, match="not there yet"):
        undo(tmp_path / "gone.csv")
