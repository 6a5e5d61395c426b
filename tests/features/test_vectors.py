from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from pipeline.base.errors import PipelineError
from pipeline.features.shards import write_shard
from pipeline.features.vector_files import READERS
from pipeline.features.vectors import read_vectors
from pipeline.images.sources import VECTOR_SUFFIXES, is_vectors

ROWS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
VIEWS = np.random.default_rng(1).normal(size=(6, 3, 4)).astype(np.float32)
NAMES = [f"pictures/{row}.jpg" for row in range(6)]


def write(path: Path, values: Any, ids: list[str] | None = None, name: str | None = None) -> Path:
    name = name or ("embeddings" if np.ndim(values) == 2 else "views")
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".npz":
        parts: dict[str, Any] = {name: values} | ({"ids": ids} if ids else {})
        np.savez(path, **parts)
    elif path.suffix == ".parquet":
        columns = {name: list(np.asarray(values).tolist())}
        pyarrow.parquet.write_table(pyarrow.table(columns | ({"path": ids} if ids else {})), path)
    else:
        with h5py.File(path, "w") as file:
            file[name] = values
            if ids:
                file["ids"] = ids
    return path


def test_a_source_is_known_by_the_suffixes_that_have_a_reader(tmp_path: Path) -> None:
    assert tuple(READERS) == VECTOR_SUFFIXES
    path = str(write(tmp_path / "some.npy", ROWS))
    assert not is_vectors([path, path])
    assert not is_vectors([str(tmp_path / "gone.npy")])


@pytest.mark.parametrize("suffix", VECTOR_SUFFIXES)
@pytest.mark.parametrize("values", [ROWS, VIEWS], ids=["rows", "views"])
def test_all_formats_hold_the_same(suffix: str, values: np.ndarray, tmp_path: Path) -> None:
    path = write(tmp_path / f"some{'' if values.ndim == 2 else '-views'}{suffix}", values)
    assert is_vectors([str(path)])
    found = read_vectors(path)
    assert found.ids == list("012345")
    assert found.views.shape == (6, 1 if values.ndim == 2 else 3, 4)
    assert np.array_equal(found.views.reshape(values.shape), values)
    if suffix != ".npy":
        assert read_vectors(write(tmp_path / f"named{suffix}", values, NAMES)).ids == NAMES
        assert np.array_equal(read_vectors(write(tmp_path / f"own{suffix}", ROWS, name="mine")).views[:, 0], ROWS)


@pytest.mark.parametrize("size", ["float", "double", "halffloat"])
@pytest.mark.parametrize("fixed", [-1, 4])
def test_parquet_may_hold_its_numbers_in_any_list(size: str, fixed: int, tmp_path: Path) -> None:
    kind = pyarrow.list_(pyarrow.type_for_alias(size), fixed)
    chunks = [pyarrow.array(part.astype(np.float16).tolist(), kind) for part in (ROWS[:2], ROWS[:0], ROWS)]
    column = pyarrow.chunked_array([*chunks, chunks[2].slice(1, 3)])
    views = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(VIEWS.reshape(-1, 4).tolist(), kind), 3)
    others = pyarrow.array([{"bytes": b"a picture"}] * 11)
    pyarrow.parquet.write_table(pyarrow.table({"image": others, "mine": column}), tmp_path / "a.parquet")
    expected = np.concatenate([ROWS[:2], ROWS, ROWS[1:4]]).astype(np.float16)
    assert np.array_equal(read_vectors(tmp_path / "a.parquet").views[:, 0], expected)
    pyarrow.parquet.write_table(pyarrow.table({"views": views}), tmp_path / "b.parquet")
    assert np.allclose(read_vectors(tmp_path / "b.parquet").views, VIEWS, atol=1e-2)


