from __future__ import annotations

import os
import pty
import random
import re
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.backbones import loaders, registry
from pipeline.backbones.forward import forward
from pipeline.backbones.registry import Backbone
from pipeline.backbones.weights import find_weights
from pipeline.base.errors import PipelineError
from pipeline.config import devices
from pipeline.config.settings import ExtractSettings
from pipeline.extraction import extract, views
from pipeline.extraction.inputs import stack, to_input
from pipeline.extraction.timings import Timings
from pipeline.features.manifest import read_manifest, read_split
from pipeline.images.listing import digest_of
from tests.conftest import BACKBONE, DATASET, SMALL, write_images
from tests.methods.test_protocol import command
from tests.processes import start


def run(images: Path, features: Path, settings: ExtractSettings, backbone: Backbone = SMALL) -> Timings:
    return extract.extract(DATASET, backbone, images, features, settings, "cpu")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def shard(folder: Path, place: str) -> Path:
    """The shard of a place such as ``train-00000``; its name has a part of its fingerprint too."""
    (path,) = folder.glob(f"{place}-*.h5")
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, pictures: np.ndarray, small: ExtractSettings) -> tuple[Path, Path]:
    """An image list of 40 pictures in two splits and its finished cache."""
    folder = tmp_path_factory.mktemp("made")
    records = write_images(folder / "images", pictures[:30], "train")
    records += write_images(folder / "images", pictures[30:40], "test")
    from pipeline.images.listing import write_list

    write_list(folder / "images", records)
    run(folder / "images", folder / "features", small)
    return folder / "images", folder / "features"


def test_the_cache_has_every_image_in_order(made: tuple[Path, Path]) -> None:
    manifest = read_manifest(made[1])
    assert {name: [shard.rows for shard in shards] for name, shards in manifest.splits.items()} == {
        "train": [16, 14],
        "test": [10],
    }
    train = read_split(made[1], manifest, "train")
    assert train.ids == [f"train-{row:05d}" for row in range(30)]
    assert train.views.shape == (30, 4, 1280)


def test_the_clean_embedding_is_timms_own(made: tuple[Path, Path], pictures: np.ndarray) -> None:
    import timm

    path, _ = find_weights(SMALL)
    reference = timm.create_model(SMALL.model, pretrained=False, num_classes=0).eval()
    loaded = loaders.LOADERS[SMALL.library](SMALL, path)
    # Both list the same parameters in the same order.
    reference.load_state_dict(dict(zip(reference.state_dict(), loaded.state_dict().values(), strict=True)))
    pixels = np.stack(
        [
            np.asarray(Image.fromarray(p).convert("RGB").resize((32, 32), Image.Resampling.BICUBIC))
            for p in pictures[:16]
        ]
    )
    with torch.inference_mode():
        expected = reference((torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255 - 0.5) / 0.5)
    clean = read_split(made[1], read_manifest(made[1]), "train").clean[:16]
    torch.testing.assert_close(torch.from_numpy(clean), expected, rtol=2e-3, atol=2e-3)


def test_every_view_is_what_views_draws(made: tuple[Path, Path], pictures: np.ndarray, small: ExtractSettings) -> None:
    module = loaders.load(SMALL, find_weights(SMALL)[0])
    split = read_split(made[1], read_manifest(made[1]), "test")
    for row in range(len(split.ids)):
        for index in range(4):
            view = views.draw(small.augmentation, small.seed, digest_of(pictures[30 + row].tobytes()), index)
            pixels = views.resample(Image.fromarray(pictures[30 + row]), SMALL.geometry, view)
            alone = forward(module, to_input(stack([pixels], SMALL, "cpu"), [view.sigma], SMALL, "cpu"), "fp32")
            np.testing.assert_allclose(split.views[row, index], alone[0], rtol=4e-3, atol=4e-3)


def test_batch_and_shard_size_change_no_view(made: tuple[Path, Path], small: ExtractSettings, tmp_path: Path) -> None:
    run(made[0], tmp_path, replace(small, batch=7, shard_rows=9))
    for split in ("train", "test"):
        one, other = (read_split(f, read_manifest(f), split) for f in (made[1], tmp_path))
        assert one.ids == other.ids
        np.testing.assert_allclose(one.views.astype(float), other.views.astype(float), rtol=4e-3, atol=4e-3)


def test_the_same_run_gives_the_same_bytes(made: tuple[Path, Path], small: ExtractSettings, tmp_path: Path) -> None:
    run(made[0], tmp_path, small)
    assert contents(tmp_path) == contents(made[1])


