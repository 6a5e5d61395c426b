"""What corrections mean for pictures that are not in the collection: kept beside the head, which travels alone.

Beside the head lie clusters.json (numbers and names), edits.json (the actions that had an effect) and, where a cluster
was split, the mean embeddings of the parts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from pipeline.base.errors import PipelineError
from pipeline.base.files import write_bytes
from pipeline.collection.edits import Action, Edits, read_edits, write_edits
from pipeline.collection.numbers import CLUSTERS, Numbers, first_numbers, read_numbers, write_numbers
from pipeline.collection.splits import Means, nearest_part
from pipeline.features.lengths import unit_length

EDITS, PARTS = "edits.json", "parts.safetensors"


@dataclass(frozen=True)
class Rules:
    """How the outputs of a head become the clusters that people see."""

    numbers: Numbers
    actions: Sequence[Action] = ()
    """Those that had an effect."""
    means: dict[int, Means] = field(default_factory=dict)
    """Of the parts of each split, by the number of its action."""

    def resolve(self, outputs: np.ndarray, rows: np.ndarray, digests: Sequence[str] = ()) -> np.ndarray:
        """The cluster that an output of the head means for each picture, int (n,).

        Args:
            outputs: int (n,).
            rows: float (n, dim), their embeddings.
            digests: of the pictures: one that a person moved is where it was moved to. Without them none is known.
        """
        clusters = self.numbers.of(outputs)
        for number, action in enumerate(self.actions):
            if action["do"] == "merge":
                clusters[np.isin(clusters, action["clusters"])] = action["into"]
            elif action["do"] == "move" and digests:
                clusters[_among(digests, action["pictures"])] = action["to"]
            elif action["do"] == "split" and self.means.get(number):
                self._split(number, action, clusters, rows, digests)
        return clusters

    def _split(
        self, number: int, action: Action, clusters: np.ndarray, rows: np.ndarray, digests: Sequence[str]
    ) -> None:
        inside = clusters == action["cluster"]
        if not inside.any():
            return
        units = unit_length(np.asarray(rows[inside], dtype=np.float32))
        clusters[inside] = nearest_part(self.means[number], units)
        for part in action["parts"] if digests else ():
            clusters[inside & _among(digests, part["pictures"])] = part["cluster"]

    def choices(
        self, order: np.ndarray, rows: np.ndarray, digests: Sequence[str] = ()
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The cluster and the second choice of each picture.

        Args:
            order: int (n, outputs), the head's outputs from the best on.
            rows: see `resolve`.
            digests: see `resolve`.

        Returns:
            the clusters, int (n,), and the second choices, both as numbers and as places in `order`, the first that
            leads to another cluster; where there is none, the head's own second.
        """
        first = self.resolve(order[:, 0], rows, digests)
        return first, *self.seconds(first, order, rows)

    def seconds(self, clusters: np.ndarray, order: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The second choices, see `choices`, of pictures whose clusters are settled."""
        place = np.full(len(order), min(1, order.shape[1] - 1))
        second = self.numbers.of(order[np.arange(len(order)), place])
        left = np.arange(len(order))
        for column in range(order.shape[1]):
            found = self.resolve(order[left, column], rows[left])
            other = found != clusters[left]
            second[left[other]], place[left[other]] = found[other], column
            left = left[~other]
        return second, place


def _among(digests: Sequence[str], pictures: Sequence[dict[str, str]]) -> np.ndarray:
    named = {picture["digest"] for picture in pictures} - {""}
    return np.array([digest in named for digest in digests], dtype=bool)


def write_rules(folder: Path, rules: Rules) -> None:
    """Writes the rules beside a head; where nothing was corrected, the numbers alone."""
    write_numbers(folder / CLUSTERS, rules.numbers)
    if rules.actions:
        write_edits(folder / EDITS, Edits(rules.numbers.result, tuple(rules.actions)))
    if rules.means:
        known = [(number, part) for number, means in rules.means.items() for part in means]
        tensors = {f"{number} {part}": np.ascontiguousarray(rules.means[number][part]) for number, part in known}
        write_bytes(folder / PARTS, save(tensors, metadata={"order": json.dumps(known)}))


def read_rules(folder: Path, outputs: int, dim: int) -> Rules:
    """Reads the rules beside a head of so many outputs on embeddings of this length; without any it is taken at its
    word.

    Raises:
        PipelineError: if they are damaged, or about another head.
    """
    numbers = read_numbers(folder / CLUSTERS)
    if numbers is None:
        return Rules(first_numbers("0" * 12, outputs))
    if len(numbers.numbers) != outputs:
        raise PipelineError(
            f"{folder / CLUSTERS}: expected the numbers of {outputs} clusters, found {len(numbers.numbers)}; bring the "
            "file that was beside this head"
        )
    if not (folder / EDITS).exists():
        return Rules(numbers)
    actions = read_edits(folder / EDITS).actions
    return Rules(numbers, actions, _read_means(folder / PARTS, actions, dim))


def _read_means(path: Path, actions: Sequence[Action], dim: int) -> dict[int, Means]:
    if not path.exists():
        return {}
    try:
        means: dict[int, Means] = {}
        with safe_open(path, framework="numpy") as file:
            for number, part in json.loads((file.metadata() or {})["order"]):
                row = file.get_tensor(f"{number} {part}")
                parts = [each["cluster"] for each in actions[number]["parts"]]
                if row.shape != (dim,) or row.dtype.kind != "f" or not np.isfinite(row).all() or part not in parts:
                    raise ValueError("expected the means of the parts of clusters")
                means.setdefault(number, {})[part] = row
        return means
    except (SafetensorError, OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise PipelineError(
            f"{path}: not the means of split clusters ({type(error).__name__}: {error}); run 'pipeline cluster' again"
        ) from None
