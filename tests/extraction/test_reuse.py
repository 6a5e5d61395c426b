"""What changed in a list alone is computed: embeddings are found by their pictures' content."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.backbones import loaders
from pipeline.backbones.weights import find_weights
from pipeline.base.errors import PipelineError
from pipeline.config.settings import ExtractSettings
from pipeline.extraction import engines, extract
from pipeline.extraction.batches import embed
from pipeline.extraction.plan import Planned
from pipeline.extraction.streams import Streams
from pipeline.extraction.timings import Timings
from pipeline.features.manifest import read_manifest, read_split
from pipeline.features.shards import Shard, write_shard
from pipeline.images.listing import ImageRecord, write_list
from tests.conftest import BACKBONE, SMALL, write_images
from tests.extraction.test_extract import contents, run, shard
from tests.methods.test_protocol import command


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory, pictures: np.ndarray) -> list[ImageRecord]:
    """Sixty pictures; any list may name them, in any folder."""
    folder = tmp_path_factory.mktemp("pictures")
    return [replace(each, path=str(folder / each.path)) for each in write_images(folder, pictures[:60])]


@pytest.fixture
def made(tmp_path: Path, records: list[ImageRecord], small: ExtractSettings) -> Path:
    """A cache of the first 40, in shards of 16."""
    write_list(tmp_path / "images", records[:40])
    run(tmp_path / "images", tmp_path / "features", small)
    return tmp_path


def again(folder: Path, records: Sequence[ImageRecord], settings: ExtractSettings) -> Timings:
    """Extracts another list into the same cache, whose bytes must then be those of a new one."""
    write_list(folder / "images", records)
    timings = run(folder / "images", folder / "features", settings)
    shutil.rmtree(folder / "fresh", ignore_errors=True)
    run(folder / "images", folder / "fresh", settings)
    assert contents(folder / "features") == contents(folder / "fresh")
    assert timings.images + timings.reused == len(records)
    return timings


def test_added_deleted_renamed_and_moved_pictures_cost_what_is_new(
    made: Path, records: list[ImageRecord], small: ExtractSettings
) -> None:
    added = records[40:43] + records[:40] + records[43:45]
    assert again(made, added, small).images == 5
    deleted = [record for number, record in enumerate(added) if number not in (3, 20, 44)]
    assert again(made, deleted, small).images == 0
    renamed = [replace(record, id=f"holiday/{42 - number}.jpg") for number, record in enumerate(deleted)]
    assert again(made, renamed, small).images == 0
    assert again(made, renamed[::-1], small).images == 0
    in_test = [replace(record, split="test") if number % 3 else record for number, record in enumerate(renamed)]
    assert again(made, in_test, small).images == 0
    assert again(made, in_test, replace(small, shard_rows=9)).images == 0


def test_a_copy_of_a_picture_has_its_embedding(made: Path, records: list[ImageRecord], small: ExtractSettings) -> None:
    copy = replace(records[3], id="copy of 3")
    assert again(made, [*records[:40], copy], small).images == 0
    read = read_split(made / "features", read_manifest(made / "features"), "train")
    assert np.array_equal(read.views[3], read.views[40])


def test_of_fewer_views_the_first_are_kept_and_of_more_the_others_are_computed(
    made: Path, records: list[ImageRecord], small: ExtractSettings
) -> None:
    fewer = again(made, records[:40], replace(small, views=2))
    assert (fewer.images, fewer.reused) == (0, 40)
    more = again(made, records[:41], replace(small, views=5))
    assert (more.images, more.widened) == (41 - more.reused, 40 - more.reused)
    # Three further views that all show what one before them shows are rare, and need no backbone.
    assert more.reused < 5
    assert f"of {more.widened} some views were there and the others were added" in more.line("cpu")


def test_other_pixels_or_another_range_are_another_picture(
    made: Path, records: list[ImageRecord], small: ExtractSettings, pictures: np.ndarray
) -> None:
    changed = [*records[:39], replace(records[45], id=records[39].id)]
    assert again(made, changed, small).images == 1
    assert records[0].key != replace(records[0], range="16 0 100").key
    assert replace(records[0], digest="").key == replace(records[1], digest="").key == ""


def test_without_a_digest_a_picture_is_known_by_its_id_and_place_alone(
    tmp_path: Path, records: list[ImageRecord], small: ExtractSettings
) -> None:
    unknown = [replace(record, digest="") for record in records[:20]]
    assert again(tmp_path, unknown, small).images == 20
    assert again(tmp_path, [*unknown, records[20]], small).images == 4 + 1
    read = read_split(tmp_path / "features", read_manifest(tmp_path / "features"), "train")
    assert not np.array_equal(read.views[0], read.views[1])


def test_an_embedding_depends_on_no_other_in_its_batch(
    records: list[ImageRecord], small: ExtractSettings, tmp_path: Path
) -> None:
    """In float32 as in bf16, grey beside coloured pictures, in a batch that is full and in one that is not."""
    photo = tmp_path / "photo.png"
    Image.effect_mandelbrot((60, 40), (-2, -1.5, 1, 1.5), 50).convert("RGB").save(photo)
    coloured = ImageRecord("photo", "train", str(photo), None, "")
    module = loaders.load(SMALL, find_weights(SMALL)[0])
    for precision in ("fp32", "bf16"):
        streams = Streams(module, SMALL, replace(small, precision=precision), "cpu")

        def embedded(*given: ImageRecord, streams: Streams = streams) -> np.ndarray:
            with closing(streams.read_ahead(tmp_path, given)) as reader:
                return embed(streams, reader, len(given), Timings(), lambda: None)

        together = embedded(*records[:30], coloured)
        for row in (0, 13, 29):
            assert np.array_equal(embedded(records[row])[0], together[row])
        assert np.array_equal(embedded(records[40], coloured, *records[41:50])[1], together[30])


def test_what_was_made_on_another_device_is_kept_beside_new_pictures(
    tmp_path: Path, records: list[ImageRecord], small: ExtractSettings
) -> None:
    write_list(tmp_path / "images", records[:40])
    run(tmp_path / "images", tmp_path / "features", replace(small, precision="bf16", batch=64))
    write_list(tmp_path / "images", records[39:41] + records[:39])
    timings = run(tmp_path / "images", tmp_path / "features", replace(small, precision="auto", batch_on_gpu=64))
    assert (timings.images, timings.reused) == (1, 40)
    assert read_manifest(tmp_path / "features").settings["batch"] == 64


def test_a_damaged_shard_costs_its_own_rows_alone(
    made: Path, records: list[ImageRecord], small: ExtractSettings
) -> None:
    path = shard(made / "features", "train-00001")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert again(made, [records[50], *records[:40]], small).images == 1 + 16


def test_a_stopped_run_loses_no_row_and_the_cache_does_not_double(
    made: Path, records: list[ImageRecord], small: ExtractSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 0

    def stop_at_the_third(path: Path, *given: object) -> Shard:
        nonlocal most
        most = max(most, len(list(path.parent.glob("*.h5"))))
        if path.name.startswith("train-00002"):
            raise KeyboardInterrupt
        return write_shard(path, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(engines, "write_shard", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        again(made, [records[50], *records[:40]], small)
    with pytest.raises(PipelineError, match="no finished feature cache"):
        read_manifest(made / "features")
    monkeypatch.setattr(engines, "write_shard", write_shard)
    # A third list: neither the old shards nor those that were just written are whole parts of it.
    assert again(made, [records[51], records[50], *records[:40]], small).images <= 2
    assert most <= 4


def test_a_shard_that_goes_away_meanwhile_is_named(
    made: Path, records: list[ImageRecord], small: ExtractSettings
) -> None:
    write_list(made / "images", [*records[40:42], *records[:40]])
    old = shard(made / "features", "train-00000")

    def losing(*given: object) -> Iterator[Shard]:
        old.unlink(missing_ok=True)
        return engines.here(*given)  # type: ignore[arg-type]

    with pytest.raises(PipelineError, match=rf"{old.name}: gone or damaged since it was looked at; run 'pipeline"):
        extract.extract("pets", SMALL, made / "images", made / "features", small, "cpu", losing)  # type: ignore[arg-type]
    assert again(made, [*records[40:42], *records[:40]], small).images <= 18


def test_several_devices_copy_as_one(made: Path, records: list[ImageRecord], small: ExtractSettings) -> None:
    write_list(made / "images", records[20:60] + records[:20])
    given = "pets", SMALL, made / "images"
    timings = extract.extract(*given, made / "features", small, "cpu", engines.on(["cpu", "cpu"]))
    assert (timings.images, timings.reused) == (20, 40)
    extract.extract(*given, made / "fresh", small, "cpu")
    assert contents(made / "features") == contents(made / "fresh")


def test_what_an_earlier_version_wrote_is_made_anew_and_a_line_says_so(
    made: Path, records: list[ImageRecord], small: ExtractSettings
) -> None:
    for path in (made / "features").glob("*.h5"):
        path.write_bytes(path.read_bytes().replace(b"recipe", b"rezept"))
        path.rename(path.with_name(f"{path.name[:11]}.h5"))
    timings = again(made, records[:40], small)
    assert timings.images == 40
    assert "embeddings of an earlier version were made anew" in timings.line("cpu")


def test_rows_to_do_are_all_unless_it_says_which(records: list[ImageRecord]) -> None:
    assert Planned("train", "a.h5", records[:2], "").todo == {0: 0, 1: 0}
    assert Planned("train", "a.h5", records[:2], "", rows=[1]).todo == {1: 0}


def test_a_data_set_of_ones_own_that_changes(
    project: Callable[..., Path],
    pictures: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    about = {"clusters": 3, "balance_weight": 5.0, "image_size": 32, "geometry": "pad", "folder": "pets"}
    folder = project(**{"datasets.pets": about, "run.datasets": ["pets"], "extract.views": 2, "extract.shard_rows": 8})
    (folder / "pets").mkdir()
    for number in range(24):
        Image.fromarray(pictures[number]).save(folder / "pets" / f"{number:02}.png")

    def extracted() -> str:
        capsys.readouterr()
        command(monkeypatch, "prepare")
        command(monkeypatch, "extract", "--device", "cpu")
        return capsys.readouterr().out.splitlines()[-1]

    assert f"pets x {BACKBONE}: 24 computed on cpu" in extracted()
    (folder / "pets" / "03.png").unlink()
    (folder / "pets" / "20.png").rename(folder / "pets" / "00 the best.png")
    Image.fromarray(pictures[30]).save(folder / "pets" / "10b.png")
    line = extracted()
    assert "1 computed on cpu" in line
    assert ", 23 reused; " in line
    features = folder / "data" / "features" / "pets" / BACKBONE
    found = contents(features)
    shutil.rmtree(features)
    extracted()
    assert contents(features) == found
