"""Pictures and caches in a store: in memory, and on a server that speaks S3."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.base.errors import PipelineError
from pipeline.base.files import is_remote, write_bytes
from pipeline.base.remote import names_below, place, reached
from pipeline.cli import main as cli
from pipeline.config.paths import extract_command
from pipeline.config.settings import ExtractSettings
from pipeline.extraction import engines, extract
from pipeline.features.manifest import read_manifest, read_split
from pipeline.features.shards import Shard, write_shard
from pipeline.images.examination import Rejected, examine
from pipeline.images.listing import ImageRecord, open_image
from tests.conftest import BACKBONE, SMALL, write_images

PHOTOS = {"clusters": 4, "balance_weight": 5.0, "image_size": 32, "geometry": "published"}
CELL = f"--dataset photos --backbone {BACKBONE}"


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A bucket on a server of its own."""
    from moto.server import ThreadedMotoServer
    from s3fs import S3FileSystem

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://{}:{}".format(*server.get_host_and_port()))
        patch.setenv("AWS_ACCESS_KEY_ID", "name")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        S3FileSystem.clear_instance_cache()
        S3FileSystem().mkdir("tests")
        yield "s3://tests"
        S3FileSystem().rm("tests", recursive=True)  # The next server of this process would still have it.
    S3FileSystem.clear_instance_cache()
    server.stop()


def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> tuple[int, list[str], str]:
    """A command's exit code, the lines that it prints and the last line of its errors."""
    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", ["pipeline", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return int(stop.value.code or 0), out.splitlines(), (err.splitlines() or [""])[-1]


def files_of(folder: Path) -> dict[str, bytes]:
    """The content of all files below a folder, here or in a store."""
    if is_remote(folder):
        return {str(name): (folder / name).read_bytes() for name in names_below(folder, ())}
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def png(picture: np.ndarray) -> bytes:
    data = BytesIO()
    Image.fromarray(picture).save(data, "PNG")
    return data.getvalue()


def test_a_name_is_a_path_here_or_in_a_store(tmp_path: Path) -> None:
    assert place("data/features") == Path("data/features")
    assert place("C:/pictures") == Path("C:/pictures")
    assert place(f"file://{tmp_path}") == tmp_path
    there = place("s3://bucket/features/")
    assert (is_remote(tmp_path), is_remote(there)) == (False, True)
    assert str(there / "stl10" / "one") == "s3://bucket/features/stl10/one"
    with pytest.raises(PipelineError, match="nope://x: Unsupported filesystem: 'nope'; expected a path, or a URL"):
        place("nope://x")


def test_the_missing_driver_is_named() -> None:
    with pytest.raises(PipelineError, match=r"az://x/y: Install adlfs .*: uv pip install '\.\[remote\]'"):
        place("az://x/y")


def test_the_command_that_fills_a_root_of_its_own() -> None:
    assert extract_command(place("s3://b/f/pets/one")).endswith("--dataset pets --backbone one --features s3://b/f")
    assert extract_command(Path("/mnt/my caches/pets/one")).endswith("--features '/mnt/my caches'")
    assert extract_command(Path("data/features/pets/one")) == "pipeline extract --dataset pets --backbone one"


def test_the_files_below_a_folder_of_a_store() -> None:
    folder = place("memory://below/pets")
    for name in ("b.png", "a/ü.png", "a/.hidden.png", ".git/c.png", "results/d.png", "results/MARK"):
        write_bytes(folder / name, b"")
    assert sorted(map(str, names_below(folder, ("MARK",)))) == ["a/ü.png", "b.png"]


def test_a_collection_of_ones_own_is_of_this_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, line = run(capsys, monkeypatch, "cluster", "s3://bucket/photos", "-k", "2", "--device", "cpu")
    assert (code, "name the URL as its folder in params.yaml" in line) == (2, True)


def test_pictures_of_a_store_are_looked_at_and_opened(pictures: np.ndarray) -> None:
    folder = place("memory://looked/pets")
    write_bytes(folder / "cats" / "1.png", png(pictures[0]))
    write_bytes(folder / "2.png", b"no picture")
    found, rejected, gone = examine(folder, [Path("cats/1.png"), Path("2.png"), Path("3.png")], "train")
    assert isinstance(found, ImageRecord)
    assert (found.id, found.path) == ("cats/1.png", "memory://looked/pets/cats/1.png")
    assert rejected == Rejected("2.png", "not a picture of a known format")
    assert isinstance(gone, Rejected)
    np.testing.assert_array_equal(np.asarray(open_image(Path("elsewhere"), found)), pictures[0])
    (folder / "cats" / "1.png").unlink()
    with pytest.raises(PipelineError, match=r"memory://looked/pets/cats/1\.png: the picture is gone"):
        open_image(Path("elsewhere"), found)