def test_bf16_is_near_fp32_and_the_manifest_says_what_auto_was(
    made: tuple[Path, Path], small: ExtractSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, backbone = {}, registry.BACKBONES[BACKBONE].at_size(96)
    for used in ("fp32", "bf16"):
        monkeypatch.setattr(devices, "pick_precision", lambda wanted, device, used=used: {"auto": used}[wanted])
        run(made[0], tmp_path / used, replace(small, precision="auto"), backbone)
        manifest = read_manifest(tmp_path / used)
        assert manifest.settings["precision"] == used
        found[used] = read_split(tmp_path / used, manifest, "train").views.astype(np.float64)
    exact, rough = found.values()
    assert not np.array_equal(exact, rough)
    cosines = (exact * rough).sum(-1) / (np.linalg.norm(exact, axis=-1) * np.linalg.norm(rough, axis=-1))
    assert cosines.min() >= 0.995


def test_what_was_begun_on_another_device_is_finished_as_there(
    made: tuple[Path, Path], small: ExtractSettings, tmp_path: Path
) -> None:
    there = replace(small, precision="bf16", batch=256)
    run(made[0], tmp_path / "whole", there)
    (tmp_path / "begun").mkdir()
    for place in ("train-00000", "test-00000"):
        shutil.copy(shard(tmp_path / "whole", place), tmp_path / "begun")
    here = replace(small, precision="auto", batch_on_gpu=256)
    assert run(made[0], tmp_path / "begun", here).reused == 26
    assert contents(tmp_path / "begun") == contents(tmp_path / "whole")
    assert read_manifest(tmp_path / "begun").settings["precision"] == "bf16"


def test_a_cache_of_other_settings_is_made_as_this_device_does(
    made: tuple[Path, Path], small: ExtractSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(made[1], tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(devices, "pick_precision", lambda wanted, device: {"auto": "bf16"}[wanted])
    run(made[0], tmp_path, replace(small, seed=1, precision="auto", batch=32, batch_on_gpu=256))
    about = read_manifest(tmp_path).settings
    assert (about["precision"], about["batch"]) == ("bf16", 32)


def test_a_second_run_computes_nothing(made: tuple[Path, Path], small: ExtractSettings) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in made[1].iterdir()}
    timings = run(*made, small)
    assert (timings.images, timings.reused, timings.forward) == (0, 40, 0.0)
    assert {path.name: path.stat().st_mtime_ns for path in made[1].iterdir()} == before


def test_only_what_is_damaged_is_made_again(made: tuple[Path, Path], small: ExtractSettings, tmp_path: Path) -> None:
    for name, data in contents(made[1]).items():
        (tmp_path / name).write_bytes(data)
    path = shard(tmp_path, "train-00001")
    path.write_bytes(path.read_bytes()[:-100])
    (tmp_path / "train-00007.h5").write_bytes(b"from another run")
    (tmp_path / "train-00000.h5.tmp").write_bytes(b"half a shard")
    timings = run(made[0], tmp_path, small)
    assert (timings.images, timings.reused) == (14, 26)
    assert contents(tmp_path) == contents(made[1])


@pytest.mark.parametrize("content", ["", "{", '{"schema_version": 1}'], ids=["empty", "no JSON", "old"])
def test_a_bad_manifest_is_written_anew(
    made: tuple[Path, Path], small: ExtractSettings, tmp_path: Path, content: str
) -> None:
    """Guards against a manifest whose error asks for an extraction that then leaves it as it is."""
    for name, data in contents(made[1]).items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "manifest.json").write_text(content)
    (tmp_path / "manifest.json.tmp").write_text("half a manifest")
    assert run(made[0], tmp_path, small).images == 0
    assert contents(tmp_path) == contents(made[1])


def test_damage_beside_the_embeddings_is_put_right_without_the_backbone(
    made: tuple[Path, Path], small: ExtractSettings, tmp_path: Path
) -> None:
    for name, data in contents(made[1]).items():
        (tmp_path / name).write_bytes(data)
    path = shard(tmp_path, "train-00001")
    data = path.read_bytes()
    place = data.index(bytes(64)) + 32
    path.write_bytes(data[:place] + b"\1" + data[place + 1 :])
    assert run(made[0], tmp_path, small).images == 0
    assert contents(tmp_path) == contents(made[1])


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"precision": "bf16"}, {"batch": 8}],
    ids=lambda change: next(iter(change)),
)
def test_nothing_made_with_other_settings_is_reused(
    made: tuple[Path, Path], small: ExtractSettings, tmp_path: Path, change: dict[str, int | str]
) -> None:
    for name, data in contents(made[1]).items():
        (tmp_path / name).write_bytes(data)
    assert run(made[0], tmp_path, replace(small, **change)).reused == 0  # type: ignore[arg-type]


def test_nothing_made_of_other_pictures_is_reused(
    made: tuple[Path, Path], pictures: np.ndarray, small: ExtractSettings, tmp_path: Path
) -> None:
    run(made[0], tmp_path / "features", small)
    changed = pictures[:30].copy()
    changed[20] = 255 - changed[20]
    write_images(tmp_path / "images", changed, "train")
    timings = run(tmp_path / "images", tmp_path / "features", small)
    assert (timings.images, timings.reused) == (1, 29)
    assert not list((tmp_path / "features").glob("test-*"))


