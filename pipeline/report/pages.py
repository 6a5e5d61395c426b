"""The pages: a template of the assets with its style and script put in, so that every page is one file."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from pipeline.report.scripts import joined_script

ASSETS = Path(__file__).with_name("assets")


def template(name: str) -> jinja2.Template:
    """A page of the assets, by its path there; every text that is put into it is escaped.

    A template takes other files of the assets by their paths there too: ``{% include 'browse/style.css' %}`` a style,
    ``{{ script('browse/main.js') }}`` the script that starts with this module (see `scripts`).
    """
    return environment().get_template(name)


@cache
def environment() -> jinja2.Environment:
    """How the templates are read."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.globals["script"] = script
    return found


def script(name: str) -> Markup:
    """The script that starts with this module of the assets, joined with all that it imports."""
    return Markup(joined_script(ASSETS / name))


def script_json(value: Any) -> Markup:
    """A value as the content of a script element that holds JSON."""
    # Such an element ends at the first "</", whatever its type.
    return Markup(json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"))
