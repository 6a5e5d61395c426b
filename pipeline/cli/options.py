"""The options that several commands have, and what turns an option's text into what it means.

Whatever can be refused is refused here before a library is imported that computes.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.base.errors import PipelineError, unknown
from pipeline.config.names import OPTION
from pipeline.config.types import AUTO

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pipeline.extraction.engines import Engine

DatasetOption = Annotated[
    list[str] | None, typer.Option("--dataset", help="Data set; may be repeated. Default: run.datasets of params.yaml.")
]
BackboneOption = Annotated[
    list[str] | None,
    typer.Option(
        "--backbone",
        help="Backbone, or a mix first+second; may be repeated. Default: run.backbones of params.yaml.",
    ),
]
DeviceOption = Annotated[str, typer.Option(help="auto (CUDA where there is one), cpu, cuda or cuda:N.")]
MegapixelsOption = Annotated[
    int | None,
    typer.Option(
        "--most-megapixels", min=1, help="Larger pictures are refused. Default: 300 (prepare.most_megapixels)."
    ),
]
StudyOption = Annotated[
    str | None, typer.Option(help="An experiment of params.yaml's studies: section, in place of the main graph.")
]
MethodOption = Annotated[
    list[str] | None, typer.Option("--method", help="Method; may be repeated. Default: fit.methods of params.yaml.")
]
ChangesOption = Annotated[
    list[str] | None,
    typer.Option(
        OPTION,
        "--set",
        metavar="KEY=VALUE",
        help="Another value than params.yaml's, such as fit.runs=2; may be repeated. Results go to a folder of their "
        "own below data/variations.",
    ),
]
FeaturesOption = Annotated[
    str | None,
    typer.Option(
        "--features",
        help="Folder or URL, such as s3://bucket/features, in which <data set>/<backbone> lie. Default: data/features.",
    ),
]
SourcesArgument = Annotated[
    list[str],
    typer.Argument(
        help="Folders, picture files, patterns, or .txt lists of paths; or a .npy, .npz, .h5 or .parquet file of "
        "embeddings, or a folder of such files alone."
    ),
]
CheckOption = Annotated[
    str,
    typer.Option(
        help="Before the first fit. quick: all shards are there with their sizes; full: their bits are right too."
    ),
]
MemoryOption = Annotated[
    str | None,
    typer.Option(
        envvar="PIPELINE_MEMORY",
        help="What the process may take, such as 2GB. If the embeddings need more, heads on pairs of views read "
        "them from the disk while they train, and other methods are fitted to a sample. Without it all are read.",
    ),
]
LiveOption = Annotated[
    Path | None,
    typer.Option(
        help="Folder to log each run's terms to while it trains, for DVC's tools and VS Code (the extra live). "
        "What an earlier fit logged there is removed."
    ),
]
SomeBackboneOption = Annotated[
    str | None,
    typer.Option(
        "--backbone",
        help="See 'pipeline backbones'; first+second joins two; auto: the best one whose weights are on this machine. "
        "Default: efficientnet-lite0.",
    ),
]
GeometryOption = Annotated[
    str | None,
    typer.Option(
        help="How a picture becomes a square. pad: all of it on a background of its own colour; squash; crop: its "
        "middle; published: as the backbone's authors do. Default: pad."
    ),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        help="Pattern of files and folders to skip, by name ('*.tif', drafts) or, with a /, by path from the source on "
        "('raw/*'); may be repeated.",
    ),
]
CacheOption = Annotated[
    str | None,
    typer.Option("--cache", help="Folder of embeddings that several results share. Default: each has its own alone."),
]
PicturesOption = Annotated[
    str | None,
    typer.Option(help="The folder where the pictures are now, or go back to. Default: as when they were clustered."),
]
OutOption = Annotated[
    str | None, typer.Option(help="Folder for the results. Default: the source's name with -clusters, here.")
]

CHECKS = ("quick", "full")
"""How thoroughly `fit` looks at the shards before it begins."""
ENGINES = ("local", "ray")
"""Where the shards of an extraction are made."""
SPACES = ("embedding", "head")
"""Where `search` measures distances; see `pipeline.collection.search.find`."""
BENCHED = ("extract", "fit", "cluster")
"""What `bench` measures."""


def bytes_of(text: str) -> int:
    """The number of bytes that a size such as 2GB or 500M stands for; units of 1,000, with an i of 1,024."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGT])(i?)B?", text.strip(), re.IGNORECASE)
    if found is None:
        raise PipelineError(f"--memory {text}: expected a size such as 2GB or 500MB; give a number with its unit")
    number, unit, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** (1 + "KMGT".index(unit.upper())))


def clusters_of(text: str) -> int | None:
    """The number of clusters that -k names; None: it is to be estimated."""
    from pipeline.collection.request import FEWEST

    if text == AUTO:
        return None
    if not text.isdecimal() or int(text) < FEWEST:
        raise PipelineError(f"-k {text}: expected a whole number of at least {FEWEST}, or {AUTO}")
    return int(text)


def engine_of(
    name: str, device: str, several: str | None, address: str | None, gpus: float | None, cpus: int | None
) -> tuple[list[str], AbstractContextManager[Engine]]:
    """The devices to compute on, and what makes the shards; options that would mean nothing are refused."""
    from contextlib import nullcontext

    from pipeline.config.devices import pick_device, pick_gpus

    if name not in ENGINES:
        raise unknown("engine", name, ENGINES, "--engine")
    options = {"--ray-address": address, "--gpus-per-task": gpus, "--cpus-per-task": cpus}
    given = [option for option, value in options.items() if value is not None]
    if name == "local":
        if given:
            raise PipelineError(f"{given[0]}: means something with --engine ray alone; add that, or leave it out")
        if several is not None and device != "auto":
            raise PipelineError(
                f"--gpus {several}: stands in place of --device, found --device {device} too; leave it out"
            )
        devices = [pick_device(device)] if several is None else pick_gpus(several)
        from pipeline.extraction.engines import here, on

        return devices, nullcontext(here if several is None else on(devices))
    if several is not None:
        raise PipelineError(f"--gpus {several}: every task of --engine ray has its own; give --gpus-per-task instead")
    if device != "auto":
        raise PipelineError(f"--device {device}: every task of --engine ray has its own; give --gpus-per-task instead")
    from pipeline.extraction.ray_engine import connected

    return ["cuda:0" if gpus else "cpu"], connected(address, cpus, gpus or 0)
