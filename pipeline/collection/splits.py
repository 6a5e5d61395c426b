"""Clusters that a person split: where pictures go that no part lists, and parts made by k-means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.base.text import printable
from pipeline.collection.edits import Action
from pipeline.collection.effects import State
from pipeline.collection.matching import Pictures
from pipeline.features.lengths import unit_length

Means = dict[int, np.ndarray]
"""The mean embedding of each part by its number, float (dim,), of length 1."""


def complete(
    actions: Sequence[Action], now: Pictures, before: Pictures, rows: np.ndarray
) -> tuple[list[Action], dict[int, Means]]:
    """Has every split list all pictures of its cluster, so that whoever applies it needs no embeddings.

    What no part lists and was in the cluster when it was split, or in the last run, is the rest, a part of its own with
    the cluster's number. A picture that came later goes to the part with the nearest mean embedding.

    Args:
        actions: of edits.json.
        now: the pictures of this run.
        before: those of the last one; `now` itself where there was none.
        rows: float (n, dim), the clean embeddings of the pictures now.

    Returns:
        the actions, which are the same where nothing was missing, and the means of the parts of each split that had an
        effect, by the number of its action.
    """
    if not any(action["do"] == "split" for action in actions):
        return list(actions), {}
    state, earlier = _state(now), _state(before)
    units = unit_length(rows.astype(np.float32))
    found: list[Action] = []
    means: dict[int, Means] = {}
    for number, action in enumerate(actions):
        if action["do"] == "split" and state.there(action["cluster"]):
            action, means[number] = _completed(action, state, earlier, now, before, units)
        state.act(action)
        earlier.act(action)
        found.append(action)
    return found, means


def _state(run: Pictures) -> State:
    return State(run.texts, run.digests, run.clusters.tolist())


def _completed(
    action: Action, state: State, earlier: State, now: Pictures, before: Pictures, units: np.ndarray
) -> tuple[Action, Means]:
    own = action["cluster"]
    listed: dict[int, list[int]] = {part["cluster"]: state.rows(part["pictures"]) for part in action["parts"]}
    inside = np.flatnonzero(state.clusters == own)
    if not np.isin([row for rows in listed.values() for row in rows], inside).any():
        return action, {}
    missing = np.setdiff1d(inside, [row for rows in listed.values() for row in rows])
    parts = {part["cluster"]: list(part["pictures"]) for part in action["parts"]}
    if own not in listed:
        then = [named(before, row) for row in np.flatnonzero(earlier.clusters == own).tolist()]
        paths, contents = {each["path"] for each in then}, {each["digest"] for each in then} - {""}
        rest = [row for row in missing.tolist() if now.digests[row] in contents or printable(now.paths[row]) in paths]
        if rest:
            listed[own], parts[own] = rest, [named(now, row) for row in rest]
            missing = np.setdiff1d(missing, rest)
    means = {number: mean(units[rows]) for number, rows in listed.items() if rows}
    for row, number in zip(missing.tolist(), nearest_part(means, units[missing]).tolist(), strict=True):
        listed[number].append(row)
        parts[number].append(named(now, row))
    means = {number: mean(units[sorted(rows)]) for number, rows in listed.items() if rows}
    whole = [{"cluster": number, "pictures": pictures} for number, pictures in parts.items()]
    return ({**action, "parts": whole} if whole != action["parts"] else action), means


def named(run: Pictures, row: int) -> dict[str, str]:
    """A picture as a file of edits names it."""
    return {"path": printable(run.paths[row]), "digest": run.digests[row]}


def mean(units: np.ndarray) -> np.ndarray:
    """The mean direction of embeddings (n, dim)."""
    result: np.ndarray = unit_length(units.mean(0, keepdims=True))[0]
    return result


def nearest_part(means: Mapping[int, np.ndarray], units: np.ndarray) -> np.ndarray:
    """The part with the nearest mean of each embedding, int (n,); units float (n, dim), of length 1."""
    numbers = np.array(list(means), dtype=np.int64)
    nearest: np.ndarray = numbers[(units @ np.stack(list(means.values())).T).argmax(1)]
    return nearest


def parts_of_cluster(units: np.ndarray, count: int) -> list[np.ndarray]:
    """The rows of embeddings in so many parts by k-means, the largest first; always the same (ours: seed 0).

    Args:
        units: float (n, dim), of length 1; at least `count` of them.
        count: how many parts.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # Several threads would add up in an order of their own.
        found = KMeans(count, n_init=10, random_state=0).fit_predict(units)
    parts = [np.flatnonzero(found == part) for part in range(count)]
    return sorted((part for part in parts if len(part)), key=lambda part: (-len(part), part[0]))
