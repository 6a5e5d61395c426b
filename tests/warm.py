"""`pipeline`, `dvc` and `pytest` with what is slow to import imported already, for tests that run them many times.

One process imports the libraries and nothing of the project. A command of the folder that `commands` gives is a few
lines that hand over their arguments, folder, environment and streams; a fork of that process then is the command,
with the project that its `PYTHONPATH` names.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import NoReturn

NAMES = ("pipeline", "dvc", "pytest")
LIBRARIES = (
    *("timm", "faiss", "sklearn.cluster", "sklearn.linear_model", "sklearn.manifold", "scipy.stats", "h5py"),
    *("matplotlib.figure", "pyarrow.parquet", "jinja2", "typer", "dvc.cli", "dvc.commands.repro"),
    *("dvc.commands.status", "dvc.commands.checkout", "dvc.commands.commit", "dvc.repo"),
)
CLIENT = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect({address!r})
    socket.send_fds(connection, [b" "], [0, 1, 2])
    connection.sendall(json.dumps([sys.argv, os.getcwd(), dict(os.environ)]).encode())
    connection.shutdown(socket.SHUT_WR)
    code = connection.recv(9)
sys.exit(int(code or 1))
"""


@cache
def commands() -> Path:
    """The folder of the commands; what is behind them ends with this process."""
    folder = Path(tempfile.mkdtemp(prefix="warm-"))
    server = subprocess.Popen(
        [sys.executable, "-I", __file__, folder / "socket"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert server.stdin
    assert server.stdout
    assert server.stdout.readline() == b"ready\n"
    server.stdout.close()
    atexit.register(server.wait)
    atexit.register(server.stdin.close)
    for name in NAMES:
        (folder / name).write_text(CLIENT.format(python=sys.executable, address=str(folder / "socket")))
        (folder / name).chmod(0o755)
    return folder


def serve(address: str) -> None:
    """Forks for one command after the other, until the standard input is closed."""
    for name in LIBRARIES:
        importlib.import_module(name)
    assert not {"pipeline", "tests"} & set(sys.modules)
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
        while sys.stdin not in (ready := select.select([listener, sys.stdin], [], [])[0]):
            if listener in ready:
                connection, _ = listener.accept()
                with connection:
                    if os.fork() == 0:
                        listener.close()
                        answer(connection)
            while ended():
                pass
    shutil.rmtree(Path(address).parent)
    os._exit(0)


def ended() -> bool:
    """Whether a child has ended that nobody has waited for."""
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def answer(connection: socket.socket) -> NoReturn:
    """Runs a command in a process of its own, and says with which code it ended."""
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    with connection.makefile("rb") as file:
        arguments, folder, environment = json.load(file)
    command = os.fork()
    if command:
        code = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
        connection.sendall(str(code if code >= 0 else 128 - code).encode())
        os._exit(0)
    connection.close()
    for place, stream in enumerate(streams):
        os.dup2(stream, place)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    sys.argv = arguments
    (entry,) = entry_points(group="console_scripts", name=Path(arguments[0]).name)
    ended_with = code_of(entry.load())
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(ended_with)  # To take down all that was imported would take longer than most commands.


def code_of(main: Callable[[], int | None]) -> int:
    """Runs an entry point; the exit code that it asks for."""
    try:
        code: object = main()
    except SystemExit as stop:
        code = stop.code
    except BaseException:
        traceback.print_exc()
        return 1
    return 0 if code is None else code if isinstance(code, int) else 1


if __name__ == "__main__":
    serve(sys.argv[1])
