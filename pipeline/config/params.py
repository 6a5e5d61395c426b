"""params.yaml -> data classes: the only reader of YAML. An unknown key, a missing key or a wrong type is an error."""

from __future__ import annotations

import math
import re
import sys
import types
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from pipeline.base.errors import PipelineError, unknown
from pipeline.base.text import quoted
from pipeline.config.names import OPTION
from pipeline.config.overrides import overridden
from pipeline.config.types import Ascending, MayBeEmpty, OneOf, Range, Widths

T = TypeVar("T")

PARAMS = Path("params.yaml")
DEFAULTS = Path(__file__).with_name("defaults.yaml").resolve()
"""The repository's own params.yaml, which the package carries (here as a link): for commands outside of a project."""
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Of plain data alone, never of objects; in C where it is to be had."""
DEEPEST = 20
"""Levels of lists and mappings; the settings have five."""
WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


@dataclass(frozen=True)
class Section:
    """A part of params.yaml that is read by whoever needs it, with the place where it stands."""

    values: dict[str, Any]
    key: str
    """Such as ``fit.scp``."""
    file: str = str(PARAMS)

    @property
    def parent(self) -> str:
        """Where the section itself stands, for errors."""
        return f"{self.file}: {self.key.rpartition('.')[0]}"


REST = {"rest": True}
"""Metadata of a field that takes all sections which the data class does not name, as `Section`s by key."""


def read(kind: type[T], path: Path = PARAMS, partial: bool = False, changes: Sequence[str] = ()) -> T:
    """Reads params.yaml into a data class with a field for each section.

    Args:
        kind: the data class.
        path: the file.
        partial: leave sections unread that `kind` does not name, in place of refusing them.
        changes: values in the place of the file's; see `pipeline.config.overrides`.

    Raises:
        PipelineError: if the file is missing or no YAML, or a key is unknown, missing, ill-typed or out of range.
    """
    try:
        text = path.read_text(encoding="utf-8")
        value = _parsed(text)
    except FileNotFoundError:
        raise PipelineError(f"{path}: not found; run the command in the project's folder, where it is") from None
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        # A tag such as !!int on what is none ends in whatever the conversion raises.
        raise PipelineError(f"{path}: not YAML ({' '.join(str(error).split())}); mend the line it names") from None
    where = str(path)
    if changes:
        value, where = overridden(value, changes, _parsed), f"{path} with {OPTION}"
    if partial and isinstance(value, dict):
        value = {name: item for name, item in value.items() if name in {field.name for field in fields(kind)}}  # type: ignore[arg-type]
    result: T = _build(kind, value, f"{where}: ", "")
    return result


def read_section(section: Section, kind: type[T]) -> T:
    """Reads a section into its data class; where it is silent the defaults of the data class hold.

    Raises:
        PipelineError: if a key is unknown or missing, or a value ill-typed or out of range.
    """
    result: T = _build(kind, section.values, f"{section.file}: ", section.key)
    return result


def plain(value: Any) -> Any:
    """Settings as plain data: data classes as mappings, tuples as lists."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _parsed(text: str) -> Any:
    """YAML as plain data."""
    _check_depth(text)
    return yaml.load(text, LOADER)


