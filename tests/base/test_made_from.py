"""What an output was made from: written, read and compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.base.errors import PipelineError
from pipeline.base.made_from import difference, digest_of_folder, read_made_from, write_made_from


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_made_from(tmp_path, {"fit": {"seed": 0}})
    assert read_made_from(tmp_path, "pipeline fit") == {"fit": {"seed": 0}}


def test_a_folder_that_says_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"expected made_from\.json, .* found none; run 'pipeline fit'"):
        read_made_from(tmp_path, "pipeline fit")
    with pytest.raises(PipelineError, match=r"made_from\.json: not there yet; run 'pipeline fit'"):
        read_made_from(tmp_path / "nowhere", "pipeline fit")


@pytest.mark.parametrize(
    ("found", "wanted", "differs"),
    [
        ({"a": {"b": (1, 2.0)}}, {"a": {"b": [1, 2.0]}}, None),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, ("a.c", "2", "3")),
        ({"a": 1}, {"a": 1, "b": None}, ("b", "'nothing'", "null")),
        ({"a": 1, "b": True}, {"a": 1}, ("b", "true", "'nothing'")),
        ({"a": "x"}, {"a": {"b": 1}}, ("a", "'x'", '{"b": 1}')),
    ],
)
def test_the_first_value_that_differs_is_named(found: object, wanted: object, differs: object) -> None:
    assert difference(found, wanted) == differs


def test_a_folder_s_digest_is_of_names_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = digest_of_folder(tmp_path)
    (tmp_path / ".hidden").write_text("2")
    assert digest_of_folder(tmp_path) == before
    (tmp_path / "a").rename(tmp_path / "b")
    assert digest_of_folder(tmp_path) != before
