"""The command that tries how stable the clusters of a result are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.base.errors import PipelineError
from pipeline.cli.options import DeviceOption, PicturesOption
from pipeline.cli.output import say


def robustness(
    folder: Annotated[
        str | None, typer.Argument(help="A result of 'pipeline cluster'. Default: the only one in this folder.")
    ] = None,
    device: DeviceOption = "auto",
    pictures: PicturesOption = None,
) -> None:
    """A result -> which of its clusters hold together, and which pictures wander. No labels.

    Its pictures are blurred, saved as coarse JPEG, cropped and given noise, and assigned once more; and the method is
    fitted once more, to fewer pictures and with other seeds. RESULT/robustness.csv has a row a picture, robustness.json
    the rest, and the page a view. What is to be computed, and about how long it takes, is said before it begins.
    """
    from pipeline.collection.result import Collection, only_collection
    from pipeline.config.devices import check_device, pick_device

    check_device(device)
    collection = Collection(Path(folder) if folder else only_collection("name it: pipeline robustness RESULT"))
    if not collection.about.is_file():
        raise PipelineError(
            f"{collection.folder}: expected a result of 'pipeline cluster', found none; cluster the pictures first: "
            "pipeline cluster PICTURES"
        )
    place = Path(pictures) if pictures else None
    if place is not None and not place.is_dir():
        raise PipelineError(f"--pictures {place}: expected the folder where the pictures are now, found none")
    from pipeline.collection.stability_lines import lines
    from pipeline.collection.trials import measure

    _, found = measure(collection, pick_device(device), say, place)
    for line in lines(found):
        say(line)
    say(f"page: {collection.page}")
