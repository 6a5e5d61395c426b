from __future__ import annotations

import errno
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.base.csv_tables import read_table, write_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import write_json, write_text
from pipeline.collection.export import export, plan
from pipeline.collection.result import Collection
from pipeline.collection.sync import MANIFEST
from pipeline.collection.undo import UNDO, UNDO_COLUMNS, undo
from pipeline.heads.predictions import PREDICTED_COLUMNS
from pipeline.images.listing import ImageRecord, write_list
from pipeline.images.sources import EXPORTED, MARK, find_files
from tests.names import NAMES, random_name

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
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in (EXPORTED, MANIFEST))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def moved(collection: Collection, target: Path) -> Path:
    """The undo file after a move."""
    export(plan(collection, target, "move"), target, "move")
    return target / UNDO


def another_device(*paths: Path) -> None:
    raise OSError(errno.EXDEV, "Invalid cross-device link")


@pytest.mark.parametrize("way", ["symlink", "copy", "move"])
def test_every_picture_is_in_the_folder_of_its_cluster(way: str, collection: Collection, tmp_path: Path) -> None:
    before = contents(tmp_path / "pictures")
    target = tmp_path / "sorted"
    line = export(plan(collection, target, way), target, way)
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
    planned = plan(collection, target, "move")
    steps = planned.steps
    export(planned, target, "move")
    # As if the move had been stopped before its last picture.
    os.replace(steps[-1].target, steps[-1].source)
    assert undo(target / UNDO) == "2 pictures moved back"
    assert contents(tmp_path / "pictures") == before
    assert contents(target) == {}
    assert not (target / "cluster-00").exists()


def test_pictures_come_back_to_where_their_folder_is_now(collection: Collection, tmp_path: Path) -> None:
    before = contents(tmp_path / "pictures")
    path = moved(collection, tmp_path / "sorted")
    assert undo(path, tmp_path / "elsewhere") == "3 pictures moved back"
    assert contents(tmp_path / "elsewhere") == before


@pytest.mark.parametrize("way", ["symlink", "copy", "move"])
@pytest.mark.parametrize("device", ["the same device", "another device"])
def test_an_export_that_was_cut_short_goes_on(
    way: str, device: str, collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if device != "the same device":
        monkeypatch.setattr(os, "rename", another_device)
    before, target = contents(tmp_path / "pictures"), tmp_path / "sorted"
    symlink_to, copy2, rename = Path.symlink_to, shutil.copy2, os.rename
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "pictures" / "deep" / "a.png"), None, "x")

    def until_full(work: Callable[..., object]) -> Callable[..., object]:
        count = 0

        def each(*arguments: object) -> object:
            nonlocal count
            count += 1
            if count == 2:
                raise full
            return work(*arguments)

        return each

    with monkeypatch.context() as patch:
        patch.setattr(Path, "symlink_to", until_full(symlink_to))
        patch.setattr(shutil, "copy2", until_full(copy2))
        patch.setattr(os, "rename", until_full(rename))
        with pytest.raises(OSError, match="No space left on device") as stop:
            export(plan(collection, target, way), target, way)
    # What could not be written is named, not what was read.
    assert stop.value.filename == str(target / "cluster-00" / "deep" / "a.png")
    assert stop.value.filename2 is None
    line = export(plan(collection, target, way), target, way)
    assert line.startswith("2 pictures ")
    assert "1 were there already" in line
    expected = {f"cluster-{cluster:02d}/{name}": os.fsencode(name) for name, cluster in CLUSTERS.items()}
    assert {name: data for name, data in contents(target).items() if name != UNDO} == expected
    assert export(plan(collection, target, way), target, way).startswith("0 pictures ")
    if way == "move":
        assert undo(target / UNDO) == "3 pictures moved back"
        assert not (target / "cluster-00").exists()
    assert contents(tmp_path / "pictures") == before


