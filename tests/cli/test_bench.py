from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

from pipeline.cli.bench import fit
from pipeline.cli.bench.spent import Spent, taken_by_others
from tests.commands import failure
from tests.methods.test_protocol import command

EFFICIENCY = ["efficiency", "efficiency_cpu", "taken_by_others", "efficiency_all_views"]
EXTRACT = [*EFFICIENCY, "images_per_s", "read_s", "augment_s", "forward_s", "write_s", "peak_mb"]
CLUSTER = ["seconds", "start_s", "look_s", "embed_s", "auto_s", "page_s", "end_s", "peak_mb"]
FIT = ["steps_per_s", "flop_per_s", "matmul_flop_per_s", "share", "taken_by_others", "peak_mb"]


def test_a_step_is_counted_as_autograd_counts_it() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    from pipeline.heads.head import Head

    batch, hidden = 16, (24, 40)
    head = Head(fit.FIT_DIM, hidden, fit.FIT_CLUSTERS)
    with FlopCounterMode(display=False) as counter:
        head(torch.rand(2 * batch, fit.FIT_DIM)).sum().backward()
    assert fit.step_flop(fit.layer_shapes(batch, hidden)) == counter.get_total_flops()


@pytest.mark.slow
def test_bench_measures_both_stages_and_a_clustering_and_leaves_nothing_behind(
    project: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = project(**{"fit.training.hidden": [64] * 4})
    before = sorted(root.rglob("*"))
    monkeypatch.setattr(fit, "FIT_IMAGES", 6000)
    monkeypatch.setattr(fit, "multiplied", partial(fit.multiplied, seconds=0.2))
    command(monkeypatch, "bench", "--device", "cpu", "--images", "40", "--steps", "200", "--pictures", "32", "--json")
    found = json.loads(capsys.readouterr().out)
    assert [list(found[part]) for part in ("extract", "fit", "cluster")] == [EXTRACT, FIT, CLUSTER]
    values = {key: value for part in ("extract", "fit", "cluster") for key, value in found[part].items()}
    assert 0 <= values.pop("taken_by_others") < 1
    assert all(value > 0 for value in values.values())
    phases = found["cluster"]
    assert sum(phases[name] for name in CLUSTER[1:-1]) == pytest.approx(phases["seconds"], rel=0.2)
    assert found["extract"]["efficiency_all_views"] > found["extract"]["efficiency"]
    assert found["machine"]["torch"] == torch.__version__.split("+")[0]
    assert sorted(root.rglob("*")) == before


def test_what_a_floor_did_not_get_of_the_cores_others_had() -> None:
    quiet, busy = Spent(2.0, 3.9), Spent(2.0, 1.0)
    assert taken_by_others([quiet], 2) == pytest.approx(0.025)
    assert taken_by_others([quiet, busy], 2) == pytest.approx(0.75)
    assert taken_by_others([Spent(2.0, 4.1)], 2) == 0


def test_bench_refuses_a_part_that_it_has_not(
    project: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project()
    assert "--part: unknown part 'fits'; did you mean fit?" in failure(capsys, monkeypatch, "bench", "--part", "fits")


@pytest.mark.parametrize(
    ("part", "option", "of"),
    [
        ("fit", ("--pictures", "20"), "cluster"),
        ("extract", ("--steps", "300"), "fit"),
        ("cluster", ("--images", "20"), "extract"),
        ("fit", ("--backbone", "resnet50"), "extract"),
    ],
)
def test_bench_refuses_what_is_of_another_part(
    part: str,
    option: tuple[str, str],
    of: str,
    project: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project()
    line = failure(capsys, monkeypatch, "bench", "--part", part, *option)
    assert f"{option[0]}: it is of --part {of}, which does not run here; leave it out" in line
