"""Which device to compute on, and what suits it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.base.errors import PipelineError
from pipeline.base.text import quoted
from pipeline.config.settings import ExtractSettings
from pipeline.config.types import AUTO, PRECISIONS

if TYPE_CHECKING:
    import numpy as np
    import torch


def check_device(wanted: str) -> None:
    """Refuses what names no device, without looking which devices there are.

    Raises:
        PipelineError: if it is none of ``auto``, ``cpu``, ``cuda`` and ``cuda:N``.
    """
    if wanted not in ("auto", "cpu", "cuda") and not (wanted.startswith("cuda:") and wanted[5:].isdecimal()):
        raise PipelineError(f"--device: expected auto, cpu, cuda or cuda:N, found '{wanted}'")


def pick_device(wanted: str) -> str:
    """The device to compute on: ``auto`` takes the first CUDA device where there is one.

    Raises:
        PipelineError: if it names no device, or CUDA is asked for and torch sees no such device.
    """
    check_device(wanted)
    if wanted == "cpu":
        return wanted
    import torch  # Late, here and below: what is asked for is checked, and refused, without it.

    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == "auto":
        return "cuda:0" if found else "cpu"
    number = int(wanted[5:] or 0)
    if number >= found:
        raise PipelineError(
            f"--device {wanted}: torch {torch.__version__} sees {found} CUDA devices on this machine; "
            "use --device cpu, or check the driver with nvidia-smi"
        )
    return f"cuda:{number}"


def pick_gpus(wanted: str) -> list[str]:
    """The CUDA devices with the numbers that a text names, such as ``0,1``.

    Raises:
        PipelineError: if these are no such numbers, or torch sees fewer devices.
    """
    words = [word.strip() for word in wanted.split(",")]
    numbers = [int(word) for word in words if word.isascii() and word.isdecimal() and len(word) < 5]
    if len(numbers) < len(words) or len(set(numbers)) < len(numbers):
        raise PipelineError(f"--gpus: expected different numbers of GPUs such as 0,1, found {quoted(wanted)}")
    import torch

    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if max(numbers) >= found:
        raise PipelineError(
            f"--gpus {wanted}: expected numbers of GPUs that are here, torch {torch.__version__} sees "
            f"{found} CUDA devices on this machine; name others, use --device cpu, or check the driver with nvidia-smi"
        )
    return [f"cuda:{number}" for number in numbers]


def staged(arrays: Sequence[np.ndarray], device: str | torch.device) -> torch.Tensor:
    """Arrays of one shape and type, stacked on the host; for CUDA in pinned memory, from which the device copies them
    by itself, so that nothing here waits for what it still computes."""
    import numpy as np
    import torch

    dtype = torch.from_numpy(np.empty(0, arrays[0].dtype)).dtype
    pinned = torch.device(device).type == "cuda"
    stacked = torch.empty((len(arrays), *arrays[0].shape), dtype=dtype, pin_memory=pinned)
    np.stack(arrays, out=stacked.numpy())
    return stacked


def upload(arrays: Sequence[np.ndarray], device: str | torch.device) -> torch.Tensor:
    """Arrays of one shape and type, stacked on a device."""
    return staged(arrays, device).to(device, non_blocking=True)


AMPERE = (8, 0)
"""The compute capability from which on NVIDIA's cards multiply bf16, at twice the rate of TF32 and more."""


def pick_precision(wanted: str, device: str) -> str:
    """fp32 or bf16: ``auto`` takes bf16 where the hardware multiplies matrices faster in it.

    That is on a CUDA device of `AMPERE` or later, on a CPU with AMX, and on one of AMD with AVX-512 bf16 (about three
    times faster). Intel's AVX-512 bf16 without AMX is slower than fp32: 116 against 195 GFLOP/s on two cores of a Xeon,
    torch 2.15.
    """
    if wanted != AUTO:
        return wanted
    import torch

    if device.startswith("cuda"):
        return "bf16" if torch.cuda.get_device_capability(device) >= AMPERE else "fp32"
    amx = torch.cpu._is_amx_tile_supported()
    return "bf16" if amx or (torch.cpu._is_avx512_bf16_supported() and _processor() == "AuthenticAMD") else "fp32"


def suited(settings: ExtractSettings, device: str) -> ExtractSettings:
    """The settings with the precision and the batch that they mean for a device, ``cpu`` or a CUDA device."""
    batch = settings.batch if device == "cpu" else settings.batch_on_gpu
    return replace(settings, precision=pick_precision(settings.precision, device), batch=batch)


def meanings(settings: ExtractSettings) -> Iterator[ExtractSettings]:
    """Whatever `suited` can give, on one device or another."""
    for batch in (settings.batch, settings.batch_on_gpu):
        for precision in PRECISIONS if settings.precision == AUTO else (settings.precision,):
            yield replace(settings, precision=precision, batch=batch)


@cache
def _processor() -> str:
    """The maker of the processor as the processor itself names it; empty where Linux does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("vendor_id")), "")
