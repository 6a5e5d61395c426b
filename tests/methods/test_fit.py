from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.base.errors import PipelineError
from pipeline.base.progress import progress_line
from pipeline.cli import main as cli
from pipeline.cli.settings import Settings
from pipeline.config.names import TERMS
from pipeline.config.settings import DatasetSettings
from pipeline.config.types import Precision
from pipeline.extraction.plan import describe
from pipeline.features.cache import open_features, write_mix
from pipeline.features.checks import check_settings
from pipeline.features.manifest import Manifest, read_manifest, read_split
from pipeline.features.shards import write_shard
from pipeline.heads.predictions import read_assignments, read_runs, write_choices
from pipeline.heads.saved import load_model
from pipeline.methods import METHODS
from pipeline.methods.fit import fit
from pipeline.methods.fitted import Summary
from tests.commands import failure
from tests.conftest import SMALL
from tests.features.test_cache import write_cache

DATASET = DatasetSettings(clusters=3, balance_weight=5.0, image_size=None, geometry="published")


def test_runs_are_counted_from_one_for_people() -> None:
    """As the progress counts them: with two runs, the second is run 2 of 2."""
    summary = Summary("scp", {}, [0, 1], [2.0, 1.0], 1, 3, [3, 2])
    assert summary.line() == "scp: kept run 2 of 2 (loss 1.0000, all 1.0000 to 2.0000), 2 of 3 clusters in use"


