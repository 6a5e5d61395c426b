"""How a backbone wants its pictures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Geometry:
    """How a backbone wants its pictures: the clean path, which the crops of augmented views follow too.

    ``centre``: the shortest side is resized to ``resize`` and the middle ``size`` x ``size`` is cut out.
    ``squash``: the whole picture is resized to ``size`` x ``size``, its aspect lost.
    """

    size: int
    resize: int
    fit: str = "centre"
    interpolation: str = "bicubic"
