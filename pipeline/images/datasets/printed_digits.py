"""Digits in the fonts that matplotlib ships, drawn here as MNIST's are written: reader and entry."""

from __future__ import annotations

from pathlib import Path

from pipeline.images.datasets.entry import Dataset, Split
from pipeline.images.datasets.packages import Package

PACKAGE = Package("Python", "matplotlib", "3.11.2")
STYLES = ("", "-Bold", "-Oblique", "-BoldOblique")
FONTS = (
    *(f"DejaVuSans{style}" for style in STYLES),
    *(f"DejaVuSansMono{style}" for style in STYLES),
    *("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    *("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"),
    *("cmb10", "cmr10", "cmss10", "cmtt10"),
)
"""Those that have digits of their own."""
SIDE = 28
SIZES = (16, 18, 20, 22, 24)
"""Heights of the type, in pixels."""


def read_printed_digits(source: Path) -> dict[str, Split]:
    """White digits in the middle of black pictures of 28 pixels: each in every font and size."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    pictures, labels = [], []
    for font in FONTS:
        for size in SIZES:
            face = ImageFont.truetype(source / f"{font}.ttf", size)
            for digit in "0123456789":
                picture = Image.new("L", (SIDE, SIDE))
                left, top, right, bottom = face.getbbox(digit)
                place = (SIDE - left - right) / 2, (SIDE - top - bottom) / 2
                ImageDraw.Draw(picture).text(place, digit, fill=255, font=face)
                pictures.append(np.asarray(picture))
                labels.append(digit)
    return {"train": Split(np.stack(pictures), labels)}


ENTRIES = (
    Dataset(
        name="printed-digits",
        title="digits in matplotlib's fonts, as MNIST's are written",
        source=PACKAGE.place("matplotlib/mpl-data/fonts/ttf"),
        licence="of the fonts: Bitstream Vera, STIX and Computer Modern, all free",
        sizes={"train": 10 * len(FONTS) * len(SIZES)},
        reader=read_printed_digits,
        files=tuple(f"{font}.ttf" for font in FONTS),
        package=PACKAGE,
    ),
)
