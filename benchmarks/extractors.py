"""Our extraction beside those of thingsvision and clip-retrieval: the same photos and weights, the same machine.

    uv run python -m benchmarks.extractors                       # 300 photos, two turns
    uv run python -m benchmarks.extractors --photos 50 --turns 1 --tool thingsvision

Each tool is called as its documentation says, in an environment of its own that uv makes of the package and
what it asks for (some gigabytes, once). Neither makes augmented views, so all make one clean
view of each photo: thingsvision with EfficientNet-Lite0 through timm, clip-retrieval with CLIP ViT-B/32 through
open_clip with random weights, ours with the same weights in either case. Loading counts for nobody; ours writes its
shards, the others their .npy. The cosine between the features says that it was the same work. In brackets stands the
ratio of processor times. The photos are those of `benchmarks.extraction`, 500 x 375 at 224 pixels; the batch is ours.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import extraction
from benchmarks.memory import ROOT
from pipeline.backbones import loaders
from pipeline.backbones.forward import forward
from pipeline.backbones.registry import BACKBONES, Backbone
from pipeline.backbones.weights import find_weights
from pipeline.collection.embedder import NO_AUGMENTATION
from pipeline.config.settings import ExtractSettings
from pipeline.extraction.engines import Work
from pipeline.features.shards import read_shard
from pipeline.images import listing

BATCH = 32


@dataclass(frozen=True)
class Tool:
    """A package that extracts features."""

    name: str
    version: str
    backbone: str
    module: str
    """In `benchmarks/theirs`."""
    also: tuple[str, ...] = ()
    """What it needs and does not ask for."""


TOOLS = {
    tool.name: tool
    for tool in (
        Tool("thingsvision", "2.7.3", "efficientnet-lite0", "run_thingsvision"),
        Tool("clip-retrieval", "2.45.0", "clip-vitb32", "run_clip_retrieval", ("setuptools<81",)),
    )
}


def weights_for(backbone: Backbone, folder: Path) -> tuple[Path, Path]:
    """A file of weights for ours and one for theirs; random ones, where the backbone is not shipped."""
    if backbone.library == "open_clip":
        import open_clip
        from safetensors.torch import save_file

        torch.manual_seed(0)
        path = folder / "open_clip_model.safetensors"
        save_file(open_clip.create_model(backbone.model, pretrained=None).state_dict(), path)
        return path, path
    path, _ = find_weights(backbone)
    theirs = folder / "weights.pt"
    torch.save(loaders.LOADERS[backbone.library](backbone, path).state_dict(), theirs)
    return path, theirs


def ours(backbone: Backbone, weights: Path, folder: Path) -> dict[str, Any]:
    """What `benchmarks/theirs` tell, of our extraction."""
    records = listing.read_list(folder)
    settings = ExtractSettings(0, 0, NO_AUGMENTATION, "fp32", BATCH, BATCH, len(records))
    module = loaders.load(backbone, weights)
    size = backbone.geometry.size
    forward(module, torch.rand(BATCH, 3, size, size), "fp32")
    with tempfile.TemporaryDirectory() as scratch:
        work = Work("ours", len(records), backbone, weights, "", folder, Path(scratch), settings, "cpu")
        taken, (shard,) = extraction.ours(module, work)
        rows = read_shard(Path(scratch) / shard.file, shard).views[:, 0]
    kept = folder.with_name("ours.npy")
    np.save(kept, rows)
    return {"seconds": taken.tolist(), "features": str(kept), "torch": torch.__version__}


def told(command: list[str]) -> dict[str, Any]:
    """The last line of a command's output."""
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def compare(tool: Tool, count: int, sources: Path, turns: int) -> str:
    """The line of a tool in the table."""
    backbone = BACKBONES[tool.backbone]
    seconds = np.zeros((2, 2))
    with tempfile.TemporaryDirectory() as scratch:
        photos, out = Path(scratch) / "photos", Path(scratch) / "out"
        photos.mkdir()
        out.mkdir()
        records, _ = extraction.write_photos(photos, count, sources)
        weights, their_weights = weights_for(backbone, Path(scratch))
        listing.write_list(photos, records)
        needs = [part for each in (f"{tool.name}=={tool.version}", *tool.also) for part in ("--with", each)]
        there = ["uv", "run", "--no-project", "--isolated", "--python", "3.11", *needs, "python", "-m"]
        given = [f"benchmarks.theirs.{tool.module}", backbone.model, str(their_weights)]
        for turn in range(turns):
            theirs = told([*there, *given, str(photos), str(out), str(BATCH)])
            mine = told(
                [sys.executable, "-m", "benchmarks.extractors", "--measure", tool.name, str(weights), str(photos)]
            )
            seconds += [theirs["seconds"], mine["seconds"]]
            walls = f"{theirs['seconds'][0]:.1f} s, ours {mine['seconds'][0]:.1f} s"
            print(f"{tool.name}, turn {turn + 1}: {walls}", flush=True)
        first, second = (np.load(each["features"]).astype(np.float32) for each in (theirs, mine))
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    cosine = ((first * second).sum(1) / lengths).min()
    rates, ratio = turns * count / seconds[:, 0], seconds[0] / seconds[1]
    cells = [f"{tool.name} {tool.version}", theirs["torch"], backbone.name, f"{rates[0]:.1f}", f"{rates[1]:.1f}"]
    return f"| {' | '.join(cells)} | {ratio[0]:.1f} ({ratio[1]:.1f}) | {cosine:.4f} |"


def main() -> None:
    """Measures each tool and prints a table in Markdown."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--photos", type=int, default=300)
    options.add_argument("--photos-from", type=Path, default=extraction.STAMPS)
    options.add_argument("--turns", type=int, default=2)
    options.add_argument("--tool", action="append", choices=TOOLS, help="default: each")
    options.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.measure:
        name, weights, folder = given.measure
        print(json.dumps(ours(BACKBONES[TOOLS[name].backbone], Path(weights), Path(folder))))
        return
    lines = [
        "| tool | its torch | backbone | its images/s | ours, images/s | ratio | least cosine |",
        "|" + " --- |" * 7,
    ]
    lines += [compare(TOOLS[name], given.photos, given.photos_from, given.turns) for name in given.tool or TOOLS]
    print("\n".join(lines))


if __name__ == "__main__":
    main()
