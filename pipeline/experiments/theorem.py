"""theorem: synthetic pictures -> how near a head that sees them comes to one that reads their exact statement.

The paper's Theorem 1.2 says that a text-free head can do what one with text does, where the text is a function of the
picture. Here it is one, but for the noise: both heads are SCP's, trained on embeddings of pictures or on statements.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.backbones import loaders
from pipeline.backbones.registry import get_backbone
from pipeline.backbones.weights import find_weights
from pipeline.base.csv_tables import write_table
from pipeline.base.files import write_bytes, write_text
from pipeline.base.text import markdown_table
from pipeline.config.devices import suited
from pipeline.config.names import TEST, TRAIN
from pipeline.config.settings import PUBLISHED, DatasetSettings, ExtractSettings
from pipeline.evaluation.ceilings import probe_accuracy
from pipeline.evaluation.scores import accuracy
from pipeline.evaluation.settings import CeilingSettings
from pipeline.experiments.gratings import WAVES, Latents, best_accuracy
from pipeline.experiments.settings import TheoremStudy
from pipeline.extraction.batches import embed
from pipeline.extraction.streams import Streams
from pipeline.extraction.timings import Timings
from pipeline.features.shards import DTYPE
from pipeline.heads import scp
from pipeline.heads.problem import Problem
from pipeline.heads.runs import run_seeds
from pipeline.heads.settings import FitSettings
from pipeline.images.listing import ImageRecord, digest_of
from pipeline.report import charts
from pipeline.report.charts import Band
from pipeline.report.spread import Spread

NOISE, BEST, PROBE = "noise", "best possible", "linear probe"
TEXT_FREE, READER = "text-free ACC", "text reader ACC"
CHANCE_DRAWS = 300
"""Random clusterings, whose mean ACC is chance."""


def about(study: TheoremStudy, chance: float) -> str:
    """What the table shows."""
    return (
        f"{study.images} pictures of stripes in {len(WAVES)} directions for training and half as many held out, "
        f"{study.backbone} at {study.image_size} pixels, {study.runs} runs; noise: the standard deviation of a "
        f"pixel's, in grey levels, where the stripes are ± {study.contrast:g}. ACC in percent on held-out pictures, "
        "clusters matched one to one to the directions; mean ± standard deviation over the runs. Chance, random "
        f"clusters matched as well: {chance:.1f}. Best possible: the bound of every reader of the picture. Linear "
        "probe: supervised, by cross-validation on the embeddings of all pictures; it matches nothing, and its chance "
        f"is {100 / len(WAVES):.1f}."
    )


def theorem(
    study: TheoremStudy,
    fit: FitSettings,
    extract: ExtractSettings,
    ceilings: CeilingSettings,
    device: str,
    out: Path,
    progress: Callable[[str], None],
) -> str:
    """Writes the accuracies at every level of noise as a table in Markdown and CSV, and as a figure.

    Args:
        study: pictures, noise and heads.
        fit: of the heads, but for what the study says.
        extract: of the embeddings, likewise.
        ceilings: of the linear probe.
        device: ``cpu`` or a CUDA device.
        out: the folder to write; what was there is replaced.
        progress: takes a short text that tells how far it is.

    Returns:
        the table in Markdown.

    Raises:
        PipelineError: if the backbone is unknown or its weights are missing.
    """
    backbone = _Backbone(study, extract, device)
    rng = np.random.default_rng(study.seed)
    latents = {TRAIN: Latents.drawn(study.images, rng), TEST: Latents.drawn(max(len(WAVES), study.images // 2), rng)}
    progress("text reader")
    # A view of a picture begins elsewhere in the stripes, so its statement has the direction and a phase of its own.
    views = [latents[TRAIN], *(_shifted(latents[TRAIN], rng) for _ in range(study.views))]
    statements = np.stack([view.statements() for view in views], 1).astype(DTYPE)
    said = latents[TEST].statements().astype(DTYPE)
    reader = _accuracy(statements, said, latents[TEST].classes, study, fit, device)

    rows = []
    for noise in study.noise:
        progress(f"noise {noise:g}")
        shown = {
            split: latents[split].pictures(study.contrast, noise, np.random.default_rng([study.seed, number]))
            for number, split in enumerate(latents)
        }
        seen = {split: backbone.embed(pictures, split) for split, pictures in shown.items()}
        found = _accuracy(seen[TRAIN], seen[TEST][:, 0], latents[TEST].classes, study, fit, device)
        every = np.concatenate([embeddings[:, 0] for embeddings in seen.values()])
        probe = 100 * probe_accuracy(every, np.concatenate([each.classes for each in latents.values()]), ceilings)
        rows.append((noise, 100 * best_accuracy(study.contrast, noise), probe, found))
    chance = chance_of(latents[TEST].classes, study.seed)
    shutil.rmtree(out, ignore_errors=True)
    text = _write(rows, reader, about(study, chance), out)
    _draw(rows, reader, chance, study, out)
    return text


def _shifted(latents: Latents, rng: np.random.Generator) -> Latents:
    return replace(latents, phases=rng.uniform(0, 2 * np.pi, len(latents.phases)))


class _Backbone:
    """The study's frozen backbone, loaded."""

    def __init__(self, study: TheoremStudy, extract: ExtractSettings, device: str) -> None:
        known = get_backbone(study.backbone, "params.yaml: studies.theorem.backbone")
        backbone = known.seeing(PUBLISHED, study.image_size)
        module = loaders.load(backbone, find_weights(backbone)[0]).to(device)
        settings = suited(extract, device)
        self.on = {
            split: Streams(module, backbone, replace(settings, views=views), device)
            for split, views in ((TRAIN, study.views), (TEST, 0))
        }

    def embed(self, pictures: np.ndarray, split: str) -> np.ndarray:
        """The embeddings, float16 (pictures, 1 + views, dim); of the test split the clean ones alone."""
        with tempfile.TemporaryDirectory() as folder:
            name = f"{split}.npy"
            np.save(Path(folder) / name, pictures)
            records = [
                ImageRecord(f"{split}-{row}", split, name, row, digest_of(picture.tobytes()))
                for row, picture in enumerate(pictures)
            ]
            reader = self.on[split].read_ahead(Path(folder), records)
            return embed(self.on[split], reader, len(records), Timings(), lambda: None)