def test_a_move_goes_on_from_a_picture_in_both_places(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, target = contents(tmp_path / "pictures"), tmp_path / "sorted"
    moved(collection, target)
    shutil.copy2(target / "cluster-00" / "a.png", tmp_path / "pictures" / "a.png")
    assert export(plan(collection, target, "move"), target, "move").startswith("1 pictures moved")
    assert contents(tmp_path / "pictures") == {}
    # Another file in the old place is somebody's.
    (tmp_path / "pictures" / "a.png").write_bytes(b"new")
    with pytest.raises(PipelineError, match="is there already"):
        plan(collection, target, "move")
    (tmp_path / "pictures" / "a.png").unlink()
    undo(target / UNDO)
    assert contents(tmp_path / "pictures") == before


def test_another_move_into_the_folder_is_refused(collection: Collection, tmp_path: Path) -> None:
    path = moved(collection, tmp_path / "sorted")
    write_table(path, UNDO_COLUMNS, [tuple(row.values()) for row in read_table(path, UNDO_COLUMNS, "")][:2])
    with pytest.raises(PipelineError, match="other pictures were moved here before; undo that first"):
        plan(collection, tmp_path / "sorted", "move")


def beside(collection: Collection, way: str) -> None:
    """What `pipeline cluster` notes of the way to the pictures."""
    write_json(collection.about, {"sources": ["pictures"], "root": "/old", "root_from_here": way})
    write_text(collection.folder / MARK, "")


def test_a_result_and_its_pictures_that_were_moved_together_still_work(collection: Collection, tmp_path: Path) -> None:
    beside(collection, "./../pictures")
    (tmp_path / "moved").mkdir()
    for name in ("made", "pictures"):
        (tmp_path / name).rename(tmp_path / "moved" / name)
    there = Collection(tmp_path / "moved" / "made")
    steps = plan(there, tmp_path / "sorted", "copy").steps
    assert {step.source.parents[len(Path(name).parts) - 1] for step, name in zip(steps, CLUSTERS, strict=True)} == {
        tmp_path / "moved" / "pictures"
    }
    # The same folder may be clustered again, and another of that name may not.
    there.claim(["pictures"], tmp_path / "moved" / "pictures", replace=False)
    with pytest.raises(PipelineError, match="found those of"):
        there.claim(["pictures"], tmp_path / "other" / "pictures", replace=False)


def test_a_result_that_was_moved_alone_finds_its_pictures_where_they_were(
    collection: Collection, tmp_path: Path
) -> None:
    beside(collection, "./../pictures")
    (tmp_path / "moved" / "pictures").mkdir(parents=True)
    collection.folder.rename(tmp_path / "moved" / "made")
    steps = plan(Collection(tmp_path / "moved" / "made"), tmp_path / "sorted", "copy").steps
    assert steps[0].source == tmp_path / "pictures" / "a.png"


def test_pictures_that_were_moved_alone_are_pointed_to(collection: Collection, tmp_path: Path) -> None:
    beside(collection, "./../pictures")
    (tmp_path / "pictures").rename(tmp_path / "elsewhere")
    with pytest.raises(PipelineError, match=r"a\.png \(and 2 more\): is gone; .* --pictures, .*nothing was changed"):
        plan(collection, tmp_path / "sorted", "copy")
    with pytest.raises(PipelineError, match=r"--pictures .*nowhere: expected the folder where the pictures are now"):
        plan(collection, tmp_path / "sorted", "copy", tmp_path / "nowhere")
    planned = plan(collection, tmp_path / "sorted", "copy", tmp_path / "elsewhere")
    export(planned, tmp_path / "sorted", "copy")
    assert contents(tmp_path / "sorted")["cluster-00/deep/a.png"] == b"deep/a.png"


def test_a_move_is_undone_after_the_folder_was_moved_too(collection: Collection, tmp_path: Path) -> None:
    before = contents(tmp_path / "pictures")
    moved(collection, tmp_path / "sorted")
    (tmp_path / "sorted").rename(tmp_path / "done")
    assert undo(tmp_path / "done" / UNDO) == "3 pictures moved back"
    assert contents(tmp_path / "pictures") == before
    assert not any((tmp_path / "done").iterdir())


def test_the_way_back_stays_while_a_picture_is_missing(collection: Collection, tmp_path: Path) -> None:
    path = moved(collection, tmp_path / "sorted")
    (path.parent / "cluster-00" / "a.png").rename(tmp_path / "hidden.png")
    there = contents(path.parent)
    with pytest.raises(PipelineError, match=r"found it neither here nor in its old place .*; nothing was changed"):
        undo(path)
    assert contents(path.parent) == there
    (tmp_path / "hidden.png").rename(path.parent / "cluster-00" / "a.png")
    assert undo(path) == "3 pictures moved back"


def test_an_undo_file_of_an_earlier_version_is_read(collection: Collection, tmp_path: Path) -> None:
    before = contents(tmp_path / "pictures")
    steps = plan(collection, tmp_path / "sorted", "move").steps
    path = moved(collection, tmp_path / "sorted")
    write_table(path, ("now", "before"), [(step.target, step.source) for step in steps])
    assert undo(path) == "3 pictures moved back"
    assert contents(tmp_path / "pictures") == before


def test_a_move_to_another_device_is_whole_or_not_at_all(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, target = contents(tmp_path / "pictures"), tmp_path / "sorted"
    monkeypatch.setattr(os, "rename", another_device)

    def stopped(source: Path, aside: str) -> None:
        Path(aside).write_bytes(b"a part")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copy2", stopped)
        with pytest.raises(KeyboardInterrupt):
            moved(collection, target)
    assert contents(tmp_path / "pictures") == before
    assert list(contents(target)) == [UNDO]
    assert undo(target / UNDO) == "0 pictures moved back"

    path = moved(collection, target)
    assert contents(tmp_path / "pictures") == {}
    # As if it had been stopped before the original went.
    shutil.copy2(target / "cluster-00" / "a.png", tmp_path / "pictures" / "a.png")
    assert undo(path) == "3 pictures moved back"
    assert contents(tmp_path / "pictures") == before
    assert contents(target) == {}


def test_links_point_to_the_same_pictures_wherever_they_are(collection: Collection, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "pictures" / "a.png").rename(tmp_path / "store" / "a.png")
    links = {"a.png": "../store/a.png", "deep/a.png": f"../{NOT_UTF8}"}
    for name, text in links.items():
        (tmp_path / "pictures" / name).unlink(missing_ok=True)
        (tmp_path / "pictures" / name).symlink_to(text)
    path = moved(collection, tmp_path / "far" / "sorted")
    assert len(contents(tmp_path / "store")) == 1
    path.parent.rename(tmp_path / "done")
    found = contents(tmp_path / "done")
    assert found["cluster-00/a.png"] == b"a.png"
    assert found["cluster-00/deep/a.png"] == os.fsencode(NOT_UTF8)
    # As if the move had been stopped between a new link and an old one.
    (tmp_path / "pictures" / "a.png").symlink_to(links["a.png"])
    undo(tmp_path / "done" / UNDO)
    assert {name: os.readlink(tmp_path / "pictures" / name) for name in links} == links
    assert contents(tmp_path / "done") == {}


def test_an_undo_never_takes_a_picture_for_its_copy(collection: Collection, tmp_path: Path) -> None:
    path = moved(collection, tmp_path / "sorted")
    now = path.parent / "cluster-00" / "a.png"
    # Somebody put a link where the picture was: it is the only one.
    (tmp_path / "pictures" / "a.png").symlink_to(now)
    with pytest.raises(PipelineError, match="is there already"):
        undo(path)
    assert now.read_bytes() == b"a.png"
    (tmp_path / "pictures" / "a.png").unlink()
    (tmp_path / "pictures" / "deep").rmdir()
    (tmp_path / "pictures" / "deep").symlink_to(path.parent / "cluster-00" / "deep")
    with pytest.raises(PipelineError, match="is there already"):
        undo(path)
    assert (path.parent / "cluster-00" / "deep" / "a.png").read_bytes() == b"deep/a.png"


@pytest.mark.parametrize("way", ["copy", "move"])
def test_names_may_be_long_and_files_of_others_stay(
    way: str, tmp_path: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "rename", another_device)
    long = "ä" * 125 + ".png"
    (tmp_path / "pictures" / long).write_bytes(b"long")
    write_list(collection.images, [ImageRecord(n, "train", str(tmp_path / "pictures" / n), None, "") for n in (long,)])
    write_table(collection.assignments.with_suffix(".csv"), PREDICTED_COLUMNS, [(long, 0, 1.0, 1, 0.0)])
    other = tmp_path / "sorted" / "cluster-0" / "a.png.tmp"
    other.parent.mkdir(parents=True)
    other.write_text("mine")
    export(plan(collection, tmp_path / "sorted", way), tmp_path / "sorted", way)
    assert (other.parent / long).read_bytes() == b"long"
    assert (tmp_path / "pictures" / long).exists() == (way == "copy")
    assert other.read_text() == "mine"
    assert sorted(path.name for path in other.parent.iterdir() if path.name != EXPORTED) == ["a.png.tmp", long]


@pytest.mark.parametrize("way", ["symlink", "copy", "move"])
def test_the_same_pictures_are_not_found_twice(way: str, collection: Collection, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    export(plan(collection, pictures / "sorted", way), pictures / "sorted", way)
    names = [str(path) for path in find_files([str(pictures)], Path("nowhere")).paths]
    # Moved ones are there alone.
    places = [f"sorted/cluster-{cluster:02d}/{name}" for name, cluster in CLUSTERS.items()]
    assert sorted(names) == sorted([*places, f"sorted/{UNDO}"] if way == "move" else CLUSTERS)
    # One cluster can be looked at by itself.
    assert len(find_files([str(pictures / "sorted" / "cluster-00")], Path("nowhere")).paths) == 2


def test_a_folder_may_be_named_by_a_detour(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    path = moved(collection, Path("../sorted"))
    assert [row["now"] for row in read_table(path, ("now",), "")] == [
        f"cluster-{cluster:02d}/{name}" for name, cluster in CLUSTERS.items()
    ]
    assert undo(path) == "3 pictures moved back"


def test_embeddings_cannot_be_sorted_into_folders(collection: Collection, tmp_path: Path) -> None:
    write_list(collection.images, [ImageRecord(name, "train", "", None, "") for name in CLUSTERS])
    with pytest.raises(PipelineError, match="expected clustered pictures, found embeddings"):
        plan(collection, tmp_path / "sorted", "symlink")


def test_nothing_is_overwritten_and_nothing_half_done(collection: Collection, tmp_path: Path) -> None:
    target = tmp_path / "sorted"
    (target / "cluster-00" / "deep").mkdir(parents=True)
    (target / "cluster-00" / "deep" / "a.png").write_text("mine")
    with pytest.raises(PipelineError, match="there already, and nothing is overwritten; nothing was changed"):
        plan(collection, target, "copy")
    assert contents(target) == {"cluster-00/deep/a.png": b"mine"}
    (tmp_path / "pictures" / "a.png").unlink()
    with pytest.raises(PipelineError, match=r"a\.png: is gone; .* --undo FOLDER/undo\.csv; nothing was changed"):
        plan(collection, tmp_path / "other", "move")


def test_an_undo_overwrites_nothing_either(collection: Collection, tmp_path: Path) -> None:
    target = tmp_path / "sorted"
    moved(collection, target)
    (tmp_path / "pictures" / "a.png").write_text("new")
    there = contents(target)
    with pytest.raises(PipelineError, match="nothing was changed"):
        undo(target / "undo.csv")
    assert contents(target) == there
    with pytest.raises(PipelineError, match="not there yet"):
        undo(tmp_path / "gone.csv")


@pytest.mark.parametrize("way", ["symlink", "copy", "move"])
def test_any_name_goes_out_and_comes_back(way: str, tmp_path: Path) -> None:
    chance = random.Random(way)
    names = sorted({*NAMES, *(random_name(chance, 200) for _ in range(200))}, key=os.fsencode)
    made, pictures = Collection(tmp_path / "made"), tmp_path / "=Trip [2020]\r"
    pictures.mkdir()
    for name in names:
        (pictures / name).write_bytes(os.fsencode(name))
    write_list(made.images, [ImageRecord(name, "train", str(pictures / name), None, "") for name in names])
    rows = [(name, chance.randrange(3), 1.0, 1, 0.0) for name in names]
    write_table(made.assignments.with_suffix(".csv"), PREDICTED_COLUMNS, rows)
    before, target = contents(pictures), tmp_path / "+sorted"
    export(plan(made, target, way), target, way)
    found = {name: data for name, data in contents(target).items() if name != UNDO}
    assert found == {f"cluster-{cluster}/{name}": os.fsencode(name) for name, cluster, *_ in rows}
    assert export(plan(made, target, way), target, way).startswith("0 pictures ")
    if way == "move":
        assert undo(target / UNDO) == f"{len(names)} pictures moved back"
    assert contents(pictures) == before
