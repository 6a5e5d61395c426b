"""CONTRIBUTING.md: its examples are run as they stand, and the files that it names are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from sklearn.datasets import load_sample_image

from pipeline.backbones import loaders, registry
from pipeline.backbones.forward import forward
from pipeline.backbones.weights import find_weights
from pipeline.base.errors import PipelineError
from pipeline.cli.settings import read_params
from pipeline.images.datasets.entry import Dataset, Split
from pipeline.images.datasets.registry import DATASETS, find_dataset
from pipeline.images.listing import open_image, read_list
from pipeline.images.prepare import prepare
from tests.backbones.references import TOLERANCE, preprocess, relative, timm_reference
from tests.conftest import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def example(heading: str) -> str:
    """The block of code that follows a heading."""
    match = re.search(rf"^\*\*{heading}\*\*.*?^```\w+\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert match is not None, heading
    return match[1]


def entry(block: str, module: ModuleType) -> Any:
    """The registry entry at the end of a block, with all of it run as a part of the module."""
    *definitions, last = ast.parse(block).body
    assert isinstance(last, ast.Expr)
    names = dict(vars(module))
    exec(compile(ast.Module(definitions, []), "CONTRIBUTING.md", "exec"), names)
    (value,) = eval(compile(ast.Expression(last.value), "CONTRIBUTING.md", "eval"), names)
    return value


def test_every_file_that_is_named_is_there() -> None:
    named = set(re.findall(r"`([\w./]+\.(?:py|yaml|txt))`", TEXT))
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).is_file() and not (ROOT / "pipeline" / name).is_file()] == []


def test_the_backbone_embeds_as_its_library_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = entry(example("a backbone"), registry)
    assert new.name not in registry.BACKBONES
    monkeypatch.setitem(registry.BACKBONES, new.name, new)
    reference = timm_reference(new)
    (tmp_path / new.name).mkdir()
    reference.save(tmp_path / new.name)
    path, _ = find_weights(registry.get_backbone(new.name), tmp_path)
    assert new.weights.megabytes == pytest.approx(path.stat().st_size / 1e6, rel=0.02)

    photos = [Image.fromarray(load_sample_image("china.jpg"))]
    found = forward(loaders.load(new, path), preprocess(new, photos), "fp32").astype(np.float32)
    with torch.inference_mode():
        expected = reference.encode(torch.stack([reference.transform(photo) for photo in photos])).numpy()
    assert found.shape == (1, new.dim)
    assert (relative(found, expected) < TOLERANCE).all()


def prepared(dataset: Dataset, folder: Path) -> tuple[str, Path]:
    """What `prepare` says of a data set, and the folder of its image list."""
    return prepare(dataset, folder / "images", folder / "labels.csv", folder / "classes.csv"), folder / "images"


def test_the_data_set_of_picture_files_is_prepared(tmp_path: Path) -> None:
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["datasets"] |= yaml.safe_load(example("a data set of picture files"))["datasets"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    new = read_params(tmp_path / "params.yaml").datasets["my-pictures"]
    assert new.folder == "/path/to/pictures"
    assert (new.clusters, new.image_size) == (12, None)

    for place in ("train/cats", "train/dogs", "test/cats", "test/dogs"):
        (tmp_path / "pictures" / place).mkdir(parents=True)
        Image.new("RGB", (40, 30)).save(tmp_path / "pictures" / place / "one.jpg")
    line, images = prepared(find_dataset("my-pictures", str(tmp_path / "pictures"), None), tmp_path)
    assert line == "my-pictures: 2 train, 2 test, 2 classes"
    assert {record.split for record in read_list(images)} == {"train", "test"}


def test_the_data_set_in_a_format_of_its_own_is_prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("pipeline.images.datasets.traffic_signs")
    vars(module).update(np=np, Path=Path, PipelineError=PipelineError, Dataset=Dataset, Split=Split)  # its imports
    new = entry(example("a data set in a format of its own"), module)
    assert new.name not in DATASETS
    monkeypatch.setitem(DATASETS, new.name, new)
    monkeypatch.chdir(tmp_path)
    records = np.random.default_rng(0).integers(0, 256, (400, 1 + 28 * 28), dtype=np.uint8)
    records[:, 0] %= 3
    source = Path(new.source)
    source.mkdir(parents=True)
    records[:300].tofile(source / "train.bin")
    records[300:].tofile(source / "test.bin")

    line, images = prepared(find_dataset(new.name, None, None), tmp_path)
    assert line == "traffic-signs: 300 train, 100 test, 3 classes"
    last = read_list(images)[-1]
    np.testing.assert_array_equal(np.asarray(open_image(images, last)).ravel(), records[-1, 1:])

    (source / "test.bin").write_bytes(records[300:].tobytes()[:-1])
    with pytest.raises(PipelineError, match="expected records of 785 bytes, found 78499 bytes"):
        find_dataset(new.name, None, None).read()
