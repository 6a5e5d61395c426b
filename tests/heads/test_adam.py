"""Adam without PyTorch's class gives its bits, and leaves its compiler alone."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from pipeline.heads.adam import Adam


def trained(annealed: bool, steps: int, weight_decay: float) -> list[torch.Tensor]:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3))
    data = torch.randn(steps, 11, 5)
    unused = nn.Parameter(torch.ones(2))  # Without a gradient it stays, whatever the weight decay.
    parameters = [*module.parameters(), unused]
    own = Adam(parameters, 0.003, weight_decay, steps)
    theirs = torch.optim.Adam(parameters, 0.003, weight_decay=weight_decay, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(theirs, steps)
    for batch in data:
        module(batch).square().mean().backward()
        if annealed:
            own.step()
        else:
            theirs.step()
            schedule.step()
        own.zero_grad()
    return [each.detach() for each in parameters]


@pytest.mark.parametrize(("steps", "weight_decay"), [(1, 0.0), (50, 0.0), (200, 0.01)])
def test_the_bits_are_those_of_pytorch_s_class(steps: int, weight_decay: float) -> None:
    pairs = zip(trained(True, steps, weight_decay), trained(False, steps, weight_decay), strict=True)
    assert all(torch.equal(own, theirs) for own, theirs in pairs)


def test_a_head_is_trained_without_pytorch_s_compiler() -> None:
    code = """
import sys
import torch
from pipeline.heads.adam import Adam
weight = torch.ones(3, requires_grad=True)
weight.sum().backward()
Adam([weight], 0.1, 0.0, 5).step()
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
