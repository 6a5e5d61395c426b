"""Joins the ES modules of a page into one classic script: a page opened from the disk cannot import files.

Of the language of modules a part is enough for a page, and nothing else is accepted:

- ``import { a, b } from "./part.js";``, where ``part.js`` lies in the same folder and exports these names;
- ``export`` in front of a ``function``, ``const``, ``let`` or ``class`` of one name.

All modules end up in one scope, so a name at the top level belongs to one module alone, and must not be one that
another module takes from the browser. A module is read by its lines: what stands at the top level starts at the
beginning of a line, as the formatter writes it. The linter sees to the rest: no name without an import, no assignment
to an imported one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.errors import PipelineError

IMPORT = re.compile(r'^import \{([^{}]*)\} from "\./([\w-]+\.js)";$\n*', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:(?:async )?function|const|let|class) [\w$]+)", re.MULTILINE)
DECLARATION = re.compile(r"^(export )?(?:(?:async )?function|const|let|class) ([\w$]+)", re.MULTILINE)
REFUSED = {
    re.compile(r"^[ \t]*(?:import|export)\b|\bimport\s*[.(]", re.MULTILINE): (
        "only 'import { a, b } from \"./part.js\";' and 'export' of a function, const, let or class of one name"
    ),
    re.compile(r"^(?:const|let) [\w$]+(?: =[^\n(\[{\"'`/]*)?,|^(?:const|let) ?[\[{]|^var\b", re.MULTILINE): (
        "const or let with one name at the top level"
    ),
    re.compile(r"</script|<!--", re.IGNORECASE): "nothing that ends or hides a script in HTML",
}
"""What a module must not hold once its imports and the word `export` are taken out, and what is expected instead."""


@dataclass(frozen=True)
class Module:
    """A part of a page's script."""

    path: Path
    imports: dict[str, list[str]]
    """By the file name of the other module, the names taken from it; in the order of the file."""
    names: list[str]
    """What is declared at the top level."""
    exported: set[str]
    text: str
    """The module without its imports and the word `export`."""


def joined_script(main: Path) -> str:
    """One classic script in strict mode: `main` and all that it imports, each module after those that it imports.

    Raises:
        PipelineError: if a module is missing or more than this part of the language, imports what is not exported, or
            is in a circle of imports, or if two modules declare the same name.
    """
    modules = ordered_modules(main)
    owners: dict[str, Module] = {}
    for module in modules:
        for name in module.names:
            if name in owners:
                found = f"{owners[name].path.name} and {module.path.name}"
                raise PipelineError(f"{module.path}: expected '{name}' once at the top level, found it in {found}")
            owners[name] = module
    return "\n".join(['"use strict";\n', *(module.text for module in modules)])


def ordered_modules(main: Path) -> list[Module]:
    """`main` and all that it imports, each module after those that it imports.

    Raises:
        PipelineError: as `joined_script`.
    """
    done: dict[str, Module] = {}

    def visit(path: Path, through: tuple[str, ...]) -> Module:
        if path.name in through:
            raise PipelineError(f"{path}: expected no circle, found {' -> '.join([*through, path.name])}")
        if path.name not in done:
            module = read_module(path)
            for other, wanted in module.imports.items():
                missing = set(wanted) - visit(path.with_name(other), (*through, path.name)).exported
                if missing:
                    raise PipelineError(f"{path}: expected '{min(missing)}' from {other}, which does not export it")
            done[path.name] = module
        return done[path.name]

    visit(main, ())
    return list(done.values())


def read_module(path: Path) -> Module:
    """Reads a module.

    Raises:
        PipelineError: if it is missing or more than this part of the language.
    """
    try:
        source = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PipelineError(f"{path}: expected a module of the page's script, found no file") from None
    imports: dict[str, list[str]] = {}
    for names, other in IMPORT.findall(source):
        imports.setdefault(other, []).extend(name.strip() for name in names.split(",") if name.strip())
    for other, found in imports.items():
        if odd := [name for name in found if not re.fullmatch(r"[\w$]+", name)]:
            raise PipelineError(f"{path}: expected names alone to be imported from {other}, found '{odd[0]}'")
    # Lines stay where they are, so that a complaint names the right one.
    checked = EXPORT.sub("", IMPORT.sub(lambda match: "\n" * match[0].count("\n"), source))
    for pattern, expected in REFUSED.items():
        if match := pattern.search(checked):
            line = checked.count("\n", 0, match.start()) + 1
            raise PipelineError(f"{path}:{line}: expected {expected}, found '{source.splitlines()[line - 1].strip()}'")
    declarations = DECLARATION.findall(source)
    return Module(
        path,
        imports,
        [name for _, name in declarations],
        {name for export, name in declarations if export},
        EXPORT.sub("", IMPORT.sub("", source)),
    )
