"""A small noun database in the format of WordNet's own, wndb(5WN)."""

from __future__ import annotations

from pathlib import Path

DATA = """\
  1 This stands where the licence does: its lines begin with two blanks.
00000060 06 n 01 ball 0 002 @ 00000999 n 0000 ~ 00000120 n 0000 | a round object that is hit or thrown
00000120 05 n 02 dog 0 domestic_dog 0 001 @ 00000999 n 0000 | a member of the genus Canis
00000180 05 n 01 Labrador_retriever 0 001 @ 00000120 n 0000 | a breed | of retriever
00000240 15 n 01 Houston 0 001 @i 00000999 n 0000 | the largest city in Texas
00000300 17 n 01 Everest 0 001 @i 00000999 n 0000 | a mountain: one of its kind
00000360 18 n 01 fool 0 001 @ 00000999 n 0000 | a person, of whom no picture says it
00000420 07 n 01 colour 0 001 @ 00000999 n 0000 | no thing
00000480 05 n 01 aardwolf 0 001 @ 00000999 n 0000 | counted in no text
"""
SYNSETS = [
    ["ball"],
    ["dog", "domestic dog"],
    ["Labrador retriever"],
    ["Houston"],
    ["Everest"],
    ["fool"],
    ["colour"],
    ["aardwolf"],
]
INDEX = """\
  1 This stands where the licence does: its lines begin with two blanks.
aardwolf n 1 1 @ 1 0 00000480
ball n 2 2 @ ~ 2 1 00000060 00000420
colour n 2 1 @ 2 1 00000420 00000060
domestic_dog n 1 1 @ 1 0 00000120
everest n 1 1 @i 1 1 00000300
fool n 1 1 @ 1 1 00000360
houston n 1 1 @i 1 1 00000240
labrador_retriever n 1 1 @ 1 1 00000180
dog n 1 1 @ 1 1 00000120
"""


def write_wordnet(folder: Path) -> None:
    """Writes the two files that nouns are read from."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "data.noun").write_text(DATA)
    (folder / "index.noun").write_text(INDEX)
