"""Whether the picture files of a list are still those that it was made of."""

from __future__ import annotations

from pathlib import Path

from pipeline.base.errors import PipelineError
from pipeline.base.files import is_remote
from pipeline.base.remote import is_url
from pipeline.config.paths import prepare_command
from pipeline.images.listing import LIST_NAME, ImageRecord, digest_of_file, read_list


def check_files(folder: Path) -> None:
    """Looks at every picture file of a list; those that were touched since it was written are read.

    Cheap, as long as nothing was touched: a look at a million files takes seconds. Files in a store, and arrays in the
    list's own folder, are left out. A file that is new in the pictures' folder is not seen.

    Raises:
        PipelineError: naming the first file that is gone, or has other bytes than the list's digest is of.
    """
    path = folder / LIST_NAME
    if is_remote(path) or not path.is_file():
        return
    written = path.stat().st_mtime_ns
    for record in read_list(folder):
        if record.index is None and not is_url(record.path):
            _check(folder / record.path, record, written, prepare_command(folder))


def _check(file: Path, record: ImageRecord, written: int, again: str) -> None:
    try:
        about = file.stat()
        # A file that was moved here may be older than the list; when it came, its inode changed.
        touched = max(about.st_mtime_ns, about.st_ctime_ns) >= written
        if touched and digest_of_file(file) != record.digest:
            raise PipelineError(f"{file}: the picture has changed since the list was made; run '{again}'")
    except OSError as error:
        raise PipelineError(
            f"{file}: the picture is gone since the list was made ({error.strerror}); bring it back, or run '{again}'"
        ) from None
