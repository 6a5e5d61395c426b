"""Stellarium's catalogue of the deep sky (version 3.16): the type of an object, by its number in older catalogues."""

from __future__ import annotations

import struct

CATALOGUES = ("n", "ic", "m", "c", "barnard", "sh2-", "vdb", "rcw", "ldn", "lbn", "cr", "mel", "p", "u")
"""The numbers that an object begins with, in the file's order, as the names of photographs have them."""
NUMBERS = struct.Struct(f">{len(CATALOGUES)}I")
PLACE = struct.Struct(">I4di")
"""Its number, right ascension, declination, two magnitudes, and type."""
SHAPE = struct.Struct(">2di6d")
"""Two diameters, angle, redshift, parallax and distance, each of the last three with its error."""
ARP_AND_VV = 8
SEVEN_NAMES = 7
FIVE_NUMBERS = 20
NO_TEXT = 0xFFFFFFFF


def read_catalogue(data: bytes) -> dict[tuple[str, int], int]:
    """(catalogue, number in it) -> type, of the file unpacked: what Qt's QDataStream wrote."""
    types: dict[tuple[str, int], int] = {}
    place = _after_text(data, _after_text(data, 0))
    while place < len(data):
        *_, kind = PLACE.unpack_from(data, place)
        place = _after_text(data, place + PLACE.size) + SHAPE.size
        numbers = NUMBERS.unpack_from(data, place)
        place = _after_text(data, place + NUMBERS.size) + ARP_AND_VV
        for _ in range(SEVEN_NAMES):
            place = _after_text(data, place)
        place += FIVE_NUMBERS
        types |= {(catalogue, number): kind for catalogue, number in zip(CATALOGUES, numbers, strict=True) if number}
    return types


def _after_text(data: bytes, place: int) -> int:
    """The place after a text: four bytes with its length, and the text."""
    (length,) = struct.unpack_from(">I", data, place)
    return place + 4 + (0 if length == NO_TEXT else length)