def test_a_cache_in_memory_has_the_bytes_of_one_on_disk(
    pictures: np.ndarray, small: ExtractSettings, tmp_path: Path
) -> None:
    write_images(tmp_path / "images", pictures[:20])
    there, here = place("memory://caches/pets") / BACKBONE, tmp_path / "features"
    for folder in (there, here):
        extract.extract("pets", SMALL, tmp_path / "images", folder, small, "cpu")
    assert files_of(there) == files_of(here)
    (shard,) = there.glob("train-00001-*.h5")
    write_bytes(shard, shard.read_bytes()[:-1])
    with pytest.raises(PipelineError, match=r"truncated: .* --features memory://caches', which makes"):
        read_split(there, read_manifest(there), "train")
    write_bytes(there / "train-00009.h5", b"of another run")
    timings = extract.extract("pets", SMALL, tmp_path / "images", there, small, "cpu")
    assert (timings.images, timings.reused) == (4, 16)
    assert files_of(there) == files_of(here)


@pytest.mark.slow
def test_a_bucket_serves_as_well_as_a_disk(
    bucket: str,
    project: Callable[..., Path],
    pictures: np.ndarray,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small: dict[str, object] = {
        "extract.views": 2,
        "extract.shard_rows": 16,
        "fit.runs": 1,
        "fit.training.epochs": 1,
        "fit.training.min_steps": 5,
    }
    small |= {"run.datasets": ["photos"], "fit.kmeans.starts": 1}
    folder = project(**small, **{"datasets.photos": {**PHOTOS, "folder": "pictures"}})
    for number, picture in enumerate(pictures[:40]):
        for target in (folder / "pictures", place(f"{bucket}/pictures")):
            write_bytes(target / ("train" if number < 30 else "test") / f"{number:02}.png", png(picture))
    for stage in ("prepare", "extract", "fit"):
        assert run(capsys, monkeypatch, stage, *(() if stage == "prepare" else ("--device", "cpu")))[0] == 0
    expected = {name: files_of(folder / "data" / name) for name in ("features", "heads", "predictions")}
    assert len(expected["features"]) == 4

    project(**small, **{"datasets.photos": {**PHOTOS, "folder": f"{bucket}/pictures"}})
    code, lines, _ = run(capsys, monkeypatch, "prepare")
    assert (code, lines) == (0, ["photos: 30 train, 10 test, no classes"])
    root = f"{bucket}/features"
    with monkeypatch.context() as patch:
        written: list[Path] = []

        def stop_at_the_second(path: Path, *arguments: object) -> Shard:
            if written:
                raise KeyboardInterrupt
            written.append(path)
            return write_shard(path, *arguments)  # type: ignore[arg-type]

        patch.setattr(engines, "write_shard", stop_at_the_second)
        assert run(capsys, monkeypatch, "extract", "--device", "cpu", "--features", root)[0] == 130
    here = place(root) / "photos" / BACKBONE
    (first,) = files_of(here)
    assert first.startswith("train-00000-")
    code, _, line = run(capsys, monkeypatch, "fit", "--device", "cpu", "--features", root)
    assert (code, line) == (
        2,
        f"pipeline: {here}: there is no finished feature cache here; run 'pipeline extract {CELL} --features {root}'",
    )
    code, lines, _ = run(capsys, monkeypatch, "extract", "--device", "cpu", "--features", root)
    assert (code, ", 16 reused; " in lines[0]) == (0, True)
    assert files_of(place(root)) == expected["features"]
    code, lines, _ = run(capsys, monkeypatch, "verify", str(here))
    assert (code, lines[0].startswith(f"{here}: whole, 3 shards, 40 images, ")) == (0, True)
    assert run(capsys, monkeypatch, "fit", "--device", "cpu", "--features", root)[0] == 0
    for name in ("heads", "predictions"):
        assert files_of(folder / "data" / name) == expected[name]

    (shard,) = here.glob("train-00001-*.h5")
    write_bytes(shard, shard.read_bytes()[:-1] + b"x")
    code, lines, _ = run(capsys, monkeypatch, "verify", str(here))
    assert (code, len(lines)) == (1, 2)
    assert lines[1].startswith(f"{shard}: damaged: ")
    assert f"--features {root}', which makes this shard again" in lines[1]


def test_a_bucket_that_is_not_there_and_one_that_says_no(
    bucket: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reached(f"{bucket}/nothing/here/yet") == place(f"{bucket}/nothing/here/yet")
    assert reached(bucket) == place(bucket)
    for name in ("s3://nobodys", "s3://nobodys/features"):
        code, _, line = run(capsys, monkeypatch, "verify", name)
        assert (code, line) == (
            2,
            f"pipeline: {name}: there is no bucket 'nobodys'; make it, or check the name",
        )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "Could not connect to the endpoint URL"),
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "Unable to locate credentials"),
    ],
    ids=["no network", "no credentials"],
)
def test_a_store_out_of_reach_is_one_line(
    change: dict[str, str | None],
    reason: str,
    bucket: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    from s3fs import S3FileSystem

    for name, value in {
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        **change,
    }.items():
        monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    S3FileSystem.clear_instance_cache()
    try:
        code, _, line = run(capsys, monkeypatch, "verify", f"{bucket}/features/photos/{BACKBONE}")
    finally:
        S3FileSystem.clear_instance_cache()
    assert code == 2
    assert line.startswith(f"pipeline: {bucket}/features/photos/{BACKBONE}: {reason}")
    assert line.endswith("; check the name, the credentials and the network")
