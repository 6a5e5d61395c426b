"""Values along a training where people look while it goes on: DVCLive's files, which DVC's tools and VS Code show."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.base.packages import check_package

PACKAGE = "dvclive"
STEP = "step"
"""The key of a row that is no value."""
Watch = Callable[[int, Mapping[str, float]], None]
"""Takes the seed of a run and a row of its history, which has a ``step``; may be called from several threads."""


def check_live(folder: Path | None) -> None:
    """Refuses a folder for a log where the package that writes it is not installed.

    Raises:
        PipelineError: if it is not.
    """
    if folder is not None:
        check_package(PACKAGE, f"--live {folder}", "leave it out")


class LiveLog:
    """The log of a fit: ``plots/metrics/<method>/run-<number>/<term>.tsv`` with the steps, ``metrics.json`` the last.

    What an earlier fit wrote there is removed. No times are written, but the order of lines is the order in which
    runs beside each other came to them.
    """

    def __init__(self, folder: Path) -> None:
        from dvclive import Live

        folder.mkdir(parents=True, exist_ok=True)
        self._live: Any = Live(str(folder), save_dvc_exp=False, dvcyaml=str(folder / "dvc.yaml"))
        # It looks up the commit, and would keep the files of the project's repository open.
        repository = getattr(self._live, "_dvc_repo", None)
        if repository is not None:
            repository.close()
        self._noted: set[tuple[str, int]] = set()
        self._lock = threading.Lock()

    def watch(self, method: str, seeds: Sequence[int]) -> Watch:
        """What notes the rows of a method's runs while they go on; heads with other seeds, inside of a run, are not."""

        def note(seed: int, row: Mapping[str, float]) -> None:
            if seed in seeds:
                self._note(method, seeds.index(seed), row)

        return note

    def ended(self, method: str, history: Sequence[Mapping[str, float]], losses: Sequence[float]) -> None:
        """Notes the losses of a method's runs, and the rows of those that told nothing while they went on.

        Args:
            method: its name.
            history: rows of all runs, each with its ``run`` and its ``step``.
            losses: of each run.
        """
        told = set(self._noted)
        for row in history:
            run = int(row["run"])
            if (method, run) not in told:
                self._note(method, run, {name: value for name, value in row.items() if name != "run"})
        for run, loss in enumerate(losses):
            self._live.log_metric(f"{method}/run-{run + 1}/loss", loss, plot=False)
        self._live.make_summary()

    def _note(self, method: str, run: int, row: Mapping[str, float]) -> None:
        with self._lock:
            first = not self._noted
            self._noted.add((method, run))
            self._live.step = int(row[STEP])
            for term, value in row.items():
                if term != STEP:
                    self._live.log_metric(f"{method}/run-{run + 1}/{term}", value)
            self._live.make_summary()
            if first:  # It names the folder of all plots, and once more with each call.
                self._live.make_dvcyaml()


def live_log(folder: Path | None, *names: str | None) -> LiveLog | None:
    """A log in a folder below, one name a level; None where there is no folder, and then nothing is imported."""
    return None if folder is None else LiveLog(folder.joinpath(*(name for name in names if name)))
