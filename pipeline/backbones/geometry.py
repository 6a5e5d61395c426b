"""How a backbone wants its pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace

FITS = {"pad": "pad", "squash": "squash", "crop": "centre"}
"""What `pipeline.config.settings.GEOMETRIES` names beside the published one -> the fit."""


@dataclass(frozen=True)
class Geometry:
    """How a backbone wants its pictures: the clean path, which the crops of augmented views follow too.

    ``centre``: the shortest side is resized to ``resize`` and the middle ``size`` x ``size`` is cut out.
    ``squash``: the whole picture is resized to ``size`` x ``size``, its aspect lost.
    ``pad``: the whole picture is resized, its aspect kept, and lies in the middle of a background of its own colour.
    """

    size: int
    resize: int
    fit: str = "centre"
    interpolation: str = "bicubic"

    def fitted(self, name: str) -> Geometry:
        """The same with another fit, by its name in `FITS`."""
        fit = FITS[name]
        return replace(self, fit=fit, resize=self.resize if fit == "centre" else self.size)
