"""Which device to compute on."""

from __future__ import annotations

import torch

from pipeline.errors import PipelineError


def pick_device(wanted: str) -> str:
    """The device to compute on: ``auto`` takes the first CUDA device where there is one.

    Raises:
        PipelineError: if CUDA is asked for and torch sees no such device.
    """
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == "auto":
        return "cuda:0" if found else "cpu"
    if wanted == "cpu":
        return wanted
    number = 0 if wanted == "cuda" else int(wanted[5:]) if wanted.startswith("cuda:") and wanted[5:].isdigit() else -1
    if number < 0:
        raise PipelineError(f"--device: expected auto, cpu, cuda or cuda:N, found '{wanted}'")
    if number >= found:
        raise PipelineError(
            f"--device {wanted}: torch {torch.__version__} sees {found} CUDA devices on this machine; "
            "use --device cpu, or check the driver with nvidia-smi"
        )
    return f"cuda:{number}"
