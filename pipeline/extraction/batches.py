"""Pictures to embeddings: their views in batches through the streams, each embedding put where its view belongs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from pipeline.base.errors import PipelineError
from pipeline.extraction.rendering import Rendered
from pipeline.extraction.resampling import Pending
from pipeline.extraction.streams import Done, Streams
from pipeline.extraction.timings import Timings
from pipeline.features.shards import DTYPE


def embed(
    streams: Streams, reader: Iterator[Rendered], rows: int, timings: Timings, progress: Callable[[], object]
) -> np.ndarray:
    """The embeddings of the next `rows` images of the reader, float16 (rows, 1 + views, dim); see `embed_each`."""
    (result,) = embed_each(streams, reader, [rows], timings, progress)
    return result


@dataclass(frozen=True)
class Batch:
    """Views that are in work."""

    result: np.ndarray
    """Where their embeddings go."""
    places: list[tuple[int, list[int]]]
    """The row of each view, and the view indices that show it."""
    done: Future[Done]
    is_last: bool
    """Whether nothing is missing in the result after it."""

    def put(self, embeddings: np.ndarray) -> None:
        """Writes the embeddings of the views into the result."""
        # One assignment: one for each view would keep the threads that read from the interpreter.
        shown = [(row, index, view) for view, (row, indices) in enumerate(self.places) for index in indices]
        rows, indices, views = np.array(shown).T
        self.result[rows, indices] = embeddings[views]


def embed_each(
    streams: Streams,
    reader: Iterator[Rendered],
    parts: Sequence[int],
    timings: Timings,
    progress: Callable[[], object],
) -> Generator[np.ndarray, None, None]:
    """The embeddings of the reader's images in parts of so many, at least one each; close it to stop.

    Batches have exactly `settings.batch` views, but for the last of a part. While that one is computed, and while the
    caller has a part, the streams have batches of the next.

    Args:
        streams: that compute.
        reader: gives the images.
        parts: rows of each part.
        timings: what it takes is added here.
        progress: called after each image.

    Yields:
        float16 (rows, 1 + views, dim).

    Raises:
        PipelineError: if a picture cannot be read, or memory runs out with a single view.
    """
    settings, halved = streams.settings, streams.halved
    waiting: deque[Batch] = deque()

    with streams.running() as start:
        for rows in parts:
            result = np.empty((rows, 1 + settings.views, streams.backbone.dim), DTYPE)
            pixels: list[np.ndarray | Pending] = []
            sigmas: list[float] = []
            places: list[tuple[int, list[int]]] = []
            for row in range(rows):
                try:
                    rendered = next(reader)
                except PipelineError:
                    yield from _collected(waiting, 0, timings)  # What is whole is not lost with what cannot be read.
                    raise
                timings.read += rendered.read
                timings.augment += rendered.augment
                pixels += rendered.pixels
                sigmas += rendered.sigmas
                places += [(row, indices) for indices in rendered.places]
                while len(pixels) >= settings.batch or (row == rows - 1 and pixels):
                    size = min(settings.batch, len(pixels))
                    is_last = row == rows - 1 and size == len(pixels)
                    waiting.append(Batch(result, places[:size], start(pixels[:size], sigmas[:size]), is_last))
                    del pixels[:size], sigmas[:size], places[:size]
                    yield from _collected(waiting, streams.count, timings)
                progress()
        yield from _collected(waiting, 0, timings)
    timings.halved += streams.halved - halved


def _collected(waiting: deque[Batch], most: int, timings: Timings) -> Iterator[np.ndarray]:
    """Waits until at most so many batches are in work; gives what is whole."""
    while len(waiting) > most:
        batch = waiting.popleft()
        done = batch.done.result()
        timings.augment += done.augment
        timings.forward += done.forward
        batch.put(done.embeddings)
        if batch.is_last:
            yield batch.result
