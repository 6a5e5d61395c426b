"""Names of clusters as folders that every file system takes."""

from __future__ import annotations

import pytest

from pipeline.collection.folders import LONGEST, folder_names, safe, unique_names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Food & fruit", "Food & fruit"),
        ('a/b\\c:d*e?f"g<h>i|j', "a_b_c_d_e_f_g_h_i_j"),
        ("..", ""),
        ("../../etc", "_._.._etc"),
        ("end. . ", "end"),
        (".hidden", "_hidden"),
        ("  both ends ", "both ends"),
        ("CON", "CON_"),
        ("nul.txt", "nul_.txt"),
        ("com1", "com1_"),
        ("COM\u00b2.x", "COM\u00b2_.x"),
        ("console", "console"),
        ("cafe\u0301", "caf\u00e9"),
        ("a\tb\x7f", "a_b_"),
        ("...", ""),
        (" . ", ""),
        ("\u00e9" * 200, "\u00e9" * (LONGEST // 2)),
        ("x" * (LONGEST - 1) + " y", "x" * (LONGEST - 1)),
    ],
)
def test_a_name_is_safe(name: str, expected: str) -> None:
    assert safe(name) == expected
    assert safe(expected) == expected


def test_a_cluster_without_a_name_has_its_number() -> None:
    assert folder_names({0, 11}, {}) == {0: "cluster-00", 11: "cluster-11"}
    assert folder_names({0, 11}, {11: "Cats"}) == {0: "cluster-00", 11: "Cats"}
    assert folder_names(set(), {3: "gone"}) == {}
    assert folder_names({4}, {4: " . "}) == {4: "cluster-4"}


def test_names_that_look_alike_are_told_apart() -> None:
    named = {1: "Cats", 2: "cats", 3: "Cafe\u0301", 4: "caf\u00c9", 5: "cluster-6", 7: "a:b", 8: "a?b", 9: "undo.CSV"}
    found = folder_names(range(1, 10), named, ["undo.csv"])
    assert found == {
        1: "Cats",
        2: "cats (2)",
        3: "Caf\u00e9",
        4: "caf\u00c9 (4)",
        5: "cluster-6 (5)",
        6: "cluster-6",
        7: "a_b",
        8: "a_b (8)",
        9: "undo.CSV (9)",
    }


def test_pictures_side_by_side_have_names_of_their_own() -> None:
    names = ["a.jpg", "A.JPG", "a.jpg", "b", "b", ".x", ".x", "a (2).jpg"]
    expected = ["a.jpg", "A (2).JPG", "a (3).jpg", "b", "b (2)", ".x", ".x (2)", "a (2) (2).jpg"]
    assert unique_names(names) == expected
    assert unique_names(["a.jpg"], ["A.jpg"]) == ["a (2).jpg"]
