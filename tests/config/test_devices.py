from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from pipeline.base.errors import PipelineError
from pipeline.cli.settings import Settings
from pipeline.config import devices


@pytest.mark.parametrize(
    ("amx", "avx512_bf16", "maker", "expected"),
    [
        (True, True, "GenuineIntel", "bf16"),
        (False, True, "GenuineIntel", "fp32"),
        (False, True, "AuthenticAMD", "bf16"),
        (False, False, "AuthenticAMD", "fp32"),
        (False, True, "", "fp32"),
    ],
)
def test_auto_is_bf16_where_a_processor_is_faster_in_it(
    amx: bool, avx512_bf16: bool, maker: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16)
    monkeypatch.setattr(devices, "_processor", lambda: maker)
    assert devices.pick_precision("auto", "cpu") == expected


@pytest.mark.parametrize(("capability", "expected"), [((7, 5), "fp32"), ((8, 0), "bf16"), ((9, 0), "bf16")])
def test_auto_is_bf16_from_ampere_on(
    capability: tuple[int, int], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert devices.pick_precision("auto", "cuda:0") == expected


@pytest.mark.parametrize("wanted", ["fp32", "bf16"])
def test_a_precision_that_is_named_is_taken(wanted: str) -> None:
    assert devices.pick_precision(wanted, "cpu") == devices.pick_precision(wanted, "cuda:7") == wanted


def test_each_device_has_its_own_precision_and_batch(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    monkeypatch.setattr(devices, "_processor", lambda: "GenuineIntel")
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    given = replace(settings.extract, precision="auto", batch=32, batch_on_gpu=256)
    cpu, gpu = (devices.suited(given, device) for device in ("cpu", "cuda:0"))
    assert (cpu.precision, cpu.batch, gpu.precision, gpu.batch) == ("fp32", 32, "bf16", 256)
    meanings = list(devices.meanings(given))
    assert [(each.precision, each.batch) for each in meanings] == [
        (precision, batch) for batch in (32, 256) for precision in ("fp32", "bf16")
    ]
    assert cpu in meanings
    assert gpu in meanings
    named = [(each.precision, each.batch) for each in devices.meanings(replace(given, precision="fp32"))]
    assert named == [("fp32", 32), ("fp32", 256)]


@pytest.mark.parametrize("wanted", ["", "0,", "0,0", "0;1", "-1", "cuda:0", "two", "99999"])
def test_what_names_no_gpus_is_refused(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(
        PipelineError, match=f"--gpus: expected different numbers of GPUs such as 0,1, found '{wanted}'"
    ):
        devices.pick_gpus(wanted)
    assert devices.pick_gpus("1, 0") == ["cuda:1", "cuda:0"]
    with pytest.raises(
        PipelineError, match=r"--gpus 0,2: expected .* sees 2 CUDA devices on this machine; name others"
    ):
        devices.pick_gpus("0,2")