def _check_depth(text: str) -> None:
    """Refuses what lies deeper in each other than any settings do: libyaml's loader would crash on some thousand.

    Raises:
        ValueError: if something does.
    """
    depth = 0
    for event in yaml.parse(text, LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError(f"expected at most {DEEPEST} lists and mappings in each other, found more")


def _build(kind: Any, value: Any, place: str, key: str) -> Any:
    """Turns plain YAML data into the type `kind`, or says at which key it does not fit."""
    origin = get_origin(kind)
    if origin is Annotated:
        inner, *rules = get_args(kind)
        if value == [] and MayBeEmpty() in rules:
            return ()
        result = _build(inner, value, place, key)
        for rule in rules:
            _check(rule, result, place, key)
        return result
    if origin in (Union, types.UnionType):
        (inner,) = (choice for choice in get_args(kind) if choice is not type(None))
        return None if value is None else _build(inner, value, place, key)
    if is_dataclass(kind):
        return _build_dataclass(kind, value, place, key)
    if origin is dict:
        _expect(isinstance(value, dict), "a mapping", value, place, key)
        for name in value:
            # It names folders and stands in commands.
            fits = isinstance(name, str) and re.fullmatch(r"\w[\w.+-]*", name) is not None
            _expect(fits, "names of letters, digits and -_.+", name, place, key)
        return {name: _build(get_args(kind)[1], item, place, _join(key, name)) for name, item in value.items()}
    if origin is tuple:
        _expect(isinstance(value, list) and bool(value), "a list with at least one entry", value, place, key)
        kinds = get_args(kind)
        if kinds[-1] is Ellipsis:
            kinds = (kinds[0],) * len(value)
        _expect(len(value) == len(kinds), f"a list of {len(kinds)}", value, place, key)
        items = enumerate(zip(kinds, value, strict=True))
        result = tuple(_build(each, item, place, f"{key}[{i}]") for i, (each, item) in items)
        twice = [each for each in dict.fromkeys(result) if isinstance(each, str) and result.count(each) > 1]
        _expect(not twice, f"each name once (twice: {', '.join(map(repr, twice))})", value, place, key)
        return result
    fits = isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        fits = abs(value) <= sys.float_info.max
        value = float(value) if fits else value
    if isinstance(value, float):
        fits = fits and math.isfinite(value)
    _expect(fits, WORDS[kind] + _as_yaml_has_it(kind, value), value, place, key)
    return value


def _as_yaml_has_it(kind: Any, value: Any) -> str:
    """How to write a number that YAML 1.1 takes for a text, such as 3e-3, which has no dot."""
    if kind is not float or not isinstance(value, str) or not re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", value):
        return ""
    digits, power = re.split("[eE]", value)
    sign = power if power[0] in "+-" else f"+{power}"
    return f" (write {digits if '.' in digits else f'{digits}.0'}e{sign} or {float(value):g})"


def _build_dataclass(kind: Any, value: Any, place: str, key: str) -> Any:
    _expect(isinstance(value, dict), "a mapping", value, place, key)
    hints = get_type_hints(kind, include_extras=True)
    rest = next((field.name for field in fields(kind) if field.metadata.get("rest")), None)
    names = [field.name for field in fields(kind) if field.name != rest]
    optional = {each.name for each in fields(kind) if (each.default, each.default_factory) != (MISSING, MISSING)}
    sections: dict[str, Section] = {}
    for name in value:
        if rest and isinstance(name, str) and name not in names and isinstance(value[name], dict):
            sections[name] = Section(value[name], _join(key, name), place.removesuffix(": "))
        elif name not in names and rest and not get_close_matches(str(name), names):
            _expect(False, "a mapping", value[name], place, _join(key, str(name)))
        elif name not in names:
            raise unknown("key", str(name), names, f"{place}{key}".rstrip(": "))
    missing = [name for name in names if name not in value and name not in optional]
    if missing:
        raise PipelineError(f"{place}{_join(key, missing[0])}: missing; add it, as the file in the repository has it")
    given = {name: _build(hints[name], value[name], place, _join(key, name)) for name in names if name in value}
    return kind(**given, **({rest: sections} if rest else {}))


def _check(rule: Any, value: Any, place: str, key: str) -> None:
    if isinstance(rule, Range):
        wanted = f"between {rule.low:g} and {rule.high:g}" if rule.high < float("inf") else f"at least {rule.low:g}"
        _expect(rule.low <= value <= rule.high, f"a number {wanted}", value, place, key)
    if isinstance(rule, OneOf) and value not in rule.words:
        raise unknown("value", value, rule.words, f"{place}{key}")
    if isinstance(rule, Ascending):
        _expect(value[0] <= value[1], "the smaller number first", list(value), place, key)
    if isinstance(rule, Widths) and len(value) != rule.number:
        raise PipelineError(f"{place}{key}: expected {rule.number} widths, {rule.reason}, found {len(value)}")


def _expect(fits: bool, wanted: str, value: Any, place: str, key: str) -> None:
    if not fits:
        raise PipelineError(f"{place}{key or 'the file'}: expected {wanted}, found {quoted(value)}")


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
