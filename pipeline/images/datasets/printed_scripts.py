"""Letters of the scripts that DejaVu Sans has, drawn here: reader and entry."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from pipeline.images.datasets.entry import Dataset, Split
from pipeline.images.datasets.printed_digits import PACKAGE

FONT = "DejaVuSans.ttf"
SCRIPTS = {
    "ARABIC": "Arabic",
    "ARMENIAN": "Armenian",
    "CANADIAN": "Canadian syllabics",
    "CYRILLIC": "Cyrillic",
    "GEORGIAN": "Georgian",
    "GREEK": "Greek",
    "HEBREW": "Hebrew",
    "LAO": "Lao",
    "LATIN": "Latin",
    "NKO": "N'Ko",
    "OGHAM": "Ogham",
    "OLD": "Old Italic",
    "TIFINAGH": "Tifinagh",
}
"""First word of a letter's name in Unicode -> class; Lisu is left out, whose letters are Latin ones turned."""
SIDE = 64
SIZE = 36
"""Height of the type, in pixels."""


def read_printed_scripts(source: Path) -> dict[str, Split]:
    """Black letters in the middle of white pictures of 64 pixels.

    Accents make no letter of their own. Of letters that look the same one is taken, and none where they are of several
    scripts, as A, Alpha and the Cyrillic A are.
    """
    import numpy as np
    from matplotlib.ft2font import FT2Font
    from PIL import Image, ImageDraw, ImageFont

    face = ImageFont.truetype(source / FONT, SIZE)
    drawn: dict[bytes, tuple[np.ndarray, set[str]]] = {}
    for code in sorted(FT2Font(str(source / FONT)).get_charmap()):
        letter = chr(code)
        script = SCRIPTS.get(unicodedata.name(letter, "?").split()[0])
        if script and unicodedata.category(letter) in ("Lu", "Ll", "Lo") and not unicodedata.decomposition(letter):
            picture = Image.new("L", (SIDE, SIDE), 255)
            left, top, right, bottom = face.getbbox(letter)
            place = (SIDE - left - right) / 2, (SIDE - top - bottom) / 2
            ImageDraw.Draw(picture).text(place, letter, fill=0, font=face)
            drawn.setdefault(picture.tobytes(), (np.asarray(picture), set()))[1].add(script)
    told = [(picture, script) for picture, (script, *others) in drawn.values() if not others]
    return {"train": Split(np.stack([picture for picture, _ in told]), [script for _, script in told])}


ENTRIES = (
    Dataset(
        name="printed-scripts",
        title="letters of 13 scripts in DejaVu Sans",
        source=PACKAGE.place("matplotlib/mpl-data/fonts/ttf"),
        licence="of the font: Bitstream Vera, free",
        sizes={"train": 1_471},
        reader=read_printed_scripts,
        files=(FONT,),
        package=PACKAGE,
    ),
)
