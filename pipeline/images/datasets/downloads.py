"""Reads what torchvision downloads, held against its checksums."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.base.errors import PipelineError
from pipeline.images.datasets.entry import Split


@contextmanager
def fetching(dataset: str, source: Path) -> Iterator[None]:
    """Whatever goes wrong while the files of a data set are fetched and read ends in one line."""
    try:
        yield
    except Exception as error:  # No network, a wrong checksum and a broken archive end in many types.
        # One of ours ends in advice of its own, which is of no use for files that are fetched.
        ours = isinstance(error, PipelineError)
        reason = str(error).partition("; ")[0] if ours else f"{type(error).__name__}: {error}"
        raise PipelineError(
            f"{dataset}: its files are not whole in {source} and cannot be fetched "
            f"({' '.join(reason.split())[:200]}); run 'pipeline prepare --dataset {dataset}' where there is a network "
            f"and bring the folder {source} here"
        ) from None


def read_torchvision(
    dataset: str,
    loader: Any,
    source: Path,
    names_are_whole: Callable[[Path], bool],
    to_split: Callable[[Any], Split],
    named: bool = False,
) -> dict[str, Split]:
    """Both splits of a torchvision data set, checked against its sums and downloaded where they are not whole.

    Args:
        dataset: our name of it, for the error.
        loader: torchvision's class.
        source: the folder of the files.
        names_are_whole: looks, in the folder of the unpacked files, at the one with the names of the classes;
            torchvision leaves it out when it decides whether to fetch.
        to_split: turns what the class holds into pictures and labels.
        named: whether the class takes the split's name, and not whether it is the train split.

    Raises:
        PipelineError: if the files are not whole and cannot be fetched.
    """
    from torchvision.datasets.utils import download_and_extract_archive

    # Torchvision unpacks as tarfile does by itself, before Python 3.14 wherever a member says.
    tarfile.TarFile.extraction_filter = staticmethod(tarfile.data_filter)
    with fetching(dataset, source):
        if not names_are_whole(source / loader.base_folder):
            download_and_extract_archive(loader.url, source, filename=loader.filename, md5=loader.tgz_md5)
        return {
            name: to_split(loader(str(source), name if named else name == "train", download=True))
            for name in ("train", "test")
        }
