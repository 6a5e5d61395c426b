from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pipeline.base.errors import PipelineError
from pipeline.images.examination import Rejected, examine
from pipeline.images.sources import TAG, find_files

NOWHERE = Path("nowhere")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a few files, some of them hidden or generated."""
    for name in ("a/2.jpg", "a/10.jpg", "a/deep/b.png", "a/.hidden.jpg", "a/.git/c.jpg", "d.jpg", f"a/made/{TAG}"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "a" / "made" / "thumbnail.webp").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*sources: str, leave_out: Path = NOWHERE) -> list[str]:
    return [str(path) for path in find_files(sources, leave_out).paths]


def test_a_folder_is_the_root_of_all_below_it(place: Path) -> None:
    assert names("a") == ["10.jpg", "2.jpg", "deep/b.png"]
    assert find_files(["a"], NOWHERE).root == place / "a"
    assert names("a", leave_out=place / "a" / "deep") == ["10.jpg", "2.jpg"]


def test_files_patterns_and_folders_together_have_each_file_once(place: Path) -> None:
    assert find_files(["a/*.jpg", "d.jpg", "a/deep", "a/2.jpg"], NOWHERE).root == place
    assert names("a/*.jpg", "d.jpg", "a/deep", "a/2.jpg") == ["a/10.jpg", "a/2.jpg", "a/deep/b.png", "d.jpg"]
    assert names("**/*.png") == ["b.png"]
    assert names("a*") == ["10.jpg", "2.jpg", "deep/b.png"]


def test_a_list_names_files_from_its_own_folder(place: Path) -> None:
    (place / "a" / "list.txt").write_bytes(b"2.jpg\r\n\n" + os.fsencode(place / "d.jpg") + b"\ngone-\xff.jpg")
    found = find_files(["a/list.txt"], NOWHERE)
    assert found.root == place
    assert [os.fsencode(path) for path in found.paths] == [b"a/2.jpg", b"a/gone-\xff.jpg", b"d.jpg"]


def test_a_list_may_be_written_by_hand(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(place))
    (place / "#1.jpg").write_bytes(b"")
    lines = ("# what I like", "#1.jpg", " a/2.jpg\t", "", "~/d.jpg", "a/deep", "gone.jpg", "~/gone")
    (place / "list.txt").write_text("\n".join(lines), encoding="utf-8-sig")
    assert names("list.txt") == ["#1.jpg", "a/2.jpg", "a/deep/b.png", "d.jpg", "gone", "gone.jpg"]
    # Names with blanks at an end are taken as they stand where there is such a file.
    (place / " a.jpg ").write_bytes(b"")
    (place / "blanks.txt").write_text(" a.jpg \n a.jpg")
    assert names("blanks.txt") == [" a.jpg ", "a.jpg"]


def test_a_folder_that_cannot_be_listed_is_no_empty_folder(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    # The tests may run as a user to whom nothing is closed.
    def closed(path: str = ".") -> object:
        if Path(path).name == "deep":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    (place / "a" / "deep").chmod(0)
    assert names("a") == ["10.jpg", "2.jpg", "deep"]
    found = find_files(["a/deep"], NOWHERE)
    assert (found.root, found.paths) == (place / "a" / "deep", [Path()])
    assert examine(found.root, found.paths, "train") == [Rejected(".", "Permission denied")]
    (place / "a" / "deep").chmod(0o700)


def test_a_name_with_the_signs_of_a_pattern_is_a_name(place: Path) -> None:
    (place / "x[1].jpg").write_bytes(b"")
    assert names("x[1].jpg") == ["x[1].jpg"]


def test_a_circle_of_links_ends(place: Path) -> None:
    (place / "a" / "deep" / "up").symlink_to(place / "a")
    assert names("a") == ["10.jpg", "2.jpg", "deep/b.png"]


@pytest.mark.parametrize("source", ["gone", "gone/*.jpg", "empty", "empty.txt"])
def test_what_is_not_there_is_refused(source: str, place: Path) -> None:
    (place / "empty").mkdir()
    (place / "empty.txt").write_text("\n")
    with pytest.raises(PipelineError, match=r"expected .* found (nothing there|no file)"):
        find_files([source], NOWHERE)