@pytest.fixture
def features(tmp_path: Path, settings: Settings) -> Path:
    """A cache of 60 train and 12 test images with three groups, as `extract` leaves it."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "features" / "pets" / SMALL.name
    centres = rng.normal(0, 3, (3, 16))
    splits = {}
    for split, rows in (("train", 60), ("test", 12)):
        truth = np.arange(rows) % 3
        values = centres[truth][:, None] + rng.normal(0, 0.5, (rows, 1 + settings.extract.views, 16))
        ids = [f"{split}-{row}" for row in range(rows)]
        splits[split] = [write_shard(folder / f"{split}-00000.h5", ids, values, "f" * 64)]
    made_with = describe(SMALL, replace(settings.extract, precision="fp32"))
    Manifest("pets", SMALL.name, "0" * 64, 16, settings.extract.views, made_with, splits).write(folder)
    return folder


def run(features: Path, settings: Settings, **changes: Any) -> list[Summary]:
    training = replace(
        settings.fit.training, hidden=(16, 16, 16, 16), epochs=1, min_steps=60, batch=32, precision="fp32"
    )
    chosen = replace(settings.fit, runs=3, training=training)
    root = features.parents[2]
    dataset = changes.pop("dataset", DATASET)
    extract_settings = changes.pop("extract", settings.extract)
    more = {key: changes.pop(key) for key in ("views", "steps") if key in changes}
    return fit(
        "pets",
        features,
        root / "heads",
        root / "predictions",
        replace(chosen, **changes),
        extract_settings,
        dataset,
        "cpu",
        **more,
    )


def contents(root: Path) -> dict[str, bytes]:
    files = [path for name in ("heads", "predictions") for path in sorted((root / name).rglob("*")) if path.is_file()]
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def test_everything_is_written_and_the_least_loss_is_kept(features: Path, settings: Settings) -> None:
    root = features.parents[2]
    for summary in run(features, settings):
        assert summary.kept == int(np.argmin(summary.losses))
        assert all(1 < used <= 3 for used in summary.clusters_used)
        assignments = read_assignments(root / "predictions" / summary.method)
        assert len(assignments.ids) == 72
        assert assignments.splits.tolist() == ["train"] * 60 + ["test"] * 12
        runs = read_runs(root / "predictions" / summary.method)
        assert np.array_equal(runs[:, summary.kept], assignments.clusters)
        assert json.loads((root / "heads" / summary.method / "summary.json").read_text())["losses"] == summary.losses
    history = (root / "heads" / "scp" / "history.csv").read_text().splitlines()
    assert history[0] == ",".join(["run", "step", *TERMS, "total"])
    assert history[-1].startswith("2,60.0,")


def test_the_saved_head_gives_the_assignments_again(features: Path, settings: Settings) -> None:
    root = features.parents[2]
    manifest = read_manifest(features)
    clean = np.concatenate([read_split(features, manifest, name).clean for name in ("train", "test")])
    for summary in run(features, settings):
        saved = load_model(root / "heads" / summary.method / "head.safetensors", METHODS)
        assigned = read_assignments(root / "predictions" / summary.method).clusters
        assert np.array_equal(saved.model.logits(clean).argmax(1), assigned)
        (part,) = saved.embedding["parts"]
        assert part["backbone"] == SMALL.name
        assert part["weights_sha256"] == "0" * 64
        assert part["geometry"]["size"] == 32


def test_the_same_fit_gives_the_same_bytes(features: Path, settings: Settings) -> None:
    root = features.parents[2]
    run(features, settings)
    first = contents(root)
    run(features, settings)
    assert contents(root) == first
    run(features, settings, seed=1)
    assert contents(root) != first


@pytest.mark.parametrize("method", ["scp", "kmeans", "spectral"])
def test_images_are_assigned_in_pieces(
    method: str, features: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for most in (10**6, 7):
        monkeypatch.setattr("pipeline.heads.training_data.ASSIGNED", most)
        run(features, settings, methods=(method,))
        found.append(read_assignments(features.parents[2] / "predictions" / method))
    whole, pieces = found
    assert pieces.ids == whole.ids
    np.testing.assert_array_equal(pieces.clusters, whole.clusters)
    np.testing.assert_allclose(pieces.confidences, whole.confidences, atol=2e-6)


def test_a_run_does_not_depend_on_the_number_of_runs(features: Path, settings: Settings) -> None:
    three, one = run(features, settings), run(features, settings, runs=1)
    assert [summary.losses[0] for summary in three] == [summary.losses[0] for summary in one]


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("extract", "views", 8),
        ("extract", "seed", 7),
        ("extract", "precision", "bf16"),
        ("augmentation", "crop_area", (0.2, 1.0)),
    ],
)
def test_a_cache_of_other_settings_is_refused(
    features: Path, settings: Settings, section: str, key: str, value: Any
) -> None:
    wanted = settings.extract
    if section == "augmentation":
        wanted = replace(wanted, augmentation=replace(wanted.augmentation, **{key: value}))
    else:
        wanted = replace(wanted, **{key: value})
    with pytest.raises(
        PipelineError, match=rf"made with extract\..*{key} .*, params\.yaml asks for .*pipeline extract"
    ):
        run(features, settings, extract=wanted)


@pytest.mark.parametrize(
    ("asked", "precision", "batch", "fits"),
    [
        *[("auto", precision, batch, True) for precision in ("fp32", "bf16") for batch in (32, 256)],
        ("auto", "bf16", 64, False),
        ("fp32", "fp32", 256, True),
        ("fp32", "bf16", 32, False),
        ("fp32", "bf16", 256, False),
    ],
)
def test_what_suits_any_device_will_do(
    features: Path, settings: Settings, asked: Precision, precision: str, batch: int, fits: bool
) -> None:
    wanted = replace(settings.extract, precision=asked, batch=32, batch_on_gpu=256)
    manifest = read_manifest(features)
    made = replace(manifest, settings={**manifest.settings, "precision": precision, "batch": batch})
    if fits:
        check_settings(features, made, wanted)
        return
    message = f"extract.precision {precision} and extract.batch {batch}, params.yaml asks for {asked} and 32, "
    with pytest.raises(PipelineError, match=f"made with {message}or on a GPU 256; run 'pipeline extract"):
        check_settings(features, made, wanted)


def test_a_failed_fit_leaves_what_was_there(features: Path, settings: Settings) -> None:
    root = features.parents[2]
    run(features, settings)
    before = contents(root)
    for changes, message in (
        ({"dataset": replace(DATASET, clusters=61)}, "61 clusters were asked for"),
        ({"methods": ("scp", "kmean")}, r"params\.yaml: fit\.methods: unknown method 'kmean'; did you mean kmeans"),
    ):
        with pytest.raises(PipelineError, match=message):
            run(features, settings, **changes)
    shard = features / "test-00000.h5"
    shard.write_bytes(shard.read_bytes()[:-9])
    with pytest.raises(PipelineError, match=r"test-00000\.h5: truncated"):
        run(features, settings)
    assert contents(root) == before


def test_a_fit_that_is_stopped_while_it_writes_leaves_what_was_there(
    features: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against predictions of one method alone, which would be scored as if they were all."""
    root = features.parents[2]
    run(features, settings, methods=("kmeans",))
    before = contents(root)
    places: list[Path] = []

    def stop_at_the_second(path: Path, *rest: Any) -> None:
        # A kill leaves it so.
        assert contents(root) == before
        if places:
            raise KeyboardInterrupt
        places.append(path)
        write_choices(path, *rest)

    monkeypatch.setattr("pipeline.methods.fitted.write_choices", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        run(features, settings, methods=("kmeans", "scp"))
    assert contents(root) == before
    assert places == [root / ".predictions.new" / "kmeans"]
    places[0].mkdir(parents=True)
    (places[0] / "runs.csv").write_text("left by a kill")
    monkeypatch.setattr("pipeline.methods.fitted.write_choices", write_choices)
    run(features, settings, methods=("kmeans",))
    assert contents(root) == before
    assert sorted(path.name for path in root.iterdir()) == ["features", "heads", "predictions"]


def test_without_a_train_split_there_is_nothing_to_fit(features: Path, settings: Settings) -> None:
    manifest = read_manifest(features)
    replace(manifest, splits={"test": manifest.splits["test"]}).write(features)
    with pytest.raises(PipelineError, match="no split 'train' to fit on; found: test"):
        run(features, settings)


def test_a_mix_is_fitted_like_a_cache(features: Path, settings: Settings) -> None:
    other = features.with_name("other")
    shutil.copytree(features, other)
    replace(read_manifest(features), backbone="other").write(other)
    mix = features.with_name(f"{SMALL.name}+other")
    write_mix(mix)
    root = features.parents[2]
    sections = settings.fit.with_section("turtle", steps=2).sections
    run(mix, settings, methods=("scp", "turtle"), sections=sections)
    # TURTLE sees the backbones' spaces apart.
    assert load_model(root / "heads" / "turtle" / "head.safetensors", METHODS).model.config() == {"parts": [16, 16]}
    saved = load_model(root / "heads" / "scp" / "head.safetensors", METHODS)
    assert [part["backbone"] for part in saved.embedding["parts"]] == [SMALL.name, "other"]
    train = open_features(mix).read("train")
    assert train.views.shape[2] == 32
    assigned = read_assignments(root / "predictions" / "scp").clusters
    assert np.array_equal(saved.model.logits(train.clean).argmax(1), assigned[:60])


def test_steps_of_the_kept_run_are_written(features: Path, settings: Settings) -> None:
    root = features.parents[2]
    run(features, settings, steps=(0, 10))
    files = sorted(path.name for path in (root / "heads" / "scp" / "snapshots").iterdir())
    assert files == ["step-00000.safetensors", "step-00010.safetensors"]
    clean = open_features(features).read("test").clean
    first = load_model(root / "heads" / "scp" / "snapshots" / files[0], METHODS).model.logits(clean)
    last = load_model(root / "heads" / "scp" / "head.safetensors", METHODS).model.logits(clean)
    assert first.shape == last.shape
    assert np.abs(first).max() < np.abs(last).max()
    assert not (root / "heads" / "kmeans" / "snapshots").exists()


def test_fewer_views_give_another_head(features: Path, settings: Settings) -> None:
    losses = [run(features, settings, methods=("scp",), views=views)[0].losses for views in (None, 4, 2)]
    assert losses[0] == losses[1] != losses[2]


def test_what_reads_text_is_not_fitted(features: Path, settings: Settings) -> None:
    with pytest.raises(PipelineError, match=r"fit\.methods: 'zero-shot' reads text .* run 'pipeline zero-shot'"):
        run(features, settings, methods=("zero-shot",))


@pytest.mark.parametrize("check", ["quick", "full"])
def test_a_bad_shard_of_the_last_cell_is_found_before_the_first_is_fitted(
    check: str,
    project: Callable[..., Path],
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backbones = [SMALL.name, "resnet50"]
    data = project(**{"run.backbones": backbones, "datasets.fashion-mnist-mini.image_size": 32}) / "data"
    caches = [write_cache(data / "features" / "fashion-mnist-mini" / name, settings, 6) for name in backbones]
    fitted: list[Path] = []

    def fake_fit(_: str, features: Path, *__: object, **___: object) -> list[Summary]:
        fitted.append(features)
        return []

    monkeypatch.setattr("pipeline.methods.fit.fit", fake_fit)
    shard = caches[1] / "train-00000.h5"
    whole = shard.read_bytes()

    shard.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    arguments = ["fit", "--check", check]
    if check == "full":
        assert "resnet50/train-00000.h5: damaged: expected the SHA-256" in failure(capsys, monkeypatch, *arguments)
        assert fitted == []
    else:  # The fit itself says so when it reads the shard.
        monkeypatch.setattr(sys, "argv", ["pipeline", *arguments])
        with pytest.raises(SystemExit):
            cli.main()
        assert list(dict.fromkeys(folder.name for folder in fitted)) == backbones
    fitted.clear()
    shard.write_bytes(whole[:-1])
    assert "resnet50/train-00000.h5: truncated" in failure(capsys, monkeypatch, *arguments)
    shard.unlink()
    assert "resnet50/train-00000.h5: the shard is missing" in failure(capsys, monkeypatch, *arguments)
    assert fitted == []


def test_an_unknown_check_is_refused(
    project: Callable[..., Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project()
    assert "--check: unknown check 'ful'; did you mean full?" in failure(capsys, monkeypatch, "fit", "--check", "ful")


def test_a_line_of_progress_is_written_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against lines of runs beside each other that were mixed."""
    pieces: list[str] = []

    class Log(io.StringIO):
        def write(self, text: str, /) -> int:
            if text:
                pieces.append(text)
            return len(text)

    monkeypatch.setattr(sys, "stderr", Log())
    show = progress_line("pets")
    for step in ("run 1 of 2, step 0 of 9", "run 2 of 2, step 0 of 9", "run 1 of 2, step 5 of 9"):
        show(step)
    assert pieces == ["pets: run 1 of 2\n", "pets: run 2 of 2\n"]
