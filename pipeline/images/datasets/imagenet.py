"""ImageNet-10 and ImageNet-Dogs, subsets of the ImageNet-1k that a user has: their classes, reader and entries."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from pipeline.base.errors import PipelineError
from pipeline.images.datasets.entry import Dataset, Split
from pipeline.images.datasets.folders import pictures_below

# The classes of ImageNet-10 and ImageNet-Dogs as Chang et al. chose them (Deep Adaptive Image Clustering, ICCV 2017).
IMAGENET10_CLASSES = {
    "n02056570": "king penguin",
    "n02085936": "Maltese",
    "n02128757": "snow leopard",
    "n02690373": "airliner",
    "n02692877": "airship",
    "n03095699": "container ship",
    "n04254680": "soccer ball",
    "n04285008": "sports car",
    "n04467665": "trailer truck",
    "n07747607": "orange",
}
IMAGENET_DOGS_CLASSES = {
    "n02085936": "Maltese",
    "n02086646": "Blenheim spaniel",
    "n02088238": "basset",
    "n02091467": "Norwegian elkhound",
    "n02097130": "giant schnauzer",
    "n02099601": "golden retriever",
    "n02101388": "Brittany spaniel",
    "n02101556": "clumber",
    "n02102177": "Welsh springer spaniel",
    "n02105056": "groenendael",
    "n02105412": "kelpie",
    "n02105855": "Shetland sheepdog",
    "n02107142": "Doberman",
    "n02110958": "pug",
    "n02112137": "chow",
}


def read_imagenet(dataset: str, classes: dict[str, str], source: Path) -> dict[str, Split]:
    """Some classes of ImageNet-1k: its training pictures as train, its validation pictures as test, as in the paper.

    Args:
        dataset: our name of the subset, for the error.
        classes: synset -> name of the class.
        source: the folder of ImageNet-1k, with train/ and val/ and in them one folder a synset.

    Raises:
        PipelineError: if the folder of a class is missing or has no picture.
    """
    splits = {}
    for name, folder in (("train", "train"), ("test", "val")):
        files: list[Path] = []
        labels: list[str] = []
        for synset, title in classes.items():
            place = source / folder / synset
            if not place.is_dir():
                flat = folder == "val" and any((source / folder).glob("*.JPEG"))
                sort = "sort the validation pictures into one folder a synset, as torchvision.datasets.ImageNet does"
                raise PipelineError(
                    f"{dataset}: expected the class {synset} ({title}) in {place}, found no such folder; "
                    f"{sort if flat else 'bring it from ImageNet-1k (https://image-net.org)'}"
                )
            found = pictures_below(place, source)
            if not found:
                raise PipelineError(
                    f"{dataset}: expected the pictures of {synset} ({title}) in {place}, found none; "
                    "bring them from ImageNet-1k (https://image-net.org)"
                )
            files += found
            labels += [title] * len(found)
        splits[name] = Split(files, labels)
    return splits


def _synset_folders(classes: dict[str, str]) -> tuple[str, ...]:
    return tuple(f"{folder}/{synset}" for folder in ("train", "val") for synset in classes)


ENTRIES = (
    Dataset(
        name="imagenet10",
        title="ImageNet-10, 10 classes of ImageNet-1k",
        source="",
        licence="for research, by agreement with ImageNet",
        sizes={"train": 13_000, "test": 500},
        reader=partial(read_imagenet, "imagenet10", IMAGENET10_CLASSES),
        files=_synset_folders(IMAGENET10_CLASSES),
        local=True,
    ),
    Dataset(
        name="imagenet-dogs",
        title="ImageNet-Dogs, 15 breeds of ImageNet-1k",
        source="",
        licence="for research, by agreement with ImageNet",
        sizes={"train": 19_500, "test": 750},
        reader=partial(read_imagenet, "imagenet-dogs", IMAGENET_DOGS_CLASSES),
        files=_synset_folders(IMAGENET_DOGS_CLASSES),
        local=True,
    ),
)
