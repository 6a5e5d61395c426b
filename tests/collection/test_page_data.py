from __future__ import annotations

from pipeline.collection.page_data import FIRST, split_thumbnails


def test_the_most_typical_of_each_cluster_come_first() -> None:
    count = FIRST + 3
    digests = [f"{row:03d}" for row in range(2 * count)]
    data = {
        "cluster": [7, 2] * count,
        "margin": [float(row) for row in range(2 * count)],
        "digests": digests,
        "thumbnails": {digest: f"of {digest}" for digest in digests},
    }
    first, later = split_thumbnails(data)
    assert list(later) == digests[:6]
    assert first["thumbnails"] == {digest: f"of {digest}" for digest in digests[6:]}
    assert {key: first[key] for key in ("cluster", "margin", "digests")} == {
        key: data[key] for key in ("cluster", "margin", "digests")
    }


def test_a_copy_has_the_thumbnail_of_its_picture() -> None:
    data = {"cluster": [0] * (FIRST + 1), "margin": [*range(FIRST + 1)], "digests": ["a"] * (FIRST + 1)}
    assert split_thumbnails({**data, "thumbnails": {"a": "one"}}) == ({**data, "thumbnails": {"a": "one"}}, {})


def test_thumbnails_beside_the_page_are_in_neither_part() -> None:
    data = {"cluster": [0], "margin": [1.0], "digests": ["a"], "thumbnails": None}
    assert split_thumbnails(data) == (data, {})
