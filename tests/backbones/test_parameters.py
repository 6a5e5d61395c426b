"""Weight files that are damaged or carry code: they are refused, and no code runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from pipeline.backbones.loaders import load
from pipeline.backbones.weights import find_weights
from tests.backbones.weight_files import PARAMETERS, TINY, place, refusal, torch_file, with_weights

FORMATS = {
    "model.safetensors": save(PARAMETERS),
    "zipped.pth": torch_file(PARAMETERS),
    "legacy.pth": torch_file(PARAMETERS, zipped=False),
}


@pytest.mark.parametrize("file", FORMATS)
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.3, 0.7, 0.999])
def test_a_truncated_file_is_refused_and_not_recorded(folder: Path, file: str, kept: float) -> None:
    whole = FORMATS[file]
    entry = with_weights(TINY, files=(file,))
    path = place(entry, folder, whole[: int(kept * len(whole))])
    for attempt in (lambda: find_weights(entry, folder), lambda: load(entry, path)):
        message = refusal(attempt)
        assert message.startswith(f"{path}: expected a file of tensors, found one that cannot be read")
        assert "remove it and bring the original from" in message
    place(entry, folder, whole)
    assert find_weights(entry, folder)[0] == path


class Malicious:
    """Makes a folder where it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_pickle_is_refused_and_never_runs(folder: Path, tmp_path: Path, zipped: bool) -> None:
    entry = with_weights(TINY, files=("model.pth",))
    content = torch_file({"weight": torch.ones(3), "payload": Malicious(tmp_path / "ran")}, zipped)
    path = place(entry, folder, content)
    for attempt in (lambda: find_weights(entry, folder), lambda: load(entry, path)):
        message = refusal(attempt)
        assert "it carries code or is damaged" in message
        assert "weights_only" not in message  # PyTorch's advice on how to run it after all
    assert not (tmp_path / "ran").exists()
