"""Our extraction against the usual loop over a DataLoader, on the same pictures and the same backbone, in turns.

    uv run python -m benchmarks.extraction                             # 2,000 pictures and 2,000 photos, three turns
    uv run python -m benchmarks.extraction --pictures 200 --photos 50 --turns 1
    uv run python -m benchmarks.extraction --photos-from ~/Pictures    # pictures of one's own, made 500 x 375
    uv run python -m benchmarks.extraction --precision auto            # of ours and of the bare backbone

The usual loop is what one writes at first: torch's DataLoader with two workers, a decode and torchvision's transforms
for each of an image's views, batches of 32, float32, the library's own module in the default memory format. Both take
the same augmentations with the same probabilities, make one clean and `extract.views` augmented views of every picture,
and give float16; ours writes its shards too. Each is a process of its own, with the allocator as an extraction sets it
for ours and as Python has it for the usual loop; loading the backbone counts for neither. Efficiency is the bare
backbone on batches that are ready, as many and as large as ours, by the seconds of our extraction; of all views is the
same where the bare backbone computes every view, as the usual loop does, and ours those that are the same once. In
brackets stands the same by processor time, which other work on the machine changes less.

The embedded data are at 96 pixels; photos are JPEG files of 500 x 375 at 224 pixels, written to a temporary folder
from real pictures, over and over, or where there are none from textures: smoothed noise of several scales.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import InterpolationMode, v2

from benchmarks.clocks import clocks
from benchmarks.memory import BACKBONE, DATASET, ROOT
from pipeline.backbones import loaders
from pipeline.backbones.forward import forward
from pipeline.backbones.registry import BACKBONES, Backbone
from pipeline.backbones.weights import find_weights
from pipeline.cli.bench.extraction import bare, batch_sizes, pictures, shards_of, written_by_computed
from pipeline.cli.settings import read_params
from pipeline.config.devices import suited
from pipeline.config.settings import ExtractSettings
from pipeline.config.types import AUTO, PRECISIONS
from pipeline.extraction import views
from pipeline.extraction.engines import Work, made
from pipeline.extraction.streams import Streams
from pipeline.extraction.timings import Timings
from pipeline.features.shards import Shard
from pipeline.images import listing
from pipeline.images.datasets.registry import DATASETS
from pipeline.images.decoding import decode
from pipeline.images.listing import ImageRecord, digest_of

WORKERS = 2
PHOTO = (500, 375)
STAMPS = Path("/usr/share/tuxpaint/stamps")
"""Where Debian's package tuxpaint-stamps-default has its pictures."""


class Views(Dataset[torch.Tensor]):
    """Every view of every picture, each from a decode of its own."""

    def __init__(
        self, folder: Path, records: Sequence[ImageRecord], backbone: Backbone, settings: ExtractSettings
    ) -> None:
        self.folder, self.records, self.each = folder, records, 1 + settings.views
        geometry, family = backbone.geometry, settings.augmentation
        cubic = {"interpolation": InterpolationMode.BICUBIC, "antialias": True}
        whole = v2.Compose([v2.Resize(geometry.resize, **cubic), v2.CenterCrop(geometry.size)])
        crop = v2.RandomResizedCrop(geometry.size, family.crop_area, (1.0, 1.0), **cubic)
        blur = v2.GaussianBlur(views.blur_width(geometry.size), family.blur_sigma)
        end = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(backbone.mean, backbone.std)]
        cropped = v2.RandomChoice([crop, whole], [family.crop_probability, 1 - family.crop_probability])
        self.clean = v2.Compose([whole, *end])
        self.augmented = v2.Compose([cropped, v2.RandomApply([blur], family.blur_probability), *end])

    def __len__(self) -> int:
        return len(self.records) * self.each

    def __getitem__(self, index: int) -> torch.Tensor:
        row, view = divmod(index, self.each)
        picture = listing.open_image(self.folder, self.records[row]).convert("RGB")
        tensor: torch.Tensor = (self.augmented if view else self.clean)(picture)
        return tensor


@torch.inference_mode()
def usual(module: torch.nn.Module, dataset: Views, batch: int) -> np.ndarray:
    """Seconds of the usual loop, see `clocks`."""
    began = clocks()
    found = [module(part).half().numpy() for part in DataLoader(dataset, batch, num_workers=WORKERS)]
    np.concatenate(found)
    taken: np.ndarray = clocks() - began
    return taken


def ours(module: torch.nn.Module, work: Work) -> tuple[np.ndarray, list[Shard]]:
    """Seconds of our extraction, see `clocks`, and the shards that it wrote."""
    shutil.rmtree(work.features, ignore_errors=True)
    records = listing.read_list(work.images)
    began = clocks()
    shards = list(made(module, work, shards_of(records, work.settings), Timings()))
    return clocks() - began, shards


def alone_on(module: torch.nn.Module, backbone: Backbone, batches: int, settings: ExtractSettings) -> np.ndarray:
    """Seconds of the backbone alone, on so many batches."""
    size = backbone.geometry.size
    ready = torch.rand(settings.batch, 3, size, size).contiguous(memory_format=torch.channels_last)
    spent = bare(Streams(module, backbone, settings, "cpu"), ready, batches)
    return np.array([spent.seconds, spent.processor])


