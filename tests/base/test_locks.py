from __future__ import annotations

import errno
import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.base.errors import PipelineError
from pipeline.base.files import write_bytes
from pipeline.base.locks import alone
from pipeline.cli import main as cli
from tests.commands import failure
from tests.conftest import BACKBONE, DATASET, write_images
from tests.processes import start

HOLDER = """
import sys, time
from pathlib import Path
from pipeline.base.locks import alone, locked
with (alone if sys.argv[1] == "alone" else locked)(Path(sys.argv[2])):
    print("held", flush=True)
    time.sleep(600)
"""


def holder(how: str, path: Path) -> subprocess.Popen[bytes]:
    """A process that has the lock by now."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, how, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def test_the_second_process_ends_in_one_line_and_a_killed_one_keeps_nobody_out(tmp_path: Path) -> None:
    folder = tmp_path / "features" / "some"
    process = holder("alone", folder)
    said = rf"{folder}: is being filled by another process \(pid {process.pid} on .+\); wait for its end, or stop it"
    with pytest.raises(PipelineError, match=said), alone(folder):
        pass
    end(process)
    assert [path.name for path in folder.parent.iterdir()] == [".some.lock"]
    with alone(folder):
        assert (folder.parent / ".some.lock").read_text().startswith(f"pid {os.getpid()} on ")
    assert list(folder.parent.iterdir()) == []


def test_the_lock_ends_with_the_block_however_that_ends(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), alone(tmp_path / "some"):
        raise KeyboardInterrupt
    with alone(tmp_path / "some"), alone(tmp_path / "other"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_one_of_many_is_in_at_a_time(tmp_path: Path) -> None:
    """Guards against a lock on a file that its last holder has just removed."""
    code = """
import os, sys
from pathlib import Path
from pipeline.base.errors import PipelineError
from pipeline.base.locks import alone
folder, inside, entered = Path(sys.argv[1]), Path(sys.argv[1] + ".inside"), 0
while entered < 200:
    try:
        with alone(folder):
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
            inside.unlink()
            entered += 1
    except PipelineError:
        pass
"""
    processes = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "some")]) for _ in range(3)]
    assert [process.wait(120) for process in processes] == [0, 0, 0]


def test_writers_of_one_file_wait_for_each_other(tmp_path: Path) -> None:
    """Guards against one temporary name for all, where the second writer changes what the first has checked."""
    code = """
import sys
from pathlib import Path
from pipeline.base.files import written_whole
for _ in range(40):
    with written_whole(Path(sys.argv[1])) as aside:
        for _ in range(8):
            with aside.open("ab" if aside.stat().st_size else "wb") as file:
                file.write(sys.argv[2].encode() * 1000)
        assert set(aside.read_text()) == {sys.argv[2]} and aside.stat().st_size == 8000
"""
    processes = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "file"), letter]) for letter in "abc"]
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    assert len(set((tmp_path / "file").read_text())) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_killed_writer_keeps_nobody_waiting(tmp_path: Path) -> None:
    aside = tmp_path / "file.tmp"
    process = holder("locked", aside)
    aside.write_bytes(b"half")
    end(process)
    write_bytes(tmp_path / "file", b"whole")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"whole"}


def test_a_disk_without_locks_is_written_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with alone(tmp_path / "some"):
        write_bytes(tmp_path / "some" / "file", b"whole")
    assert (tmp_path / "some" / "file").read_bytes() == b"whole"


def test_where_nothing_can_be_written_a_whole_result_needs_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "open", read_only)
    with alone(tmp_path / "some"):
        pass


@pytest.mark.slow
def test_a_second_command_is_refused_and_after_a_kill_goes_on(
    project: Callable[..., Path],
    pictures: np.ndarray,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = project(**{"extract.shard_rows": 8, "datasets.fashion-mnist-mini.image_size": 64})
    write_images(folder / "data" / "images" / DATASET, pictures[:120])
    features = folder / "data" / "features" / DATASET / BACKBONE
    first = start("extract", "--device", "cpu", said=Path(os.devnull))
    deadline = time.monotonic() + 120
    while not list(features.glob("*.h5")) and first.is_alive() and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(first.pid, signal.SIGSTOP)  # So that it is at work still, however quick the machine.
    line = failure(capsys, monkeypatch, "extract", "--device", "cpu")
    assert re.fullmatch(
        rf"pipeline: data/features/{DATASET}/{BACKBONE}: is being filled by another process "
        rf"\(pid {first.pid} on .+\); wait for its end, or stop it",
        line,
    )
    first.kill()
    first.join()
    assert first.exitcode == -signal.SIGKILL
    monkeypatch.setattr(sys, "argv", ["pipeline", "extract", "--device", "cpu"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert not stop.value.code
    assert ", 0 reused" not in capsys.readouterr().out
    assert {path.suffix for path in features.iterdir()} == {".h5", ".json"}
    assert [path.name for path in features.parent.iterdir()] == [BACKBONE]
