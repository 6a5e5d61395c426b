"""`pipeline browse` as a person starts it and ends it."""

from __future__ import annotations

import http.client
import importlib.metadata
import json
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from pipeline.collection.edits import read_edits
from tests.collection.test_lasting import MADE, clustered, here
from tests.commands import failure
from tests.serving import MINUTE, browsing

__all__ = ["here"]
NAME = {"do": "name", "cluster": 0, "name": "Food & fruit"}


def test_a_result_is_served_until_ctrl_c(tmp_path: Path) -> None:
    clustered()
    opened, browser = tmp_path / "opened", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.part && mv {opened}.part {opened}\n')
    browser.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch, browsing(MADE.folder, "--no-open") as address:
        place = urlsplit(address)
        assert place.hostname == "127.0.0.1"
        page = urlopen(address).read().decode()
        assert "<script>" in page
        now = json.load(urlopen(f"{address}edits.json"))
        result = json.loads(MADE.clusters.read_text())["result"]
        body = json.dumps({"format": "pipeline edits", "version": 1, "result": result, "actions": [NAME]})
        headers = {"Origin": f"http://{place.netloc}", "Content-Type": "application/json", "If-Match": now["mark"]}
        assert urlopen(Request(f"{address}edits.json", body.encode(), headers, method="PUT")).status == 204
        assert read_edits(MADE.edits).actions == (NAME,)
        # As no client of Python's writes them.
        for path in ("../../some.npz", "../run.json", "%2e%2e/run.json", "//etc/passwd"):
            connection = http.client.HTTPConnection(place.netloc)
            connection.request("GET", f"{place.path}{path}")
            assert connection.getresponse().status == 404
            connection.close()
        # A second one is fine, and finds another port. It opens the browser, by an address that leads there.
        patch.setenv("BROWSER", f"{browser} %s")
        with browsing(MADE.folder) as other:
            assert urlsplit(other).port != place.port
            deadline = time.monotonic() + MINUTE
            while not opened.exists():
                assert time.monotonic() < deadline
                time.sleep(0.02)
            once = opened.read_text().strip()
            assert urlsplit(other).path not in once
            assert urlopen(once).url == other
    assert not MADE.lock.exists()


def test_a_port_in_use_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clustered()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        line = failure(capsys, monkeypatch, "browse", str(MADE.folder), "--no-open", "--port", port)
    assert f"--port {port}: cannot be had (Address already in use); give another, or leave it out" in line


def test_what_is_no_result_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert "expected one result of 'pipeline cluster' in this folder" in failure(capsys, monkeypatch, "browse")
    Path("photos").mkdir()
    assert "photos: expected a result of 'pipeline cluster', found none" in failure(
        capsys, monkeypatch, "browse", "photos"
    )


def test_without_the_extra_one_line_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    MADE.folder.mkdir()
    MADE.about.write_text("{}")
    version = importlib.metadata.version

    def absent(name: str) -> str:
        if name in ("starlette", "uvicorn"):
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    assert failure(capsys, monkeypatch, "browse", str(MADE.folder)) == (
        "pipeline: pipeline browse: it needs starlette and uvicorn, which are not here; run 'uv pip install starlette "
        "uvicorn', or open some-clusters/index.html, which downloads edits.json"
    )