def _accuracy(
    views: np.ndarray, held_out: np.ndarray, classes: np.ndarray, study: TheoremStudy, fit: FitSettings, device: str
) -> Spread:
    """The accuracy of SCP's heads on held-out embeddings; the kept run is the one of least training loss."""
    training = replace(fit.training, hidden=study.hidden, epochs=1, min_steps=study.steps, batch=study.batch)
    dataset = DatasetSettings(len(WAVES), study.balance_weight, None, PUBLISHED)
    problem = Problem(views, replace(fit, training=training), dataset, device, lambda _: None)
    runs = list(scp.fit(problem, run_seeds(study.seed, study.runs)))
    values = np.array([accuracy(run.model.logits(held_out).argmax(1), classes) for run in runs])
    return Spread.of_values(values, int(np.argmin([run.loss for run in runs])), int(values.argmax()))


def chance_of(classes: np.ndarray, seed: int) -> float:
    """The ACC, in percent, of random clusters: more than 1 in k, as the best matching of few pictures has luck."""
    rng = np.random.default_rng([seed, CHANCE_DRAWS])
    drawn = [accuracy(rng.integers(len(WAVES), size=len(classes)), classes) for _ in range(CHANCE_DRAWS)]
    return 100 * float(np.mean(drawn))


def _write(rows: list[tuple[float, float, float, Spread]], reader: Spread, said: str, out: Path) -> str:
    text_free = Spread.columns(TEXT_FREE)
    table = [
        [f"{noise:g}", f"{best:.1f}", f"{probe:.1f}", *found.cells(), *reader.cells()]
        for noise, best, probe, found in rows
    ]
    text = f"{said}\n\n{markdown_table([NOISE, BEST, PROBE, *text_free, *Spread.columns(READER)], table)}"
    write_text(out / "theorem.md", text)
    columns = [NOISE, BEST, PROBE, *Spread.plain_columns(TEXT_FREE), *Spread.plain_columns(READER)]
    write_table(
        out / "theorem.csv",
        columns,
        [
            [noise, round(best, 4), round(probe, 4), *found.plain(), *reader.plain()]
            for noise, best, probe, found in rows
        ],
    )
    return text


def _draw(
    rows: list[tuple[float, float, float, Spread]], reader: Spread, chance: float, study: TheoremStudy, out: Path
) -> None:
    noise, best, probe, found = zip(*rows, strict=True)

    def band(label: str, spreads: Iterator[Spread]) -> Band:
        each = list(spreads)
        return Band(label, [spread.mean for spread in each], [spread.std for spread in each])

    figure = charts.bands(
        noise,
        [
            band("head that reads the text", (reader for _ in rows)),
            Band("best possible", best),
            Band("linear probe, supervised", probe),
            band("text-free head", iter(found)),
            Band("random clusters, matched", [chance] * len(noise)),
        ],
        "std of the noise, grey levels, on a logarithmic axis",
        "ACC, percent, held-out pictures",
        f"{len(WAVES)} directions of stripes, {study.backbone}\nmean ± std of {reader.runs} runs",
    )
    for kind in ("svg", "png"):
        write_bytes(out / f"theorem.{kind}", charts.encoded(figure, kind, "theorem"))
