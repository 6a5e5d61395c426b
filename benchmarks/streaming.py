"""A fit within a memory that its embeddings do not fit into, beside one that has them all in memory.

    uv run python -m benchmarks.streaming                    # 100,000 images of 9 x 768 numbers, 1.4 GB
    uv run python -m benchmarks.streaming --images 400000 --memory 2GB    # 5.5 GB
    uv run python -m benchmarks.streaming --accuracy         # on the default data, after `dvc repro`

The first is about cost: random embeddings of ImageNet-1k's shape (8 views and a clean one of CLIP ViT-L/14, 1,000
clusters), each fit a process of its own. The second is about accuracy: SCP's runs on the default data from memory and
from shards of 256 images of which few are in memory, on the test split.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.memory import ROOT, peak_of
from pipeline.backbones.registry import get_backbone
from pipeline.base.csv_tables import read_table
from pipeline.cli.settings import read_params
from pipeline.config.devices import suited
from pipeline.config.names import HISTORY, LABEL_COLUMNS
from pipeline.evaluation.scores import METRICS
from pipeline.extraction.plan import describe
from pipeline.features.cache import Features, open_features
from pipeline.features.manifest import Manifest
from pipeline.features.shards import write_shard
from pipeline.heads import scp
from pipeline.heads.problem import Problem
from pipeline.heads.runs import run_seeds
from pipeline.heads.streaming import Stream

DATASET, BACKBONE = "cifar10", "clip-vitl14"
CLUSTERS, VIEWS, STEPS, RUNS = 1000, 8, 200, 2
SMALL_SHARD = 256


def make_project(folder: Path, images: int) -> None:
    """A project with a cache of random embeddings around as many centres as there are clusters."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["extract"]["views"] = VIEWS
    values["fit"] |= {"runs": RUNS, "methods": ["scp"]}
    values["fit"]["training"] |= {"epochs": 1, "min_steps": STEPS, "precision": "fp32"}
    values["datasets"][DATASET]["clusters"] = CLUSTERS
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    settings = read_params(folder / "params.yaml").extract
    backbone = get_backbone(BACKBONE)
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((CLUSTERS, backbone.dim), np.float32)

    def embeddings(first: int, rows: int) -> np.ndarray:
        noise = rng.standard_normal((rows, 1 + VIEWS, backbone.dim), np.float32)
        found: np.ndarray = centres[np.arange(first, first + rows) % CLUSTERS][:, None] + noise
        return found

    place = folder / "data" / "features" / DATASET / BACKBONE
    firsts = range(0, images, settings.shard_rows)
    shards = []
    for first in firsts:
        rows = min(settings.shard_rows, images - first)
        ids = [f"{number:08d}" for number in range(first, first + rows)]
        shards.append(write_shard(place / f"train-{first:08d}.h5", ids, embeddings(first, rows), "0" * 64))
    described = describe(backbone, suited(settings, "cpu"))
    Manifest(DATASET, BACKBONE, "0" * 64, backbone.dim, VIEWS, described, {"train": shards}).write(place)


def cost(images: int, memory: str) -> None:
    """Prints a line for the fit from memory and one for the fit within the memory."""
    command = [sys.executable, "-m", "pipeline", "fit", "--dataset", DATASET, "--backbone", BACKBONE, "--device", "cpu"]
    print("| fit | peak MB | seconds | steps a second |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_project(folder, images)
        for title, options in (("all in memory", []), (f"--memory {memory}", ["--memory", memory])):
            peak = peak_of([*command, *options], folder)
            record: dict[str, Any] = json.loads((folder / f"data/runs/fit/{DATASET}/{BACKBONE}.json").read_text())
            seconds = record["seconds"]["scp"]
            history = folder / "data" / "heads" / DATASET / BACKBONE / "scp" / HISTORY
            steps = float(read_table(history, ("run", "step"), "this benchmark")[-1]["step"])
            print(f"| {title} | {peak / 1e6:,.0f} | {seconds:.0f} | {RUNS * steps / seconds:.1f} |", flush=True)


def reshard(features: Features, folder: Path) -> Features:
    """The same train split in small shards."""
    (part,) = features.parts
    train = features.read("train")
    shards = [
        write_shard(
            folder / f"train-{first:05d}.h5",
            train.ids[first : first + SMALL_SHARD],
            train.views[first : first + SMALL_SHARD],
            "0" * 64,
        )
        for first in range(0, len(train.ids), SMALL_SHARD)
    ]
    replace(part.manifest, splits={"train": shards}).write(folder)
    return open_features(folder)


def accuracy(runs: int) -> None:
    """Prints the test accuracy of the runs from memory and from the shards."""
    settings = read_params(ROOT / "params.yaml")
    dataset, backbone = settings.run.datasets[0], settings.run.backbones[0]
    features = open_features(ROOT / "data" / "features" / dataset / backbone)
    labels = read_table(ROOT / "data" / "labels" / f"{dataset}.csv", LABEL_COLUMNS, "pipeline prepare")
    known = {line["id"]: line["label"] for line in labels}
    test = features.read("test")
    truth = np.unique([known[image_id] for image_id in test.ids], return_inverse=True)[1]
    train = features.read("train")
    print("| pairs from | images shuffled at a time | test ACC of the runs | mean ± std |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as scratch:
        small = reshard(features, Path(scratch) / "small")
        shard = SMALL_SHARD * (1 + features.views) * features.dim * 2
        stream = Stream(small, "train", None, memory=2 * 9 * shard)
        shuffled = stream.group * SMALL_SHARD
        for title, source, count in (("memory", None, len(train.ids)), ("shards", stream, shuffled)):
            problem = Problem(
                train.views, settings.fit, settings.datasets[dataset], "cpu", lambda _: None, stream=source
            )
            found = [
                100 * METRICS["acc"](run.model.logits(test.clean).argmax(1), truth)
                for run in scp.fit(problem, run_seeds(1, runs))
            ]
            each = ", ".join(f"{value:.1f}" for value in found)
            print(f"| {title} | {count:,} | {each} | {np.mean(found):.1f} ± {np.std(found, ddof=1):.1f} |", flush=True)


def main() -> None:
    """Measures and prints a table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--images", type=int, default=100_000)
    options.add_argument("--memory", default="1500MB")
    options.add_argument("--accuracy", action="store_true")
    options.add_argument("--runs", type=int, default=6)
    given = options.parse_args()
    if given.accuracy:
        accuracy(given.runs)
    else:
        cost(given.images, given.memory)


if __name__ == "__main__":
    main()
