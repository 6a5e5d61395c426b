"""The image list, and the pictures that it leads to."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from pipeline.base.errors import PipelineError
from pipeline.images.listing import ImageRecord, open_image, read_list

GREY = np.random.default_rng(0).integers(0, 255, (6, 8), dtype=np.uint8)


def test_another_array_at_the_same_path_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against the pictures of the project before, in a process that works on several."""
    for number, name in enumerate("ab"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        np.save("pictures.npy", GREY[None] + number)
        record = ImageRecord("x", "train", "pictures.npy", 0, "")
        assert np.array_equal(np.asarray(open_image(Path(), record)), GREY + number)


def test_a_list_in_a_result_of_cluster_names_the_command_that_makes_it(tmp_path: Path) -> None:
    """Guards against a remedy that would make another list elsewhere."""
    folder = tmp_path / "my photos-clusters" / "cache" / "images"
    again = f"run 'pipeline cluster THE_SAME_PICTURES --out '{tmp_path}/my photos-clusters''"
    with pytest.raises(PipelineError, match=re.escape(again)):
        read_list(folder)
