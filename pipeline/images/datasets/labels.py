"""The class numbers in a data set's files -> the names of the classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def named(labels: Iterable[int], names: Sequence[str]) -> list[str]:
    """The name of each label.

    Raises:
        ValueError: if a label has none.
    """
    labels = list(labels)
    odd = [label for label in labels if not 0 <= label < len(names)]
    if odd:
        raise ValueError(f"expected labels from 0 to {len(names) - 1}, found {odd[0]}")
    return [names[label] for label in labels]
