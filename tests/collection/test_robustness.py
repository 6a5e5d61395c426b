"""`pipeline robustness` on embeddings and on pictures: its files, the page, what is kept, and what is left out."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.base.csv_tables import read_table
from pipeline.base.errors import PipelineError
from pipeline.base.files import read_json, write_json
from pipeline.collection import disturbed, refitted
from pipeline.collection.cluster import cluster
from pipeline.collection.disturbed import cropped, drawn, reduced
from pipeline.collection.edits import Edits, write_edits
from pipeline.collection.remade import remake, up_to_date
from pipeline.collection.result import Collection
from pipeline.collection.robustness import Robustness, robustness
from pipeline.collection.stability import REFITS
from pipeline.collection.trials import measure
from pipeline.config import params
from pipeline.extraction.corruptions import corrupted
from pipeline.methods.fitted import fit_method

RNG = np.random.default_rng(0)
ROWS = (np.eye(3, 16)[np.repeat(np.arange(3), 20)] * 4 + RNG.normal(0, 1.6, (60, 16))).astype(np.float32)
IDS = [f"{row}.png" for row in range(len(ROWS))]
MADE = Collection(Path("some-clusters"))
SHOWN = Collection(Path("photos-clusters"))


def silent(line: str, err: bool = False) -> None:
    """Nobody reads it."""


@pytest.fixture(autouse=True)
def brief(project: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two fits of each kind, and two disturbances."""
    changes = {"repeats": 2, "kinds": ["gaussian-blur", "crop"], "severities": [3]}
    folder = project(**{f"cluster.robustness.{key}": value for key, value in changes.items()})
    monkeypatch.setattr(params, "DEFAULTS", folder / "params.yaml")


@pytest.fixture
def made() -> Collection:
    """A result of embeddings."""
    np.savez("some.npz", embeddings=ROWS, path=IDS)
    cluster("some.npz", clusters=3, device="cpu", method="kmeans")
    return MADE


@pytest.fixture
def shown(pictures: np.ndarray) -> Collection:
    """A result of twelve pictures."""
    Path("photos").mkdir()
    for number, picture in enumerate(pictures[:12]):
        Image.fromarray(picture).save(f"photos/{number}.png")
    cluster("photos", clusters=3, device="cpu", method="kmeans")
    return SHOWN


def page_data(collection: Collection) -> dict[str, object]:
    text = re.search(r'id="data">(.*?)</script>', collection.page.read_text("utf-8"), re.DOTALL)
    assert text
    found: dict[str, object] = json.loads(text[1])
    return found


def test_embeddings_have_the_fits_alone(made: Collection) -> None:
    said: list[str] = []
    _, found = measure(made, "cpu", lambda line, err=False: said.append(line))
    assert found.kinds == REFITS
    assert "made of embeddings, so there is no picture to disturb; the fits alone" in said[0]
    assert said[1] == "to compute: 4 fits of kmeans, less than a minute"
    rows = read_table(made.folder / "robustness.csv", ("path", "cluster", "stays", "goes_to", *REFITS), "")
    assert [row["path"] for row in rows] == IDS
    about = read_json(made.robustness, "")
    assert [each["cluster"] for each in about["clusters"]] == [0, 1, 2]
    assert sum(each["pictures"] for each in about["clusters"]) == 60
    assert 0 < about["overall"]["ari"] <= 1
    named = {each["path"]: each for each in about["wandering"]}
    for row in rows:
        assert (row["path"] in named) == (row["stays"] != "" and float(row["stays"]) < 0.5)


def test_the_page_shows_it_and_is_the_same_without(made: Collection) -> None:
    before = made.page.read_bytes()
    assert b"stability" not in before.lower()
    measure(made, "cpu", silent)
    shown = page_data(made)["stability"]
    assert isinstance(shown, dict)
    assert [each["number"] for each in shown["clusters"]] == [0, 1, 2]
    assert 'id="to-stability"' in made.page.read_text("utf-8")
    made.robustness.unlink()
    remake(made, silent)
    assert made.page.read_bytes() == before


