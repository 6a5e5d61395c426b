"""The clustering methods: one module each, and one entry in `METHODS`.

A method gets embeddings and the number of clusters, and never a label. Each of its runs leaves a model that predicts
from an embedding alone, and a loss by which the kept run is chosen. SCP itself and CPP stand in `pipeline.heads`, as
ensembles and estimates build on them too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.base.errors import PipelineError, entry_of
from pipeline.config.names import CLASS_NAMES, NOUNS
from pipeline.heads.method import BALANCE_WEIGHT, PAIRS, TRAINING, Method, MethodEntry, section_of

if TYPE_CHECKING:
    from pipeline.heads.settings import FitSettings

HEADS = (TRAINING, PAIRS)
"""What every head reads that is trained on pairs."""

METHODS: dict[str, MethodEntry] = {
    "scp": MethodEntry("pipeline.heads.scp", "SCP", reads=(*HEADS, BALANCE_WEIGHT)),
    "scan": MethodEntry("pipeline.methods.scan", "SCAN", objective_alone=True, reads=HEADS),
    "temi": MethodEntry("pipeline.methods.temi", "TEMI", reads=HEADS),
    "p2ot": MethodEntry("pipeline.methods.p2ot", "P²OT", objective_alone=True, reads=HEADS),
    "turtle": MethodEntry("pipeline.methods.turtle", "TURTLE", reads=(TRAINING,)),
    "pro-dsc": MethodEntry("pipeline.methods.pro_dsc", "PRO-DSC"),
    "cpp": MethodEntry("pipeline.heads.cpp", "CPP"),
    "kmeans": MethodEntry("pipeline.methods.kmeans", "k-means"),
    "spherical-kmeans": MethodEntry("pipeline.methods.spherical_kmeans", "spherical k-means"),
    "gmm-full": MethodEntry("pipeline.methods.gmm", "Gaussian mixture, full", member="FULL"),
    "gmm-diag": MethodEntry("pipeline.methods.gmm", "Gaussian mixture, diagonal", member="DIAGONAL"),
    "spectral": MethodEntry("pipeline.methods.spectral", "spectral clustering", reads=("kmeans",)),
    "umap-kmeans": MethodEntry("pipeline.methods.umap_kmeans", "UMAP and k-means", reads=("kmeans",)),
    "agglomerative": MethodEntry("pipeline.methods.agglomerative", "agglomerative (Ward)"),
    "hdbscan": MethodEntry("pipeline.methods.hdbscan", "HDBSCAN"),
    "consensus": MethodEntry("pipeline.methods.consensus", "Consensus of heads", ensemble=True, reads=("scp",)),
    "auto": MethodEntry("pipeline.methods.auto", "Auto", ensemble=True, reads=("consensus", "kmeans")),
    "iic": MethodEntry("pipeline.methods.baselines.iic", "IIC", objective_alone=True, reads=HEADS),
    "pica": MethodEntry("pipeline.methods.baselines.pica", "PICA", objective_alone=True, reads=HEADS),
    "cc": MethodEntry("pipeline.methods.baselines.cc", "CC", objective_alone=True, reads=HEADS),
    "dec": MethodEntry("pipeline.methods.baselines.dec", "DEC", objective_alone=True, reads=HEADS),
    "tcc": MethodEntry("pipeline.methods.baselines.tcc", "TCC", objective_alone=True, reads=HEADS),
    "nnm": MethodEntry("pipeline.methods.baselines.nnm", "NNM", objective_alone=True, reads=HEADS),
    "gcc": MethodEntry("pipeline.methods.baselines.gcc", "GCC", objective_alone=True, reads=HEADS),
    "idfd": MethodEntry("pipeline.methods.baselines.idfd", "IDFD", objective_alone=True, reads=(*HEADS, "kmeans")),
    "spice": MethodEntry("pipeline.methods.baselines.spice", "SPICE", objective_alone=True, reads=HEADS),
    "mice": MethodEntry("pipeline.methods.baselines.mice", "MiCE", objective_alone=True, reads=HEADS),
    "jule": MethodEntry("pipeline.methods.baselines.jule", "JULE", objective_alone=True, reads=(TRAINING,)),
    "dac": MethodEntry("pipeline.methods.baselines.dac", "DAC", objective_alone=True, reads=HEADS),
    "dccm": MethodEntry("pipeline.methods.baselines.dccm", "DCCM", objective_alone=True, reads=HEADS),
    "tac-kmeans": MethodEntry("pipeline.methods.tac_kmeans", "TAC without training", text=NOUNS),
    "tac": MethodEntry("pipeline.methods.tac", "TAC", text=NOUNS),
    "sic": MethodEntry("pipeline.methods.sic", "SIC", text=NOUNS),
    "zero-shot": MethodEntry("pipeline.heads.class_names", "CLIP zero-shot", text=CLASS_NAMES),
}


def find_entry(name: str, where: str = "") -> MethodEntry:
    """The entry of this name; the method itself is not imported.

    Raises:
        PipelineError: if there is none; near names are offered.
    """
    return entry_of(METHODS, "method", name, where)


def get_method(name: str, where: str = "") -> Method:
    """The method of this name.

    Raises:
        PipelineError: see `find_entry`.
    """
    return find_entry(name, where).load()


def settings_of(settings: FitSettings, name: str) -> Any:
    """A method's own settings, as its data class `Settings`; None if it has none."""
    kind = getattr(get_method(name), "Settings", None)
    return None if kind is None else settings.section(section_of(name), kind)


def check_clusters(clusters: int, images: int, what: str) -> None:
    """Refuses more clusters than images.

    Raises:
        PipelineError: if there are.
    """
    if clusters > images:
        raise PipelineError(
            f"{what}: {clusters} clusters were asked for, but its train split has {images} images; "
            f"lower datasets.{what}.clusters in params.yaml"
        )
