"""The colours of the clusters on the page to browse."""

from __future__ import annotations

import re

import numpy as np
import pytest

from pipeline.report.pages import ASSETS

PAIRS = re.findall(r'\["(#[0-9a-f]{6})", "(#[0-9a-f]{6})"\]', (ASSETS / "browse" / "palette.js").read_text())
PAPERS = re.findall(r"--paper: (#[0-9a-f]{6})", (ASSETS / "browse" / "style.css").read_text())

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
EYES: dict[str, list[list[float]]] = {
    "most": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
}
# Ottosson (2020).
TO_CONES = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566]]
TO_CONES += [[0.0883024619, 0.2817188376, 0.6299787005]]
TO_LAB = [[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099]]
TO_LAB += [[0.0259040371, 0.7827717662, -0.808675766]]


def linear(colour: str) -> np.ndarray:
    """Linear RGB of "#rrggbb", 0 to 1."""
    values = np.frombuffer(bytes.fromhex(colour[1:]), np.uint8) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def least_distance(colours: list[str], eyes: str) -> float:
    """Between any two of these colours, in OKLab."""
    seen = np.clip(np.stack([linear(colour) for colour in colours]) @ np.transpose(EYES[eyes]), 0, 1)
    lab = np.cbrt(seen @ np.transpose(TO_CONES)) @ np.transpose(TO_LAB)
    distances = np.linalg.norm(lab[:, None] - lab[None], axis=2)
    return float(distances[np.triu_indices(len(lab), 1)].min())


@pytest.mark.parametrize("scheme", [0, 1])
@pytest.mark.parametrize(
    ("eyes", "first_ten", "all_thirty"),
    [("most", 0.13, 0.10), ("protanopia", 0.05, 0.04), ("deuteranopia", 0.05, 0.04)],
)
def test_colours_are_told_apart(scheme: int, eyes: str, first_ten: float, all_thirty: float) -> None:
    colours = [pair[scheme] for pair in PAIRS]
    assert len(set(colours)) == 30
    assert least_distance(colours[:10], eyes) > first_ten
    assert least_distance(colours, eyes) > all_thirty


@pytest.mark.parametrize(("scheme", "least"), [(0, 2), (1, 3)])
def test_colours_stand_out_from_the_paper(scheme: int, least: float) -> None:
    def luminance(colour: str) -> float:
        return float(linear(colour) @ [0.2126, 0.7152, 0.0722]) + 0.05

    for pair in PAIRS:
        bright, dark = sorted((luminance(pair[scheme]), luminance(PAPERS[scheme])), reverse=True)
        assert bright / dark >= least
