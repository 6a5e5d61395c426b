from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pipeline.base.errors import PipelineError
from pipeline.collection.result import default_folder
from pipeline.images.examination import Rejected, examine
from pipeline.images.skipping import said
from pipeline.images.sources import TAG, files_below, find_files

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


@pytest.mark.parametrize("name", ["Trip [2020]", "*", "?", "[!a]", "a*b"])
def test_a_folder_with_the_signs_of_a_pattern_is_a_folder(name: str, place: Path) -> None:
    (place / name).mkdir()
    (place / name / "1.jpg").write_bytes(b"")
    (place / name / "x[1].jpg").write_bytes(b"")
    assert names(name) == ["1.jpg", "x[1].jpg"]
    # A pattern may begin with it, by itself or on the whole way to it.
    assert names(f"{name}/*.jpg") == names(f"{place / name}/*.jpg") == ["1.jpg", "x[1].jpg"]
    assert names(f"{name}/[0-9].jpg") == ["1.jpg"]
    assert default_folder([name]) == Path(f"{name}-clusters")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_list_in_utf_16_is_read(encoding: str, place: Path) -> None:
    (place / "caf\u00e9.jpg").write_bytes(b"")
    mark = {"utf-16": "", "utf-16-le": "\ufeff", "utf-16-be": "\ufeff"}[encoding]
    (place / "list.txt").write_bytes(f"{mark}d.jpg\r\ncaf\u00e9.jpg\r\na\r\n".encode(encoding))
    assert names("list.txt") == ["a/10.jpg", "a/2.jpg", "a/deep/b.png", "caf\u00e9.jpg", "d.jpg"]


@pytest.mark.parametrize("data", ["d.jpg\n".encode("utf-16-le"), b"d.jpg\0", b"\xff\xfe\0\xd8", b"\xff\xfed"])
def test_a_list_in_another_coding_is_refused_with_the_remedy(data: bytes, place: Path) -> None:
    (place / "list.txt").write_bytes(data)
    with pytest.raises(PipelineError, match=r"list\.txt: expected a list in UTF-8, .*; save it as UTF-8$"):
        find_files(["list.txt"], NOWHERE)


def test_a_name_in_a_list_may_end_with_a_carriage_return(place: Path) -> None:
    for name in ("x.jpg\r", "y\rz.jpg"):
        (place / name).write_bytes(b"")
    (place / "list.txt").write_bytes(b"x.jpg\r\ny\rz.jpg\r\nd.jpg\r\n")
    assert names("list.txt") == ["d.jpg", "x.jpg\r", "y\rz.jpg"]


def test_what_systems_leave_is_passed_over_and_counted(place: Path) -> None:
    base = [f"b/{number}.jpg" for number in range(6)]
    junk = [f"b/@eaDir/{number}.jpg/SYNOPHOTO_THUMB_{size}.jpg" for number in range(6) for size in ("XL", "M", "SM")]
    junk += ["b/#recycle/old.png", "b/Thumbs.db", "b/._0.jpg", "b/sub/$Recycle.Bin/x.jpg", "b/Icon\r"]
    for name in (*base, *junk, "b/sub/7.jpg"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(b"")
    found = find_files(["b"], NOWHERE)
    assert [str(path) for path in found.paths] == [*(f"{number}.jpg" for number in range(6)), "sub/7.jpg"]
    assert found.skipped == {"@eaDir": 18, "#recycle": 1, "$RECYCLE.BIN": 1, "Thumbs.db": 1, "._*": 1, "Icon\r": 1}
    assert said(found.skipped) == (
        "20 files in @eaDir, #recycle, $RECYCLE.BIN skipped; 3 files like Thumbs.db, Icon\r, ._* skipped"
    )
    # A pattern finds them no more than a folder does.
    assert [str(path) for path in find_files(["b/**/*.jpg"], NOWHERE).paths] == [*map(str, found.paths)]
    assert find_files(["b/**/*.jpg"], NOWHERE).skipped == {"@eaDir": 18, "$RECYCLE.BIN": 1}
    # Who names them means them.
    assert len(names("b/@eaDir")) == len(names("b/@eaDir/*/*.jpg")) == 18
    assert names("b/#recycle", "b/Thumbs.db") == ["#recycle/old.png", "Thumbs.db"]


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        (["*.png"], ["10.jpg", "2.jpg"]),
        (["deep"], ["10.jpg", "2.jpg"]),
        (["deep/"], ["10.jpg", "2.jpg"]),
        (["2.jpg/"], ["10.jpg", "2.jpg", "deep/b.png"]),
        (["deep/*"], ["10.jpg", "2.jpg"]),
        (["./deep/b.png"], ["10.jpg", "2.jpg"]),
        (["b/*"], ["10.jpg", "2.jpg", "deep/b.png"]),
        (["1*", "*/b.*"], ["2.jpg"]),
        (["a"], ["10.jpg", "2.jpg", "deep/b.png"]),
    ],
)
def test_people_exclude_names_and_paths(patterns: list[str], left: list[str], place: Path) -> None:
    found = find_files(["a"], NOWHERE, patterns)
    assert [str(path) for path in found.paths] == left
    assert sum(found.skipped.values()) == 3 - len(left)


def test_a_pattern_that_excludes_is_a_name_too_in_either_spelling(place: Path) -> None:
    for name in ("[x].jpg", "x.jpg", "cafe\u0301.jpg"):
        (place / "a" / "deep" / name).write_bytes(b"")
    found = find_files(["a/deep"], NOWHERE, ["[x].jpg", "caf\u00e9.*"])
    assert [path.name for path in found.paths] == ["b.png"]
    # Files that a shell wrote out of its own pattern are meant no less.
    assert [path.name for path in find_files(["a/2.jpg", "a/10.jpg"], NOWHERE, ["1*"]).paths] == ["2.jpg"]


def test_a_folder_of_nothing_but_that_says_so(place: Path) -> None:
    (place / "b" / "@eaDir").mkdir(parents=True)
    (place / "b" / "@eaDir" / "x.jpg").write_bytes(b"")
    with pytest.raises(PipelineError, match=r"found no file \(1 file in @eaDir skipped\)"):
        find_files(["b"], NOWHERE)


def test_a_folder_that_vanishes_meanwhile_is_no_error(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = os.stat

    def gone(path: str, *more: object, **options: object) -> object:
        if str(path).endswith("deep"):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return stat(path, *more, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", gone)
    assert [str(path) for path in files_below(place / "a") if path.suffix == ".png"] == []


def test_a_circle_of_links_ends(place: Path) -> None:
    (place / "a" / "deep" / "up").symlink_to(place / "a")
    assert names("a") == ["10.jpg", "2.jpg", "deep/b.png"]


@pytest.mark.parametrize("source", ["gone", "gone/*.jpg", "empty", "empty.txt"])
def test_what_is_not_there_is_refused(source: str, place: Path) -> None:
    (place / "empty").mkdir()
    (place / "empty.txt").write_text("\n")
    with pytest.raises(PipelineError, match=r"expected .* found (nothing there|no file)"):
        find_files([source], NOWHERE)


def test_a_link_to_a_folder_above_is_not_followed(tmp_path: Path) -> None:
    for name in ("pictures/a.png", "beside/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "pictures/up").symlink_to(tmp_path)
    assert [path.name for path in files_below(tmp_path / "pictures")] == ["a.png"]
