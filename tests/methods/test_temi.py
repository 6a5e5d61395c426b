from __future__ import annotations

from dataclasses import replace

import torch

from pipeline.cli.settings import Settings
from pipeline.heads.head import Heads
from pipeline.methods import settings_of
from pipeline.methods.temi import Temi


def made(settings: Settings, heads: int) -> tuple[Heads, Temi]:
    torch.manual_seed(0)
    students = Heads(heads, 6, (8,), 3).train()
    given = settings_of(settings.fit, "temi")
    chosen = replace(given, heads=heads, teacher_momentum=0.9, marginal_momentum=0.8, temperature=0.5)
    return students, Temi(students, 3, chosen)


def step(students: Heads, temi: Temi) -> dict[str, torch.Tensor]:
    ones, others = torch.randn(2, 16, 6, generator=torch.Generator().manual_seed(1))
    return temi(lambda rows, other=None: (students if other is None else other)(rows), ones, others)


def test_the_teachers_follow_the_heads(settings: Settings) -> None:
    students, temi = made(settings, 2)
    before = [value.clone() for value in temi.teachers.parameters()]
    with torch.no_grad():
        for value in students.parameters():
            value.add_(1)
    temi.stepped()
    for old, new in zip(before, temi.teachers.parameters(), strict=True):
        torch.testing.assert_close(new, old + 0.1)
        assert not new.requires_grad


def test_the_gradient_reaches_the_heads_and_the_marginal_moves(settings: Settings) -> None:
    students, temi = made(settings, 2)
    terms = step(students, temi)
    terms["total"].backward()
    assert all(value.grad is not None for value in students.parameters())
    assert set(terms) == set(temi.names)
    assert not torch.allclose(temi.marginal, torch.full((2, 3), 1 / 3))
    torch.testing.assert_close(temi.marginal.sum(1), torch.ones(2))


def test_the_head_with_the_least_loss_is_kept(settings: Settings) -> None:
    students, temi = made(settings, 3)
    step(students, temi)
    number = int(temi.losses.argmin())
    assert temi.kept() is temi.teachers[number]
    temi.losses[(number + 1) % 3] -= 100
    assert temi.kept() is temi.teachers[(number + 1) % 3]
