"""What `import pipeline` gives: the names, that they are loaded on use alone, and what is said of them."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import pipeline

NAMES = [name for name in pipeline.__all__ if name != "__version__"]


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_nothing_is_loaded_before_it_is_used() -> None:
    heavy = "{'numpy', 'typer', 'torch', 'sklearn', 'h5py', 'yaml', 'importlib.metadata'}"
    code = f"import sys, pipeline\nprint(dir(pipeline) and sorted({heavy} & set(sys.modules)))\n"
    code += "print([name for name in sys.modules if name.startswith('pipeline')])"
    assert run(code).splitlines() == ["[]", "['pipeline']"]


def test_every_name_is_there() -> None:
    assert set(pipeline.__all__) <= set(dir(pipeline))
    for name in NAMES:
        found = getattr(pipeline, name)
        assert found is getattr(importlib.import_module(found.__module__), name)
    assert pipeline.__version__ == importlib.metadata.version("scp-pipeline")
    with pytest.raises(AttributeError, match="module 'pipeline' has no attribute 'nothing'"):
        _ = pipeline.nothing  # type: ignore[attr-defined]


def test_a_star_imports_what_is_named() -> None:
    names = {"SCPClustering", "cluster", "load_head", "open_features", "robustness"}
    code = f"from pipeline import *\nprint(sorted(set(dir()) & {names}))"
    assert run(code) == str(sorted(NAMES))


def documented() -> Iterator[tuple[str, Any]]:
    """The public names and the methods of what they give, which are documented in numpydoc's form."""
    from pipeline.collection.cluster import Clustering
    from pipeline.collection.robustness import Robustness
    from pipeline.collection.saved_head import SavedHead

    yield from ((name, getattr(pipeline, name)) for name in NAMES)
    yield from (("Clustering", Clustering), ("Robustness", Robustness), ("SavedHead", SavedHead))
    for kind, names in ((SavedHead, ("predict", "predict_proba")), (pipeline.SCPClustering, ("fit",))):
        yield from ((f"{kind.__name__}.{name}", getattr(kind, name)) for name in names)


def test_docstrings_name_every_parameter() -> None:
    for name, found in documented():
        text = inspect.getdoc(found) or ""
        sections = dict(re.findall(r"^(\w+)\n-+\n((?:.*\n?)+?)(?=^\w+\n-+$|\Z)", text, re.MULTILINE))
        expected = "Attributes" if name in ("Clustering", "Robustness", "SavedHead") else "Parameters"
        parameters = [each for each in inspect.signature(found).parameters if each not in ("self", "model", "rules")]
        assert re.findall(r"^(\w+) :", sections[expected], re.MULTILINE) == parameters, name
        assert isinstance(found, type) or "Returns" in sections, name
