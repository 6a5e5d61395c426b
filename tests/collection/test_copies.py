from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save

from pipeline.base.csv_tables import read_table
from pipeline.base.errors import PipelineError
from pipeline.collection.copies import COLUMNS, Copy, best_first, find_duplicates, move_copies
from pipeline.collection.result import Collection
from pipeline.collection.undo import UNDO, undo
from pipeline.images.facts import Facts
from pipeline.images.listing import ImageRecord, digest_of_file, write_list
from pipeline.images.sources import files_below
from tests.commands import failure

SIZES = {"a/large.png": 40, "a/small.png": 20, "odd.png": 7, "=one.png": 9, "two.png": 10}
GROUPS = [0, 0, -1, 1, 1]
"""The large one and the small one are nearly the same, and so are one and two."""


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    made, records = Collection(tmp_path / "made"), []
    for name, side in SIZES.items():
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (side, side), side).save(path)
        records.append(ImageRecord(name, "train", str(path), None, digest_of_file(path)))
    write_list(made.images, records)
    count = len(records)
    arrays = {"places": np.zeros((count, 2)), "neighbours": np.zeros((count, 1), int)}
    arrays |= {"distances": np.zeros((count, 1)), "copies": np.array(GROUPS)}
    made.layout.write_bytes(save(arrays))
    return made


def there(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def copy(name: str, link: Path | None = None, date: str = "2020-01-01 00:00:00", **facts: object) -> Copy:
    known = {"width": 10, "height": 10, "size": 100, "taken": "", "format": "JPEG", **facts}
    record = ImageRecord(name, "train", name, None, "")
    return Copy(record, link or Path(name), Facts(**known), date)  # type: ignore[arg-type]


def test_the_best_is_first_by_the_next_rule_where_the_one_before_does_not_tell(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("there")
    expected = [
        copy("9", width=20),
        copy("8", size=200),
        copy("7", format="PNG"),
        copy("6", date="2019-01-01 00:00:00"),
        copy("4"),
        copy("5"),
        copy("0", link, width=99),
    ]
    assert best_first(expected[::-1]) == expected


def test_the_table_has_each_group_with_the_best_first(collection: Collection) -> None:
    found = find_duplicates(collection)
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in found.rows()]
    assert [(row["group"], row["best"], row["path"], row["width"]) for row in rows] == [
        (1, "best", "a/large.png", 40),
        (1, "", "a/small.png", 20),
        (2, "best", "two.png", 10),
        (2, "", "=one.png", 9),
    ]
    assert rows[0]["folder"] == str(found.root / "a")
    assert found.line().startswith("4 of 5 pictures in 2 groups are nearly the same; all but the best of each take ")


def test_all_but_the_best_are_moved_and_come_back(collection: Collection, tmp_path: Path) -> None:
    pictures, target = tmp_path / "pictures", tmp_path / "target"
    line = move_copies(find_duplicates(collection), target)
    assert line.startswith("2 pictures moved ")
    assert there(pictures) == {"a/large.png", "odd.png", "two.png"}
    assert {"duplicates-1/a/small.png", "duplicates-2/=one.png"} <= there(target)
    assert len(read_table(target / UNDO, ("now", "before"), "")) == 2
    # Nothing of it is clustered again, nor found again, and the folder takes no other move.
    assert not [path for path in files_below(tmp_path) if target in path.parents and path.suffix == ".png"]
    assert find_duplicates(collection).groups == []
    with pytest.raises(PipelineError, match="undo that first"):
        move_copies(find_duplicates(collection), target)
    with pytest.raises(PipelineError, match="no near-duplicates are left"):
        move_copies(find_duplicates(collection), tmp_path / "other")
    assert undo(target / UNDO) == "2 pictures moved back"
    assert there(pictures) == set(SIZES)
    assert there(target) == set()
    assert list(target.iterdir()) == []


def test_a_move_that_was_cut_short_goes_on(collection: Collection, tmp_path: Path) -> None:
    target = tmp_path / "target"
    move_copies(find_duplicates(collection), target)
    os.replace(target / "duplicates-2" / "=one.png", tmp_path / "pictures" / "=one.png")
    assert move_copies(find_duplicates(collection), target).startswith("1 pictures moved, the rest of 2")
    assert "=one.png" not in there(tmp_path / "pictures")


@pytest.mark.parametrize("name", ["a/large.png", "a/small.png"])
def test_no_picture_is_moved_that_has_changed_since(name: str, collection: Collection, tmp_path: Path) -> None:
    Image.new("L", (99, 99), 3).save(tmp_path / "pictures" / name)
    with pytest.raises(PipelineError, match="has changed since it was clustered"):
        move_copies(find_duplicates(collection), tmp_path / "target")
    assert there(tmp_path / "pictures") == set(SIZES)
    assert not (tmp_path / "target").exists()


def test_nothing_is_overwritten(collection: Collection, tmp_path: Path) -> None:
    mine = tmp_path / "target" / "duplicates-1" / "a" / "small.png"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(PipelineError, match="nothing is overwritten"):
        move_copies(find_duplicates(collection), tmp_path / "target")
    assert mine.read_text() == "mine"
    assert there(tmp_path / "pictures") == set(SIZES)


def test_an_undo_file_of_somebody_else_leads_nowhere(collection: Collection, tmp_path: Path) -> None:
    secret, target = tmp_path / "secret.txt", tmp_path / "target"
    secret.write_text("mine")
    target.mkdir()
    for row in (f"secret.txt,{secret},", f"duplicates-1/../../pictures/a/small.png,{tmp_path}/pictures/a/small.png,"):
        (target / UNDO).write_text(f"now,before,link\n{row}\n")
        with pytest.raises(PipelineError, match="other pictures were moved here before"):
            move_copies(find_duplicates(collection), target)
    assert secret.exists()
    assert there(tmp_path / "pictures") == set(SIZES)


def test_a_group_whose_picture_is_gone_is_left_out(collection: Collection, tmp_path: Path) -> None:
    (tmp_path / "pictures" / "two.png").unlink()
    found = find_duplicates(collection)
    assert [len(group) for group in found.groups] == [2]
    assert found.line().endswith("; 1 that are gone left out")
    os.rename(tmp_path / "pictures", tmp_path / "elsewhere")
    with pytest.raises(PipelineError, match="is gone"):
        find_duplicates(collection)
    assert len(find_duplicates(collection, tmp_path / "elsewhere").groups) == 1


def test_wrong_input_ends_in_one_line(
    collection: Collection, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def said(*arguments: str) -> str:
        return failure(capsys, monkeypatch, "duplicates", *arguments)

    assert "expected one result of 'pipeline cluster'" in said()
    assert "found nothing; cluster the pictures first" in said("nothing")
    assert "not there yet; run 'pipeline cluster" in said("pictures")
    assert "found a file" in said("pictures/odd.png")
    assert "found a folder" in said("made", "--csv", "pictures")
    assert "expected a folder, found a file" in said("made", "--move", "pictures/odd.png")
    assert "not there yet" in said("--undo", "no.csv")
    assert "give it without the others" in said("made", "--undo", "no.csv")
    assert "found none" in said("made", "--pictures", "no")
