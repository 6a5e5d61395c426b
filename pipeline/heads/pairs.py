"""Positive pairs: which two views of which images, or which two images, a training step sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

VIEWS, NEIGHBOURS, BOTH = "views", "neighbours", "both"


@dataclass(frozen=True)
class Partners:
    """The images that each image may be paired with."""

    numbers: torch.Tensor
    """int64 (images, most); of each row the first `counts` are meant."""
    counts: torch.Tensor | None = None
    """int64 (images,), at least 1 each; None: all of a row."""


def all_of(found: np.ndarray) -> Partners:
    """Every neighbour is a partner.

    Args:
        found: int64 (images, count), the neighbours of each image, the nearest first.
    """
    return Partners(torch.from_numpy(found))


def mutual(found: np.ndarray) -> Partners:
    """The neighbours that have the image among their own neighbours too; one that has none of these keeps its nearest.

    So an image in a dense place has many partners and an outlier few (ours; the graph is that of Brito et al.,
    Connectivity of the mutual k-nearest-neighbor graph in clustering and outlier detection, 1997).

    Args:
        found: int64 (images, count), the neighbours of each image, the nearest first.
    """
    images, _ = found.shape
    own = np.arange(images)[:, None]
    both = np.isin(found * images + own, own * images + found)
    both[~both.any(1), 0] = True
    # A stable sort: the mutual ones come first, the nearest of them foremost.
    order = np.argsort(~both, axis=1, kind="stable")
    return Partners(torch.from_numpy(np.take_along_axis(found, order, 1)), torch.from_numpy(both.sum(1)))


def needs_neighbours(kind: str, views: int) -> bool:
    """Whether pairs of a kind are made from neighbours: without two augmented views, all are.

    Args:
        kind: ``views``, ``neighbours`` or ``both``.
        views: of each image, the clean one counted.
    """
    return kind != VIEWS or views < 3


@dataclass(frozen=True)
class Sampling:
    """The pairs of embeddings that trainings see."""

    kind: str
    """``views``: two augmented views of an image; ``neighbours``: the clean views of an image and of one of its
    neighbours; ``both``: any view of each of these two."""
    data: torch.Tensor
    """(images, 1 + views, dim), index 0 the clean view."""
    partners: Partners | None = None
    """The neighbours that may be drawn; None: views are, whatever the kind."""

    def places(self, batch: int, steps: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
        """Which embeddings the pairs of each step are.

        Args:
            batch: images a step, at most as many as there are.
            steps: number of batches.
            generator: the source of all randomness, on the CPU.

        Yields:
            int64 (4, batch): image and view of the first halves, image and view of the second.
        """
        images, views, _ = self.data.shape
        if self.partners is None:
            for rows, first, second in view_pairs(images, views - 1, batch, steps, generator):
                yield torch.stack([rows, first, rows, second])
            return
        clean = torch.zeros(2, batch, dtype=torch.int64)
        for rows, others in neighbour_pairs(self.partners, batch, steps, generator):
            first, second = torch.randint(views, (2, batch), generator=generator) if self.kind == BOTH else clean
            yield torch.stack([rows, first, others, second])

    def take(self, places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The embeddings of both halves of a step's pairs, (batch, dim) each.

        Args:
            places: int64 (4, batch), see `places`; where the data are.
        """
        rows, first, others, second = places
        if not self.data.is_contiguous():  # Where views were left out.
            return self.data[rows, first], self.data[others, second]
        # As rows of a matrix they are there in a third of the time on a CPU.
        lines, views = self.data.flatten(0, 1), self.data.shape[1]
        return lines.index_select(0, rows * views + first), lines.index_select(0, others * views + second)

    def draw(self, batch: int, steps: int, generator: torch.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """What `take` gives of each of the `places`; takes the same."""
        return map(self.take, self.places(batch, steps, generator))


def view_pairs(
    images: int, views: int, batch: int, steps: int, generator: torch.Generator
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Pairs of two different augmented views (indices 1 to `views`) of the same image.

    Args:
        images: number of images.
        views: number of augmented views, at least 2; the clean view (index 0) is not drawn (ours).
        batch: images a step, at most `images`.
        steps: number of batches.
        generator: the source of all randomness, on the CPU.

    Yields:
        int64 (batch,) each: the images, their first and their second view.
    """
    for rows in image_batches(images, batch, steps, generator):
        yield rows, *two_views(batch, views, generator)


def two_views(count: int, views: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """So many times two different ones of the augmented views 1 to `views`, int64 (count,) each."""
    first = torch.randint(1, views + 1, (count,), generator=generator)
    # Of the views - 1 others, the ones from `first` on move up by one.
    second = torch.randint(1, views, (count,), generator=generator)
    second += second >= first
    return first, second


def neighbour_pairs(
    partners: Partners, batch: int, steps: int, generator: torch.Generator
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Pairs of an image and one of its partners, each of them as likely as the others.

    Args:
        partners: of each image.
        batch: images a step, at most as many as there are.
        steps: number of batches.
        generator: the source of all randomness, on the CPU.

    Yields:
        int64 (batch,) each: the images and their partners.
    """
    images, most = partners.numbers.shape
    for rows in image_batches(images, batch, steps, generator):
        if partners.counts is None:
            drawn = torch.randint(most, (batch,), generator=generator)
        else:
            drawn = (torch.rand(batch, generator=generator, dtype=torch.float64) * partners.counts[rows]).long()
        yield rows, partners.numbers[rows, drawn]


def image_batches(images: int, batch: int, steps: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """The images of each step, int64 (batch,).

    Every image is seen once before one is seen again; a batch that reaches the end of a pass goes on into the next, so
    that all batches have the same size.
    """
    order = torch.randperm(images, generator=generator)
    used = 0
    for _ in range(steps):
        if used + batch > images:
            order = torch.cat([order[used:], torch.randperm(images, generator=generator)])
            used = 0
        yield order[used : used + batch]
        used += batch
