"""The authors' own objectives beside ours on the same numbers: TAC and CPP, which come without a licence.

    uv run python -m benchmarks.objectives --repositories ~/repositories

Nothing of theirs is in this repository; clone each into the folder, at the commit that was tested.

    git clone https://github.com/XLearning-SCU/2024-ICML-TAC                # 830e02c625d98784dfe97bb57226e94bf53413de
    git clone https://github.com/LeslieTrue/CPP                             # cb39bdc

Both get logits or vectors drawn at random in float32. A row is a term: theirs, ours, and by how much the two differ,
as a share of theirs; of the memberships, the largest entry and the largest difference. `.cuda()` stays on the CPU.
TAC's temperature and CPP's values are those of the papers. SIC's authors have published no code that was found.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch.nn import functional

from pipeline.base.text import markdown_table
from pipeline.heads.cpp import Settings, coding_length, rate_of_parts
from pipeline.heads.subspaces import coding_rate, memberships
from pipeline.methods.tac import Logits, tac_terms

SHAPES = ((64, 10), (512, 10), (1000, 50))
"""Images and clusters."""
WIDTH = 32
"""Of CPP's vectors."""
TEMPERATURE = 0.5

Pair = tuple[float, float]
"""Theirs and ours."""


def tac(folder: Path, images: int, clusters: int) -> dict[str, Pair]:
    """The three terms of TAC's objective."""
    theirs = _module(folder / "2024-ICML-TAC", "loss_utils")
    logits = Logits(*torch.randn(4, images, clusters).mul(2).unbind())
    one, other, near_one, near_other = (each.softmax(1) for each in logits)
    contrast = theirs.DistillLoss(class_num=clusters, temperature=TEMPERATURE)
    ours = tac_terms(logits, TEMPERATURE, 5.0)
    found = {
        "distillation": contrast(one, near_other) + contrast(other, near_one),
        "confidence": theirs.consistency_loss(other, one),
        "balance": theirs.entropy(one) + theirs.entropy(other),
    }
    return {f"TAC, {name}": (value.item(), ours[name].item()) for name, value in found.items()}


def cpp(folder: Path, images: int, clusters: int) -> dict[str, Pair]:
    """The terms of CPP's objective, its memberships and its coding length."""
    loss, length = (_module(folder / "CPP", f"loss.{name}") for name in ("loss_fn", "coding_length"))
    sinkhorn = _module(folder / "CPP", "model.sink_distance").SinkhornDistance
    settings = Settings()
    structure, codes = (functional.normalize(torch.randn(images, WIDTH), dim=1) for _ in range(2))
    shares = sinkhorn(settings.temperature, max_iter=settings.projections)((codes @ codes.T).abs()[None])[0][0] * images
    ours = memberships(codes, settings.temperature, settings.projections)
    _, (rate, parts) = loss.MLCLoss(eps=settings.distortion, gamma=1.0)(structure, ours)
    labels = np.arange(images) % clusters
    return {
        "CPP, rate": (rate, coding_rate(structure, settings.distortion).item()),
        "CPP, rate of the parts": (parts, rate_of_parts(structure, ours, settings.distortion).item()),
        "CPP, rate of the warm-up": (
            -loss.TotalCodingRate(eps=settings.distortion)(structure).item(),
            coding_rate(structure, settings.distortion).item(),
        ),
        "CPP, memberships": (shares.max().item(), shares.max().item() + (shares - ours).abs().max().item()),
        "CPP, coding length": (
            float(length.seg_compute(structure, labels, clusters)),
            coding_length(structure.numpy(), labels, settings.distortion),
        ),
    }


def _module(folder: Path, name: str) -> Any:
    """A module of a repository, with nothing but its own folder before the others."""
    if not folder.is_dir():
        raise SystemExit(f"{folder}: expected the authors' repository, found nothing; clone it as the help says")
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))


def main() -> None:
    """Prints a row for each term and shape."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repositories", type=Path, required=True)
    folder = parser.parse_args().repositories.expanduser()
    torch.manual_seed(0)
    rows = []
    with mock.patch.object(torch.Tensor, "cuda", lambda self, *_, **__: self), torch.no_grad():
        for images, clusters in SHAPES:
            for name, (theirs, ours) in {**tac(folder, images, clusters), **cpp(folder, images, clusters)}.items():
                apart = f"{abs(ours - theirs) / abs(theirs):.1e}"
                rows.append([name, f"{images:,}", str(clusters), f"{theirs:.6g}", f"{ours:.6g}", apart])
    print(markdown_table(["term", "images", "clusters", "theirs", "ours", "apart"], rows))


if __name__ == "__main__":
    main()
