"""The recipes of CONTRIBUTING.md and docs/recipes.md: their blocks of code, and how a person follows them."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from dvc.utils.serialize import modify_yaml

from tests.conftest import ROOT

LISTS = ("study_lists",)
"""Registries of lists: a recipe adds to each list, in place of adding one."""
PAGES = (ROOT / "CONTRIBUTING.md", ROOT / "docs" / "recipes.md")


@dataclass(frozen=True)
class Block:
    """A block of code, whose info string is the language, the file and maybe a registry in it."""

    before: str
    """The paragraph before it, which names the file for people: an info string is not shown."""
    language: str
    file: str
    registry: str
    text: str

    def follow(self, root: Path) -> None:
        """Does in a project what the block says.

        Raises:
            AssertionError: if the project does not have what the block builds on.
        """
        path = root / self.file
        if self.language == "yaml":
            with modify_yaml(str(path)) as values:
                merge(values, yaml.safe_load(self.text))
        elif self.language == "diff":
            path.write_text(replaced(path.read_text(), self.text))
        elif self.registry:
            path.write_text(with_entry(path.read_text(), self.registry, self.text))
        else:
            assert not path.exists(), f"{self.file}: the recipe makes a file that is there"
            path.write_text(self.text)


def recipes() -> dict[str, list[Block]]:
    """The blocks of each recipe, by the headings of the pages in small letters and without quotes."""
    found: dict[str, list[Block]] = {}
    for page in PAGES:
        for part in re.split(r"^##+ ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            pattern = r"([^\n]+(?:\n[^\n]+)*)\n\n```(\w+) (\S+) ?(\w*)\n(.*?)^```$"
            blocks = re.findall(pattern, part, re.MULTILINE | re.DOTALL)
            if blocks:
                found[part.partition("\n")[0]] = [Block(*block) for block in blocks]
    return found


def merge(values: dict[str, Any], more: dict[str, Any]) -> None:
    """Puts values into others, mapping by mapping; none that is there is changed."""
    for key, value in more.items():
        if isinstance(value, dict) and key in values:
            merge(values[key], value)
        else:
            assert key not in values, key
            values[key] = value


def replaced(text: str, diff: str) -> str:
    """The text with each group of lines with a minus sign replaced by the lines with a plus sign after it."""
    for removed, added in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)+)", diff, re.MULTILINE):
        before, after = (re.sub(r"^[-+]", "", lines, flags=re.MULTILINE) for lines in (removed, added))
        assert text.count(before) == 1, f"expected once:\n{before}"
        text = text.replace(before, after)
    return text


def with_entry(text: str, registry: str, block: str) -> str:
    """A module with an entry at the end of a registry, its functions above that, its imports below the others.

    Where the entry is a list that is there already, what is in it goes to the end of that list.
    """
    imports, functions, entry = parts(block)
    _, literal = assigned(text, registry)
    keys = [ast.literal_eval(key) for key in literal.keys if key] if isinstance(literal, ast.Dict) else []
    added = ast.literal_eval("{" + entry + "}") if registry in LISTS else {}
    for key, names in added.items():
        _, literal = assigned(text, registry)
        assert isinstance(literal, ast.Dict)
        text = appended(text, literal.values[keys.index(key)], ", ".join(map(repr, names)))
    if not added:
        text = appended(text, literal, entry)
    lines = text.split("\n")
    first, _ = assigned(text, registry)
    lines[first - 1 : first - 1] = functions.splitlines()
    last = max(node.end_lineno or 0 for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom))
    lines[last:last] = imports.splitlines()
    return "\n".join(lines)


def parts(block: str) -> tuple[str, str, str]:
    """The imports, the functions and the entry of a block, in this order; the first two may be empty."""
    lines = block.splitlines()
    for first in range(len(lines)):
        before, entry = "\n".join(lines[:first]), "\n".join(lines[first:]).strip().removesuffix(",")
        if parses(before) and (parses(f"({entry},)") or parses(f"{{{entry}}}")):
            imports = [node for node in ast.parse(before).body if isinstance(node, ast.Import | ast.ImportFrom)]
            end = max((node.end_lineno or 0 for node in imports), default=0)
            return "\n".join(lines[:end]), "\n".join(lines[end:first]), entry
    raise AssertionError(f"no entry of a registry:\n{block}")


def parses(text: str) -> bool:
    """Whether a text is Python."""
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def assigned(text: str, name: str) -> tuple[int, ast.expr]:
    """The line where a module gives a value to a name, and the outermost tuple, list or dict of that value."""
    for node in ast.parse(text).body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            found = (each for each in ast.walk(node.value) if isinstance(each, ast.Tuple | ast.List | ast.Dict))
            return node.lineno, next(found)
    raise AssertionError(f"no {name}")


def appended(text: str, literal: ast.expr, entry: str) -> str:
    """A module with an entry after the last one of a tuple, a list or a dict."""
    assert isinstance(literal, ast.Tuple | ast.List | ast.Dict)
    last = (literal.values if isinstance(literal, ast.Dict) else literal.elts)[-1]
    content = text.encode()  # Columns count bytes.
    before = content.splitlines(keepends=True)[: (last.end_lineno or 0) - 1]
    end = sum(map(len, before)) + (last.end_col_offset or 0)
    return f"{content[:end].decode()},\n{entry}{content[end:].decode()}"