def measure(kind: str, folder: Path, size: int, settings: ExtractSettings) -> list[list[float]]:
    """Seconds of the usual loop, or of ours and of the bare backbone, on the views that are computed and on all."""
    backbone = BACKBONES[BACKBONE].at_size(size)
    weights, sha256 = find_weights(backbone)
    records = listing.read_list(folder)
    warm = torch.rand(settings.batch, 3, size, size)
    if kind == "usual":
        plain = loaders.LOADERS[backbone.library](backbone, weights).float().eval().requires_grad_(False)
        forward(plain, warm, "fp32")
        return [usual(plain, Views(folder, records, backbone, settings), settings.batch).tolist()]
    module = loaders.load(backbone, weights)
    sizes = [each for shard in shards_of(records, settings) for each in batch_sizes(shard.records, settings)]
    work = Work(f"{size} pixels", len(records), backbone, weights, sha256, folder, folder / "cache", settings, "cpu")
    forward(module, warm, settings.precision)
    taken, alone = ours(module, work)[0], alone_on(module, backbone, len(sizes), settings)
    of_all = alone * written_by_computed(records, sizes, settings)
    return [taken.tolist(), alone.tolist(), of_all.tolist()]


def compare(folder: Path, records: list[ImageRecord], size: int, turns: int, precision: str) -> list[str]:
    """The cells of a line: images/s of the usual loop and of ours, how many times faster it is, its efficiencies."""
    listing.write_list(folder, records)
    seconds = np.zeros((4, 2))
    for turn in range(turns):
        taken: list[list[float]] = []
        for kind in ("usual", "ours"):
            command = [sys.executable, "-m", "benchmarks.extraction", "--precision", precision]
            command += ["--measure", kind, str(folder), str(size)]
            done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
            taken += json.loads(done.stdout)
        seconds += taken
        named = zip(("usual", "ours", "bare", "bare on all views"), taken, strict=True)
        told = ", ".join(f"{name} {wall:.1f} s ({cpu:.1f} s)" for name, (wall, cpu) in named)
        print(f"{size} pixels, turn {turn + 1}: {told}", flush=True)
    rates = turns * len(records) / seconds
    by_ours = [f"{wall:.2f} ({cpu:.2f})" for wall, cpu in seconds[[0, 2, 3]] / seconds[1]]
    return [f"{rates[0, 0]:.1f}", f"{rates[1, 0]:.1f}", *by_ours]


def write_photos(folder: Path, count: int, sources: Path) -> tuple[list[ImageRecord], str]:
    """JPEG files of 500 x 375, all different, and what they are of."""
    found = islice(pictures_below(sources), 200)
    originals = [picture.convert("RGB").resize(PHOTO) for picture in found]
    of = f"from {len(originals)} pictures below {sources}"
    rng = np.random.default_rng(0)
    if not originals:
        originals, of = [texture(rng) for _ in range(50)], "of textures"
    records = []
    for number in range(count):
        pixels = np.asarray(originals[number % len(originals)], np.int16) + rng.integers(-8, 9, (*PHOTO[::-1], 1))
        path = folder / f"{number:06d}.jpg"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=90)
        records.append(ImageRecord(path.name, "train", path.name, None, digest_of(path.read_bytes())))
    return records, of


def pictures_below(folder: Path) -> Iterator[Image.Image]:
    """The pictures of at least 200 pixels below a folder, decoded."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"):
            try:
                picture = decode(path)
            except Exception:  # Decoders have many words for it.
                continue
            if min(picture.size) >= 200:
                yield picture


def texture(rng: np.random.Generator) -> Image.Image:
    """Coloured noise of several scales, as smooth as photos are."""
    result = np.full((*PHOTO[::-1], 3), 128.0)
    for radius in (2, 8, 32):
        noise = Image.fromarray(rng.integers(0, 256, (*PHOTO[::-1], 3), dtype=np.uint8))
        result += (np.asarray(noise.filter(ImageFilter.GaussianBlur(radius)), np.float64) - 127.5) * radius
    return Image.fromarray(result.clip(0, 255).astype(np.uint8))


def main() -> None:
    """Measures both kinds of pictures and prints a table in Markdown."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pictures", type=int, default=2000, help="of the embedded data; 0: leave them out")
    options.add_argument("--photos", type=int, default=2000, help="0: leave them out")
    options.add_argument("--photos-from", type=Path, default=STAMPS)
    options.add_argument("--turns", type=int, default=3)
    options.add_argument("--precision", default="fp32", choices=(AUTO, *PRECISIONS), help="the usual loop's is fp32")
    options.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    given = options.parse_args()
    os.chdir(ROOT)
    if given.measure:
        kind, folder, size = given.measure
        settings = suited(replace(read_params(ROOT / "params.yaml").extract, precision=given.precision), "cpu")
        print(json.dumps(measure(kind, Path(folder), int(size), settings)))
        return
    names = "pictures", "pixels", "usual loop, images/s", "ours, images/s", "ratio", "efficiency", "of all views"
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    if given.pictures:
        with tempfile.TemporaryDirectory() as scratch:
            records = pictures(DATASETS[DATASET], given.pictures, Path(scratch))
            cells = compare(Path(scratch), records, 96, given.turns, given.precision)
        lines.append(f"| {given.pictures:,} of {DATASET} | 96 | {' | '.join(cells)} |")
    if given.photos:
        with tempfile.TemporaryDirectory() as scratch:
            records, of = write_photos(Path(scratch), given.photos, given.photos_from)
            cells = compare(Path(scratch), records, 224, given.turns, given.precision)
        lines.append(f"| {given.photos:,} JPEG files of 500 x 375 {of} | 224 | {' | '.join(cells)} |")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