@pytest.mark.parametrize("text", ["", "{", "[]", '{"made_from": 1}', '{"clusters": null}'])
def test_a_damaged_file_is_not_shown(text: str, made: Collection) -> None:
    before = made.page.read_bytes()
    measure(made, "cpu", silent)
    key = read_json(made.robustness, "")["made_from"]
    made.robustness.write_text(text.replace("1", json.dumps(key)))
    said: list[str] = []
    remake(made, lambda line, err=False: said.append(line))
    assert made.page.read_bytes() == before
    assert "not shown; 'pipeline robustness' measures them" in said[0]


def test_rows_beyond_the_pictures_are_not_shown(made: Collection) -> None:
    measure(made, "cpu", silent)
    about = read_json(made.robustness, "")
    about["wandering"] = [{"row": 60, "path": "x", "goes_to": None, "stays": 0.0, "leaves": []}]
    write_json(made.robustness, about)
    remake(made, silent)
    assert "stability" not in page_data(made)


def test_the_same_bytes_twice_and_nothing_is_computed_again(made: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    measure(made, "cpu", silent)
    first = {path: path.read_bytes() for path in made.folder.rglob("*") if path.is_file()}
    shutil.rmtree(made.trials)
    measure(made, "cpu", silent)
    assert {path: path.read_bytes() for path in made.folder.rglob("*") if path.is_file()} == first
    monkeypatch.delattr(refitted, "fit_method")
    said: list[str] = []
    measure(made, "cpu", lambda line, err=False: said.append(line))
    assert "all of it was computed before, and is kept" in said
    assert {path: path.read_bytes() for path in made.folder.rglob("*") if path.is_file()} == first


def test_a_stopped_one_goes_on(made: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    fits = []

    def stopped(*arguments: object) -> object:
        fits.append(arguments[3])
        if len(fits) == 3:
            raise KeyboardInterrupt
        return fit_method(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(refitted, "fit_method", stopped)
    with pytest.raises(KeyboardInterrupt):
        measure(made, "cpu", silent)
    assert not made.robustness.exists()
    measure(made, "cpu", silent)
    assert len(fits) == 3 + 2
    assert not made.lock.exists()


def test_edits_leave_it_and_another_clustering_does_not(made: Collection) -> None:
    measure(made, "cpu", silent)
    result = read_json(made.clusters, "")["result"]
    write_edits(made.edits, Edits(result, ({"do": "merge", "clusters": [0, 1], "into": 0},)))
    up_to_date(made, silent)
    assert "stability" in page_data(made)
    cluster("some.npz", clusters=3, device="cpu", method="kmeans")
    assert "stability" in page_data(made)
    cluster("some.npz", clusters=4, device="cpu", method="kmeans")
    assert "stability" not in page_data(made)
    measure(made, "cpu", silent)
    assert "stability" in page_data(made)


def test_pictures_are_disturbed(shown: Collection) -> None:
    found = robustness("photos-clusters", device="cpu")
    assert isinstance(found, Robustness)
    assert list(found.ari) == ["gaussian-blur", "crop", *REFITS]
    assert found.ids == sorted(f"{number}.png" for number in range(12))
    assert set(found.stability) == {0, 1, 2}
    assert found.page == shown.page
    about = read_json(shown.robustness, "")
    assert (about["disturbed"], about["lost"]) == (12, 0)
    assert found.moved["gaussian-blur"] == pytest.approx(about["moved"]["gaussian-blur"], abs=1e-4)
    assert "stability" in page_data(shown)


def test_no_disturbance_is_no_move(shown: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disturbed, "corrupted", lambda image, *_: image)
    monkeypatch.setattr(disturbed, "cropped", lambda image, *_: image)
    found = robustness("photos-clusters", device="cpu")
    assert found.moved["gaussian-blur"] == found.moved["crop"] == 0
    assert found.ari["crop"] == 1


def test_what_is_gone_or_changed_is_counted_and_left_out(shown: Collection) -> None:
    Path("photos/3.png").unlink()
    Image.new("L", (28, 28), 90).save("photos/4.png")
    said: list[str] = []
    ids, found = measure(shown, "cpu", lambda line, err=False: said.append(line))
    assert said[0] == (
        "2 of 12 pictures to disturb are gone or have changed, and are left out; --pictures says where they are now"
    )
    lost = [row for row, name in enumerate(ids) if name in ("3.png", "4.png")]
    assert np.flatnonzero(np.isnan(found.undisturbed)).tolist() == lost
    assert not np.isnan(found.by_kind[lost, found.kinds.index(REFITS[1])]).any()
    about = read_json(shown.robustness, "")
    assert (about["disturbed"], about["lost"]) == (10, 2)


def test_pictures_that_were_moved_are_found(shown: Collection) -> None:
    shutil.move("photos", "elsewhere")
    said: list[str] = []
    _, alone = measure(shown, "cpu", lambda line, err=False: said.append(line))
    assert "12 of 12 pictures" in said[0]
    assert "the fits alone" in said[0]
    assert alone.kinds == REFITS
    assert "crop" in robustness("photos-clusters", device="cpu", pictures="elsewhere").moved


def test_one_that_goes_away_meanwhile_costs_itself_alone(shown: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    def removing(*arguments: object) -> Image.Image:
        Path("photos/7.png").unlink(missing_ok=True)
        return corrupted(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(disturbed, "corrupted", removing)
    measure(shown, "cpu", silent)
    assert read_json(shown.robustness, "")["lost"] <= 1
    measure(shown, "cpu", silent)
    assert read_json(shown.robustness, "")["lost"] == 1


def test_a_result_of_another_version_is_told_from_a_damaged_one(made: Collection) -> None:
    about = read_json(made.about, "")
    del about["fit"]["training"]
    write_json(made.about, about)
    with pytest.raises(PipelineError, match=r"not fitted by this version .*; run 'pipeline cluster'"):
        measure(made, "cpu", silent)
    made.clusters.unlink()
    with pytest.raises(PipelineError, match="made by an earlier version"):
        measure(made, "cpu", silent)


def test_an_unknown_kind_is_refused(made: Collection) -> None:
    text = params.DEFAULTS.read_text()
    params.DEFAULTS.write_text(text.replace("- crop", "- crops"))
    with pytest.raises(PipelineError, match=r"cluster\.robustness\.kinds: .*'crops'.*crop"):
        measure(made, "cpu", silent)


def test_pictures_are_drawn_by_their_content() -> None:
    keys = [f"digest {number}" for number in range(50)]
    rows = drawn(keys, 20, 0)
    assert sorted(set(rows.tolist())) == rows.tolist()
    turned = drawn(keys[::-1], 20, 0)
    assert {keys[row] for row in rows} == {keys[::-1][row] for row in turned}
    assert {keys[row] for row in drawn(keys, 20, 1)} != {keys[row] for row in rows}
    assert drawn(keys, 100, 0).tolist() == list(range(50))


@pytest.mark.parametrize(
    ("size", "expected"),
    [((900, 600), (336, 224)), ((224, 800), (224, 800)), ((9, 4), (9, 4)), ((225, 4000), (224, 3982))],
)
def test_a_large_picture_is_reduced_before_it_is_disturbed(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert reduced(Image.new("RGB", size), 224).size == expected


@pytest.mark.parametrize(("size", "expected"), [((100, 50), (80, 40)), ((1, 1), (1, 1)), ((3, 500), (2, 400))])
def test_a_crop_is_a_part_of_the_picture(size: tuple[int, int], expected: tuple[int, int]) -> None:
    image = Image.fromarray(RNG.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))
    part = cropped(image, 0.8, 0, 1, "some")
    assert part.size == expected
    assert part.tobytes() == cropped(image, 0.8, 0, 1, "some").tobytes()
    whole, inner = np.asarray(image), np.asarray(part)
    places = [
        (top, left)
        for top in range(whole.shape[0] - inner.shape[0] + 1)
        for left in range(whole.shape[1] - inner.shape[1] + 1)
        if np.array_equal(whole[top : top + inner.shape[0], left : left + inner.shape[1]], inner)
    ]
    assert places
    if size == (100, 50):
        assert cropped(image, 0.8, 0, 2, "some").tobytes() != part.tobytes()
