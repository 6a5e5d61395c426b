from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np

from pipeline.backbones import loaders
from pipeline.backbones.weights import find_weights
from pipeline.config.settings import ExtractSettings
from pipeline.extraction.batches import embed, embed_each
from pipeline.extraction.rendering import read_ahead
from pipeline.extraction.streams import Streams
from pipeline.extraction.timings import Timings
from tests.conftest import SMALL, write_images


def test_parts_are_what_they_are_alone_and_the_next_begins_before_one_ends(
    tmp_path: Path, pictures: np.ndarray, small: ExtractSettings
) -> None:
    records, sizes = write_images(tmp_path, pictures[:41]), [20, 1, 20]
    module = loaders.load(SMALL, find_weights(SMALL)[0])
    streams = Streams(module, SMALL, small, "cpu")
    alone, first = [], 0
    for size in sizes:
        reader = read_ahead(tmp_path, records[first : first + size], SMALL, small, workers=1)
        alone.append(embed(streams, reader, size, Timings(), lambda: None))
        first += size
    seen: list[int] = []
    with closing(read_ahead(tmp_path, records, SMALL, small, workers=1)) as reader:
        each = embed_each(streams, reader, sizes, Timings(), lambda: seen.append(len(seen)))
        for number, rows in enumerate(each):
            assert np.array_equal(rows, alone[number])
            if number == 0:
                assert len(seen) > sizes[0]
    assert len(seen) == len(records)
