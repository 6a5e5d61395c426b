"""Values given on the command line in the place of params.yaml's, as ``fit.scp.terms=[consistency]``."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import yaml

from pipeline.base.errors import PipelineError
from pipeline.base.text import quoted
from pipeline.config.names import OPTION


def overridden(values: Any, changes: Sequence[str], parsed: Callable[[str], Any]) -> Any:
    """Plain YAML data with other values; whether they are right is the typed reader's to say.

    Args:
        values: of params.yaml.
        changes: a dotted key, an equals sign and a value in YAML each.
        parsed: reads YAML.

    Raises:
        PipelineError: if one has no such form, or its key leads through something that is no mapping.
    """
    values = copy.deepcopy(values)
    for change in changes:
        key, sign, text = change.partition("=")
        if not sign or not all(key.strip().split(".")):
            raise PipelineError(f"{OPTION} {quoted(change)}: expected a key and a value, such as fit.runs=2")
        try:
            value = parsed(text)
        except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            reason = " ".join(str(error).split())
            raise PipelineError(f"{OPTION} {quoted(change)}: the value is not YAML ({reason}); mend it") from None
        _put(values, key.strip(), value, change)
    return values


def _put(values: Any, key: str, value: Any, change: str) -> None:
    place, rest = values, key
    while True:
        if not isinstance(place, dict):
            where = key.removesuffix(rest).rstrip(".")
            raise PipelineError(f"{OPTION} {quoted(change)}: expected a mapping at {where}, found {quoted(place)}")
        # A name of a data set may have dots in it.
        words = rest.split(".")
        heads = [".".join(words[:end]) for end in range(len(words), 0, -1)]
        found = next((head for head in heads if head in place), None)
        if found == rest or (found is None and len(words) == 1):
            place[rest] = value
            return
        name = found or words[0]
        place, rest = place.setdefault(name, {}), rest[len(name) + 1 :]
