from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from safetensors.numpy import save_file

from pipeline.base.csv_tables import write_table
from pipeline.base.errors import PipelineError
from pipeline.cli import main as cli
from pipeline.collection.exchange import COLUMNS, exchange
from pipeline.collection.result import Collection
from pipeline.heads.predictions import PREDICTED_COLUMNS
from pipeline.images.listing import ImageRecord, write_list
from pipeline.images.thumbnails import thumbnail_path

NAMES = ("a.png", 'deep/"b", c.png', "ä.png")
CLUSTERS = (0, 11, 0)
PLACES = np.array([[0.25, 0.5], [0.75, 0.125], [0.5, 1.0]])


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """Three pictures in two clusters, one without a thumbnail; what is in the files does not matter here."""
    made = Collection(tmp_path / "made")
    records = [ImageRecord(n, "train", str(tmp_path / "pictures" / n), None, f"{i:032}") for i, n in enumerate(NAMES)]
    write_list(made.images, records)
    rows = [(name, cluster, 0.75, 1, 0.25) for name, cluster in zip(NAMES, CLUSTERS, strict=True)]
    write_table(made.assignments.with_suffix(".csv"), PREDICTED_COLUMNS, rows)
    for record in records:
        Path(record.path).parent.mkdir(parents=True, exist_ok=True)
        Path(record.path).write_bytes(b"")
    for record in records[:2]:
        path = thumbnail_path(made.thumbnails, record.digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(record.digest.encode())
    tensors = {
        "places": PLACES,
        "neighbours": np.array([[1, 2], [2, 0], [0, 1]]),
        "distances": np.array([[0.5, 1.0]] * 3),
        "copies": np.array([-1, -1, -1]),
    }
    save_file(tensors, made.layout)
    return made


def test_the_table_has_the_map_s_coordinates(collection: Collection, tmp_path: Path) -> None:
    assert exchange(collection, tmp_path / "out.csv") == f"3 pictures written to {tmp_path / 'out.csv'}"
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(COLUMNS)
    assert [row["path"] for row in rows] == list(NAMES)
    assert [int(row["cluster"]) for row in rows] == list(CLUSTERS)
    assert [[float(row["x"]), float(row["y"])] for row in rows] == PLACES.tolist()


def test_embedding_atlas_gets_coordinates_neighbours_and_thumbnails(collection: Collection, tmp_path: Path) -> None:
    exchange(collection, tmp_path / "out.parquet")
    table = pyarrow.parquet.read_table(tmp_path / "out.parquet").to_pydict()
    assert list(table) == [*COLUMNS, "neighbors", "image"]
    assert table["path"] == list(NAMES)
    assert table["cluster"] == list(CLUSTERS)
    assert table["confidence"] == [0.75] * 3
    assert table["name"] == ["cluster 0", "cluster 11", "cluster 0"]
    assert [list(place) for place in zip(table["x"], table["y"], strict=True)] == PLACES.tolist()
    assert table["neighbors"][1] == {"ids": [2, 0], "distances": [0.5, 1.0]}
    assert table["image"] == [*({"bytes": f"{i:032}".encode(), "path": NAMES[i]} for i in range(2)), None]


def test_fiftyone_gets_a_label_for_each_absolute_path(collection: Collection, tmp_path: Path) -> None:
    exchange(collection, tmp_path / "out.json")
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert found["classes"] == ["cluster 0", "cluster 11"]
    assert list(found["labels"]) == [str(tmp_path / "pictures" / name) for name in NAMES]
    assert found["labels"][str(tmp_path / "pictures" / NAMES[1])] == {
        "label": "cluster 11",
        "confidence": 0.75,
        "attributes": {"second": "cluster 1", "x": 0.75, "y": 0.125},
    }


def test_the_fields_are_those_that_fiftyone_documents(collection: Collection, tmp_path: Path) -> None:
    """As its ``FiftyOneImageClassificationDatasetImporter`` takes them, of FiftyOne 1.22."""
    exchange(collection, tmp_path / "out.json")
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert set(found) == {"classes", "labels"}
    assert all(isinstance(each, str) for each in found["classes"])
    for path, label in found["labels"].items():
        assert Path(path).is_absolute()
        assert set(label) == {"label", "confidence", "attributes"}
        assert label["label"] in found["classes"]
        assert isinstance(label["confidence"], float)
        # They become fields of the label, and may not be called as its own are.
        assert not set(label["attributes"]) & {"id", "tags", "label", "confidence", "logits"}
        assert all(isinstance(value, str | float) for value in label["attributes"].values())


def test_no_path_of_a_picture_that_is_gone_is_written(collection: Collection, tmp_path: Path) -> None:
    (tmp_path / "pictures").rename(tmp_path / "elsewhere")
    with pytest.raises(PipelineError, match=r"a\.png \(and 2 more\): is gone; .* with --pictures"):
        exchange(collection, tmp_path / "out.json")
    exchange(collection, tmp_path / "out.json", pictures=tmp_path / "elsewhere")
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert list(found["labels"]) == [str(tmp_path / "elsewhere" / name) for name in NAMES]
    # A table has names alone.
    exchange(collection, tmp_path / "out.csv")
    with pytest.raises(PipelineError, match="names no places of pictures; leave it out"):
        exchange(collection, tmp_path / "out.parquet", pictures=tmp_path / "elsewhere")


def test_embeddings_have_no_paths_for_fiftyone(collection: Collection, tmp_path: Path) -> None:
    write_list(collection.images, [ImageRecord(name, "train", "", None, "") for name in NAMES])
    for dry_run in (True, False):
        with pytest.raises(PipelineError, match=r"found embeddings; export them to a \.csv or \.parquet file"):
            exchange(collection, tmp_path / "out.json", dry_run)
    assert not (tmp_path / "out.json").exists()
    assert exchange(collection, tmp_path / "out.csv").startswith("3 embeddings written to ")
    exchange(collection, tmp_path / "out.parquet")
    assert pyarrow.parquet.read_table(tmp_path / "out.parquet")["image"].null_count == 3


def test_a_dry_run_writes_nothing_and_refuses_the_same(collection: Collection, tmp_path: Path) -> None:
    assert exchange(collection, tmp_path / "out.CSV", dry_run=True) == f"would write 3 pictures to {tmp_path}/out.CSV"
    assert not (tmp_path / "out.CSV").exists()
    exchange(collection, tmp_path / "out.CSV")
    with pytest.raises(PipelineError, match="nothing is overwritten"):
        exchange(collection, tmp_path / "out.CSV", dry_run=True)


def test_the_command_looks_at_the_suffix_and_at_how_first(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for target, how, code in (("b.csv", "mov", 2), ("b.CSV", "symlink", 0)):
        monkeypatch.setattr(sys, "argv", ["pipeline", "export", "made", str(tmp_path / target), "--how", how])
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert stop.value.code == code
        assert (tmp_path / target).is_file() == (code == 0)
    assert "--how: unknown way 'mov'; did you mean move?" in capsys.readouterr().err


def test_nothing_is_overwritten_and_what_is_missing_is_named(collection: Collection, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("mine")
    with pytest.raises(PipelineError, match="nothing is overwritten"):
        exchange(collection, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "mine"
    with pytest.raises(PipelineError, match=r"assignments\.csv: not there yet"):
        exchange(Collection(tmp_path / "gone"), tmp_path / "new.csv")
    odd = b"caf\xe9.png".decode("utf-8", "surrogateescape")
    records = [ImageRecord(name, "train", f"/{name}", None, "0" * 32) for name in (odd, "b.png", "c.png")]
    write_list(collection.images, records)
    with pytest.raises(PipelineError, match="expected the pictures of"):
        exchange(collection, tmp_path / "new.csv")
    rows = [(record.id, 0, 1.0, 1, 0.0) for record in records]
    write_table(collection.assignments.with_suffix(".csv"), PREDICTED_COLUMNS, rows)
    exchange(collection, tmp_path / "new.parquet")
    with pytest.raises(PipelineError, match="JSON cannot hold"):
        exchange(collection, tmp_path / "new.json", dry_run=True)
    with pytest.raises(PipelineError, match="JSON cannot hold"):
        exchange(collection, tmp_path / "new.json")
    assert not (tmp_path / "new.json").exists()
