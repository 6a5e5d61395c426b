"""One process at a time, by locks that the kernel gives back when their holder ends, however it ends.

They are BSD's flock, which belongs to the open file: a killed process leaves the file behind, but no lock. On NFS Linux
makes a byte-range lock of it, which the server keeps (flock(2), since Linux 2.6.12). Windows has none, nor have some
file systems: then nothing is held, and what is written is still whole by itself.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.base.errors import PipelineError

if sys.platform != "win32":
    import fcntl

NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
"""What a file system says that has no locks, such as Lustre mounted without them."""
NO_WRITING = {errno.EACCES, errno.EROFS}


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a file, made where it is missing, against all others that come through here; waits for it.

    The block may rename the file or remove it: who waited for it then begins with a new one.
    """
    if sys.platform == "win32":  # It renames no file that is open.
        yield
        return
    descriptor = _open_locked(path, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def alone(folder: Path, lock: Path | None = None) -> Iterator[None]:
    """Keeps other processes from filling a folder while the block does; they end in one line.

    The lock is a file that says who holds it and that is gone at the end, so nothing of it is ever hashed. One that a
    killed process left is taken over. Where nothing can be written there is nothing to keep apart, and no lock.

    Args:
        folder: what is filled.
        lock: the file; by default a hidden one beside the folder.

    Raises:
        PipelineError: if another process is filling the folder.
    """
    if sys.platform == "win32":
        yield
        return
    path = lock or folder.with_name(f".{folder.name}.lock")
    descriptor = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _open_locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise PipelineError(
            f"{folder}: is being filled by another process{_holder(path)}; wait for its end, or stop it"
        ) from None
    except OSError as error:
        if error.errno not in NO_WRITING:
            raise
    if descriptor is None:
        yield
        return
    try:
        with suppress(OSError):  # On a full disk it is held all the same.
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"pid {os.getpid()} on {socket.gethostname()}".encode())
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(descriptor)


if sys.platform != "win32":

    def _open_locked(path: Path, how: int) -> int:
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                try:
                    fcntl.flock(descriptor, how)
                except OSError as error:
                    if error.errno not in NO_LOCKS:
                        raise
                # The last holder may have renamed or removed what was opened: a lock on that keeps nobody out.
                with suppress(FileNotFoundError):
                    if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                        return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)


def _holder(lock: Path) -> str:
    """Who holds a lock; nothing where it has not said so yet."""
    with suppress(OSError):
        if text := lock.read_text(encoding="utf-8", errors="replace"):
            return f" ({text})"
    return ""
