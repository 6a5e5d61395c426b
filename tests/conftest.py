from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from pipeline.backbones.registry import BACKBONES
from pipeline.base.made_from import write_made_from
from pipeline.cli.settings import Settings, read_params
from pipeline.cli.upstream import images_from
from pipeline.config.settings import ExtractSettings
from pipeline.images.datasets.registry import DATASETS
from pipeline.images.listing import ImageRecord, digest_of, write_list

ROOT = Path(__file__).parents[1]
DATASET, BACKBONE = "fashion-mnist-mini", "efficientnet-lite0"
SMALL = BACKBONES[BACKBONE].at_size(32)
"""The embedded backbone on 32 pixels, for tests that need embeddings and no accuracy."""
SUMMARY = "summary"
"""The property of a test whose values stand at the end of pytest's output, a line each."""
# Several processes test at a time: threads that wait are not to take the cores. Read when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# A shell starts what is in its background with Ctrl-C ignored, and so would be what the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the slow tests first: what is left for the end is short, so that all processes end nearly together."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the lines that tests left with `record_property(SUMMARY, …)`."""
    for report in terminalreporter.getreports("passed"):
        for name, line in report.user_properties:
            if name == SUMMARY:
                terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def pictures() -> np.ndarray:
    """The embedded test split, uint8 (2000, 28, 28)."""
    return np.asarray(DATASETS[DATASET].reader(ROOT / DATASETS[DATASET].source)["test"].pictures)


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The repository's own params.yaml."""
    return read_params(ROOT / "params.yaml")


@pytest.fixture(scope="session")
def small(settings: Settings) -> ExtractSettings:
    """Three views an image in shards of 16 images, in what any processor computes."""
    return replace(settings.extract, views=3, shard_rows=16, precision="fp32")


@contextmanager
def cores(count: int) -> Iterator[None]:
    """Torch has so many threads for a while."""
    import torch  # Late, for OMP_WAIT_POLICY.

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def write_images(folder: Path, pictures: np.ndarray, split: str = "train") -> list[ImageRecord]:
    """An image list over an array, as `prepare` writes it with the repository's own params.yaml."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{split}.npy", pictures)
    records = [
        ImageRecord(f"{split}-{row:05d}", split, f"{split}.npy", row, digest_of(picture.tobytes()))
        for row, picture in enumerate(pictures)
    ]
    write_list(folder, records)
    write_made_from(folder, images_from(read_params(ROOT / "params.yaml"), DATASET))
    return records


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Makes a project's folder with a params.yaml of its own and goes there.

    Values are given by their dotted keys: ``project(**{"extract.views": 2})``.
    """

    def make(**changes: Any) -> Path:
        values = yaml.safe_load((ROOT / "params.yaml").read_text())
        values["run"] = {"datasets": [DATASET], "backbones": [BACKBONE]}  # Whatever a user computes.
        for key, value in changes.items():
            *parents, last = key.split(".")
            place = values
            for parent in parents:
                place = place[parent]
            place[last] = value
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
        source = tmp_path / DATASETS[DATASET].source
        if not source.exists():
            shutil.copytree(ROOT / DATASETS[DATASET].source, source)
        monkeypatch.chdir(tmp_path)
        return tmp_path

    return make