def test_whole_numbers_are_numbers(tmp_path: Path) -> None:
    path = write(tmp_path / "some.npy", np.arange(12).reshape(4, 3))
    assert read_vectors(path).views[:, 0].tolist() == np.arange(12.0).reshape(4, 3).tolist()


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        (
            "a.npy",
            np.zeros(5),
            r"numbers in the shape \(n, dim\), found float64 \(5,\); embeddings go as \(n, dim\) in .npy, .npz, ",
        ),
        ("a.npy", np.array([["a", "b"]]), "expected numbers in the shape"),
        ("a.npy", np.zeros((4, 0)), "expected numbers in the shape"),
        (
            "a.npy",
            np.ones((5, 1)),
            r"expected embeddings of at least 2 numbers, found one each \(\(5, 1\)\)",
        ),
        ("views.npy", np.ones((5, 3, 1)), "expected embeddings of at least 2 numbers"),
        ("a.npy", np.ones((1, 4)), "expected at least 2 rows, found 1"),
        ("views.npy", np.ones((5, 2, 4)), "expected the clean view and at least two more, or no views at all"),
        ("a.npy", np.array([[1.0, 2], [np.nan, 1]]), "expected finite numbers, found others in row 1"),
        ("a.npy", np.ones((60, 50, 16)), r"found the shape \(60, 50, 16\): of tokens keep one a picture or their mean"),
        ("views.npy", np.ones((60, 28, 28, 3)), r"\(60, 28, 28, 3\).* pictures go as picture files; views of one"),
        ("a.npy", np.array([{}, {}], dtype=object), "not a readable .npy file"),
        ("a.parquet", [[1.0, 2.0], [1.0]], "not a readable .parquet file .expected embeddings of the same length"),
        ("a.parquet", [[1.0, 2.0], None], "expected an embedding in each row, found none in some"),
        ("a.parquet", [[1.0, 2.0], [None, 1.0]], "expected finite numbers, found others in row 1"),
        ("a.parquet", [["a", "b"], ["a", "b"]], "expected numbers in the shape"),
        ("a.parquet", [], "expected numbers in the shape"),
        ("a.parquet", [1.0, 2.0], "expected numbers in the shape"),
    ],
)
def test_what_does_not_fit_ends_in_one_line(name: str, values: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name.endswith(".npy"):
        np.save(path, values, allow_pickle=True)
    else:
        pyarrow.parquet.write_table(pyarrow.table({"embeddings": values}), path)
    with pytest.raises(PipelineError, match=message) as error:
        read_vectors(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5", ".parquet"])
def test_damaged_files_end_in_one_line(suffix: str, tmp_path: Path) -> None:
    data = write(tmp_path / f"whole{suffix}", ROWS).read_bytes()
    path = tmp_path / f"part{suffix}"
    for content in (b"", b"no such format", data[: len(data) // 2], data[:20]):
        path.write_bytes(content)
        with pytest.raises(PipelineError, match=r"not a readable|expected"):
            read_vectors(path)


def test_ids_must_be_as_many_and_differ(tmp_path: Path) -> None:
    for ids, message in (
        (NAMES[:5] + NAMES[:1], "comes twice"),
        (NAMES[:5], "for each of 6 embeddings, found 5"),
    ):
        with pytest.raises(PipelineError, match=message):
            read_vectors(write(tmp_path / "a.h5", ROWS, ids))
    # The cache would lose a zero byte at the end of one.
    pyarrow.parquet.write_table(
        pyarrow.table({"embeddings": [[1.0, 2.0]] * 2, "id": ["a", "b\0"]}), tmp_path / "a.parquet"
    )
    with pytest.raises(PipelineError, match="found one with a zero byte"):
        read_vectors(tmp_path / "a.parquet")
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["one"], file["other"] = ROWS, ROWS
    with pytest.raises(PipelineError, match="below one of the names embeddings, embedding"):
        read_vectors(tmp_path / "two.h5")


def test_an_archive_of_arrays_is_no_array(tmp_path: Path) -> None:
    with (tmp_path / "a.npy").open("wb") as file:
        np.savez(file, embeddings=ROWS)
    with pytest.raises(PipelineError, match=r"an archive of arrays; name it \.npz"):
        read_vectors(tmp_path / "a.npy")


def test_groups_of_hdf5_are_no_embeddings_and_one_id_is_not_enough(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["embeddings/deep"], file["ids/deep"] = ROWS, NAMES
    with pytest.raises(PipelineError, match="found neither"):
        read_vectors(tmp_path / "a.h5")
    for ids, shape in (("one", r"\(\)"), ([NAMES], r"\(1, 6\)")):
        with h5py.File(tmp_path / "b.h5", "w") as file:
            file["embeddings"], file["ids"] = ROWS, ids
        with pytest.raises(PipelineError, match=rf"'ids': expected an id a row, found the shape {shape}"):
            read_vectors(tmp_path / "b.h5")


@pytest.mark.parametrize("shape", [(60, 50, 16), (60, 28, 28)], ids=["tokens", "pictures"])
@pytest.mark.parametrize("suffix", VECTOR_SUFFIXES)
def test_tokens_and_pictures_are_not_taken_for_views(suffix: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    with pytest.raises(PipelineError, match=r"of tokens keep one .* known by the name 'views'.*; embeddings go as"):
        read_vectors(write(tmp_path / f"reviews{suffix}", values, name="features"))


def test_one_embedding_a_row_may_have_a_dimension_of_its_own(tmp_path: Path) -> None:
    assert read_vectors(write(tmp_path / "a.npy", ROWS[:, None])).views.shape == (6, 1, 4)


def test_a_shard_of_a_feature_cache_holds_views(tmp_path: Path) -> None:
    write_shard(tmp_path / "train-00000.h5", NAMES, VIEWS, "f" * 64)
    found = read_vectors(tmp_path / "train-00000.h5")
    assert found.ids == NAMES
    assert np.array_equal(found.views, VIEWS.astype(np.float16))


@pytest.mark.parametrize("name", ["image_path", "url", "key", "path"])
def test_ids_are_known_by_their_usual_names(name: str, tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"embeddings": ROWS.tolist(), name: NAMES}), tmp_path / "a.parquet")
    parts: dict[str, Any] = {"mine": ROWS, name: np.array(NAMES)}
    np.savez(tmp_path / "a.npz", **parts)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["mine"], file[name] = ROWS, NAMES
    for suffix in (".parquet", ".npz", ".h5"):
        assert read_vectors(tmp_path / f"a{suffix}").ids == NAMES


def test_parquet_may_hold_tensors(tmp_path: Path) -> None:
    rows, views = (pyarrow.FixedShapeTensorArray.from_numpy_ndarray(each) for each in (ROWS, VIEWS))
    for column in (rows, pyarrow.chunked_array([rows.slice(0, 2), rows.slice(2)])):
        pyarrow.parquet.write_table(pyarrow.table({"mine": column}), tmp_path / "a.parquet")
        assert np.array_equal(read_vectors(tmp_path / "a.parquet").views[:, 0], ROWS)
    pyarrow.parquet.write_table(pyarrow.table({"views": views}), tmp_path / "a.parquet")
    assert np.array_equal(read_vectors(tmp_path / "a.parquet").views, VIEWS)
    pyarrow.parquet.write_table(pyarrow.table({"embeddings": views}), tmp_path / "a.parquet")
    with pytest.raises(PipelineError, match=r"one embedding a row, found the shape \(6, 3, 4\)"):
        read_vectors(tmp_path / "a.parquet")


@pytest.mark.parametrize("is_loaded", [False, True])
def test_parquet_may_hold_tensors_of_ray(is_loaded: bool, tmp_path: Path) -> None:
    """As Ray writes them: a list a row, and the shape beside it."""
    storage = pyarrow.array(VIEWS.reshape(6, -1).tolist(), pyarrow.large_list(pyarrow.float32()))

    class Tensor(pyarrow.ExtensionType):  # type: ignore[misc]
        shape = (3, 4)

        def __init__(self) -> None:
            super().__init__(storage.type, "ray.data.arrow_tensor_v2")

        def __arrow_ext_serialize__(self) -> bytes:
            return b"[3, 4]"

        @classmethod
        def __arrow_ext_deserialize__(cls, storage_type: Any, serialized: bytes) -> Tensor:
            return cls()

    column = pyarrow.ExtensionArray.from_storage(Tensor(), storage)
    pyarrow.parquet.write_table(pyarrow.table({"views": column}), tmp_path / "a.parquet")
    if is_loaded:
        pyarrow.register_extension_type(Tensor())
    try:
        assert np.array_equal(read_vectors(tmp_path / "a.parquet").views, VIEWS)
    finally:
        if is_loaded:
            pyarrow.unregister_extension_type("ray.data.arrow_tensor_v2")


@pytest.mark.parametrize("suffix", VECTOR_SUFFIXES)
def test_a_folder_of_parts_is_read_in_the_order_of_their_numbers(suffix: str, tmp_path: Path) -> None:
    (tmp_path / ".hidden").write_text("")
    for number, rows in ((10, ROWS[4:]), (2, ROWS[2:4]), (1, ROWS[:2])):
        write(tmp_path / f"part-{number}{suffix}", rows)
    assert is_vectors([str(tmp_path)])
    found = read_vectors(tmp_path)
    assert np.array_equal(found.views[:, 0], ROWS)
    assert found.ids == list("012345")
    before = found.sha256
    write(tmp_path / f"part-2{suffix}", ROWS[3:5])
    assert read_vectors(tmp_path).sha256 != before


def test_parts_have_ids_of_their_own_and_one_shape(tmp_path: Path) -> None:
    write(tmp_path / "a.npz", ROWS[:2], NAMES[:2])
    write(tmp_path / "b.h5", ROWS[2:], NAMES[2:])
    assert read_vectors(tmp_path).ids == NAMES
    write(tmp_path / "b.h5", ROWS[2:])
    with pytest.raises(PipelineError, match=r"expected ids in all files or in none, found some in a.npz and none in b"):
        read_vectors(tmp_path)
    write(tmp_path / "b.h5", ROWS[2:, :3], NAMES[2:])
    with pytest.raises(PipelineError, match=r"b.h5: expected embeddings of the shape \(4,\) as in a.npz, found \(3,\)"):
        read_vectors(tmp_path)


def test_a_folder_with_anything_else_is_one_of_pictures(tmp_path: Path) -> None:
    assert not is_vectors([str(tmp_path)])
    np.save(tmp_path / "a.npy", ROWS)
    (tmp_path / "below").mkdir()
    assert not is_vectors([str(tmp_path)])
    (tmp_path / "below").rmdir()
    (tmp_path / "a.png").write_bytes(b"")
    assert not is_vectors([str(tmp_path)])


def test_an_archive_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", embeddings=np.zeros((1000, 1000)))
    with pytest.raises(PipelineError, match=r"says that it holds 8,000,128 bytes, of which"):
        read_vectors(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", embeddings=ROWS, ids=np.array([{}, 1], dtype=object))
    with pytest.raises(PipelineError, match=r"not a readable \.npz file .*allow_pickle"):
        read_vectors(tmp_path / "b.npz")
