from __future__ import annotations

from pathlib import Path

from benchmarks.gpu import write_pictures
from pipeline.images.listing import read_picture


def test_the_pictures_of_the_benchmark_are_those_of_its_list(tmp_path: Path) -> None:
    records = write_pictures(tmp_path, 3)
    assert [read_picture(tmp_path, record).size for record in records] == [256 * 256 * 3] * 3
