"""Corruptions of a picture: kinds and severities of ImageNet-C and CIFAR-C (Hendrycks and Dietterich, Benchmarking
Neural Network Robustness to Common Corruptions and Perturbations, ICLR 2019), a file a family, and occlusion.

A corrupted picture is a function of the seed, the picture's identity, the kind, the severity and the pixels alone. A
colour value's fraction is cut off, as in the published sets. Loads no torch.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from PIL import Image

from pipeline.base.errors import entry_of
from pipeline.extraction.corruptions import blur, digital, noise, occlusion, weather
from pipeline.extraction.corruptions.entry import Kind

KINDS: dict[str, Kind] = {**noise.KINDS, **blur.KINDS, **weather.KINDS, **digital.KINDS, **occlusion.KINDS}
SEVERITIES = (1, 2, 3, 4, 5)

VERSION = 1
"""Of how pictures are corrupted, beside the values: to be raised where the code makes other pixels."""
SMALL = 64
"""Pixels of the shorter side up to which a picture is a small one, and corrupted as CIFAR-C is (ours)."""


def corrupted(image: Image.Image, kind: str, severity: int, seed: int, identity: str | bytes) -> Image.Image:
    """A picture corrupted.

    Args:
        image: in mode ``RGB``, of any size. Lengths are those of a shorter side of 224 pixels, or of 32 where a picture
            is `SMALL`, and scale with it.
        kind: one of `KINDS`.
        severity: one of `SEVERITIES`.
        seed: another one draws other noise.
        identity: of the picture, such as its digest.

    Returns:
        a picture of the same size in mode ``RGB``.
    """
    side = min(image.size)
    severities, usual = (KINDS[kind].small, 32) if side <= SMALL else (KINDS[kind].large, 224)
    name = identity.encode("utf-8", "surrogateescape") if isinstance(identity, str) else identity
    drawn = hashlib.blake2b(f"{seed}\0{kind}\0{severity}\0".encode() + name, digest_size=16).digest()
    rng = np.random.Generator(np.random.PCG64(int.from_bytes(drawn, "little")))
    pixels = KINDS[kind].apply(image, severities[severity - 1], side / usual, rng)
    if pixels.dtype != np.uint8:
        pixels = (np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    return Image.fromarray(pixels)


def described(kind: str, severity: int) -> dict[str, Any]:
    """All that decides the pixels beside seed and picture, as plain data.

    Raises:
        PipelineError: if there is no such kind; near names are offered.
    """
    entry = entry_of(KINDS, "corruption", kind)
    large, small = entry.large[severity - 1], entry.small[severity - 1]
    return {"kind": kind, "severity": severity, "large": list(large), "small": list(small), "version": VERSION}
