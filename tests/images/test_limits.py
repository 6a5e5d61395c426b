"""Very large photographs are used, reduced; bombs are refused, and large ones do not add up."""

from __future__ import annotations

import io
import struct
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.images import limits
from pipeline.images.decoding import decode
from pipeline.images.examination import Rejected, examine
from pipeline.images.limits import Budget, check_size, factor_for


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_photograph_of_108_megapixels_is_used_reduced(kind: str, tmp_path: Path) -> None:
    small = Image.fromarray(np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8))
    small.resize((12000, 9000), Image.Resampling.NEAREST).save(tmp_path / "large", kind, compress_level=1)
    (found,) = examine(tmp_path, [Path("large")], "train", tmp_path / "thumbnails")
    assert not isinstance(found, Rejected)
    picture = decode(tmp_path / "large")
    assert picture.size == (1500, 1125)
    middles = np.asarray(picture)[18::37, 18::37][:30, :40]
    expected = np.asarray(small.resize((1500, 1125), Image.Resampling.NEAREST))[18::37, 18::37][:30, :40]
    assert np.abs(middles.astype(int) - expected).mean() < 5


HELD = {"JPEG": ("RGB", "L", "1"), "GIF": ("RGB", "L", "P", "1")} | dict.fromkeys(
    ("PNG", "TIFF"), ("RGB", "L", "P", "RGBA", "1", "I;16")
)
"""Modes that a format holds."""


@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind, modes in HELD.items() for mode in modes])
def test_a_reduced_picture_is_upright_and_of_the_same_content(
    kind: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slope = np.add.outer(np.arange(91), np.arange(133)).astype(np.uint8)
    if mode == "I;16":
        picture = Image.fromarray(slope.astype(np.uint16) * 256)
    else:
        picture = Image.fromarray(np.dstack([slope, slope, 255 - slope])).convert(mode)
    exif = Image.Exif()
    exif[0x112] = 6
    data = io.BytesIO()
    picture.save(data, kind, **({} if kind == "GIF" else {"exif": exif}))
    whole = decode(io.BytesIO(data.getvalue()))
    monkeypatch.setattr(limits, "LARGE", 10_000)
    monkeypatch.setattr(limits, "ENOUGH", 20)
    reduced = decode(io.BytesIO(data.getvalue()))
    assert reduced.mode == whole.mode
    assert reduced.size == (-(-whole.width // 4), -(-whole.height // 4))
    expected = np.asarray(whole.resize(reduced.size, Image.Resampling.BOX)).astype(int)
    assert np.abs(np.asarray(reduced).astype(int) - expected)[1:-1, 1:-1].mean() < (12 if mode == "1" else 6)


@pytest.mark.parametrize(
    ("size", "factor"),
    [
        ((9_000, 9_000), 1),
        ((12_000, 9_000), 8),
        ((16_320, 12_240), 8),
        ((65_000, 1_500), 1),
        ((30_000, 5_000), 4),
        ((45_000, 2_100), 2),
    ],
)
def test_the_shorter_side_stays_long_enough(size: tuple[int, int], factor: int) -> None:
    assert factor_for(size) == factor


def test_a_bomb_is_refused_in_a_line_that_names_the_option(tmp_path: Path) -> None:
    header = Image.new("1", (8, 8))
    header.save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    size = b"IHDR" + struct.pack(">II", 40_000, 30_000) + data[24:29]
    (tmp_path / "a.png").write_bytes(data[:12] + size + struct.pack(">I", zlib.crc32(size)) + data[33:])
    (found,) = examine(tmp_path, [Path("a.png")], "train")
    assert isinstance(found, Rejected)
    assert found.reason == (
        "1,200,000,000 pixels, expected at most 300,000,000; --most-megapixels or prepare.most_megapixels in "
        "params.yaml allows more"
    )


def test_the_limit_may_be_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits._Limit, "megapixels", None)
    limits.allow(2000)
    check_size((40_000, 30_000), "PNG")
    limits.allow(None)
    with pytest.raises(Image.DecompressionBombError, match="--most-megapixels"):
        check_size((40_000, 30_000), "PNG")


def test_what_is_decoded_at_the_same_time_stays_within_the_budget() -> None:
    budget, lock = Budget(100), threading.Lock()
    now = most = 0

    def work(pixels: int) -> None:
        nonlocal now, most
        with budget.taken(pixels):
            with lock:
                now += min(pixels, 100)
                most = max(most, now)
            time.sleep(0.002)
            with lock:
                now -= min(pixels, 100)

    threads = [threading.Thread(target=work, args=(pixels,)) for pixels in (60, 60, 30, 500, 10, 99, 1, 40) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 60 < most <= 100
    assert now == 0
