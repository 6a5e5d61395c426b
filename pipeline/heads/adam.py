"""Adam with cosine annealing (paper), by PyTorch's own kernel and without its class.

`torch.optim.Adam` imports PyTorch's compiler, which takes longer than a small head's whole training.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch.optim.adam import adam

BETAS = 0.9, 0.999
EPSILON = 1e-8
"""PyTorch's defaults, here and above."""


class Adam:
    """Gives the bits of `torch.optim.Adam` (fused) and `CosineAnnealingLR`."""

    def __init__(
        self, parameters: Iterable[torch.Tensor], learning_rate: float, weight_decay: float, steps: int
    ) -> None:
        """Nothing is changed yet.

        Args:
            parameters: to train; in place.
            learning_rate: of the first step.
            weight_decay: added to the gradients, as a multiple of the parameters.
            steps: after which the learning rate is 0.
        """
        self.parameters = list(parameters)
        self.rate, self.weight_decay, self.steps, self.taken = learning_rate, weight_decay, steps, 0
        self.means = [torch.zeros_like(each) for each in self.parameters]
        self.squares = [torch.zeros_like(each) for each in self.parameters]
        self.counts = [torch.zeros((), device=each.device) for each in self.parameters]

    def zero_grad(self) -> None:
        """Forgets the gradients."""
        for each in self.parameters:
            each.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """One step, of those parameters that have a gradient."""
        known = [each for each in range(len(self.parameters)) if self.parameters[each].grad is not None]
        adam(
            [self.parameters[each] for each in known],
            [grad for each in self.parameters if (grad := each.grad) is not None],
            [self.means[each] for each in known],
            [self.squares[each] for each in known],
            [],
            [self.counts[each] for each in known],
            fused=True,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=self.rate,
            weight_decay=self.weight_decay,
            eps=EPSILON,
            maximize=False,
        )
        before, self.taken = self._share(), self.taken + 1
        # As PyTorch anneals: each rate from the one before it, with its rounding.
        self.rate *= self._share() / before

    def _share(self) -> float:
        return 1 + math.cos(math.pi * self.taken / self.steps)
