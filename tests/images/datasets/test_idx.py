"""IDX files: whole ones are read back, damaged ones refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from pipeline.base.errors import PipelineError
from pipeline.images.datasets.idx import read_idx
from tests.images.datasets.files import idx


@pytest.mark.parametrize("shape", [(5,), (3, 4, 2)])
def test_idx_round_trip(tmp_path: Path, shape: tuple[int, ...]) -> None:
    values = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    assert np.array_equal(read_idx(idx(tmp_path / "x.gz", values)), values)


def test_damaged_idx_files_are_refused(tmp_path: Path) -> None:
    path = idx(tmp_path / "x.gz", np.random.default_rng(0).integers(0, 255, (50, 28, 28), dtype=np.uint8))
    good = path.read_bytes()
    raw = gzip.decompress(good)
    for bad in (
        good[:100],
        good[: len(good) // 2],
        b"plain",
        b"",
        gzip.compress(raw[:-1]),
        gzip.compress(b"\x89PNG"),
        gzip.compress(b""),
        good[:200] + bytes(50) + good[250:],
    ):
        path.write_bytes(bad)
        with pytest.raises(PipelineError, match=r"x\.gz: .*; bring the original again") as error:
            read_idx(path)
        assert "\n" not in str(error.value)
    path.unlink()
    with pytest.raises(PipelineError, match="missing"):
        read_idx(path)
