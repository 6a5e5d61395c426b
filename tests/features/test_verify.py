"""`pipeline verify`: what it names, its exit codes, and that what it asks for puts right only what is bad."""

from __future__ import annotations

import random
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.base.files import write_json
from pipeline.cli import main as cli
from pipeline.cli.settings import Settings
from pipeline.config.settings import ExtractSettings
from pipeline.extraction import extract
from pipeline.features.cache import write_mix
from tests.conftest import SMALL, write_images
from tests.features.test_cache import write_cache


def verify(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *folders: Path | str
) -> tuple[int, list[str]]:
    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", ["pipeline", "verify", *map(str, folders)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return int(stop.value.code or 0), (out + err).splitlines()


@pytest.fixture
def sound(tmp_path: Path, settings: Settings) -> Path:
    """A whole cache of two shards."""
    return write_cache(tmp_path / "data" / "features" / "pets" / "one", settings, 6)


def test_a_whole_cache(sound: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    code, lines = verify(capsys, monkeypatch, sound, sound)
    size = sum(path.stat().st_size for path in sound.glob("*.h5"))
    assert (code, lines) == (0, [f"{sound}: whole, 2 shards, 10 images, {size:,} bytes"])


def test_bad_shards_are_named_with_the_reason_and_the_command(
    sound: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    test, train = sound / "test-00000.h5", sound / "train-00000.h5"
    shutil.copy(train, sound / "train-00007.h5")
    (sound / "train-00000.h5.tmp").write_bytes(b"half")
    (sound / "caf\udce9").touch()
    assert verify(capsys, monkeypatch, sound)[0] == 0
    train.write_bytes(train.read_bytes()[:-1])
    test.unlink()
    code, lines = verify(capsys, monkeypatch, sound)
    assert code == 1
    again = "run 'pipeline extract --dataset pets --backbone one', which makes this shard again and keeps the others"
    assert lines[0] == f"{sound}: NOT WHOLE, 2 of 2 shards bad"
    assert lines[1].startswith(f"{train}: truncated: expected ")
    assert lines[1].endswith(again)
    assert lines[2:] == [
        f"{test}: the shard is missing; {again}",
        f"{sound}/caf\\udce9: not of this cache, nothing reads it; remove it",
        f"{train}.tmp: not of this cache, nothing reads it; remove it",
        f"{sound / 'train-00007.h5'}: not of this cache, nothing reads it; remove it",
    ]


def test_a_shard_of_another_run_is_named(
    sound: Path, settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write_cache(sound.parent / "other", settings, 6, seed=1)
    shutil.copy(other / "test-00000.h5", sound)
    code, lines = verify(capsys, monkeypatch, sound, other)
    assert code == 1
    assert "test-00000.h5: made with other parameters, weights or pictures; run" in lines[1]
    assert lines[2].startswith(f"{other}: whole")


def test_a_cache_without_a_sound_manifest(
    sound: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = sound / "manifest.json"
    write_json(manifest, {"schema_version": 1})
    code, lines = verify(capsys, monkeypatch, sound)
    assert (code, lines[0]) == (1, f"{sound}: NOT WHOLE")
    assert "expected schema version 2, found 1; run 'pipeline extract --dataset pets --backbone one'" in lines[1]
    manifest.unlink()
    code, lines = verify(capsys, monkeypatch, sound)
    assert code == 1
    assert "there is no finished feature cache here; run 'pipeline extract" in lines[1]


def test_a_mix_and_a_result(
    sound: Path, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    two = write_cache(sound.parent / "two", settings, 4)
    mix = sound.parent / "one+two"
    write_mix(mix)
    code, lines = verify(capsys, monkeypatch, mix)
    assert (code, len(lines), lines[2]) == (0, 3, f"{mix}: whole, a mix of caches that fit")
    result = tmp_path / "my-clusters"
    shutil.copytree(sound.parent, result / "cache" / "features")
    write_cache(two, settings, 4, seed=1)
    code, lines = verify(capsys, monkeypatch, mix)
    assert (code, lines[2]) == (1, f"{mix}: NOT WHOLE")
    assert f"the cache {two} was made anew since" in lines[3]
    assert verify(capsys, monkeypatch, result)[0] == 0
    (result / "cache" / "features" / "two" / "test-00000.h5").unlink()
    code, lines = verify(capsys, monkeypatch, result)
    assert code == 1
    assert "missing; run 'pipeline cluster THE_SAME_PICTURES --out " in lines[2]


@pytest.mark.parametrize("name", ["nothing", "empty", "file", "result"])
def test_what_is_no_cache(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "result" / "cache" / "features").mkdir(parents=True)
    code, lines = verify(capsys, monkeypatch, tmp_path / name)
    assert code == 2
    assert lines[0].startswith(f"pipeline: {tmp_path / name}: expected a feature cache (a folder with manifest.json")


def test_twenty_of_twenty_flipped_bits_are_found_and_put_right(
    tmp_path: Path,
    pictures: np.ndarray,
    small: ExtractSettings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Anywhere in the files, metadata and padding included; extracting again makes that shard alone again."""
    images, folder = tmp_path / "images", tmp_path / "features" / "pets" / SMALL.name
    write_images(images, pictures[:32])
    extract.extract("pets", SMALL, images, folder, small, "cpu")
    undisturbed = {path.name: path.read_bytes() for path in folder.iterdir()}
    chance = random.Random(0)
    for number in range(20):
        shard = folder / chance.choice(sorted(name for name in undisturbed if name.endswith(".h5")))
        data = bytearray(shard.read_bytes())
        # Half of them among HDF5's own bytes, which are few beside the embeddings.
        offset = chance.randrange(5000 if number % 2 else len(data))
        data[offset] ^= 1 << chance.randrange(8)
        shard.write_bytes(data)
        code, lines = verify(capsys, monkeypatch, folder)
        assert (code, len(lines)) == (1, 2)
        assert lines[1].startswith(f"{shard}: ")
        timings = extract.extract("pets", SMALL, images, folder, small, "cpu")
        assert timings.reused >= 16
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == undisturbed
    assert verify(capsys, monkeypatch, folder)[0] == 0


def test_the_cache_of_a_result_can_be_checked(
    tmp_path: Path, pictures: np.ndarray, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pets").mkdir()
    for number, picture in enumerate(pictures[:4]):
        Image.fromarray(picture).save(tmp_path / "pets" / f"{number}.png")
    monkeypatch.setattr(sys, "argv", ["pipeline", "cluster", "pets", "-k", "2", "--method", "kmeans"])
    with pytest.raises(SystemExit):
        cli.main()
    code, lines = verify(capsys, monkeypatch, "pets-clusters")
    assert (code, len(lines)) == (0, 1)
