from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.base.errors import PipelineError
from pipeline.config.names import TERMS
from pipeline.experiments.settings import Settings
from pipeline.experiments.studies import STUDIES, TERM_SETS, get_study, term_set_name
from pipeline.heads import scp as scp_method


def test_every_set_of_terms_is_there_once() -> None:
    assert len(TERM_SETS) == len(set(TERM_SETS)) == 2 ** len(TERMS) - 1
    assert TERM_SETS[-1] == TERMS
    assert term_set_name(("consistency", "balance")) == "consistency+balance"


@pytest.mark.parametrize("name", STUDIES)
def test_variants_differ_in_what_the_study_varies_alone(name: str, settings: Settings) -> None:
    variants = STUDIES[name].variants(settings)
    names = [variant.name for variant in variants]
    assert len(set(names)) == len(names) > 0
    assert all("/" not in each for each in names)
    for variant in variants:
        sections = {**variant.fit.sections, "scp": settings.fit.sections["scp"]}
        scp, before = (fit.section("scp", scp_method.Settings) for fit in (variant.fit, settings.fit))
        assert replace(scp, terms=before.terms, pairs=before.pairs) == before
        methods, runs = settings.fit.methods, settings.fit.runs
        assert replace(variant.fit, sections=sections, methods=methods, runs=runs) == settings.fit


def test_the_parameters_reach_the_variants(settings: Settings) -> None:
    studies = settings.studies
    (repeats,) = STUDIES["repeats"].variants(settings)
    assert (repeats.fit.runs, repeats.fit.methods) == (studies.repeats.runs, studies.repeats.methods)
    weights = [variant.balance_weight for variant in STUDIES["balance"].variants(settings)]
    assert tuple(weights) == studies.balance.weights
    assert tuple(variant.views for variant in STUDIES["views"].variants(settings)) == studies.views.views
    own = STUDIES["views"].extract
    assert own is not None
    assert own(settings) == replace(settings.extract, views=max(studies.views.views))
    assert STUDIES["emergence"].variants(settings)[0].steps == studies.emergence.steps
    assert [
        variant.fit.section("scp", scp_method.Settings).terms for variant in STUDIES["ablation"].variants(settings)
    ] == list(TERM_SETS)


def test_near_names_are_offered() -> None:
    with pytest.raises(PipelineError, match=r"--study: unknown study 'ablations'; did you mean ablation"):
        get_study("ablations", "--study")
