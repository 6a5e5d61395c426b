from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.extraction import inputs
from pipeline.extraction.inputs import stack, to_input
from tests.conftest import SMALL


def test_grey_and_colour_in_one_batch() -> None:
    grey = np.random.default_rng(0).integers(0, 255, (32, 32), dtype=np.uint8)
    colour = np.repeat(grey[:, :, None], 3, 2)
    mixed = to_input(stack([grey, colour], SMALL, "cpu"), [1.0, 1.0], SMALL, "cpu")
    alone = to_input(stack([grey], SMALL, "cpu"), [1.0], SMALL, "cpu")
    torch.testing.assert_close(mixed[0], mixed[1])
    torch.testing.assert_close(alone[0], mixed[0])


@pytest.mark.parametrize("channels", [1, 3])
def test_one_pass_normalises_as_several_do(channels: int) -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (4, 32, 32, channels), dtype=np.uint8)
    expected = to_input(stack(list(pictures.squeeze()), SMALL, "cpu"), [0.0] * 4, SMALL, "cpu")
    found = inputs._normalised(torch.from_numpy(pictures).permute(0, 3, 1, 2).float(), SMALL)
    torch.testing.assert_close(found, expected)
    assert found.is_contiguous(memory_format=torch.channels_last)
