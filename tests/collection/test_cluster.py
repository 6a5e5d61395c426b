"""`pipeline cluster` and `pipeline predict` from end to end, on picture files and the real backbone."""

from __future__ import annotations

import csv
import json
import random
import re
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from PIL import Image

from pipeline.base.csv_tables import FORMULA, read_table
from pipeline.base.errors import PipelineError
from pipeline.cli import main as cli
from pipeline.collection.cluster import cluster
from pipeline.collection.request import requested
from pipeline.collection.saved_head import load_head
from pipeline.config import params
from pipeline.extraction import clean_views
from pipeline.features.cache import open_features
from pipeline.features.manifest import read_manifest
from pipeline.heads.predictions import PREDICTED_COLUMNS
from pipeline.heads.saved import load_model, save_model
from pipeline.images import listing
from pipeline.images.listing import ImageRecord
from pipeline.methods import METHODS
from tests.names import NAMES, random_name

HOSTILE = "<img src=x onerror=alert(1)></script>.png"
NOT_UTF8 = b"caf\xe9.png".decode("utf-8", "surrogateescape")


def pipeline(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["pipeline", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    out, err = capfd.readouterr()
    return int(stop.value.code or 0), out, err


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def photos(tmp_path: Path, pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of 24 pictures, two of them with odd names, and two files that are none."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    names = [f"deep/{number}.png" for number in range(22)] + [HOSTILE.replace("/", ":"), NOT_UTF8]
    for name, picture in zip(names, pictures, strict=False):
        Image.fromarray(picture).save(folder / name)
    (folder / "notes.md").write_text("not a picture")
    (folder / "empty.jpg").write_bytes(b"")
    return folder


def page_data(page: str) -> dict[str, object]:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    found: dict[str, object] = json.loads(text)
    return found


def test_a_folder_becomes_clusters(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = pipeline(monkeypatch, capfd, "cluster", "photos", "-k", "3", "--method", "kmeans")
    assert code == 0, err
    assert f"24 pictures in {photos}; 2 files left out, see rejected.csv" in out
    folder = photos.with_name("photos-clusters")
    rows = table(folder / "assignments.csv")
    assert list(rows[0]) == ["path", "cluster", "confidence", "second", "second_confidence", "name"]
    assert {row["path"] for row in rows} == {str(path.relative_to(photos)) for path in photos.rglob("*.png")}
    assert {int(row["cluster"]) for row in rows} == {0, 1, 2}
    assert all(row["cluster"] != row["second"] for row in rows)
    parquet = pyarrow.parquet.read_table(folder / "assignments.parquet").to_pydict()
    assert parquet["cluster"] == [int(row["cluster"]) for row in rows]
    assert "caf�.png" in parquet["path"]
    assert table(folder / "rejected.csv") == [
        {"path": "empty.jpg", "reason": "not a picture of a known format"},
        {"path": "notes.md", "reason": "not a picture of a known format"},
    ]
    about = json.loads((folder / "run.json").read_text())
    assert (about["root"], about["pictures"], about["left_out"], about["clusters"]) == (str(photos), 24, 2, 3)
    assert about["command"] == "pipeline cluster photos -k 3 --method kmeans"
    assert {"forward", "kmeans", "wall"} <= set(about["seconds"])

    page = (folder / "index.html").read_text()
    assert "<img src=x" not in page
    data = page_data(page)
    assert data["cluster"] == [int(row["cluster"]) for row in rows]
    assert HOSTILE.replace("/", ":") in data["paths"]  # type: ignore[operator]
    assert list(data["addresses"].values()) == ["caf%E9.png"]  # type: ignore[attr-defined]
    for digest in data["digests"]:  # type: ignore[attr-defined]
        assert (folder / "thumbnails" / digest[:2] / f"{digest}.webp").is_file()
    files = [photos / row["path"] for row in rows]
    assert data["sizes"] == [28, 28] * len(files)
    assert data["bytes"] == [file.stat().st_size for file in files]
    assert data["dates"] == {}
    assert not re.search(r"https?://", page)


def test_only_what_changed_is_computed_again(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def cluster(*more: str) -> str:
        code, out, err = pipeline(monkeypatch, capfd, "cluster", "photos", "--method", "kmeans", *more)
        assert code == 0, err
        return out

    folder = photos.with_name("photos-clusters")
    assert "0 reused" in cluster("-k", "3")
    first = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    again = cluster("-k", "3")
    assert "24 reused" in again
    assert "kept as it is" in again
    second = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    about = folder / "run.json"
    assert json.loads(first.pop(about))["images"] == {"computed": 24, "reused": 0}
    assert json.loads(second.pop(about))["images"] == {"computed": 0, "reused": 24}
    assert second == first
    other = cluster("-k", "4")
    assert "24 reused" in other
    assert "kept as it is" not in other
    assert {row["cluster"] for row in table(folder / "assignments.csv")} == set("0123")
    (photos / "deep" / "0.png").unlink()
    (photos / "deep" / "1.png").rename(photos / "first.png")
    Image.new("L", (28, 28), 90).save(photos / "deep" / "10b.png")
    changed = cluster("-k", "4", "--cache", "shared")
    assert "24 pictures" in changed
    assert "1 computed on cpu" in changed
    assert ", 23 reused; " in changed
    assert {"first.png", "deep/10b.png"} <= {row["path"] for row in table(folder / "assignments.csv")}
    # Another result takes from what they share; the folder is no source of pictures, wherever it lies.
    shutil.move("shared", photos / "shared")
    other = cluster("-k", "4", "--cache", "photos/shared", "--out", "other")
    assert "0 computed on cpu" in other
    assert ", 24 reused; " in other


def test_the_number_of_clusters_is_estimated_once(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = pipeline(monkeypatch, capfd, "estimate", "photos")
    assert code == 0, err
    folder = photos.with_name("photos-clusters")
    evidence = (folder / "estimate.json").read_bytes()
    found = json.loads(evidence)
    assert f"about {found['choice']} clusters" in out
    assert "the evidence is weak" in out  # of 24 pictures
    assert {each["name"] for each in found["criteria"]} == {
        "communities",
        "finer communities",
        "eigengap",
        "silhouette",
    }
    assert found["levels"]
    assert all(f"{level['name']:6} -k {level['clusters']}: " in out for level in found["levels"])
    chosen = found["choice"]  # Named, it leaves the clustering that stands, and the evidence beside it.
    for asked, count in (("auto", chosen), (str(chosen), chosen), ("4", 4)):
        code, out, err = pipeline(monkeypatch, capfd, "cluster", "photos", "-k", asked, "--method", "kmeans")
        assert code == 0, err
        assert (f"about {count} clusters" in out) == (asked == "auto")
        about = json.loads((folder / "run.json").read_text())
        assert about["clusters"] == count
        assert "evidence is weak" in about["estimate"]
        data = page_data((folder / "index.html").read_text())
        assert data["estimate"]["choice"] == found["choice"]  # type: ignore[index]
    assert (folder / "estimate.json").read_bytes() == evidence


@pytest.mark.parametrize("method", ["kmeans", "scp"])
def test_the_head_alone_assigns_pictures_as_the_clustering_did(
    method: str,
    photos: Path,
    project: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    # Few steps: whichever clusters it finds, they are to be the same.
    brief = project(**{"fit.training.epochs": 1, "fit.training.min_steps": 20}) / "params.yaml"
    monkeypatch.setattr(params, "DEFAULTS", brief)
    pipeline(monkeypatch, capfd, "cluster", "photos", "-k", "3", "--method", method, "--out", "made")
    expected = {row["path"]: row["cluster"] for row in table(tmp_path / "made" / "assignments.csv")}
    assert len(set(expected.values())) > 1
    shutil.move(tmp_path / "made" / "head", tmp_path / "moved")
    shutil.rmtree(tmp_path / "made")
    code, _, err = pipeline(monkeypatch, capfd, "predict", "moved", "photos", "--out", "new.csv")
    assert code == 0
    assert {row["path"]: row["cluster"] for row in table(tmp_path / "new.csv")} == {
        f"photos/{path}": cluster for path, cluster in expected.items()
    }
    assert "photos/notes.md: left out, not a picture of a known format" in err

    code, out, _ = pipeline(monkeypatch, capfd, "predict", "moved", "photos/deep/1.png")
    header, row = out.splitlines()
    assert header == "path,cluster,confidence,second,second_confidence,name"
    assert row.startswith(f"photos/deep/1.png,{expected['deep/1.png']},")
    assert pipeline(monkeypatch, capfd, "predict", "moved", "photos/notes.md")[0] == 1


def test_a_head_of_other_weights_or_preprocessing_is_refused(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pipeline(monkeypatch, capfd, "cluster", "photos", "-k", "3", "--method", "kmeans", "--out", "made")
    path = tmp_path / "made" / "head" / "head.safetensors"
    saved = load_model(path, METHODS)
    for key, value, message in (
        ("weights_sha256", "0" * 64, "fitted on weights of efficientnet-lite0 with the SHA-256 000"),
        ("mean", [0.0, 0.0, 0.0], "fitted on efficientnet-lite0 with mean"),
        ("backbone", "gone", "unknown backbone 'gone'"),
    ):
        (part,) = saved.embedding["parts"]
        save_model(path, type(saved)(saved.method, saved.model, {"parts": [part | {key: value}]}))
        code, out, err = pipeline(monkeypatch, capfd, "predict", "made/head", "photos")
        assert (code, out) == (2, "")
        assert message in err
        assert len(err.splitlines()) == 1


@pytest.mark.parametrize("space", ["embedding", "head"])
def test_a_picture_finds_itself_first(
    space: str, photos: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pipeline(monkeypatch, capfd, "cluster", "photos", "-k", "3", "--method", "kmeans")
    query = tmp_path / "a copy.png"
    shutil.copy(photos / "deep" / "7.png", query)
    code, out, err = pipeline(monkeypatch, capfd, "search", str(query), "--by", space, "--count", "5")
    assert code == 0, err
    rows = list(csv.DictReader(out.splitlines()))
    assert [row["rank"] for row in rows] == list("12345")
    assert rows[0]["path"] == "deep/7.png"
    assert float(rows[0]["distance"]) < 0.05
    assert sorted(rows, key=lambda row: float(row["distance"])) == rows
    clusters = {row["path"]: row["cluster"] for row in table(tmp_path / "photos-clusters" / "assignments.csv")}
    assert all(clusters[row["path"]] == row["cluster"] for row in rows)
    with Image.open(tmp_path / "photos-clusters" / "search.png") as sheet:
        assert sheet.width > 1000

    # The sheet shows thumbnails of pictures that are elsewhere now.
    (tmp_path / "photos-clusters" / "search.png").unlink()
    assert pipeline(monkeypatch, capfd, "export", "photos-clusters", "sorted", "--how", "move")[0] == 0
    moved = pipeline(monkeypatch, capfd, "search", str(query), "--by", space, "--count", "5")
    assert moved[:2] == (0, out)
    assert (tmp_path / "photos-clusters" / "search.png").is_file()
    shutil.rmtree(tmp_path / "photos-clusters" / "thumbnails")
    code, _, err = pipeline(monkeypatch, capfd, "search", str(query), "--by", space, "--count", "5")
    assert code == 2
    assert "the picture is gone since the list was made; bring it back" in err


def test_a_search_that_cannot_be_ends_in_one_line(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for arguments, message in (
        (
            ["photos/deep/1.png"],
            "expected one result of 'pipeline cluster' in this folder, found none; name it with --in",
        ),
        (["photos/deep/1.png", "--in", "photos"], "photos/head/head.safetensors: there is no fitted head here"),
        (["photos/deep/1.png", "--by", "eye"], "--by: unknown space 'eye'"),
    ):
        code, _, err = pipeline(monkeypatch, capfd, "search", *arguments)
        assert code == 2
        assert message in err
    pipeline(monkeypatch, capfd, "cluster", "photos", "-k", "3", "--method", "kmeans")
    for name, message in (("gone.png", "No such file or directory"), ("photos/notes.md", "not a picture of a known")):
        code, _, err = pipeline(monkeypatch, capfd, "search", name)
        assert (code, len(err.splitlines())) == (2, 1)
        assert message in err


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        (
            "      fewest: 5",
            "      fewest: 40",
            "wanted: expected fewest to be at most most, found fewest: 40 and most: 30",
        ),
        (
            "        umap-kmeans: 4\n  runs: 3",
            "        umapp: 4\n  runs: 3",
            "small.auto.centred: unknown method 'umapp'",
        ),
        (
            "        umap-kmeans: 4\n  runs: 3",
            "        tac: 4\n  runs: 3",
            "small.auto.centred tac: it reads WordNet's",
        ),
    ],
)
def test_wrong_settings_are_refused_before_a_picture_is_read(
    right: str, wrong: str, message: str, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = params.DEFAULTS.read_text()
    assert text.count(right) == 1
    changed = photos.with_name("params.yaml")
    changed.write_text(text.replace(right, wrong))
    monkeypatch.setattr(params, "DEFAULTS", changed)
    with pytest.raises(PipelineError, match=re.escape(f"{changed}: cluster.")) as raised:
        requested(["photos"], None, None, "cpu")
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["photos", "--cache", "photos/notes.md"], "--cache photos/notes.md: expected a folder, or a new one, found a"),
        (["gone", "-k", "3"], "gone: expected a folder, a file, a pattern or a list of pictures, found nothing there"),
        (["photos", "-k", "30"], "expected at least as many pictures as clusters, found 24 for 30; give a smaller -k"),
        (["photos/deep/1.png", "-k", "auto"], "expected at least 2 pictures, found 1; give more"),
        (["photos", "-k", "many"], "-k many: expected a whole number of at least 2, or auto"),
        (["photos", "-k", "1"], "-k 1: expected a whole number of at least 2, or auto"),
        (["photos", "-k", "3", "--method", "zero-shot"], "--method zero-shot: it reads the names of classes"),
        (
            ["photos", "-k", "3", "--method", "kmean"],
            "--method: unknown method 'kmean'; did you mean kmeans or tac-kmeans or umap-kmeans?",
        ),
        (["photos", "-k", "3", "--backbone", "clip"], "--backbone: unknown backbone 'clip'"),
        (["photos", "-k", "3", "--backbone", "autoo"], "--backbone: unknown backbone 'autoo'; did you mean auto?"),
        (["photos", "-k", "3", "--backbone", "clip-vitb32+auto"], "--backbone: unknown backbone 'auto'; known: clip"),
        (
            ["photos", "-k", "3", "--backbone", "efficientnet-lite0+efficientnet-lite0"],
            "--backbone: expected different backbones in a mix",
        ),
        (["photos", "-k", "3", "--backbone", ""], "--backbone: unknown backbone ''"),
        (["photos", "-k", "3", "--method", ""], "--method: unknown method ''"),
        (["photos/notes.md", "-k", "3"], "expected pictures, found none among 1 files (notes.md: not a picture"),
        (["photos", "-k", "3", "--backbone", "efficientnet-lite0+clip"], "--backbone: unknown backbone 'clip'"),
        (["photos", "-k", "3", "--out", "photos"], "photos: expected an empty folder or an earlier result"),
    ],
)
def test_wrong_input_ends_in_one_line(
    arguments: list[str],
    message: str,
    photos: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    code, _, err = pipeline(monkeypatch, capfd, "cluster", *arguments)
    assert code == 2
    assert message in err.splitlines()[-1]
    assert "Traceback" not in err


def test_what_cannot_be_done_leaves_an_earlier_result_whole(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pipeline(monkeypatch, capfd, "cluster", "photos", "-k", "3", "--method", "kmeans")
    folder = tmp_path / "photos-clusters"
    first = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    (photos / "deep" / "0.png").unlink()
    (tmp_path / "old").mkdir()
    shutil.copytree(photos, tmp_path / "old" / "photos")
    for arguments, message in (
        (["photos", "-k", "30"], "found 23 for 30"),
        (["old/photos", "-k", "3"], "photos-clusters: expected the clusters of"),
        (["fotos", "-k", "3"], "fotos: expected a folder"),
    ):
        code, _, err = pipeline(monkeypatch, capfd, "cluster", *arguments)
        assert code == 2
        assert message in err.splitlines()[-1]
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == first
    assert not list(tmp_path.glob("fotos*"))


def test_a_folder_whose_name_is_no_utf_8_is_clustered(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    photos.rename(photos.with_name(NOT_UTF8))
    code, _, err = pipeline(monkeypatch, capfd, "cluster", NOT_UTF8, "-k", "3", "--method", "kmeans")
    assert code == 0, err
    assert photos.with_name(f"{NOT_UTF8}-clusters").joinpath("index.html").is_file()


def test_several_backbones_are_joined(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    mix = "efficientnet-lite0+efficientnet-lite1"
    arguments = ["photos", "-k", "3", "--method", "kmeans", "--backbone", mix]
    code, _, err = pipeline(monkeypatch, capfd, "cluster", *arguments)
    assert code == 0, err
    folder = tmp_path / "photos-clusters"
    assert load_model(folder / "head" / "head.safetensors", METHODS).model.tensors()["centroids"].shape == (3, 2560)
    expected = {row["path"]: row["cluster"] for row in table(folder / "assignments.csv")}
    code, out, err = pipeline(monkeypatch, capfd, "predict", str(folder / "head"), "photos/deep")
    assert code == 0, err
    found = {row["path"]: row["cluster"] for row in csv.DictReader(out.splitlines())}
    assert found == {f"photos/{path}": cluster for path, cluster in expected.items() if path.startswith("deep/")}


def test_the_program_chooses_a_backbone_where_it_is_asked_to_and_says_which_first(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("pipeline.backbones.best.weights_are_here", lambda entry, _: entry.name == "efficientnet-lite0")
    for words in (["-k", "3", "--method", "kmeans", "--backbone", "auto"], ["-k", "3", "--method", "kmeans"]):
        code, out, err = pipeline(monkeypatch, capfd, "cluster", "photos", *words)
        assert code == 0, err
        assert out.startswith("backbone: efficientnet-lite0, the best one") == ("auto" in words)
    assert "0 computed" in out  # As the default is the same one here.


def test_two_pictures_are_enough(
    photos: Path, project: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    brief = project(**{"cluster.runs": 1, "fit.consensus.heads": 4, "fit.consensus.steps": 20}) / "params.yaml"
    monkeypatch.setattr(params, "DEFAULTS", brief)
    code, _, err = pipeline(monkeypatch, capfd, "cluster", "photos/deep/0.png", "photos/deep/1.png", "-k", "2")
    assert code == 0, err
    folder = photos.with_name("pictures-clusters")
    assert sorted(row["cluster"] for row in table(folder / "assignments.csv")) == ["0", "1"]
    assert read_manifest(folder / "cache" / "features" / "efficientnet-lite0").splits["train"][0].rows == 2


def test_clusters_without_a_picture_are_told(
    tmp_path: Path, pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("copies").mkdir()
    for number in range(12):
        Image.fromarray(pictures[0]).save(Path("copies") / f"{number}.png")
    code, out, err = pipeline(monkeypatch, capfd, "cluster", "copies", "-k", "4", "--out", "made")
    assert code == 0, err
    assert "3 of the 4 clusters got no picture: fewer groups differ here; 'pipeline duplicates made' lists" in out


def test_python_gives_what_the_command_gives(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, _, err = pipeline(monkeypatch, capfd, "cluster", "photos", "-k", "3", "--method", "kmeans", "--out", "made")
    assert code == 0, err
    found = cluster(Path("photos"), clusters=3, out=tmp_path / "again", method="kmeans", seed=0, device="cpu")
    assert capfd.readouterr().out == ""
    made = tmp_path / "made"
    for name in ("assignments.csv", "head/head.safetensors"):
        assert (found.folder / name).read_bytes() == (made / name).read_bytes()
    rows = table(made / "assignments.csv")
    assert found.ids == [row["path"] for row in rows]
    assert found.clusters.tolist() == [int(row["cluster"]) for row in rows]
    assert found.confidences.tolist() == [float(row["confidence"]) for row in rows]
    assert (found.root, found.folder, found.page) == (photos, tmp_path / "again", tmp_path / "again" / "index.html")
    assert found.page.is_file()
    assert all(path.is_file() for path in found.paths)
    again = f"pipeline cluster photos -k 3 --out {found.folder} --method kmeans --seed 0 --device cpu"
    assert json.loads((found.folder / "run.json").read_text())["command"] == again
    head = load_head(found.head)
    assert (head.method, head.backbone, head.n_clusters) == ("kmeans", "efficientnet-lite0", 3)
    cache = open_features(str(found.folder / "cache" / "features" / head.backbone)).read("train")
    assert cache.ids == found.ids
    assert np.array_equal(head.predict(cache.clean), found.clusters)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"clusters": 1}, "^clusters: expected a whole number of at least 2, or auto, found 1"),
        ({"clusters": "3"}, "^clusters: expected a whole number of at least 2, or auto, found '3'"),
        ({"seed": -1}, "^seed: expected a whole number of at least 0, found -1"),
        ({"sources": []}, "^sources: expected at least one folder or file, found none"),
        ({"sources": ["gone"]}, "^gone: expected a folder, a file, a pattern or a list"),
        ({"method": "kmean"}, "unknown method 'kmean'"),
        ({"backbone": "clip"}, "unknown backbone 'clip'"),
        ({"device": "gpu"}, "expected auto, cpu, cuda or cuda:N, found 'gpu'"),
    ],
)
def test_wrong_arguments_are_named(given: dict[str, Any], message: str, photos: Path) -> None:
    with pytest.raises(PipelineError, match=message):
        cluster(**{"sources": "photos", "out": "made", **given})
    assert not photos.with_name("made").exists()


def test_pictures_that_vanish_while_it_runs_cost_themselves(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    read = listing.read_picture
    lost = ("deep/3.png", "deep/7.png")

    def read_picture(folder: Path, record: ImageRecord) -> Any:
        if record.id == lost[0]:
            for name in lost:
                (photos / name).unlink(missing_ok=True)
        if record.id == "deep/5.png":
            (photos / record.id).write_bytes(b"overwritten")
        return read(folder, record)

    monkeypatch.setattr(clean_views, "MOST_BYTES", 0)  # As of those beyond, which are decoded again.
    monkeypatch.setattr(listing, "read_picture", read_picture)
    code, out, err = pipeline(monkeypatch, capfd, "cluster", "photos", "-k", "3", "--method", "kmeans")
    assert code == 0, err
    assert "24 pictures in" in out
    assert "lost while this ran, see rejected.csv; going on with 21 pictures" in err
    folder = tmp_path / "photos-clusters"
    assert len(table(folder / "assignments.csv")) == 21
    missing, odd = "No such file or directory", "not a picture of a known format"
    assert [(row["path"], row["reason"]) for row in table(folder / "rejected.csv")] == [
        ("deep/3.png", missing),
        ("deep/5.png", odd),
        ("deep/7.png", missing),
        ("empty.jpg", odd),
        ("notes.md", odd),
    ]
    # What is left is what the next run finds.
    code, out, err = pipeline(monkeypatch, capfd, "cluster", "photos", "-k", "3", "--method", "kmeans")
    assert code == 0, err
    assert "21 reused" in out
    # To the same pictures in a new place the result comes along.
    (tmp_path / "moved").mkdir()
    for name in ("photos", "photos-clusters"):
        (tmp_path / name).rename(tmp_path / "moved" / name)
    monkeypatch.chdir(tmp_path / "moved")
    code, out, err = pipeline(monkeypatch, capfd, "cluster", "photos", "-k", "3", "--method", "kmeans")
    assert code == 0, err
    assert "21 reused" in out


def test_too_few_pictures_that_are_left_are_refused(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    read = listing.read_picture

    def read_picture(folder: Path, record: ImageRecord) -> Any:
        shutil.rmtree(photos, ignore_errors=True)
        return read(folder, record)

    monkeypatch.setattr(clean_views, "MOST_BYTES", 0)
    monkeypatch.setattr(listing, "read_picture", read_picture)
    code, _, err = pipeline(monkeypatch, capfd, "cluster", "photos", "-k", "3", "--method", "kmeans")
    assert code == 2
    assert "expected at least as many pictures as clusters, found 0 for 3" in err.splitlines()[-1]


def test_any_name_goes_through_every_table(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    base = (photos / "deep" / "0.png").read_bytes()
    shutil.rmtree(photos)
    photos.mkdir()
    chance = random.Random(0)
    for name in (*NAMES, *(random_name(chance) for _ in range(40))):
        with suppress(FileExistsError), (photos / name).open("xb") as file:
            file.write(base)
    photos.rename(tmp_path / "Trip [2020]")
    (tmp_path / "Trip [2020]" / "=no picture").write_bytes(b"")
    source, folder = tmp_path / "Trip [2020]", tmp_path / "Trip [2020]-clusters"
    code, _, err = pipeline(monkeypatch, capfd, "cluster", "Trip [2020]", "-k", "3", "--method", "kmeans")
    assert code == 0, err
    seen = {path.name for path in source.iterdir() if not path.name.startswith(".") and path.name != "Icon\r"}
    rows = read_table(folder / "assignments.csv", PREDICTED_COLUMNS, "")
    assert {row["path"] for row in rows} == seen - {"=no picture"}
    assert [row["path"] for row in read_table(folder / "rejected.csv", ("path",), "")] == ["=no picture"]
    code, _, err = pipeline(monkeypatch, capfd, "predict", str(folder / "head"), str(source), "--out", "new.csv")
    assert code == 0, err
    new = read_table(tmp_path / "new.csv", PREDICTED_COLUMNS, "")
    assert {row["path"]: row["cluster"] for row in new} == {f"Trip [2020]/{r['path']}": r["cluster"] for r in rows}
    for path in (folder / "assignments.csv", folder / "rejected.csv", tmp_path / "new.csv"):
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            assert not [cell for row in csv.reader(file) for cell in row if FORMULA.match(cell) and cell[0] != "'"]
    code, _, err = pipeline(monkeypatch, capfd, "export", str(folder), "table.csv")
    assert code == 0, err
    table_rows = read_table(tmp_path / "table.csv", PREDICTED_COLUMNS, "")
    assert [(row["path"], row["cluster"]) for row in table_rows] == [(row["path"], row["cluster"]) for row in rows]
    before = {path.name: path.read_bytes() for path in source.iterdir()}
    assert pipeline(monkeypatch, capfd, "export", str(folder), "sorted", "--how", "move")[0] == 0
    assert {path.name for path in (tmp_path / "sorted").glob("cluster-*/*")} == seen - {"=no picture"}
    assert pipeline(monkeypatch, capfd, "export", "--undo", "sorted/undo.csv")[0] == 0
    assert {path.name: path.read_bytes() for path in source.iterdir()} == before
