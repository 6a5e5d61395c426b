"""The authors' own training beside ours: TEMI, SCAN, PRO-DSC, TURTLE and TAC, and scikit-learn's k-means.

    uv run python -m benchmarks.authors --repositories ~/repositories --dataset tuxpaint
    uv run python -m benchmarks.authors --repositories ~/repositories --dataset mnist-5k --method kmeans --method scp \
        --method temi --method turtle --method tac --steps 100

All get the same embeddings, whose cache must be there (`pipeline prepare` and `pipeline extract`). Nothing of the
authors' is in this repository, two of the licences allow no commercial use, and TAC has none: clone each into the
folder, at the commit that was tested.

    git clone https://github.com/HHU-MMBS/TEMI-official-BMVC2023            # c6a81a6d684f7b8d19500c4ec0f846335e90ee3a
    git clone https://github.com/wvangansbeke/Unsupervised-Classification   # 952ec31eee2c38e7233d8ad3ac0de39bb031877a
    git clone https://github.com/mengxianghan123/PRO-DSC                    # 33d5f1f0077ba25b44151e6ef67ce3906f281951
    git clone https://github.com/mlbio-epfl/turtle                          # 4674efab38e8f3cd0a4cd1f25d3ffc88be3dcabc
    git clone https://github.com/XLearning-SCU/2024-ICML-TAC                # 830e02c625d98784dfe97bb57226e94bf53413de

Theirs are the networks, losses, optimisers, schedules, loops and the choice among heads, run through their own entry
points (`main` or `run`, with their command lines). Ours is the glue: what their data loaders read are our embeddings
and our neighbours, what they call a label is a zero or the number of the image, `.cuda()` stays on the CPU, loaders
have no workers, checkpoints stay in memory, and modules that are not needed and not here (tensorboard, clip, termcolor,
easydict, munkres) are empty. SCAN trains a ResNet, for which the layers below the last one of our head stand in; the
nets of PRO-DSC and TAC get the length of our embeddings.

TAC's heads read an image's embedding and the mean of the nouns that CLIP's text tower finds near it. No text is here,
so the mean of the embeddings of the image's neighbours stands in for it, and the image's neighbours for the text's:
as many numbers through the same layers. Only the time of that row is TAC's; the accuracy, in brackets, is not. Ours
needs the nouns themselves, and its script has no options, so it has this one row; `benchmarks.objectives` compares the
objectives. SCP has a row of ours alone: no code of its
authors' was found. Of scikit-learn k-means gets ten starts, and what it does without being told otherwise; both k-means
work on the embeddings at length 1.

Each method runs with the authors' values (the command or the configuration for CIFAR-10 that they give) and, with
`ours`, with our learning rates, schedules and momenta as far as they have options for them, and with the embeddings
standardised, as our methods do it. Steps, batch, neighbours, number of heads, widths, and weights of the terms are
those of params.yaml for all. Their trainings run with one thread, as ours do, in a process of their own for each
method. Both compute in fp32. Seconds are the processor's, of training and assigning. Pictures of the train split are
assigned and scored.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import importlib
import io
import math
import multiprocessing
import os
import random
import runpy
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
import yaml
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from pipeline.base.csv_tables import read_table
from pipeline.base.errors import PipelineError
from pipeline.base.text import markdown_table
from pipeline.cli.settings import read_params
from pipeline.config.names import LABEL_COLUMNS, TRAIN
from pipeline.config.paths import cell_paths
from pipeline.evaluation.scores import accuracy
from pipeline.features.cache import open_features
from pipeline.features.lengths import unit_length
from pipeline.features.neighbours import Neighbours
from pipeline.heads.head import Head, statistics
from pipeline.heads.problem import Problem
from pipeline.heads.runs import run_seeds
from pipeline.heads.settings import FitSettings
from pipeline.heads.training import steps_for
from pipeline.methods import METHODS, get_method, settings_of

BACKBONE = "efficientnet-lite0"
AUTHORS, OURS = "authors", "ours"
"""Whose values the authors' code is given."""


