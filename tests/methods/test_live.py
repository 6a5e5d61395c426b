"""The log that people look at while a fit goes on: written by DVCLive, read back, and no part of what is fitted."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from pipeline.base import live
from pipeline.base.errors import PipelineError
from pipeline.base.live import LiveLog, check_live, live_log
from pipeline.cli.settings import Settings
from pipeline.config.names import TERMS
from pipeline.methods.fit import fit
from tests.conftest import ROOT
from tests.methods.test_fit import DATASET, features

__all__ = ["features"]  # The fixture.


def fitted(features: Path, settings: Settings, out: Path, log: LiveLog | None) -> dict[str, bytes]:
    """The files that two runs of SCP and of k-means leave."""
    training = replace(settings.fit.training, hidden=(8, 8, 8, 8), epochs=1, min_steps=7, batch=32, precision="fp32")
    chosen = replace(settings.fit, runs=2, training=training, methods=("scp", "kmeans"))
    folders = out / "heads", out / "predictions"
    fit("pets", features, *folders, chosen, settings.extract, DATASET, "cpu", log=log)
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_a_small_fit_leaves_its_terms_and_the_same_heads(features: Path, settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "live"
    (folder / "pets/plots/metrics/old").mkdir(parents=True)
    (folder / "pets/plots/metrics/old/total.tsv").write_text("step\ttotal\n")
    logged = fitted(features, settings, tmp_path / "with", live_log(folder, None, "pets"))
    assert logged == fitted(features, settings, tmp_path / "without", live_log(None, "pets"))

    plots = folder / "pets" / "plots" / "metrics"
    assert {path.relative_to(plots).as_posix() for path in plots.rglob("*.tsv")} == {
        f"scp/run-{run}/{term}.tsv" for run in (1, 2) for term in (*TERMS, "total")
    }
    history = list(csv.DictReader(logged["heads/scp/history.csv"].decode().splitlines()))
    for run in (1, 2):
        rows = [row for row in history if row["run"] == str(run - 1)]
        with (plots / f"scp/run-{run}/total.tsv").open(newline="") as file:
            found = list(csv.DictReader(file, delimiter="\t"))
        assert [int(row["step"]) for row in found] == [2, 4, 6, 7]
        assert [float(row["total"]) for row in found] == [float(row["total"]) for row in rows]
    latest = json.loads((folder / "pets" / "metrics.json").read_text())
    summary = json.loads(logged["heads/kmeans/summary.json"])
    assert [latest["kmeans"][f"run-{run}"]["loss"] for run in (1, 2)] == summary["losses"]
    shown = yaml.safe_load((folder / "pets" / "dvc.yaml").read_text())
    assert (shown["metrics"], list(shown["plots"][0])) == (["metrics.json"], ["plots/metrics"])


def test_runs_that_told_nothing_are_logged_at_their_end_and_heads_inside_of_them_never(tmp_path: Path) -> None:
    log = LiveLog(tmp_path)
    note = log.watch("turtle", [7, 9])
    note(9, {"step": 5.0, "total": 1.0})
    note(8, {"step": 5.0, "total": 3.0})
    log.ended("turtle", [{"run": run, "step": 5.0, "total": 2.0} for run in (0, 1)], [0.5, 0.25])
    found = {path.parent.name: path.read_text() for path in tmp_path.rglob("total.tsv")}
    assert found == {"run-1": "step\ttotal\n5\t2.0\n", "run-2": "step\ttotal\n5\t1.0\n"}


def test_a_missing_package_is_one_line_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    check_live(Path("log"))
    monkeypatch.setattr(live, "PACKAGE", "no-such-package")
    check_live(None)
    with pytest.raises(PipelineError, match="--live log: it needs no-such-package, which is not here; run 'uv pip"):
        check_live(Path("log"))


def test_nothing_is_imported_where_nobody_looks() -> None:
    code = "import sys, pipeline.cli.graph, pipeline.methods.fit as f; print('dvclive' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"


def test_no_file_of_the_project_s_repository_stays_open(tmp_path: Path) -> None:
    code = (
        "import gc, sys; from pathlib import Path; from pipeline.base.live import LiveLog\n"
        "log = LiveLog(Path(sys.argv[1])); log.watch('scp', [7])(7, {'step': 1.0, 'total': 1.0})\n"
        "del log; gc.collect()"
    )
    command = [sys.executable, "-W", "always::ResourceWarning", "-c", code, str(tmp_path)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "ResourceWarning" not in found.stderr
    assert "Exception ignored" not in found.stderr
