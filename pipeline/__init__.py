"""Image clustering without text and without labels, on frozen features."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from pipeline.collection.cluster import cluster
    from pipeline.collection.robustness import robustness
    from pipeline.collection.saved_head import load_head
    from pipeline.estimator import SCPClustering
    from pipeline.features.cache import open_features

    __version__: str

__all__ = ["SCPClustering", "__version__", "cluster", "load_head", "open_features", "robustness"]

# This module is imported with every other, so it imports none by itself: a name is loaded when it is first used.
_MODULES = {
    "SCPClustering": "pipeline.estimator",
    "cluster": "pipeline.collection.cluster",
    "load_head": "pipeline.collection.saved_head",
    "open_features": "pipeline.features.cache",
    "robustness": "pipeline.collection.robustness",
}

if not TYPE_CHECKING:  # Else every name would pass for one of this module.

    def __getattr__(name: str) -> Any:
        """Loads a name of `__all__`; see PEP 562."""
        if name == "__version__":
            from importlib.metadata import version

            value = version("scp-pipeline")
        elif name in _MODULES:
            from importlib import import_module

            value = getattr(import_module(_MODULES[name]), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """The names of `__all__`, loaded or not, and whatever else is here."""
    return sorted({*globals(), *__all__})
