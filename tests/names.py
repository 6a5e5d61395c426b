"""Names that files may have: all that Linux allows, with a liking for what other programs choke on."""

from __future__ import annotations

import os
import random
import unicodedata

CONTROLS = [chr(code) for code in (*range(1, 32), 127, 0x85, 0xA0, 0x2028, 0x2029, 0xFEFF)]
"""Control characters, line and paragraph separators, and a byte order mark."""
WIDE = ("\uff1d", "\uff0b", "\uff0d", "\uff20")
STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "''", "'=", " =", "=cmd|' C calc'!A0", *WIDE)
"""What a spreadsheet takes for a formula's beginning, or nearly so."""
PARTS = ("[2020]", "[!a]", "*", "?", "**", "%41", "#", "&amp;", "<script>", "\\", "~", "$HOME", "a;b", ",", '"', ":")
"""Patterns, escapes and separators."""
BOTH_FORMS = ("café", "Ångström", "각", "ñandú")

NAMES = (
    "a\rb.png",
    "a\nb.png",
    "\r",
    " ",
    "+1",
    "-2",
    "=cmd()",
    "@x",
    "'=x",
    "''",
    "#1.png",
    "*",
    "?",
    "[2020]",
    "Icon\r",
    *(f"a{sign}b.png" for sign in CONTROLS),
    *(f"{start}x.png" for start in STARTS),
    *(f"{part}.png" for part in PARTS),
    *(unicodedata.normalize(form, name) for name in BOTH_FORMS for form in ("NFC", "NFD")),
    b"caf\xe9.png".decode("utf-8", "surrogateescape"),
    b"\xff\xfe\r=\x80".decode("utf-8", "surrogateescape"),
)
"""One of each kind."""


def random_name(chance: random.Random, longest: int = 60) -> str:
    """A name by chance: no slash, no zero byte, at most so many bytes, none that means a folder."""
    parts = []
    if chance.random() < 0.3:
        parts.append(chance.choice(STARTS))
    for _ in range(chance.randrange(1, 6)):
        kind = chance.randrange(6)
        if kind == 0:
            parts.append(chance.choice(CONTROLS))
        elif kind == 1:
            parts.append(chance.choice(PARTS))
        elif kind == 2:
            parts.append(unicodedata.normalize(chance.choice(("NFC", "NFD")), chance.choice(BOTH_FORMS)))
        elif kind == 3:
            parts.append(chance.randbytes(chance.randrange(1, 6)).decode("utf-8", "surrogateescape"))
        else:
            parts.append("".join(chance.choices("abc .-_019", k=chance.randrange(1, 8))))
    data = os.fsencode("".join(parts)).replace(b"/", b"").replace(b"\0", b"")[:longest]
    name = os.fsdecode(data)
    return name if name not in ("", ".", "..") else "a"
