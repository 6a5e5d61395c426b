from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline import cache, extract
from pipeline.ablation import TERM_SETS, folder_name, write_ablation
from pipeline.files import write_json
from pipeline.methods import Problem, scp
from pipeline.settings import TERMS, Settings
from tests.conftest import DATASET, write_images
from tests.test_extract import SMALL


def test_every_set_of_terms_is_there_once() -> None:
    assert len(TERM_SETS) == len(set(TERM_SETS)) == 2 ** len(TERMS) - 1
    assert TERM_SETS[-1] == TERMS
    assert folder_name(("consistency", "balance")) == "consistency+balance"


def test_the_table_has_a_row_for_each_set(tmp_path: Path) -> None:
    cell = tmp_path / "pets" / "resnet50"
    for number, terms in enumerate(TERM_SETS):
        acc = {"mean": 0.5, "std": 0.01, "kept": number / 10, "oracle": 0.9}
        scores = {"scp": {"runs": 5, "clusters_used": number + 1, "test": {"acc": acc, "nmi": acc, "ari": acc}}}
        write_json(cell / folder_name(terms) / "evaluation" / "scores.json", scores)
    rows = write_ablation([cell], tmp_path / "table.md").splitlines()
    assert (tmp_path / "table.md").read_text().splitlines() == rows
    assert len(rows) == 2 + len(TERM_SETS)
    assert len({row.count("|") for row in rows}) == 1
    assert rows[2] == "| pets | resnet50 | ✓ |  |  | 1 | 50.0 ± 1.0 | 0.0 | 0.0 | 0.0 |"
    assert rows[-1] == "| pets | resnet50 | ✓ | ✓ | ✓ | 7 | 50.0 ± 1.0 | 60.0 | 60.0 | 60.0 |"


def test_an_unlabelled_cell_says_so(tmp_path: Path) -> None:
    for terms in TERM_SETS:
        write_json(
            tmp_path / "a" / "b" / folder_name(terms) / "evaluation" / "scores.json",
            {"scp": {"runs": 5, "clusters_used": 3}},
        )
    rows = write_ablation([tmp_path / "a" / "b"], tmp_path / "table.md").splitlines()
    assert rows[-1] == "| a | b | ✓ | ✓ | ✓ | 3 | no labels |  |  |  |"


@pytest.mark.slow
def test_the_head_collapses_without_the_balance_term_alone(
    tmp_path: Path, pictures: np.ndarray, settings: Settings
) -> None:
    write_images(tmp_path / "images", pictures[:1000])
    extract.extract(DATASET, SMALL, tmp_path / "images", tmp_path / "features", settings.extract, "cpu")
    train = cache.read_split(tmp_path / "features", cache.read_manifest(tmp_path / "features"), "train")
    used = {}
    for terms in (TERMS, ("consistency", "confidence")):
        fit = replace(settings.fit, scp=replace(settings.fit.scp, terms=terms))
        problem = Problem(train.views, fit, settings.datasets[DATASET], "cpu", lambda _: None)
        used[terms] = [len(np.unique(run.model.logits(train.clean).argmax(1))) for run in scp.fit(problem, [0, 1, 2])]
    assert used[TERMS] == [10, 10, 10]
    assert max(used["consistency", "confidence"]) <= 3
