"""The commands about what there is, this machine and its files: methods, backbones, datasets, verify, bench, doctor."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.base.errors import PipelineError, unknown
from pipeline.cli.options import BENCHED, BackboneOption, DatasetOption, DeviceOption
from pipeline.cli.output import say
from pipeline.cli.project import dataset_of, read_cells

if TYPE_CHECKING:
    from typing import Any

    from pipeline.config.paths import Cell


def methods() -> None:
    """Lists the clustering methods: which use text, of which there is the objective alone, where each is described."""
    from pipeline.cli.listings import list_methods

    typer.echo(list_methods())


def backbones() -> None:
    """Lists the backbones: dimension, licence, size of the download, whether the weights are here."""
    from pipeline.cli.listings import list_backbones

    typer.echo(list_backbones())


def datasets() -> None:
    """Lists the data sets: size, licence, whether the files are here."""
    from pipeline.cli.listings import list_datasets
    from pipeline.cli.settings import read_params

    settings = read_params()
    typer.echo(list_datasets(dataset_of(name, settings) for name in settings.datasets))


def verify(
    caches: Annotated[
        list[str],
        typer.Argument(
            help="Folders of embeddings, such as data/features/*/* or s3://bucket/features/stl10/clip-vitb32, or "
            "results of 'pipeline cluster'."
        ),
    ],
) -> None:
    """Reads every shard of caches in full and names what is damaged, and what makes it again. Exit code 1: not whole.

    A folder that is no cache is exit code 2. Files that do not belong to a cache are named too; they harm nothing.
    """
    from pipeline.base.remote import reached
    from pipeline.features.verify import find_caches, verify

    whole = True
    for folder in dict.fromkeys(found for each in caches for found in find_caches(reached(each))):
        verdict = verify(folder)
        whole &= verdict.whole
        for line in verdict.lines:
            say(line)
    raise typer.Exit(0 if whole else 1)


EXTRACTED, STEPS, CLUSTERED = 2000, 500, 64
"""What `bench` takes where it is not told: pictures to extract, steps of the fit, pictures to cluster."""


def bench(
    dataset: DatasetOption = None,
    backbone: BackboneOption = None,
    device: DeviceOption = "auto",
    count: Annotated[
        int | None, typer.Option("--images", min=1, help=f"Pictures to extract. Default: {EXTRACTED}.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=200, help=f"Training steps of the fit. Default: {STEPS}.")] = None,
    pictures: Annotated[int | None, typer.Option(min=16, help=f"Pictures to cluster. Default: {CLUSTERED}.")] = None,
    part: Annotated[list[str] | None, typer.Option(help="extract, fit or cluster. Default: all of them.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """How fast extraction and fit are here, each beside the floor that this machine sets; and a whole clustering.

    extract: efficiency is the time of the bare backbone by that of the extraction, on the views that are computed; of
    all views, on those that are written, of which some are the same. fit: share is the rate of the training by that
    of bare matrix multiplications of its shapes. Both count processor time where others use the machine. cluster:
    seconds by phase of 'pipeline cluster -k' on pictures that are made up, with the installation's parameters; the map
    is part of the page. Nothing is left behind, and no label is read.
    """
    from pipeline.config.devices import check_device, pick_device

    for name in part or ():
        if name not in BENCHED:
            raise unknown("part", name, BENCHED, "--part")
    check_device(device)
    parts = part or BENCHED
    given: dict[str, dict[str, object]] = {
        "extract": {"--images": count, "--dataset": dataset, "--backbone": backbone},
        "fit": {"--steps": steps},
        "cluster": {"--pictures": pictures},
    }
    for name, options in given.items():
        for option, value in options.items():
            if value is not None and name not in parts:
                raise PipelineError(f"{option}: it is of --part {name}, which does not run here; leave it out")
    # A clustering has the installation's parameters, and needs no project.
    settings, cells = read_cells(dataset, backbone) if {*parts} - {"cluster"} else (None, [])
    import json

    from pipeline.backbones.registry import get_backbone
    from pipeline.base.provenance import about_device, versions
    from pipeline.cli.bench.cluster import cluster
    from pipeline.cli.bench.extraction import extraction
    from pipeline.cli.bench.fit import fit
    from pipeline.cli.bench.table import table
    from pipeline.config.names import parts_of

    chosen = pick_device(device)

    def tell(text: str) -> None:
        say(f"bench: {text}", err=True)

    found: dict[str, dict[str, Any]] = {}
    if settings and "extract" in parts:
        cell = cells[0]
        about = settings.datasets[cell.dataset]
        model = get_backbone(parts_of(cell.backbone)[0]).seeing(about.geometry, about.image_size)
        source = dataset_of(cell.dataset, settings)
        found["extract"] = extraction(model, source, count or EXTRACTED, settings.extract, chosen, tell)
    if settings and "fit" in parts:
        found["fit"] = fit(settings.fit, steps or STEPS, chosen, tell)
    if "cluster" in parts:
        found["cluster"] = cluster(pictures or CLUSTERED, chosen, tell)
    found["machine"] = {**about_device(chosen), **versions()}
    typer.echo(json.dumps(found) if as_json else table(found))


def doctor() -> None:
    """Says what works here for what params.yaml asks: libraries, device, weights, data, disk. Exit code 1: not all.

    Outside of a project it says what works for 'pipeline cluster'.
    """

    from pipeline.cli.doctor import doctor
    from pipeline.cli.settings import read_params
    from pipeline.config.params import DEFAULTS, PARAMS

    cells: list[Cell] = []
    if PARAMS.exists():
        settings, cells = read_cells(None, None)
    else:
        settings = read_params(DEFAULTS)
        run = replace(settings.run, datasets=(), backbones=(settings.cluster.backbone,))
        settings = replace(settings, run=run)
    named = [dataset_of(name, settings) for name in settings.run.datasets]
    text, well = doctor(settings, named, [cell.features for cell in cells])
    typer.echo(text)
    raise typer.Exit(0 if well else 1)
