from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.base.errors import PipelineError
from pipeline.collection.layout import kept_layout, lay_out, read_layout
from pipeline.collection.settings import LayoutSettings
from pipeline.features import cells
from pipeline.features.lengths import unit_length

SETTINGS = LayoutSettings(map_images=60, neighbours=4, duplicate_distance=0.05, seed=0)


def blobs(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings of length 1 in three groups, and the group of each."""
    rng = np.random.default_rng(0)
    groups = np.arange(count) % 3
    return unit_length(rng.normal(0, 0.1, (count, 8)) + 3 * np.eye(3, 8)[groups]).astype(np.float32), groups


@pytest.mark.parametrize("count", [50, 300])
def test_groups_lie_apart_whether_t_sne_saw_all_pictures_or_some(count: int) -> None:
    rows, groups = blobs(count)
    layout = lay_out(rows, SETTINGS)
    assert layout.places.shape == (count, 2)
    assert layout.places.min() >= 0
    assert layout.places.max() <= 1
    centres = np.stack([layout.places[groups == group].mean(0) for group in range(3)])
    nearest = np.linalg.norm(layout.places[:, None] - centres, axis=2).argmin(1)
    assert (nearest == groups).mean() > 0.98
    assert layout.neighbours.shape == layout.distances.shape == (count, 4)
    assert (groups[layout.neighbours] == groups[:, None]).mean() > 0.98


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_few_pictures_have_a_layout_too(count: int) -> None:
    layout = lay_out(blobs(6)[0][:count], SETTINGS)
    assert layout.neighbours.shape == (count, min(4, count - 1))
    assert np.isfinite(layout.places).all()
    assert layout.remoteness.shape == (count,)


def test_many_pictures_have_nearly_the_layout_that_all_comparisons_give(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, _ = blobs(900)
    exact = lay_out(rows, SETTINGS)
    monkeypatch.setattr(cells, "EXACT", 500)
    monkeypatch.setattr(cells, "ROWS", 30)
    layout = lay_out(rows, SETTINGS)
    assert np.array_equal(layout.places, exact.places)
    assert (layout.neighbours == exact.neighbours).mean() > 0.95
    again = lay_out(rows, SETTINGS)
    for name in ("places", "neighbours", "distances", "copies"):
        assert getattr(again, name).tobytes() == getattr(layout, name).tobytes()


def test_an_outlier_is_the_most_remote() -> None:
    rows, _ = blobs(40)
    rows[17] = -rows[17]
    assert int(lay_out(rows, SETTINGS).remoteness.argmax()) == 17


def test_a_layout_is_kept_until_something_changes(tmp_path: Path) -> None:
    rows, _ = blobs(30)
    path = tmp_path / "layout.safetensors"
    first = kept_layout(path, rows, "a", SETTINGS)
    written = path.read_bytes()
    assert np.array_equal(kept_layout(path, rows[::-1], "a", SETTINGS).places, first.places)
    assert path.read_bytes() == written
    assert kept_layout(path, rows[:20], "b", SETTINGS).places.shape == (20, 2)
    assert kept_layout(path, rows, "b", replace(SETTINGS, neighbours=2)).neighbours.shape == (30, 2)
    path.write_bytes(written[:100])
    with pytest.raises(PipelineError, match="not a layout"):
        read_layout(path)
    kept_layout(path, rows, "a", SETTINGS)
    assert path.read_bytes() == written
    with pytest.raises(PipelineError, match="not there yet"):
        read_layout(tmp_path / "gone")