def test_an_interrupted_run_goes_on_and_ends_with_the_same_bytes(
    made: tuple[Path, Path], small: ExtractSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_file = os.replace
    written: list[str] = []

    def stop_at_the_second(source: Path, target: Path) -> None:
        if len(written) == 1:
            raise KeyboardInterrupt
        written.append(Path(target).name)
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        run(made[0], tmp_path, small)
    assert list(tmp_path.iterdir()) == [shard(tmp_path, "train-00000")]
    with pytest.raises(PipelineError, match="no finished feature cache"):
        read_manifest(tmp_path)
    monkeypatch.setattr(os, "replace", replace_file)
    assert run(made[0], tmp_path, small).reused == 16
    assert contents(tmp_path) == contents(made[1])


@pytest.mark.slow
def test_ten_kills_at_random_moments_change_no_byte(
    project: Callable[..., Path],
    pictures: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = project(**{"extract.shard_rows": 8, "datasets.fashion-mnist-mini.image_size": 32})
    write_images(folder / "data" / "images" / DATASET, pictures[:600])
    features = folder / "data" / "features" / DATASET / BACKBONE
    command(monkeypatch, "extract", "--device", "cpu")
    undisturbed = contents(features)
    for path in features.iterdir():
        path.unlink()

    chance = random.Random(0)
    interrupted = 0
    while interrupted < 10:
        process = start("extract", "--device", "cpu")
        count = len(list(features.glob("*.h5")))
        deadline = time.monotonic() + 120
        # Wait until this run has written a shard of its own, then strike at a moment of chance.
        while process.is_alive() and len(list(features.glob("*.h5"))) == count and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.1))
        process.kill()
        process.join()
        code = process.exitcode
        if (features / "manifest.json").exists():  # a quick machine came to the end before the blow: begin anew
            for path in features.iterdir():
                path.unlink()
        else:
            assert code == -signal.SIGKILL
            interrupted += 1
    capsys.readouterr()
    command(monkeypatch, "extract", "--device", "cpu")
    assert ", 0 reused" not in capsys.readouterr().out
    assert contents(features) == undisturbed


def test_progress_in_a_log_is_plain_lines(
    made: tuple[Path, Path],
    small: ExtractSettings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pipeline.extraction.timings.LOG_SECONDS", 0.0)
    run(made[0], tmp_path, small)
    shard(tmp_path, "test-00000").unlink()
    first = capsys.readouterr().err
    run(made[0], tmp_path, small)
    title = f"{DATASET} x {BACKBONE} on cpu"
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"{title}: 30 of 40 images"
    assert re.fullmatch(title + r": 31 of 40 images, [\d.]+ images/s, 0:00:\d\d left", lines[1])
    assert len(lines) == 11
    assert all(character.isprintable() or character == "\n" for character in first)


@pytest.mark.slow
def test_signals_stop_it_cleanly_and_a_lost_terminal_does_not(
    project: Callable[..., Path], pictures: np.ndarray, tmp_path: Path
) -> None:
    folder = project(**{"extract.shard_rows": 8, "datasets.fashion-mnist-mini.image_size": 64})
    write_images(folder / "data" / "images" / DATASET, pictures[:200])
    features = folder / "data" / "features" / DATASET / BACKBONE

    def wait_for(count: int) -> None:
        deadline = time.monotonic() + 120
        while len(list(features.glob("*.h5"))) < count and process.is_alive() and time.monotonic() < deadline:
            time.sleep(0.005)

    extraction, said = ("extract", "--device", "cpu"), tmp_path / "said"
    stopped = "pipeline: stopped; what is finished is kept, the same command goes on from there"
    chance = random.Random(1)
    for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        before = len(list(features.glob("*.h5")))
        process = start(*extraction, said=said)
        wait_for(before + 2)
        time.sleep(chance.uniform(0, 0.1))
        os.kill(process.pid, number)
        process.join(60)
        assert process.exitcode == code
        assert said.read_text().splitlines()[1:] == [stopped]
        said.unlink()
        assert {path.suffix for path in features.iterdir()} == {".h5"}
    kept = len(list(features.glob("*.h5")))
    assert kept >= 4

    # A session with a terminal of its own, which then goes away; the kernel says so to the session's leader, who may
    # have been told to ignore it.
    left: list[dict[str, bytes]] = []
    for action in (signal.SIG_DFL, signal.SIG_IGN):
        for path in sorted(features.glob("*.h5"))[kept:]:
            path.unlink()
        ours, theirs = pty.openpty()
        process = start(*extraction, said=Path(os.ttyname(theirs)), hangup=action)
        wait_for(kept + 2)
        assert process.is_alive()
        os.close(theirs)
        os.close(ours)
        process.join(120)
        assert process.exitcode == 0, action
        left.append(contents(features))
    undisturbed = left[0]
    assert left[1] == undisturbed
    assert "manifest.json" in undisturbed
    for path in features.iterdir():
        path.unlink()
    process = start(*extraction, said=said)
    wait_for(2)
    os.kill(process.pid, signal.SIGHUP)
    process.join(120)
    assert process.exitcode == 0
    assert " 200 computed on cpu" in said.read_text()
    assert contents(features) == undisturbed
