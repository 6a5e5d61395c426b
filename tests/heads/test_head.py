from __future__ import annotations

import pytest
import torch
from torch import nn

from pipeline.heads.head import Head, Heads, statistics


def test_five_layers_from_the_embedding_to_the_clusters() -> None:
    head = Head(24, (16, 12, 12, 8), 5)
    linear = [(layer.in_features, layer.out_features) for layer in head.layers if isinstance(layer, nn.Linear)]
    assert linear == [(24, 16), (16, 12), (12, 12), (12, 8), (8, 5)]
    assert head(torch.randn(7, 24)).shape == (7, 5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_the_statistics_are_those_of_all_rows(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    data = (3 + 2 * torch.randn(9000, 3, 6, generator=generator)).to(dtype)
    data[..., 2] = 7.0
    head = Head(6, (4,), 2)
    head.standardise_by(statistics(data))
    rows = data.double().reshape(-1, 6)
    torch.testing.assert_close(head.mean.double(), rows.mean(0), rtol=1e-5, atol=1e-5)
    expected = rows.std(0, unbiased=False)
    expected[2] = 1.0
    torch.testing.assert_close(head.std.double(), expected, rtol=1e-4, atol=1e-5)


def test_the_head_standardises_its_input_itself() -> None:
    head = Head(6, (4, 4), 2).eval()
    raw = torch.randn(5, 6)
    plain = head(raw)
    head.mean.fill_(2.0)
    head.std.fill_(3.0)
    torch.testing.assert_close(head(raw * 3 + 2), plain, rtol=1e-4, atol=1e-5)


def test_a_head_brings_its_input_to_length_1_before_it_standardises() -> None:
    rows = 3 + 2 * torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
    longer = (rows * torch.linspace(0.1, 10, 40)[:, None]).requires_grad_()
    given = statistics(longer.detach(), unit=True)
    unit = rows / rows.norm(dim=1, keepdim=True)
    for ours, expected in zip(given, statistics(unit), strict=True):
        torch.testing.assert_close(ours, expected)
    one, other = Head(6, (4,), 2, unit=True).eval(), Head(6, (4,), 2).eval()
    other.load_state_dict(one.state_dict())
    for head in (one, other):
        head.standardise_by(given)
    torch.testing.assert_close(one(longer), other(unit), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(one.features(longer), other.features(unit), rtol=1e-4, atol=1e-4)


def test_several_heads_give_what_each_gives() -> None:
    heads = Heads(3, 6, (4, 5), 2).eval()
    rows = 3 + 2 * torch.randn(7, 6, generator=torch.Generator().manual_seed(0))
    heads.standardise_by(statistics(rows))
    logits = heads(rows)
    assert logits.shape == (3, 7, 2)
    for number in range(3):
        assert torch.equal(logits[number], heads[number](rows))
        assert torch.equal(heads[number].mean, heads[0].mean)
    assert not torch.equal(logits[0], logits[1])
