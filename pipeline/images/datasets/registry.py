"""The data sets that the pipeline knows, by name, in the order in which they are listed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from pipeline.base.errors import PipelineError, entry_of
from pipeline.base.remote import is_url
from pipeline.images.datasets import (
    cifar,
    digits,
    drawings,
    emoji,
    endless_sky,
    fashion_mnist,
    freeciv,
    freeorion,
    icons,
    imagenet,
    mnist_5k,
    printed_digits,
    printed_scripts,
    stellarium,
    stl10,
    tuxpaint,
    wesnoth,
)
from pipeline.images.datasets.entry import IMAGENET_ROOT, Dataset
from pipeline.images.datasets.folders import read_folder

DATASETS: dict[str, Dataset] = {
    entry.name: entry
    for entry in (
        *fashion_mnist.ENTRIES,
        *stl10.ENTRIES,
        *cifar.ENTRIES,
        *imagenet.ENTRIES,
        *digits.ENTRIES,
        *mnist_5k.ENTRIES,
        *printed_digits.ENTRIES,
        *tuxpaint.ENTRIES,
        *emoji.ENTRIES,
        *drawings.ENTRIES,
        *icons.ENTRIES,
        *wesnoth.ENTRIES,
        *freeorion.ENTRIES,
        *freeciv.ENTRIES,
        *endless_sky.ENTRIES,
        *stellarium.ENTRIES,
        *printed_scripts.ENTRIES,
    )
}


def find_dataset(
    name: str, folder: str | None, imagenet_root: str | None, where: str = "", exclude: Sequence[str] = ()
) -> Dataset:
    """The data set of a name: the folder of pictures that it stands for, or the registry's entry.

    Args:
        name: of the data set.
        folder: where its pictures are, if it is none of the registry.
        imagenet_root: the folder of ImageNet-1k; None: the environment variable IMAGENET_ROOT.
        where: the place where the name stood, for the error.
        exclude: patterns of what to pass over in the folder.

    Raises:
        PipelineError: if the name is not known and no folder is given, or both are.
    """
    if folder is None:
        entry = get_dataset(name, where)
        root = os.path.expanduser(imagenet_root or os.environ.get(IMAGENET_ROOT, ""))
        return replace(entry, source=root) if entry.local else entry
    if name in DATASETS:
        raise PipelineError(f"{where}: '{name}' has a folder, but is the name of a known data set; choose another name")
    return Dataset(
        name=name,
        title="your pictures",
        source=folder if is_url(folder) else str(Path(os.path.expanduser(folder))),
        licence="yours",
        sizes=None,
        reader=partial(read_folder, exclude=tuple(exclude)),
        local=True,
    )


def get_dataset(name: str, where: str = "") -> Dataset:
    """The entry of this name.

    Raises:
        PipelineError: if there is none; near names are offered.
    """
    return entry_of(DATASETS, "data set", name, where)
