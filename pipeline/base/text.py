"""Names of files as text that can be written anywhere."""

from __future__ import annotations


def printable(text: str) -> str:
    """Text without the bytes of a file name that are no UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
