from __future__ import annotations

import numpy as np
import torch

from pipeline.inputs import stack, to_input
from tests.conftest import SMALL


def test_grey_and_colour_in_one_batch() -> None:
    grey = np.random.default_rng(0).integers(0, 255, (32, 32), dtype=np.uint8)
    colour = np.repeat(grey[:, :, None], 3, 2)
    mixed = to_input(stack([grey, colour], SMALL, "cpu"), [1.0, 1.0], SMALL, "cpu")
    alone = to_input(stack([grey], SMALL, "cpu"), [1.0], SMALL, "cpu")
    torch.testing.assert_close(mixed[0], mixed[1])
    torch.testing.assert_close(alone[0], mixed[0])
