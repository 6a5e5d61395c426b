"""The head that shows more than its logits."""

from __future__ import annotations

import pytest
import torch

from pipeline.heads.head import statistics
from pipeline.methods.baselines.projecting import Projecting
from tests.methods.baselines.naive import drawn


@pytest.mark.parametrize("width", [5, None])
def test_the_plain_head_gives_the_same_logits_and_follows_the_training(width: int | None) -> None:
    torch.manual_seed(0)
    data = drawn((40, 6), 0)
    net = Projecting(6, (8, 7), 3, width)
    net.standardise_by(statistics(data))
    net.train()(data)  # BatchNorm's statistics move.
    net.eval()
    logits, projection = net.split(net(data))
    assert (logits.shape, projection.shape) == ((40, 3), (40, width or 7))
    plain = net.plain().eval()
    assert torch.equal(plain(data), logits)
    assert not any("projection" in name for name in plain.state_dict())
    with torch.no_grad():
        for value in net.layers[-1].parameters():
            value.add_(1)
    assert torch.equal(plain(data), net.split(net(data))[0])
