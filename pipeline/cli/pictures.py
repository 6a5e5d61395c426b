"""The commands for pictures of one's own: cluster, estimate, predict, search, export, duplicates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.base.errors import PipelineError, unknown
from pipeline.cli.options import (
    SPACES,
    CacheOption,
    DeviceOption,
    ExcludeOption,
    GeometryOption,
    MegapixelsOption,
    OutOption,
    PicturesOption,
    SomeBackboneOption,
    SourcesArgument,
    clusters_of,
)
from pipeline.cli.output import print_table, say
from pipeline.config.names import HEAD
from pipeline.config.types import AUTO

if TYPE_CHECKING:
    from pathlib import Path


def cluster(
    sources: SourcesArgument,
    clusters: Annotated[
        str, typer.Option("-k", "--clusters", help="How many clusters to look for; auto: as many as seem to be there.")
    ] = AUTO,
    out: OutOption = None,
    backbone: SomeBackboneOption = None,
    geometry: GeometryOption = None,
    method: Annotated[
        str | None,
        typer.Option(
            "--method", "--objective", help="auto, scp, kmeans or another of fit: in params.yaml. Default: auto."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Another seed gives another clustering. Default: 0.")] = None,
    device: DeviceOption = "auto",
    exclude: ExcludeOption = None,
    cache: CacheOption = None,
    most_megapixels: MegapixelsOption = None,
    add: Annotated[
        bool,
        typer.Option("--add", help="The clusters of the earlier result stand, and new pictures are assigned to them."),
    ] = False,
    refit: Annotated[
        bool, typer.Option("--refit", help="Fit anew, also where the pictures changed little since the last run.")
    ] = False,
) -> None:
    """Pictures -> clusters, in one go: assignments, a page to browse, and a head for new pictures. No labels.

    A later run keeps the numbers and the names of the clusters, and obeys edits.json. Where few pictures came or went,
    it keeps the clusters themselves.
    """
    from pipeline.collection.request import check_add, check_method, requested

    if method is not None:
        check_method(method)
    count = clusters_of(clusters)
    if add:
        named = {"-k": count, "--backbone": backbone, "--geometry": geometry, "--method": method, "--seed": seed}
        check_add({**named, "--refit": refit or None})
    request = requested(sources, out, backbone, device, exclude or (), geometry, cache)
    if add:
        from pipeline.collection.adding import add as add_to

        _allow(most_megapixels)
        add_to(request, say)
        say(f"page: {request.collection.page}")
        return
    from pipeline.collection.cluster import cluster_collection

    _allow(most_megapixels)
    cluster_collection(request, count, method, seed, say, refit=refit)
    say(f"page: {request.collection.page}")


def estimate(
    sources: SourcesArgument,
    out: OutOption = None,
    backbone: SomeBackboneOption = None,
    geometry: GeometryOption = None,
    device: DeviceOption = "auto",
    exclude: ExcludeOption = None,
    cache: CacheOption = None,
    most_megapixels: MegapixelsOption = None,
) -> None:
    """Pictures -> how many clusters there may be, with the evidence. `pipeline cluster` goes on from there."""
    from pipeline.collection.request import requested

    request = requested(sources, out, backbone, device, exclude or (), geometry, cache)
    from pipeline.collection.kept_estimate import estimate_collection

    _allow(most_megapixels)
    made = estimate_collection(request, say)
    for line in (made.line(), *(level.line() for level in made.levels), made.table()):
        typer.echo(line)
    typer.echo(f"curves: {request.collection.estimate}")


def predict(
    head: Annotated[str, typer.Argument(help="The folder of a fitted head, such as pictures-clusters/head.")],
    sources: SourcesArgument,
    out: Annotated[str | None, typer.Option(help="CSV file to write. Default: standard output.")] = None,
    device: DeviceOption = "auto",
    exclude: ExcludeOption = None,
    most_megapixels: MegapixelsOption = None,
) -> None:
    """New pictures -> the cluster of each, its confidence and the second choice, from a saved head alone.

    Confidences are those of 'cluster' while the head lies in its result, and of a head by itself its softmax.
    """
    from pathlib import Path

    from pipeline.config.devices import check_device, pick_device
    from pipeline.heads.head_file import head_file
    from pipeline.images.sources import check_source

    check_device(device)
    head_file(Path(head))
    for source in sources:
        check_source(source)
    from pipeline.base.csv_tables import write_table
    from pipeline.collection.predict import predict
    from pipeline.collection.remade import up_to_date
    from pipeline.collection.result import result_of
    from pipeline.heads.predictions import NAMED_COLUMNS

    _allow(most_megapixels)
    if (result := result_of(Path(head))) is not None:
        up_to_date(result, say)
    found = predict(Path(head), sources, pick_device(device), exclude or ())
    if out:
        write_table(Path(out), NAMED_COLUMNS, found.rows)
    else:
        print_table(NAMED_COLUMNS, found.rows)
    for path, reason in found.rejected:
        say(f"{path}: left out, {reason}", err=True)
    if found.skipped:
        say(found.skipped, err=True)
    if found.alone and found.rows:
        say("no result around the head: the confidences are its softmax, see docs/confidence.md", err=True)
    for path, remark in found.remarks:
        say(f"{path}: used in part, {remark}", err=True)
    raise typer.Exit(0 if found.rows else 1)


def search(
    image: Annotated[str, typer.Argument(help="The picture to look for.")],
    folder: Annotated[
        str | None, typer.Option("--in", help="A result of 'pipeline cluster'. Default: the only one in this folder.")
    ] = None,
    by: Annotated[str, typer.Option(help="embedding (what it looks like) or head (its clusters).")] = "embedding",
    count: Annotated[int, typer.Option(min=1, help="How many to find.")] = 20,
    sheet: Annotated[str | None, typer.Option(help="PNG file to draw. Default: search.png in the result.")] = None,
    device: DeviceOption = "auto",
    most_megapixels: MegapixelsOption = None,
) -> None:
    """A picture -> the nearest pictures of a collection, as a table and a contact sheet."""
    from pathlib import Path

    from pipeline.collection.request import check_picture
    from pipeline.collection.result import Collection, only_collection
    from pipeline.config.devices import check_device, pick_device
    from pipeline.heads.head_file import head_file

    if by not in SPACES:
        raise unknown("space", by, SPACES, "--by")
    collection = Collection(Path(folder) if folder else only_collection())
    check_device(device)
    head_file(collection.head / HEAD)
    check_picture(Path(image))
    from pipeline.collection.remade import up_to_date
    from pipeline.collection.search import COLUMNS, find

    _allow(most_megapixels)
    up_to_date(collection, say)
    target = Path(sheet) if sheet else collection.folder / "search.png"
    print_table(COLUMNS, find(collection, Path(image), by, count, target, pick_device(device)))
    say(f"sheet: {target}", err=True)


def _allow(most_megapixels: int | None) -> None:
    """Sets how large a picture may be; None: as params.yaml has it."""
    from pipeline.images import limits

    limits.allow(most_megapixels)


def export(
    folder: Annotated[str | None, typer.Argument(help="A result of 'pipeline cluster'.")] = None,
    target: Annotated[
        str | None, typer.Argument(help="The folder to fill, a folder a cluster; or a .csv, .parquet or .json file.")
    ] = None,
    how: Annotated[str, typer.Option(help="symlink, copy or move.")] = "symlink",
    flat: Annotated[
        bool, typer.Option("--flat", help="All pictures of a cluster side by side, without the folders they lie in.")
    ] = False,
    sync: Annotated[
        bool,
        typer.Option("--sync", help="Into a folder that was filled before: move and remove what an export put there."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    undo: Annotated[str | None, typer.Option(help="The undo.csv of a move: bring the pictures back.")] = None,
    pictures: PicturesOption = None,
) -> None:
    """Clusters -> folders of pictures (links, copies, or the pictures themselves), or one file for other programs.

    A .csv file has the assignments with the map's coordinates, a .parquet file also thumbnails and neighbours, as
    Embedding Atlas takes them, and a .json file is FiftyOne's image classification format. Nothing is ever overwritten.
    After an export that was cut short, the same command goes on.
    """
    from pathlib import Path

    from pipeline.collection.result import Collection
    from pipeline.collection.transfer import WAYS
    from pipeline.collection.undo import undo as move_back

    place = Path(pictures) if pictures else None
    if undo:
        say(move_back(Path(undo), place))
        return
    if not folder or not target:
        raise PipelineError(
            "expected a result of 'pipeline cluster' and a folder to fill: pipeline export RESULT FOLDER"
        )
    if how not in WAYS:
        raise unknown("way", how, WAYS, "--how")
    if sync and how == "move":
        raise PipelineError("--sync: links and copies can be put in order again, pictures that were moved cannot")
    from pipeline.collection.exchange import FORMATS, exchange
    from pipeline.collection.export import export, plan
    from pipeline.collection.remade import up_to_date

    up_to_date(Collection(Path(folder)), say)
    if Path(target).suffix.lower() in FORMATS:
        say(exchange(Collection(Path(folder)), Path(target), dry_run, place))
        return
    planned = plan(Collection(Path(folder)), Path(target), how, place, flat, sync)
    if dry_run:
        first = [(str(path), "") for path in planned.sync.remove]
        first += [(str(step.source), str(step.target)) for step in planned.sync.moves]
        ready = {step.target for step in planned.sync.moves}
        left = [step for step in planned.steps if step.target not in ready and not WAYS[how].done(step)]
        print_table(("picture", "to"), [*first, *((str(step.source), str(step.target)) for step in left)])
    else:
        say(export(planned, Path(target), how))


def duplicates(
    folder: Annotated[
        str | None, typer.Argument(help="A result of 'pipeline cluster'. Default: the only one in this folder.")
    ] = None,
    table: Annotated[str | None, typer.Option("--csv", help="CSV file to write. Default: standard output.")] = None,
    move: Annotated[str | None, typer.Option(help="Folder to move all but the best of each group to.")] = None,
    undo: Annotated[str | None, typer.Option(help="The undo.csv of a move: bring the pictures back.")] = None,
    pictures: PicturesOption = None,
) -> None:
    """Near-duplicates -> a table with the best of each group first, or the others moved out of the way.

    The best has the most pixels; of equals the most bytes, then a lossless format, the oldest date, the first path.
    """
    from pathlib import Path

    from pipeline.collection.result import Collection, only_collection
    from pipeline.collection.undo import undo as move_back

    place = Path(pictures) if pictures else None
    if undo:
        if folder or table or move:
            raise PipelineError(f"--undo {undo}: moves pictures back and does nothing else; give it without the others")
        say(move_back(Path(undo), place))
        return
    if table and Path(table).is_dir():
        raise PipelineError(f"--csv {table}: expected a file to write, found a folder; give a name such as copies.csv")
    if move and Path(move).exists() and not Path(move).is_dir():
        raise PipelineError(f"--move {move}: expected a folder, found a file; give another name")
    name = Path(folder) if folder else only_collection("name it: pipeline duplicates RESULT")
    if not name.is_dir():
        raise PipelineError(f"{name}: expected a result of 'pipeline cluster', found {_instead(name)}")
    from pipeline.base.csv_tables import write_table
    from pipeline.collection.copies import COLUMNS, find_duplicates, move_copies

    found = find_duplicates(Collection(name), place)
    if table:
        write_table(Path(table), COLUMNS, found.rows())
    elif not move:
        print_table(COLUMNS, found.rows())
    say(found.line(), err=True)
    if move:
        say(move_copies(found, Path(move)))


def _instead(name: Path) -> str:
    """What is there in place of a folder."""
    return "a file" if name.exists() else "nothing; cluster the pictures first: pipeline cluster PICTURES"
