"""Synthetic pictures of stripes in noise: a latent, a picture of it, and its statement in words.

The latent is a direction of the stripes and a phase. Its class is the direction. A picture is the stripes and white
noise on every pixel, so it is a function of the latent where there is no noise, and the less of one the more there is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIDE = 32
"""Pixels of a picture's side."""
WAVES = np.array([(6, 0), (6, 2), (4, 4), (2, 6), (0, 6), (-2, 6), (-4, 4), (-6, 2)])
"""Periods across and down, one row a class. As they are whole and differ, the classes are orthogonal at any phase."""
MIDDLE = 127.5
"""The grey of no stripes."""


@dataclass(frozen=True)
class Latents:
    """What pictures are of."""

    classes: np.ndarray
    """int (n,), rows of `WAVES`."""
    phases: np.ndarray
    """float (n,), radians."""

    @classmethod
    def drawn(cls, images: int, rng: np.random.Generator) -> Latents:
        """As many of each class as can be, at any phase."""
        return cls(np.arange(images) % len(WAVES), rng.uniform(0, 2 * np.pi, images))

    def statements(self) -> np.ndarray:
        """The latents as numbers, which is what a text says that states them exactly: float (n, 4).

        The direction by twice its angle, as stripes have no front, and the phase.
        """
        angles = 2 * np.arctan2(WAVES[self.classes, 1], WAVES[self.classes, 0])
        return np.stack([f(each) for each in (angles, self.phases) for f in (np.cos, np.sin)], 1)

    def stripes(self, contrast: float) -> np.ndarray:
        """The pictures without noise, float (n, SIDE, SIDE), from `MIDDLE` - contrast to `MIDDLE` + contrast."""
        y, x = np.mgrid[:SIDE, :SIDE] / SIDE
        across, down = (WAVES[self.classes, axis, None, None] for axis in (0, 1))
        shown: np.ndarray = np.cos(2 * np.pi * (across * x + down * y) + self.phases[:, None, None])
        return MIDDLE + contrast * shown

    def pictures(self, contrast: float, noise: float, rng: np.random.Generator) -> np.ndarray:
        """The pictures, uint8 (n, SIDE, SIDE).

        Args:
            contrast: of the stripes, in grey levels.
            noise: standard deviation of every pixel's, in grey levels.
            rng: draws it.
        """
        shown = self.stripes(contrast)
        return np.clip(np.rint(shown + noise * rng.standard_normal(shown.shape)), 0, 255).astype(np.uint8)


def best_accuracy(contrast: float, noise: float) -> float:
    """The accuracy, 0..1, that no reader of the pictures can exceed, even one who knows everything but the latent.

    It is that of the most likely class where one of some orthogonal signals of the same energy comes in white noise
    with its phase unknown (Proakis, Digital Communications, on noncoherent detection of orthogonal signals). The
    pictures' grey levels are rounded and end at 0 and 255, which takes more away, and is left out.
    """
    if noise == 0:
        return 1.0
    from scipy.special import comb

    others = np.arange(len(WAVES))
    to_noise = (contrast * SIDE / noise) ** 2 / 4
    terms = (-1.0) ** others * comb(len(others) - 1, others) / (others + 1)
    return float((terms * np.exp(-others / (others + 1) * to_noise)).sum())
