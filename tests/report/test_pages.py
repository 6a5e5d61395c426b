from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import jinja2
import pytest
from markupsafe import Markup

from pipeline.report.pages import ASSETS, script, template
from pipeline.report.scripts import ordered_modules

NODE = shutil.which("node")
MAINS = [*sorted(ASSETS.rglob("main.js")), ASSETS / "browse" / "measured.js"]
"""Each starts a page; the last one that of a result whose stability was measured."""


def test_a_text_is_escaped_and_none_may_be_missing() -> None:
    page = template("browse/page.html.j2").render(
        data=Markup("{}"), later=Markup("{}"), clusters="<b>", images=2, stability=False
    )
    assert "<title>&lt;b&gt; clusters of 2 pictures</title>" in page
    with pytest.raises(jinja2.UndefinedError):
        template("browse/page.html.j2").render(data=Markup("{}"), clusters=1)


@pytest.mark.parametrize("stability", [False, True])
def test_the_page_to_browse_is_one_file_without_requests(stability: bool) -> None:
    page = template("browse/page.html.j2").render(
        data=Markup("{}"), later=Markup("{}"), clusters=1, images=2, stability=stability
    )
    assert ("drawStability" in page) == ('id="to-stability"' in page) == stability
    assert page.count("<style>") == page.count("</style>") == 1
    assert page.count("<script") == page.count("</script>") == 4
    assert "Content-Security-Policy" in page
    assert not re.search(r"https?:|@import|url\(|<link|<script[^>]* src=|type=\"module\"|^import |^export ", page, re.M)


def test_every_module_of_a_page_is_a_part_of_its_script() -> None:
    assert {main.parent.name for main in MAINS} == {"browse"}
    parts = {module.path for main in MAINS for module in ordered_modules(main)}
    assert parts == set((ASSETS / "browse").glob("*.js"))


@pytest.mark.parametrize("main", MAINS, ids=lambda main: main.stem)
def test_the_names_at_the_top_level_of_a_page_are_unique(main: Path) -> None:
    modules = ordered_modules(main)
    names = Counter(name for module in modules for name in module.names)
    assert len(names) > len(modules)
    assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.skipif(NODE is None, reason="needs node")
@pytest.mark.parametrize("main", MAINS, ids=lambda main: main.stem)
def test_every_module_but_the_first_can_be_imported_without_a_page(main: Path, tmp_path: Path) -> None:
    assert NODE is not None
    shutil.copytree(main.parent, tmp_path / "parts")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    parts = [module.path.name for module in ordered_modules(main) if module.path not in MAINS]
    code = "".join(f'await import("./parts/{name}");\n' for name in parts)
    (tmp_path / "all.js").write_text(code)
    subprocess.run([NODE, str(tmp_path / "all.js")], check=True)
    (tmp_path / "joined.cjs").write_text(script(main.relative_to(ASSETS).as_posix()))
    subprocess.run([NODE, "--check", str(tmp_path / "joined.cjs")], check=True)
