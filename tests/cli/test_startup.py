"""What is refused is refused before a library is imported that computes."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "code",
    [
        "sys.argv[1:] = ['--help']\nimport pipeline.cli.main as c\ntry: c.main()\nexcept SystemExit: pass",
        "import pipeline.base.provenance",  # Every command ends with it.
    ],
    ids=["help", "provenance"],
)
def test_no_heavy_library_is_needed(code: str) -> None:
    heavy = "{'torch', 'numpy', 'h5py', 'faiss', 'sklearn', 'matplotlib', 'timm'}"
    code = f"import sys\n{code}\nprint(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
