"""What is refused is refused before a library is imported that computes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

HEAVY = ("torch", "torchvision", "timm", "numpy", "h5py", "faiss", "scipy", "sklearn", "matplotlib", "pyarrow", "PIL")
REFUSED = """
import contextlib, io, json, sys
from pipeline.cli import main as cli
for arguments in json.loads(sys.argv[1]):
    sys.argv, said = ["pipeline", *arguments], io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            cli.main()
    except SystemExit as stop:
        print(json.dumps([stop.code, said.getvalue(), list(sys.modules)]))
"""


@pytest.mark.parametrize(
    "code",
    [
        "sys.argv[1:] = ['--help']\nimport pipeline.cli.main as c\ntry: c.main()\nexcept SystemExit: pass",
        "import pipeline.base.provenance",  # Every command ends with it.
    ],
    ids=["help", "provenance"],
)
def test_no_heavy_library_is_needed(code: str) -> None:
    code = f"import sys\n{code}\nprint(sorted({ {*HEAVY, 'yaml'} } & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def refuse(folder: Path, commands: Sequence[tuple[str, str]]) -> None:
    """Runs commands one after the other in one process: each ends in its message, with no heavy library loaded."""
    arguments = json.dumps([command.split() for command, _ in commands])
    done = subprocess.run(
        [sys.executable, "-c", REFUSED, arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    for (command, message), (code, said, modules) in zip(commands, found, strict=True):
        assert code == 2, command
        assert message in said, command
        assert not set(HEAVY) & set(modules), command


def test_wrong_words_about_ones_own_pictures(tmp_path: Path) -> None:
    for name in ("photos", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(b"")
    (tmp_path / "file").write_text("precious")
    refuse(
        tmp_path,
        [
            ("cluster nowhere -k 1", "-k 1: expected a whole number of at least 2, or auto"),
            ("cluster photos -k x", "-k x: expected a whole number of at least 2, or auto"),
            ("cluster nowhere -k 3", "nowhere: expected a folder, a file, a pattern or a list of pictures, found"),
            ("cluster empty -k 3", "empty: expected pictures, found no file"),
            ("cluster photos *.jpg -k 3", "*.jpg: expected pictures, found no file"),
            ("cluster s3://bucket/photos", "s3://bucket/photos: expected a path of this machine"),
            ("cluster photos --method kmean", "--method: unknown method 'kmean'; did you mean kmeans"),
            ("cluster photos --method zero-shot", "--method zero-shot: it reads the names of classes"),
            ("cluster photos --backbone efficientnet-lite0+clip", "--backbone: unknown backbone 'clip'"),
            ("cluster photos --device gpu", "--device: expected auto, cpu, cuda or cuda:N, found 'gpu'"),
            ("cluster photos --out file", "file: expected a folder for the results, found a file"),
            ("cluster photos --out photos", "photos: expected an empty folder or an earlier result of this command"),
            ("estimate nowhere", "nowhere: expected a folder, a file, a pattern or a list of pictures, found nothing"),
            ("estimate photos --device cuda:x", "--device: expected auto, cpu, cuda or cuda:N, found 'cuda:x'"),
            ("predict nowhere photos", "nowhere: there is no fitted head here"),
            ("predict photos photos", "photos/head.safetensors: there is no fitted head here"),
            ("predict file nowhere", "nowhere: expected a folder, a file, a pattern or a list of pictures, found"),
            ("predict file photos --device gpu", "--device: expected auto, cpu, cuda or cuda:N, found 'gpu'"),
            ("search photos/a.png", "expected one result of 'pipeline cluster' in this folder, found none"),
            ("search photos/a.png --by eye", "--by: unknown space 'eye'"),
            ("search photos/a.png --in photos", "photos/head/head.safetensors: there is no fitted head here"),
            ("browse photos", "photos: expected a result of 'pipeline cluster', found none"),
            ("export photos sorted --how link", "--how: unknown way 'link'; did you mean symlink"),
            ("export photos", "expected a result of 'pipeline cluster' and a folder to fill"),
            ("export --undo undo.csv", "undo.csv: not there yet; run 'pipeline export --how move'"),
        ],
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file", "photos"]


def test_a_picture_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "head").mkdir()
    (tmp_path / "head" / "head.safetensors").write_bytes(b"")
    message = "gone.png: expected a picture, found none that can be read (No such file or directory)"
    refuse(tmp_path, [("search gone.png --in .", message)])


def test_wrong_words_about_the_graph(project: Callable[..., Path]) -> None:
    ray = "every task of --engine ray has its own; give --gpus-per-task instead"
    refuse(
        project(),
        [
            ("prepare --dataset stl-10", "--dataset: unknown data set 'stl-10'; did you mean stl10?"),
            ("extract --backbone clip-vitb23", "--backbone: unknown backbone 'clip-vitb23'; did you mean clip-vitb32"),
            ("extract --study view", "--study: unknown study 'view'; did you mean views"),
            ("extract --device gpu", "--device: expected auto, cpu, cuda or cuda:N, found 'gpu'"),
            ("extract --engine rai", "--engine: unknown engine 'rai'; did you mean ray"),
            ("extract --engine ray --device cpu", f"--device cpu: {ray}"),
            ("extract --engine ray --gpus 0", f"--gpus 0: {ray}"),
            ("extract --gpus-per-task 1", "--gpus-per-task: means something with --engine ray alone"),
            ("extract --gpus 0 --device cpu", "--gpus 0: stands in place of --device"),
            ("extract --gpus 0,0", "--gpus: expected different numbers of GPUs such as 0,1, found '0,0'"),
            ("fit --check all", "--check: unknown check 'all'"),
            ("fit --memory much", "--memory much: expected a size such as 2GB or 500MB"),
            ("fit --device gpu", "--device: expected auto, cpu, cuda or cuda:N, found 'gpu'"),
            ("fit --study zero-shot", "--study zero-shot: there is nothing to fit; run 'pipeline zero-shot'"),
            ("fit --method kmean", "--method: unknown method 'kmean'; did you mean kmeans"),
            ("fit --method scp --study repeats", "--method scp: a study has methods of its own"),
            ("fit -S fit.runs=many", "params.yaml with -S: fit.runs: expected a whole number, found 'many'"),
            ("fit -S extract.views=8", "-S extract.views=8: expected a value of fit: or datasets:"),
            ("evaluate --method kmean", "--method: unknown method 'kmean'; did you mean kmeans"),
            ("evaluate -S fit.training.epoch=2", "fit.training: unknown key 'epoch'; did you mean epochs"),
            ("settings --dataset stl-10", "--dataset: unknown data set 'stl-10'; did you mean stl10?"),
            ("evaluate --study view", "--study: unknown study 'view'; did you mean views"),
            ("metrics --backbone dino-vitb8+dino-vitb8", "--backbone: expected different backbones in a mix"),
            ("tables --study view", "--study: unknown study 'view'; did you mean views"),
            ("figures --study view", "--study: unknown study 'view'; did you mean views"),
            ("trial --device gpu", "--device: expected auto, cpu, cuda or cuda:N, found 'gpu'"),
            ("bench --part fits", "--part: unknown part 'fits'; did you mean fit?"),
            ("bench --device gpu", "--device: expected auto, cpu, cuda or cuda:N, found 'gpu'"),
        ],
    )


def test_outside_of_a_project(tmp_path: Path) -> None:
    message = "params.yaml: not found; run the command in the project's folder"
    refuse(tmp_path, [(name, message) for name in ("prepare", "extract", "settings", "fit", "evaluate", "metrics")])