@dataclass(frozen=True)
class Given:
    """What a training gets; nothing in it is a label."""

    embeddings: np.ndarray
    """float32 (images, dim), clean views."""
    near: np.ndarray
    """int64 (images, count): the nearest other images of each."""
    clusters: int
    settings: FitSettings
    values: str
    """`AUTHORS` or `OURS`."""

    def epochs(self, batch: int, steps: int) -> int:
        """Passes that make so many steps at least; the authors' loaders leave out the rest of a pass."""
        return math.ceil(steps / (len(self.embeddings) // batch))


def temi(given: Given, seed: int) -> np.ndarray:
    """Their `train_main.main`; the teacher's head with the least loss in the last epoch assigns, as they evaluate."""
    train, builders = load("train_main"), load("model_builders")
    settings, training = settings_of(given.settings, "temi"), given.settings.training
    batch, _, steps = steps_for(training, len(given.embeddings))
    epochs = given.epochs(batch, steps)
    stored = load("gen_embeds").get_outpath("ours", "CIFAR10")
    rows = torch.from_numpy(given.embeddings)
    torch.save(rows, stored / "embeddings.pt")
    torch.save(torch.zeros(len(rows)), stored / "label.pt")
    torch.save(torch.from_numpy(given.near), stored / "knn.pt")
    # The command of their README for CIFAR-10; the learning rate is for batches of 256 and grows with them.
    rate, least, warmup, decay, momentum = 1e-4, 1e-4, epochs // 5, 1e-4, 0.996
    if given.values == OURS:
        rate, least, warmup = training.learning_rate * 256 / batch, 0.0, 0
        decay, momentum = training.weight_decay, settings.teacher_momentum
    options = {
        "--arch": "ours",
        "--dataset": "CIFAR10",
        "--knn_path": stored / "knn.pt",
        "--output_dir": "out",
        "--batch_size": batch,
        "--epochs": epochs,
        "--knn": given.near.shape[1],
        "--out_dim": given.clusters,
        "--num_heads": settings.heads,
        "--nlayers": len(settings.hidden),
        "--hidden_dim": settings.hidden[0],
        "--bottleneck_dim": settings.hidden[-1],
        "--lr": rate,
        "--min_lr": least,
        "--warmup_epochs": warmup,
        "--weight_decay": decay,
        "--weight_decay_end": decay,
        "--momentum_teacher": momentum,
        "--max_momentum_teacher": momentum,
        "--warmup_teacher_temp_epochs": 0,
        "--use_fp16": "false",
        "--loss": "TEMI",
        "--seed": seed,
    }
    words = [str(word) for option in options.items() for word in option]
    momentum_of_m = f"probs_momentum={settings.marginal_momentum}"
    sys.argv = ["train_main.py", "--precomputed", "--disable_ddp", *words]
    sys.argv += ["--loss-args", f"beta={settings.beta}", momentum_of_m]
    train.main()
    config = argparse.Namespace(**vars(torch.load("out/checkpoint.pth")["args"]))
    model = builders.build_head_from_config(config, "out/checkpoint.pth")
    with torch.no_grad():
        found: np.ndarray = model(rows).argmax(1).numpy()
    return found


def scan(given: Given, seed: int) -> np.ndarray:
    """Their `scan.main`; the epoch with the least loss assigns, as they choose it."""
    script, custom, models = load("scan"), load("data.custom_dataset"), load("models.models")
    settings, training = settings_of(given.settings, "scan"), given.settings.training
    batch, _, steps = steps_for(training, len(given.embeddings))
    dim = given.embeddings.shape[1]
    rate, decay, schedule = 1e-4, 1e-4, "constant"
    if given.values == OURS:
        rate, decay, schedule = training.learning_rate, training.weight_decay, "cosine"
    config = {
        "setup": "scan",
        "criterion": "scan",
        "criterion_kwargs": {"entropy_weight": settings.entropy_weight},
        "update_cluster_head_only": False,
        "num_heads": 1,
        "train_db_name": "ours",
        "optimizer": "adam",
        "optimizer_kwargs": {"lr": rate, "weight_decay": decay},
        "epochs": given.epochs(batch, steps),
        "batch_size": batch,
        "num_workers": 0,
        "scheduler": schedule,
        "scheduler_kwargs": {"lr_decay_rate": 0.0},
    }
    Path("where.yml").write_text("root_dir: .\n")
    Path("scan.yml").write_text(yaml.safe_dump(config))

    class Images(torch.utils.data.Dataset[dict[str, Any]]):
        transform = staticmethod(lambda row: row)
        classes = tuple(range(given.clusters))

        def __len__(self) -> int:
            return len(given.embeddings)

        def __getitem__(self, number: int) -> dict[str, Any]:
            return {"image": torch.from_numpy(given.embeddings[number]), "target": 0}

    trunk = Head(dim, training.hidden, given.clusters).layers[:-1]
    backbone = {"backbone": trunk, "dim": training.hidden[-1]}
    assigned: list[np.ndarray] = []

    def evaluate(head: int, predictions: list[dict[str, torch.Tensor]], **_: object) -> None:
        assigned.append(predictions[head]["predictions"].numpy())

    script.get_train_transformations = script.get_val_transformations = lambda _: None
    script.get_train_dataset = lambda *_, **__: custom.NeighborsDataset(Images(), given.near)
    script.get_val_dataset = lambda *_, **__: custom.NeighborsDataset(Images(), given.near, 5)
    script.get_model = lambda *_: models.ClusteringModel(backbone, given.clusters, 1)
    script.hungarian_evaluate = evaluate
    sys.argv = ["scan.py", "--config_env", "where.yml", "--config_exp", "scan.yml"]
    script.main()
    return assigned[-1]


def pro_dsc(given: Given, seed: int) -> np.ndarray:
    """Their `main.py`; the first of its ten k-means on the spectrum of all images' affinities assigns."""
    model, clustering = load("model.model"), load("metrics.clustering")
    settings = settings_of(given.settings, "pro_dsc")
    images, dim = given.embeddings.shape
    batch = min(settings.batch, images)
    epochs = given.epochs(batch, settings.warmup + settings.steps)
    config = {
        "gamma": settings.expression_weight,
        "beta": settings.block_weight,
        "pieta": settings.temperature,
        "piiter": settings.projections,
        "eps": settings.distortion,
        "hidden_dim": settings.hidden,
        "z_dim": settings.width,
        "n_clusters": given.clusters,
        "warmup": settings.warmup - 1,  # They count from 0 and include the last.
        "epo": epochs,
        "bs": batch,
        "lr": settings.learning_rate,
        "lr_c": settings.learning_rate,
        "momo": settings.momentum,
        "wd1": settings.weight_decay,
        "wd2": settings.affinity_weight_decay,
        "save_every": epochs,
        "validate_every": epochs,
        "data_dir": "train",
        "data_dir_val": "val",
    }
    Path("configs").mkdir(exist_ok=True)
    # Of the names that they know, the one whose data are taken as a whole.
    Path("configs/tinyimagenet.yaml").write_text(yaml.safe_dump(config))
    # The validation set is shuffled: numbers in the place of labels tell which image is which.
    rows = {"features": torch.from_numpy(given.embeddings), "ys": torch.arange(images)}
    torch.save(rows, "train")
    torch.save(rows, "val")
    net, score = model.PRO_DSC, clustering.spectral_clustering_metrics
    assigned = np.zeros(images, np.int64)

    def scored(affinities: np.ndarray, clusters: int, numbers: np.ndarray) -> Any:
        result = score(affinities, clusters, numbers)
        assigned[numbers] = result[2][0]
        return result

    model.PRO_DSC = lambda input_dim, **options: net(input_dim=dim, **options)
    clustering.spectral_clustering_metrics = scored
    sys.argv = ["main.py", "--data", "tinyimagenet", "--seed", str(seed)]
    runpy.run_path(str(Path(sys.path[0]) / "main.py"), run_name="__main__")
    return assigned


def turtle(given: Given, seed: int) -> np.ndarray:
    """Their `run_turtle.run`."""
    script = load("run_turtle")
    settings = settings_of(given.settings, "turtle")
    for path in ("representations/dinov2/ours_train.npy", "representations/dinov2/ours_val.npy", "labels/ours_val.npy"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        np.save(path, given.embeddings if "representations" in path else np.zeros(len(given.embeddings)))
    assigned: list[np.ndarray] = []

    def score(found: np.ndarray, _: np.ndarray) -> tuple[float, float]:
        assigned[:] = [found]
        return 0.0, 0.0

    script.datasets_to_c, script.get_cluster_acc = {"ours": given.clusters}, score
    options = {
        "--dataset": "ours",
        "--phis": "dinov2",
        "--root_dir": ".",
        "--device": "cpu",
        "--gamma": settings.entropy_weight,
        "--T": settings.steps,
        "--M": settings.inner_steps,
        "--inner_lr": settings.inner_learning_rate,
        "--outer_lr": settings.outer_learning_rate,
        "--batch_size": settings.batch,
        "--seed": seed,
    }
    script.run([str(word) for option in options.items() for word in option])
    return assigned[0]


def tac(given: Given, seed: int) -> np.ndarray:
    """Their `train_head.py`, with neighbours in the place of the text; the last epoch's head for images assigns."""
    models, losses, scores = load("models"), load("loss_utils"), load("eval_utils")
    images, dim = given.embeddings.shape
    batch, _, steps = steps_for(given.settings.training, images)
    rows = unit_length(given.embeddings)
    # The name alone decides the number of clusters, which is passed over below, and the values for few clusters.
    prefix = "data/CIFAR-10"
    Path("data").mkdir(exist_ok=True)
    np.save(f"{prefix}_image_embedding_train.npy", rows)
    np.save(f"{prefix}_image_embedding_test.npy", rows)
    np.save(f"{prefix}_retrieved_nouns_embedding.npy", rows[given.near].mean(1))
    np.save(f"{prefix}_indices50_image.npy", given.near)
    np.save(f"{prefix}_indices50_text.npy", given.near)
    np.savetxt(f"{prefix}_labels_test.txt", np.zeros(images))
    head, distill = models.ClusterHead.__init__, losses.DistillLoss.__init__
    assigned: list[np.ndarray] = []

    class Batches(Loader):
        def __init__(self, data: Any, batch_size: int, **options: Any) -> None:
            super().__init__(data, batch_size=batch, **options)

    script = str(Path(sys.path[0]) / "train_head.py")
    # It counts its epochs, a number in its text, with the one `range` that it has.
    epochs = range(given.epochs(batch, steps))
    with patched(
        (models.ClusterHead, "__init__", lambda self, **_: head(self, dim, given.clusters)),
        (
            losses.DistillLoss,
            "__init__",
            lambda self, *, temperature, **_: distill(self, given.clusters, temperature),
        ),
        (scores, "cluster_metric", lambda _, found: assigned.append(found)),
        (torch.utils.data, "DataLoader", Batches),
    ):
        runpy.run_path(script, {"range": lambda _: epochs}, "__main__")
    return assigned[-1]


def kmeans(given: Given, seed: int) -> np.ndarray:
    """scikit-learn's `KMeans` with ten starts, on the embeddings at length 1."""
    found: np.ndarray = KMeans(given.clusters, n_init=10, random_state=seed).fit_predict(unit_length(given.embeddings))
    return found


@dataclass(frozen=True, kw_only=True)
class Theirs:
    """What is run beside a method of ours, or alone."""

    train: Callable[[Given, int], np.ndarray]
    """Trains on what is given with a seed, in code that is not ours, and gives the clusters, int (images,)."""
    modules: tuple[str, ...] = ()
    """That are imported before the clock starts."""
    whose: str = "the authors'"
    values: tuple[str, ...] = (AUTHORS, OURS)
    """That it can be given."""
    stand_in: bool = False
    """Whether something stands in for a part of its input, so that its accuracy says nothing."""


@dataclass(frozen=True, kw_only=True)
class Repository(Theirs):
    """Where a method's authors have their code."""

    url: str
    commit: str
    """That was tested."""
    script: str
    """A file that must be there."""


REPOSITORIES = {
    "temi": Repository(
        url="https://github.com/HHU-MMBS/TEMI-official-BMVC2023",
        commit="c6a81a6d684f7b8d19500c4ec0f846335e90ee3a",
        script="train_main.py",
        modules=("train_main", "model_builders", "gen_embeds"),
        train=temi,
    ),
    "scan": Repository(
        url="https://github.com/wvangansbeke/Unsupervised-Classification",
        commit="952ec31eee2c38e7233d8ad3ac0de39bb031877a",
        script="scan.py",
        modules=("scan", "data.custom_dataset", "models.models"),
        train=scan,
    ),
    "pro-dsc": Repository(
        url="https://github.com/mengxianghan123/PRO-DSC",
        commit="33d5f1f0077ba25b44151e6ef67ce3906f281951",
        script="main.py",
        modules=("model.model", "metrics.clustering"),
        train=pro_dsc,
    ),
    "turtle": Repository(
        url="https://github.com/mlbio-epfl/turtle",
        commit="4674efab38e8f3cd0a4cd1f25d3ffc88be3dcabc",
        script="run_turtle.py",
        modules=("run_turtle",),
        train=turtle,
    ),
    "tac": Repository(
        url="https://github.com/XLearning-SCU/2024-ICML-TAC",
        commit="830e02c625d98784dfe97bb57226e94bf53413de",
        script="train_head.py",
        modules=("models", "loss_utils", "eval_utils", "data_utils"),
        train=tac,
        whose="the authors', neighbours for the text",
        values=(AUTHORS,),
        stand_in=True,
    ),
}
THEIRS: dict[str, Theirs] = {
    "kmeans": Theirs(train=kmeans, whose="scikit-learn's", values=(AUTHORS,)),
    **REPOSITORIES,
}
COMPARED = ["scp", *THEIRS]


def title(method: str) -> str:
    """The name as papers write it, also where we have no such method."""
    return METHODS[method].title if method in METHODS else method.upper()


def find_repository(method: str, folder: Path) -> Path:
    """The folder of a method's authors; another commit than the tested one is told.

    Raises:
        PipelineError: if it is not there.
    """
    wanted = REPOSITORIES[method]
    path = folder / wanted.url.rsplit("/", 1)[1]
    if not (path / wanted.script).is_file():
        raise PipelineError(
            f"{path}: expected the code of {title(method)}'s authors with {wanted.script}, found none; run "
            f"'git clone {wanted.url} {path}' and 'git -C {path} checkout {wanted.commit}', or leave the method out"
        )
    asked = subprocess.run(["git", "-C", path, "rev-parse", "HEAD"], capture_output=True, text=True)
    found = asked.stdout.strip() or "no commit"
    if found != wanted.commit:
        print(f"{path}: tested at {wanted.commit}, found {found}", file=sys.stderr)
    return path.resolve()


def load(name: str) -> Any:
    """A module of the authors'."""
    return importlib.import_module(name)


def stand_ins() -> None:
    """What the authors' modules import and do not need here, or what Python and torch had when they were written."""
    collections: Any = sys.modules["collections"]
    collections.Mapping, collections.Sequence = collections.abc.Mapping, collections.abc.Sequence
    sys.modules["torch._six"] = mock.MagicMock(string_classes=str)
    sys.modules["termcolor"] = mock.MagicMock(colored=lambda text, _: text)
    sys.modules["easydict"] = mock.MagicMock(EasyDict=dict)
    for name in ("clip", "munkres", "torch.utils.tensorboard"):
        sys.modules[name] = mock.MagicMock()


class Loader(torch.utils.data.DataLoader[Any]):
    """Without workers: one process for all."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **{**options, "num_workers": 0, "pin_memory": False})


@contextlib.contextmanager
def patched(*changes: tuple[Any, str, Any]) -> Iterator[None]:
    """For a while something has other values under some of its names."""
    with contextlib.ExitStack() as stack:
        for owner, name, value in changes:
            stack.enter_context(mock.patch.object(owner, name, value))
        yield


@contextlib.contextmanager
def at_home() -> Iterator[None]:
    """An empty folder to work in, CUDA's calls without effect, and torch's files in memory."""
    files: dict[str, Any] = {}

    def save(value: Any, path: str | Path) -> None:
        files[str(path)] = copy.deepcopy(value)

    changes = (
        (torch.Tensor, "cuda", lambda self, *_, **__: self),
        (torch.nn.Module, "cuda", lambda self, *_, **__: self),
        (torch.cuda, "synchronize", lambda: None),
        (torch.utils.data, "DataLoader", Loader),
        (torch, "save", save),
        (torch, "load", lambda path, *_, **__: files[str(path)]),
    )
    with tempfile.TemporaryDirectory() as empty, contextlib.chdir(empty), patched(*changes):
        yield


def train_theirs(method: str, repository: Path | None, given: Given, seed: int) -> tuple[np.ndarray, float]:
    """The clusters and the seconds of one training of theirs; for a process of its own, which it changes.

    Raises:
        RuntimeError: if it ends in an error, with the end of what it printed.
    """
    torch.set_num_threads(1)
    if repository:
        sys.path[:] = [str(repository), *(path for path in sys.path if path != str(repository))]
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    told = io.StringIO()
    try:
        with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told), at_home():
            stand_ins()
            for name in THEIRS[method].modules:
                load(name)
            began = time.process_time()
            with threadpool_limits(1):
                clusters = THEIRS[method].train(given, seed)
            return clusters, time.process_time() - began
    except (Exception, SystemExit):
        raise RuntimeError(f"{told.getvalue()[-2000:]}\n{traceback.format_exc()}") from None


def theirs(
    pool: Pool, method: str, repository: Path | None, given: Given, seeds: list[int]
) -> Iterator[tuple[np.ndarray, float]]:
    """The clusters and the seconds of their runs, one after the other, in a process of the method's own."""
    for seed in seeds:
        yield pool.apply(train_theirs, (method, repository, given, seed))


def ours(method: str, problem: Problem, seeds: list[int]) -> Iterator[tuple[np.ndarray, float]]:
    """The clusters and the seconds of our runs, one after the other."""
    torch.set_num_threads(1)
    fit = get_method(method).fit  # Imported before the clock starts, as theirs is.
    with threadpool_limits(1):
        began = time.process_time()
        for run in fit(problem, seeds):
            clusters = run.model.logits(problem.views[:, 0].astype(np.float32)).argmax(1)
            yield clusters, time.process_time() - began
            began = time.process_time()


def row(
    method: str, whose: str, runs: Iterator[tuple[np.ndarray, float]], classes: np.ndarray, bracketed: bool = False
) -> list[str]:
    """A row of the table; each run is told as it ends."""
    scores, seconds = [], []
    for clusters, taken in runs:
        scores.append(100 * accuracy(clusters, classes))
        seconds.append(taken)
        print(f"{method}, {whose}: ACC {scores[-1]:.1f}, {taken:.1f} s", file=sys.stderr, flush=True)
    reached = f"{np.mean(scores):.1f}" + (f" ± {np.std(scores, ddof=1):.1f}" if len(scores) > 1 else "")
    if bracketed:
        reached = f"({reached})"
    return [title(method), whose, reached, f"{np.mean(seconds):.1f}"]


def main() -> None:
    """Trains and prints the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--repositories", type=Path, required=True, help="the folder of the authors' repositories")
    options.add_argument("--dataset", default="tuxpaint")
    options.add_argument("--backbone", default=BACKBONE)
    options.add_argument("--method", action="append", choices=COMPARED, help="may be given again; default: all")
    options.add_argument(
        "--values", action="append", choices=[AUTHORS, OURS], help="default: both, one after the other"
    )
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--steps", type=int, help="of all but k-means and PRO-DSC; default: as params.yaml has it")
    chosen = options.parse_args()
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    try:
        compare(chosen)
    except PipelineError as error:
        raise SystemExit(f"error: {error}") from None


def compare(chosen: argparse.Namespace) -> None:
    """Trains what was chosen.

    Raises:
        PipelineError: if a repository, the cache or the labels are missing.
    """
    methods = chosen.method or COMPARED
    folder = chosen.repositories
    repositories = {method: find_repository(method, folder) for method in methods if method in REPOSITORIES}
    settings = read_params()
    about = settings.datasets[chosen.dataset]
    fit = replace(settings.fit, training=replace(settings.fit.training, precision="fp32"))
    if chosen.steps:
        training = replace(fit.training, epochs=1, min_steps=chosen.steps)
        fit = replace(fit, training=training).with_section("turtle", steps=chosen.steps)
    cell = cell_paths(chosen.dataset, chosen.backbone)
    read = open_features(cell.features).read(TRAIN)
    known = {line["id"]: line["label"] for line in read_table(cell.labels, LABEL_COLUMNS, "pipeline prepare")}
    classes = np.unique([known[image_id] for image_id in read.ids], return_inverse=True)[1]
    near = Neighbours(lambda: unit_length(read.clean))
    problem = Problem(read.views, fit, about, "cpu", lambda _: None, given_near=near)
    clean = read.clean.astype(np.float32)
    mean, std = (each.numpy() for each in statistics(torch.from_numpy(clean)))
    embeddings = {AUTHORS: clean, OURS: (clean - mean) / std}
    numbers, _ = near.nearest(fit.pairs.neighbours)
    seeds = run_seeds(fit.seed, chosen.seeds)

    table = []
    for method in methods:
        if method in THEIRS:
            code = THEIRS[method]
            # The authors' modules are all called `utils` and the like.
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                for values in (each for each in chosen.values or [AUTHORS, OURS] if each in code.values):
                    given = Given(embeddings[values], numbers, about.clusters, fit, values)
                    whose = code.whose if values == AUTHORS else f"{code.whose}, our values"
                    runs = theirs(pool, method, repositories.get(method), given, seeds)
                    table.append(row(method, whose, runs, classes, code.stand_in))
                pool.close()
                pool.join()
        else:
            table.append([title(method), "the authors'", "none found", ""])
        if method in METHODS:
            table.append(row(method, "ours", ours(method, problem, seeds), classes))
    about_all = (
        f"{chosen.dataset} x {chosen.backbone}, {len(clean):,} images, {len(seeds)} seeds, torch {torch.__version__}"
    )
    print(f"**{about_all}**\n")
    print(markdown_table(["method", "whose code", "ACC mean ± std", "seconds"], table))


if __name__ == "__main__":
    main()
