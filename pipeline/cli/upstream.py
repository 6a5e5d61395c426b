"""What the output of each stage is made from, said here alone, and whether it still is.

    images       prepare:, and the folder of the data set and what of it is skipped
    features     images; extract: or the study's own; size and geometry of the data set; the backbone and its weights
    predictions  features; what the method is given of fit: and of the data set, or the study's variant of that; the
                 nouns, where it reads them
    evaluation   predictions, labels

Every output says itself what it was made from: the features in their manifest, the others in ``made_from.json``. By
that a stage compares all that it reads, directly or by way of others, with params.yaml and with what lies before it
now. What does not lie there is left out: not everybody has the pictures of a cache, and the order of the stages is the
graph's matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.base.errors import PipelineError
from pipeline.base.made_from import difference, digest_of_folder, read_made_from
from pipeline.cli.project import caches_of, fit_command
from pipeline.config.params import PARAMS
from pipeline.config.paths import Cell, extract_command, prepare_command

if TYPE_CHECKING:
    from pipeline.backbones.registry import Backbone
    from pipeline.cli.settings import Settings
    from pipeline.cli.variations import Variation
    from pipeline.config.settings import DatasetSettings, ExtractSettings
    from pipeline.experiments.study import Variant


def images_from(settings: Settings, dataset: str) -> dict[str, Any]:
    """What `prepare` makes the list of a data set from."""
    about = settings.datasets[dataset]
    return {
        "prepare": asdict(settings.prepare),
        "datasets": {dataset: {"folder": about.folder, "exclude": about.exclude}},
    }


def robustness_from(settings: Settings, dataset: str) -> dict[str, Any]:
    """What the study of robustness makes its fits of a data set from, beside the caches."""
    from pipeline.config.params import plain

    return {
        "studies": {"robustness": plain(settings.studies.robustness)},
        "fit": settings.fit.plain(),
        "cluster": {"small": plain(settings.cluster.small), "most_steps": settings.cluster.most_steps},
        "datasets": {dataset: plain(settings.datasets[dataset])},
    }


def weighted(about: DatasetSettings, variant: Variant) -> DatasetSettings:
    """The settings of a data set, lambda as a variant of a study has it."""
    weight = variant.balance_weight
    return about if weight is None else replace(about, balance_weight=weight)


@dataclass(frozen=True)
class Upstream:
    """What a command reads, and the parameters that it must be made from."""

    settings: Settings
    study: str | None = None
    variation: Variation | None = None
    root: str | None = None
    """Where the features are, if not in their place."""
    _known: dict[Any, str] = field(default_factory=dict)
    """Digests that were computed before."""

    def images(self, cell: Cell) -> None:
        """Refuses a list of images that `prepare` would now make from other parameters.

        Raises:
            PipelineError: as all methods here, in one line that says what differs, and the command that mends it.
        """
        from pipeline.images.listing import LIST_NAME

        if (cell.images / LIST_NAME).is_file():
            again = prepare_command(cell.images)
            found = read_made_from(cell.images, again)
            _refuse(str(cell.images), found, images_from(self.settings, cell.dataset), again)

    def features(self, cell: Cell) -> dict[str, Any]:
        """The same of the list and the cache, or mix, of a cell.

        Returns:
            what the cache is made from.
        """
        from pipeline.features.cache import open_features

        self.images(cell)
        features = open_features(self._caches(cell)[1])
        for part in features.parts:
            manifest = part.manifest
            again = extract_command(features.folder)
            self._embeddings(f"cache {part.folder}", manifest.made_from, cell, manifest.backbone, again)
        return features.made_from

    def disturbed(self, cell: Cell, folder: Path, wanted: ExtractSettings, images: int) -> None:
        """The same of a cache of the study of robustness.

        Args:
            cell: whose pictures and backbone it is of.
            folder: the cache.
            wanted: what it is to be made with.
            images: how many of the list's at most.
        """
        from pipeline.config.paths import ROBUSTNESS
        from pipeline.features.cache import open_features

        self.images(cell)
        again = f"pipeline disturb extract --dataset {cell.dataset} --backbone {cell.backbone}"
        where = f"{ROBUSTNESS.name}'s cache {folder}"
        (part,) = open_features(folder).parts
        self._embeddings(where, part.manifest.made_from, cell, cell.backbone, again, (wanted, images))

    def robustness(self, cell: Cell, folder: Path, again: str) -> dict[str, Any]:
        """The same of that study's fits of a cell, or of their scores.

        Returns:
            what they are made from.
        """
        found, wanted = read_made_from(folder, again), robustness_from(self.settings, cell.dataset)
        _refuse(str(folder), {key: found.get(key) for key in wanted}, wanted, again)
        return found

    def predictions(self, cell: Cell, variant: Variant, names: Sequence[str], cached: bool = False) -> None:
        """The same of the list, and of what a fit, or zero-shot classification, has left.

        Args:
            cell: with the folders of the variant.
            variant: what was fitted.
            names: of the methods.
            cached: the cache is read too, so it must be the one that they were fitted to.
        """
        self.images(cell)
        self._none_but(cell.predictions, names, self._fit(cell, names[0]))
        cache = self.features(cell) if cached else None
        for name in names:
            folder, again = cell.predictions / name, self._fit(cell, name)
            found = read_made_from(folder, again)
            self._fitted(folder, found, cell, variant, name, again)
            if cache is not None and (other := difference(found["features"], cache, "features")):
                raise PipelineError(
                    f"{folder}: made from another cache than {self._caches(cell)[1]} now is ({other[0]}); run '{again}'"
                )

    def scores(self, cell: Cell, variant: Variant, names: Sequence[str], cached: bool = False) -> None:
        """The same of what `evaluate` has left, and of all that it was made from; arguments as of `predictions`."""
        from pipeline.base.files import sha256_of_file
        from pipeline.report.cells import evaluate_command

        if cell.predictions.is_dir() or not cell.evaluation.is_dir():
            self.predictions(cell, variant, names, cached)
        else:
            self.images(cell)
        options = f" {self.variation.options}" if self.variation else ""
        again = {name: evaluate_command(cell, None if self.study else name, self.study) + options for name in names}
        self._none_but(cell.evaluation, names, again[names[0]])
        for name in names:
            folder = cell.evaluation / name
            found = read_made_from(folder, again[name])
            self._fitted(folder, found, cell, variant, name, f"{self._fit(cell, name)}' and then '{again[name]}")
            now = {}
            if (cell.predictions / name).is_dir():
                now["predictions"] = digest_of_folder(cell.predictions / name)
            if cell.labels.is_file():  # As bytes: nobody but `evaluate` looks what they say.
                now["labels"] = sha256_of_file(cell.labels)
            for what, digest in now.items():
                if found.get(what) != digest:
                    raise PipelineError(f"{folder}: made from other {what} than there now are; run '{again[name]}'")

    def _caches(self, cell: Cell) -> tuple[ExtractSettings, Path]:
        wanted, (folder,) = caches_of(self.settings, [cell], self.study, self.root)
        return wanted, folder

    def _fit(self, cell: Cell, name: str) -> str:
        return fit_command(cell, self.study, None if self.study else name, self.variation)

    def _none_but(self, folder: Path, names: Sequence[str], again: str) -> None:
        """A study's folder holds its methods alone; in the graph's, others may be left from before."""
        from pipeline.heads.predictions import predicted_methods

        if self.study and set(found := predicted_methods(folder, again)) != set(names):
            raise PipelineError(
                f"{folder}: expected the methods {', '.join(names)}, found {', '.join(found)}; run '{again}'"
            )

    def _fitted(self, folder: Path, found: dict[str, Any], cell: Cell, variant: Variant, name: str, again: str) -> None:
        about = weighted(self.settings.datasets[cell.dataset], variant)
        given = self._given(cell, variant, about, name)
        if given is not None:
            _refuse(str(folder), {"fit": found.get("fit")}, {"fit": given}, again, f"datasets.{cell.dataset}")
        from pipeline.config.names import parts_of

        self._nouns(str(folder), found, cell, name, again)
        again = f"{extract_command(self._caches(cell)[1])}' and then '{again}"
        parts = found.get("features")
        for part in parts_of(cell.backbone):
            made = parts.get(part) if isinstance(parts, dict) else None
            self._embeddings(str(folder), made if isinstance(made, dict) else {}, cell, part, again)

    def _nouns(self, where: str, found: dict[str, Any], cell: Cell, name: str, again: str) -> None:
        """Refuses what a method made from other nouns than now lie there, all of them."""
        from pipeline.config.names import NOUNS
        from pipeline.config.paths import NOUN_LISTS
        from pipeline.features.nouns import digest_of_nouns
        from pipeline.methods import METHODS

        now = digest_of_nouns(NOUN_LISTS / cell.backbone) if METHODS[name].text == NOUNS else None
        if now is not None and found.get(NOUNS) != now:
            raise PipelineError(f"{where}: made from other nouns than there now are; run '{again}'")

    def _given(self, cell: Cell, variant: Variant, about: DatasetSettings, name: str) -> dict[str, Any] | None:
        if self.study and self.study == name:  # It reads text, and is no method to fit.
            from pipeline.experiments.zero_shot import made_from_names

            return made_from_names(self.settings.zero_shot, cell.classes) if cell.classes.is_file() else None
        from pipeline.methods.given import made_from

        return made_from(variant.fit, about, name, variant.views, variant.steps)

    def _embeddings(
        self,
        where: str,
        found: dict[str, Any],
        cell: Cell,
        name: str,
        again: str,
        given: tuple[ExtractSettings, int] | None = None,
    ) -> None:
        """Refuses embeddings of other settings, weights or pictures.

        Args:
            where: what they are, for the error.
            found: what `Manifest.made_from` says.
            cell: whose they are.
            name: of the backbone.
            again: the command that makes them anew.
            given: other settings than the cell's, and how many pictures at most.
        """
        from pipeline.backbones.registry import get_backbone
        from pipeline.backbones.weights import known_sha256
        from pipeline.config.devices import meanings
        from pipeline.extraction.plan import describe

        about = self.settings.datasets[cell.dataset]
        backbone = get_backbone(name).seeing(about.geometry, about.image_size)
        wanted, images = given or (self._caches(cell)[0], None)
        made = found.get("settings")
        made = made if isinstance(made, dict) else {}
        # Whichever device it was made on.
        each = [(meant, describe(backbone, meant)) for meant in meanings(wanted)]
        kind = made.get("precision"), made.get("batch")
        meant, described = next((pair for pair in each if (pair[0].precision, pair[0].batch) == kind), (None, {}))
        if meant is None:
            raise PipelineError(
                f"{where}: made with extract.precision {kind[0]} and extract.batch {kind[1]}, {PARAMS} asks for "
                f"{wanted.precision} and {wanted.batch}, or on a GPU {wanted.batch_on_gpu}; run '{again}'"
            )
        expected = {"extract": {"views": meant.views, **described}}
        _refuse(
            where, {"extract": {"views": found.get("views"), **made}}, expected, again, f"datasets.{cell.dataset}", name
        )
        weights = str(found.get("weights_sha256"))
        if not weights.startswith(known_sha256(backbone)):
            raise PipelineError(f"{where}: made with other weights than {name} now has; run '{again}'")
        shards = self._shards(cell, backbone, weights, meant, images)
        if shards and shards != found.get("shards"):
            raise PipelineError(
                f"{where}: made from other images than {cell.images} now lists, or in other shards than of "
                f"extract.shard_rows {meant.shard_rows:,}; run '{again}'"
            )

    def _shards(
        self, cell: Cell, backbone: Backbone, weights: str, meant: ExtractSettings, images: int | None = None
    ) -> str:
        """The digest of the shards that `extract` would now make of so many images; empty where there is no list."""
        from pipeline.extraction.plan import digest_of_plan
        from pipeline.images.listing import LIST_NAME, read_list, sample

        if not (cell.images / LIST_NAME).is_file():
            return ""
        key = cell.images, backbone, weights, meant, images
        if key not in self._known:
            records = read_list(cell.images)
            chosen = records if images is None else sample(records, images)
            self._known[key] = digest_of_plan(backbone, weights, chosen, meant)
        return self._known[key]


BY_DATASET = ("clusters", "balance_weight")
"""What a method is given of the data set."""


def _refuse(
    where: str, found: dict[str, Any], wanted: dict[str, Any], again: str, dataset: str = "", backbone: str = ""
) -> None:
    """Refuses what was made from other values than are wanted now.

    Raises:
        PipelineError: naming the first value that differs by its key in params.yaml, as far as it stands there.
    """
    differs = difference(found, wanted)
    if differs is None:
        return
    key, value, asked = differs
    by = str(PARAMS)
    section, _, rest = key.partition(".")
    if section == "fit" and (rest in BY_DATASET or rest.startswith("fit.")):
        key = rest if rest.startswith("fit.") else f"{dataset}.{rest}"
    if section == "fit" and rest == "templates":
        key = "zero_shot.templates"
    if section == "fit" and rest == "classes":
        raise PipelineError(f"{where}: made from other names of classes than there now are; run '{again}'")
    if section == "extract" and rest.startswith("geometry"):
        key, by = rest, f"{PARAMS} ({dataset}: image_size and geometry)"
    elif section == "extract" and rest.partition(".")[0] in ("model", "mean", "std", "in_fp32"):
        key, by = rest, f"the backbone {backbone}"
    raise PipelineError(f"{where}: made with {key} {value}, {by} asks for {asked}; run '{again}'")
