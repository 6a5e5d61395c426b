"""`export --sync`: an export moves and removes what it put there itself, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.base.csv_tables import write_table
from pipeline.base.errors import PipelineError
from pipeline.collection.export import export, plan
from pipeline.collection.numbers import Numbers, write_numbers
from pipeline.collection.result import Collection
from pipeline.collection.sync import COLUMNS, MANIFEST, read_manifest
from pipeline.collection.undo import UNDO, undo
from pipeline.heads.predictions import PREDICTED_COLUMNS
from pipeline.images.listing import ImageRecord, digest_of, write_list
from tests.collection.test_export import contents

FIRST = {"a.png": 0, "deep/a.png": 0, "b.png": 1, "c.png": 1}


def made(place: Path, clusters: dict[str, int], names: dict[int, str] | None = None, aside: str = "") -> Collection:
    collection = Collection(place / "made")
    for name in clusters:
        path = place / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    records = [
        ImageRecord(n, "train", str(place / "pictures" / n), None, digest_of(n.encode()))
        for n in (*clusters, *aside.split())
    ]
    write_list(collection.images, records)
    rows = [(name, cluster, 1.0, 2, 0.0) for name, cluster in clusters.items()]
    write_table(collection.assignments.with_suffix(".csv"), PREDICTED_COLUMNS, rows)
    write_table(collection.aside, ("path",), [(name,) for name in aside.split()])
    write_numbers(collection.clusters, Numbers("0" * 12, (0, 1, 2), 3, names or {}))
    return collection


def filled(collection: Collection, target: Path, way: str = "copy", sync: bool = False, flat: bool = False) -> str:
    return export(plan(collection, target, way, None, flat, sync), target, way)


def files(folder: Path) -> list[str]:
    return sorted(contents(folder))


@pytest.mark.parametrize("way", ["copy", "symlink"])
def test_a_folder_follows_its_result(way: str, tmp_path: Path) -> None:
    target = tmp_path / "sorted"
    filled(made(tmp_path, FIRST, {0: "Food & fruit"}), target, way)
    assert files(target) == ["Food & fruit/a.png", "Food & fruit/deep/a.png", "cluster-1/b.png", "cluster-1/c.png"]
    (target / "cluster-1" / "mine.txt").write_text("mine")
    (target / "Food & fruit" / "a.png").unlink()
    # One is new, one is gone, one is set aside, one in another cluster, and one cluster has another name.
    now = {"a.png": 0, "b.png": 2, "d.png": 0}
    collection = made(tmp_path, now, {0: "Food", 2: "Cats"}, aside="c.png")
    line = filled(collection, target, way, sync=True)
    assert files(target) == ["Cats/b.png", "Food/a.png", "Food/d.png", "cluster-1/mine.txt"]
    assert (target / "Cats" / "b.png").read_text() == "b.png"
    assert not (target / "Food & fruit").exists()
    expected = ", 1 moved within, 2 removed" if way == "copy" else ", 3 removed"
    begins = "2 pictures copied" if way == "copy" else "3 pictures linked"
    assert line == f"{begins} into 2 folders of {target}{expected}"
    assert sorted(str(path.relative_to(target)) for path in read_manifest(target)) == files(target)[:3]
    assert filled(collection, target, way, sync=True).startswith("0 pictures ")


def test_what_somebody_changed_stays(tmp_path: Path) -> None:
    target = tmp_path / "sorted"
    filled(made(tmp_path, FIRST), target)
    (target / "cluster-1" / "b.png").write_text("painted over")
    line = filled(made(tmp_path, {"a.png": 0, "deep/a.png": 0, "c.png": 1}), target, sync=True)
    assert ", 1 left that were changed since" in line
    assert (target / "cluster-1" / "b.png").read_text() == "painted over"
    # What nobody put there by an export is in the way.
    (target / "cluster-2").mkdir()
    (target / "cluster-2" / "a.png").write_text("mine")
    before = contents(target)
    with pytest.raises(PipelineError, match="nothing is overwritten; nothing was changed"):
        plan(made(tmp_path, {"a.png": 2}), target, "copy", sync=True)
    assert contents(target) == before


def test_without_sync_nothing_is_removed(tmp_path: Path) -> None:
    target = tmp_path / "sorted"
    filled(made(tmp_path, FIRST), target)
    filled(made(tmp_path, {**FIRST, "b.png": 0}), target)
    assert {"cluster-0/b.png", "cluster-1/b.png"} <= set(files(target))
    filled(made(tmp_path, {**FIRST, "b.png": 0}), target, sync=True)
    assert "cluster-1/b.png" not in files(target)


def test_pictures_that_change_places_get_there(tmp_path: Path) -> None:
    target = tmp_path / "sorted"
    filled(made(tmp_path, {"x/a.png": 0, "y/a.png": 1}), target, flat=True)
    assert files(target) == ["cluster-0/a.png", "cluster-1/a.png"]
    line = filled(made(tmp_path, {"x/a.png": 1, "y/a.png": 0}), target, flat=True, sync=True)
    assert ", 2 moved within" in line
    assert (target / "cluster-0" / "a.png").read_text() == "y/a.png"
    assert (target / "cluster-1" / "a.png").read_text() == "x/a.png"


def test_flat_names_stay_when_pictures_come(tmp_path: Path) -> None:
    target = tmp_path / "sorted"
    filled(made(tmp_path, {"m/a.png": 0, "z/a.png": 0}), target, flat=True)
    assert files(target) == ["cluster-0/a (2).png", "cluster-0/a.png"]
    filled(made(tmp_path, {"a/a.png": 0, "m/a.png": 0, "z/a.png": 0}), target, flat=True, sync=True)
    texts = {name: (target / name).read_text() for name in files(target)}
    assert texts == {
        "cluster-0/a.png": "m/a.png",
        "cluster-0/a (2).png": "z/a.png",
        "cluster-0/a (3).png": "a/a.png",
    }


def test_a_flat_move_is_undone(tmp_path: Path) -> None:
    collection, target = made(tmp_path, FIRST), tmp_path / "sorted"
    before = contents(tmp_path / "pictures")
    filled(collection, target, "move", flat=True)
    assert files(target) == ["cluster-0/a (2).png", "cluster-0/a.png", "cluster-1/b.png", "cluster-1/c.png", UNDO]
    assert undo(target / UNDO) == "4 pictures moved back"
    assert contents(tmp_path / "pictures") == before


def test_a_killed_export_knows_its_own(tmp_path: Path) -> None:
    collection, target = made(tmp_path, FIRST), tmp_path / "sorted"
    filled(collection, target)
    # As if the run had ended after the list was written, with one copy made.
    (target / "cluster-1" / "b.png").unlink()
    filled(made(tmp_path, {"a.png": 0}), target, sync=True)
    assert files(target) == ["cluster-0/a.png"]


@pytest.mark.parametrize("place", ["../out.png", "/etc/passwd", "a/../../b", ""])
def test_a_list_that_leads_elsewhere_is_refused(place: str, tmp_path: Path) -> None:
    write_table(tmp_path / MANIFEST, COLUMNS, [(place, "a.png", "0" * 32)])
    with pytest.raises(PipelineError, match="expected places in its own folder, found"):
        read_manifest(tmp_path)
