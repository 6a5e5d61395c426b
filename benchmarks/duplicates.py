"""How many made copies of real pictures are found as near-duplicates, by kind, and what else is called one.

    python -m benchmarks.duplicates ORIGINALS OTHERS --out RESULTS

ORIGINALS and OTHERS are folders of pictures. Of each original, reduced to at most 1,024 pixels a side, a copy of each
kind is made; all stand with the others in one folder, which is clustered. The first column is the share of the copies
in one group with their original, the second the same by the distance of embeddings alone. Groups that hold pictures of
several originals, or others, are drawn on RESULTS/others.png, to be judged by eye.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from PIL.Image import Transpose

import pipeline
from pipeline.collection.duplicates import grouped
from pipeline.collection.layout import read_layout
from pipeline.collection.result import Collection
from pipeline.images.decoding import decode

MOST_PIXELS = 1024
DISTANCE = 0.2
"""Of embeddings of length 1, up to which two pictures were called nearly the same by this alone."""
SIDE = 100
"""Of a picture on the sheet."""


def part(picture: Image.Image, left: float, top: float) -> Image.Image:
    """90 % of each side, with this share of what is cut away at the left and at the top."""
    width, height = picture.size
    x, y = round(0.1 * width * left), round(0.1 * height * top)
    return picture.crop((x, y, x + round(0.9 * width), y + round(0.9 * height)))


KINDS: dict[str, tuple[Callable[[Image.Image], Image.Image], str, int]] = {
    "half the size": (lambda image: image.resize([max(1, side // 2) for side in image.size]), "jpg", 90),
    "JPEG of quality 20": (lambda image: image, "jpg", 20),
    "rotated by 90": (lambda image: image.transpose(Transpose.ROTATE_90), "jpg", 90),
    "rotated by 180": (lambda image: image.transpose(Transpose.ROTATE_180), "jpg", 90),
    "rotated by 270": (lambda image: image.transpose(Transpose.ROTATE_270), "jpg", 90),
    "mirrored": (ImageOps.mirror, "jpg", 90),
    "grey": (ImageOps.grayscale, "jpg", 90),
    "cropped, middle": (lambda image: part(image, 0.5, 0.5), "jpg", 90),
    "cropped, a corner": (lambda image: part(image, 0, 1), "jpg", 90),
    "another format": (lambda image: image, "webp", 80),
}
"""What makes a copy, its format and its quality."""


def prepare(originals: Path, others: Path, folder: Path) -> None:
    """Fills a folder with the originals and their copies, a folder each, and the others."""
    for number, path in enumerate(sorted(originals.iterdir())):
        place = folder / f"{number:03d}"
        place.mkdir(parents=True)
        picture = decode(path)
        picture.thumbnail((MOST_PIXELS, MOST_PIXELS))
        picture.save(place / "original.png", compress_level=1)
        for kind, (change, suffix, quality) in KINDS.items():
            change(picture).save(place / f"{kind}.{suffix}", quality=quality)
    shutil.copytree(others, folder / "others")


def scores(ids: list[str], groups: np.ndarray) -> dict[str, float]:
    """By kind, the share of the copies that are in one group with their original."""
    group = dict(zip(ids, groups.tolist(), strict=True))
    found: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    for name, number in group.items():
        place, kind = Path(name).parent, Path(name).stem
        if kind in found and place.name != "others":
            found[kind].append(number >= 0 and number == group[(place / "original.png").as_posix()])
    return {kind: float(np.mean(each)) for kind, each in found.items()}


def doubtful(ids: list[str], groups: np.ndarray) -> list[list[str]]:
    """The groups that hold pictures of several originals, or others."""
    by_number: dict[int, list[str]] = {}
    for name, number in zip(ids, groups.tolist(), strict=True):
        if number >= 0:
            by_number.setdefault(number, []).append(name)
    return [
        names
        for names in by_number.values()
        if len({Path(name).parent for name in names}) > 1 or Path(names[0]).parent.name == "others"
    ]


def sheet(root: Path, groups: list[list[str]], most: int = 12) -> Image.Image:
    """The groups, a line each."""
    drawn = Image.new("RGB", (most * SIDE, max(1, len(groups)) * SIDE), "white")
    for line, names in enumerate(groups):
        for column, name in enumerate(names[:most]):
            drawn.paste(
                ImageOps.pad(decode(root / name).convert("RGB"), (SIDE - 4, SIDE - 4)), (column * SIDE, line * SIDE)
            )
    return drawn


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("originals", type=Path)
    parser.add_argument("others", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    pictures = given.out / "pictures"
    if not pictures.exists():
        prepare(given.originals, given.others, pictures)
    made = pipeline.cluster(pictures, 10, given.out / "clusters", method="kmeans")
    layout = read_layout(Collection(made.folder).layout)
    ones, columns = np.nonzero(layout.distances <= DISTANCE)
    by_distance = grouped(len(made.ids), np.stack([ones, layout.neighbours[ones, columns]], 1))
    rules = (layout.copies, by_distance)
    found = [scores(made.ids, groups) for groups in rules]
    for kind in KINDS:
        print(kind, *(f"{100 * each[kind]:.0f} %" for each in found), sep="\t")
    print("all", *(f"{100 * np.mean(list(each.values())):.1f} %" for each in found), sep="\t")
    print("groups with others", *(len(doubtful(made.ids, groups)) for groups in rules), sep="\t")
    for name, groups in zip(("others.png", "others-by-distance.png"), rules, strict=True):
        sheet(pictures, doubtful(made.ids, groups)).save(given.out / name)


if __name__ == "__main__":
    main()
