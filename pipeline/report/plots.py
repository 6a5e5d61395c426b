"""The figures of the page: loss curves, two-dimensional maps, a large confusion matrix, thumbnails.

Every figure is legible on light and on dark paper: curves are SVG that takes its colours from the page, pictures have
a transparent ground and colours that stand out from both. The same input gives the same bytes.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

PALETTE = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
"""Ten colours that people with a colour vision deficiency tell apart (Petroff, arXiv 2107.02270)."""
SYMBOLS = {"o": "●", "s": "■", "^": "▲", "D": "◆", "v": "▼", "*": "★", "P": "✚", "X": "✕", "<": "◄", ">": "►"}
"""Matplotlib's markers and the characters that look like them."""

INK, MUTED, ACCENT = "#010101", "#020202", "#030303"
"""Stand-ins for the page's colours, which are not known before it is shown: see `_for_page`."""
PAGE_COLOURS = {INK: "currentColor", MUTED: "var(--muted)", ACCENT: "var(--accent)"}

POINTS_AN_INCH = 72
CURVE_INCHES = (3.2, 2.2)
MAP_INCHES, MAP_DPI = 4.0, 180


@dataclass(frozen=True)
class Mark:
    """How a cluster looks in maps and legends.

    The first ten differ in colour and in symbol, so that grey print and every eye tell them apart; a hundred differ.
    """

    colour: str
    marker: str

    @property
    def symbol(self) -> str:
        """The character that looks like the marker."""
        return SYMBOLS[self.marker]


def mark(group: int) -> Mark:
    """The mark of a cluster, or of any other group, by its number."""
    markers = list(SYMBOLS)
    return Mark(PALETTE[group % len(PALETTE)], markers[(group + group // len(PALETTE)) % len(markers)])


def curves_svg(curves: Mapping[int, Sequence[tuple[float, float]]], kept: int, name: str) -> str:
    """One line a run over the training steps, the kept run's on top and strong.

    Args:
        curves: for each run its (step, value) points.
        kept: the run to emphasise.
        name: of the figure; no other figure of the page may have it, as ids inside the SVG follow from it.

    Returns:
        an `<svg>` element for an HTML page that defines the colours `--muted` and `--accent`.
    """
    style = {
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "font.size": 9.5,
        "text.color": INK,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "axes.edgecolor": MUTED,
        "axes.labelcolor": MUTED,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
    }
    with matplotlib.rc_context(style):
        figure = Figure(figsize=CURVE_INCHES, layout="constrained")
        axes = figure.add_subplot()
        for run, points in sorted(curves.items(), key=lambda item: item[0] == kept):
            colour, width = (ACCENT, 1.8) if run == kept else (MUTED, 0.8)
            axes.plot(*zip(*points, strict=True), color=colour, linewidth=width)
        axes.set_xlabel("step")
        axes.locator_params(nbins=5)
        axes.locator_params("x", integer=True)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    return _for_page(text.getvalue())


def _for_page(svg: str) -> str:
    """Matplotlib's SVG file as an element of a page: its own head, style sheet, fonts and colours go.

    A style sheet inside would rule the whole page, and the ids that Matplotlib gives to groups are the same in every
    figure; the ids that are referred to carry the salt and stay.
    """
    width, height = (POINTS_AN_INCH * inches for inches in CURVE_INCHES)
    body = svg[svg.index("<svg") :].split(">", 1)[1]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*">', "<g>", body)
    body = re.sub(r"font-family: [^;\"]*;? ?", "", body)
    for stand_in, colour in PAGE_COLOURS.items():
        body = body.replace(stand_in, colour)
    return f'<svg viewBox="0 0 {width:g} {height:g}" aria-hidden="true">{body.strip()}'


def map_png(places: np.ndarray, groups: np.ndarray) -> bytes:
    """A square PNG with one point a row, marked by its group, on a transparent ground.

    Args:
        places: float (n, 2) in 0..1, x to the right and y upwards.
        groups: int (n,), the number that `mark` takes.
    """
    figure = Figure(figsize=(MAP_INCHES, MAP_INCHES))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.axis("off")
    marks = [mark(group) for group in groups.tolist()]
    area = float(np.clip(16_000 / max(len(places), 1), 5, 40))
    for marker in SYMBOLS:
        rows = [row for row, each in enumerate(marks) if each.marker == marker]
        colours = [marks[row].colour for row in rows]
        axes.scatter(places[rows, 0], places[rows, 1], s=area, c=colours, marker=marker, alpha=0.8, linewidths=0)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=MAP_DPI, transparent=True, metadata={"Software": None})
    return data.getvalue()


def centres(places: np.ndarray, groups: np.ndarray) -> dict[int, tuple[float, float]]:
    """The median place (x, y) of each group, where its name can stand."""
    result = {}
    for group in np.unique(groups).tolist():
        x, y = np.median(places[groups == group], axis=0).tolist()
        result[group] = (x, y)
    return result


def matrix_png(shares: np.ndarray) -> bytes:
    """A PNG with one pixel for each entry of a matrix of shares in 0..1: the larger, the more opaque."""
    pixels = np.empty((*shares.shape, 4), np.uint8)
    pixels[..., :3] = tuple(bytes.fromhex(PALETTE[0].removeprefix("#")))
    pixels[..., 3] = np.rint(255 * shares)
    return _encoded(Image.fromarray(pixels), "PNG")


def _encoded(image: Image.Image, kind: str, **options: int) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def data_uri(data: bytes, kind: str) -> str:
    """The address that carries a picture itself; `kind` is ``png`` or ``webp``."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
