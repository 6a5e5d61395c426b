from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.base.errors import PipelineError
from pipeline.report.scripts import joined_script, ordered_modules

NODE = shutil.which("node")


def write(folder: Path, **modules: str) -> Path:
    """Writes modules by their names without the ending; gives `main`."""
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    return folder / "main.js"


def test_a_module_stands_once_after_all_that_it_imports(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        main='import { left } from "./left.js";\nimport { right } from "./right.js";\n\nleft(right);\n',
        right='import { base } from "./base.js";\nexport const right = base + 1;\n',
        left='import { base } from "./base.js";\nexport const left = (n) => n + base;\n',
        base="export let base = 1;\n",
        other="never();\n",
    )
    assert [module.path.name for module in ordered_modules(main)] == ["base.js", "left.js", "right.js", "main.js"]


def test_what_is_joined_is_one_classic_script(tmp_path: Path) -> None:
    part = "// A part.\n\nexport async function f() {}\n\nexport class C {}\nconst text = `a\n\n\nb`;\nlet $n = 1;\n"
    main = write(tmp_path, main='import {\n  C,\n  f,\n} from "./part.js";\n\nf(new C());\n', part=part)
    lines = '"use strict";\n\n' + part.replace("export ", "") + "\nf(new C());\n"
    assert joined_script(main) == lines
    assert ordered_modules(main)[0].names == ["f", "C", "text", "$n"]
    assert ordered_modules(main)[0].exported == {"f", "C"}


@pytest.mark.parametrize(
    ("modules", "circle"),
    [
        ({"main": 'import { a } from "./main.js";\nexport const a = 1;\n'}, "main.js -> main.js"),
        (
            {
                "main": 'import { a } from "./a.js";\n',
                "a": 'import { b } from "./b.js";\nexport const a = 1;\n',
                "b": 'import { a } from "./a.js";\nexport const b = 1;\n',
            },
            "main.js -> a.js -> b.js -> a.js",
        ),
    ],
)
def test_a_circle_is_refused(tmp_path: Path, modules: dict[str, str], circle: str) -> None:
    with pytest.raises(PipelineError, match=f"expected no circle, found {circle}"):
        joined_script(write(tmp_path, **modules))


@pytest.mark.parametrize("declaration", ["const same = 1;", "let same;", "function same() {}", "class same {}"])
def test_a_name_of_two_modules_is_refused(tmp_path: Path, declaration: str) -> None:
    main = 'import { other } from "./part.js";\nconst same = other;\n'
    with pytest.raises(PipelineError, match=r"main\.js: expected 'same' once .* found it in part\.js and main\.js"):
        joined_script(write(tmp_path, main=main, part=f"export const other = 1;\n{declaration}\n"))


@pytest.mark.parametrize(
    "form",
    [
        'import "./part.js";',
        'import part from "./part.js";',
        'import * as part from "./part.js";',
        "import { a } from './part.js';",
        'import { a } from "./part.js"',
        'import { a } from "../part.js";',
        'import { a } from "./deeper/part.js";',
        'import { a } from "part";',
        'import { a as b } from "./part.js";',
        'import { a } from "./part.js" with { type: "json" };',
        '  import { a } from "./part.js";',
        'const part = await import("./part.js");',
        "const here = import.meta.url;",
        "export default 1;",
        "export { a };",
        'export { a } from "./part.js";',
        'export * from "./part.js";',
        "export const { a } = b;",
        "export const [a] = b;",
        "export function* a() {}",
        "export var a = 1;",
        "export let a, b;",
        "export const a = 1, b = 2;",
        "const { a } = b;",
        "let [a] = b;",
        "var a = 1;",
        'const a = "</SCRIPT>";',
        "const a = 1; <!-- hidden",
    ],
)
def test_any_other_form_is_refused(tmp_path: Path, form: str) -> None:
    main = write(tmp_path, main=f"// A page.\n\n{form}\n", part="export const a = 1;\n")
    with pytest.raises(PipelineError, match=r"main\.js(:3)?: expected .*, found '.+'$"):
        joined_script(main)


def test_what_is_imported_must_be_exported(tmp_path: Path) -> None:
    main = 'import { a, b } from "./part.js";\n'
    with pytest.raises(PipelineError, match=r"main\.js: expected 'b' from part\.js, which does not export it"):
        joined_script(write(tmp_path, main=main, part="export const a = 1;\nconst b = 2;\n"))
    (tmp_path / "part.js").unlink()
    with pytest.raises(PipelineError, match=r"part\.js: expected a module .* found no file"):
        joined_script(tmp_path / "main.js")


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_the_joined_script_does_what_the_modules_do(tmp_path: Path) -> None:
    """Above all with a binding that changes after it was imported."""
    assert NODE is not None
    main = write(
        tmp_path,
        main='import { count, more } from "./count.js";\n\nmore();\nmore();\nconsole.log(count);\n',
        count="export let count = 0;\n\nexport const more = () => {\n  count += 1;\n};\n",
    )
    (tmp_path / "package.json").write_text('{"type": "module"}')
    modules = subprocess.run([NODE, str(main)], capture_output=True, text=True, check=True)
    joined = subprocess.run([NODE, "-"], input=joined_script(main), capture_output=True, text=True, check=True)
    assert modules.stdout == joined.stdout == "2\n"
