"""SCP as a scikit-learn estimator, for embeddings that are already in memory."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from pipeline.config.devices import pick_device
from pipeline.config.params import DEFAULTS, read
from pipeline.config.settings import PUBLISHED, DatasetSettings
from pipeline.features.neighbours import Neighbours
from pipeline.features.scaling import scaling_for
from pipeline.heads import scp
from pipeline.heads.problem import Problem, Run
from pipeline.heads.runs import run_seeds
from pipeline.heads.settings import FitSettings

FLOATS = [np.float64, np.float32]
"""What X may be; whatever else is made float64."""


@dataclass(frozen=True)
class FitFile:
    """What of params.yaml the estimator reads."""

    fit: FitSettings


class SCPClustering(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Simple clustering via pre-trained models (SCP, arXiv 2502.04226): a small head trained on pairs of embeddings.

    The pairs are two views of the same image where X has several, and otherwise an image and one of its nearest
    neighbours (ours). Parameters that are None take the value of the repository's params.yaml.

    Parameters
    ----------
    n_clusters : int, default=8
        Clusters to look for; some may stay empty.
    n_neighbors : int, default=10
        Neighbours by Euclidean distance that an image is paired with, where X is (n_samples, n_features).
    n_init : int, default=1
        Runs; the one with the least training loss is kept, a choice without labels.
    balance_weight : float, default=5.0
        Lambda of the objective: the weight of the term that keeps clusters from emptying.
    hidden_layer_sizes : sequence of int, default=None
        Widths of the head's hidden layers.
    learning_rate : float, default=None
    batch_size : int, default=None
        Pairs a step; at most the number of samples are.
    max_epochs : int, default=None
        Passes over X, unless `min_steps` asks for more.
    min_steps : int, default=None
        Steps at least.
    device : str, default="cpu"
        ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    random_state : int, RandomState instance or None, default=None
        An int gives the same clusters again on the same machine.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        The cluster of each sample of X.
    loss_ : float
        Training loss of the kept run, averaged over its steps.
    n_features_in_ : int
        Features of a sample, or of each of its views.
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        n_neighbors: int = 10,
        n_init: int = 1,
        balance_weight: float = 5.0,
        hidden_layer_sizes: Sequence[int] | None = None,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        max_epochs: int | None = None,
        min_steps: int | None = None,
        device: str = "cpu",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_neighbors = n_neighbors
        self.n_init = n_init
        self.balance_weight = balance_weight
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.min_steps = min_steps
        self.device = device
        self.random_state = random_state

    def fit(self, X: Any, y: None = None) -> SCPClustering:  # noqa: N803
        """Fits the head.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, 1 + n_views, n_features)
            Embeddings; of several views the first is the clean one, which decides the clusters, and at least two more
            are needed.
        y : ignored

        Returns
        -------
        self
        """
        self._check_parameters()
        embeddings = self._read(X, reset=True)
        if len(embeddings) < 2:
            raise ValueError("n_samples=1, expected at least 2: a pair needs two samples, and so do statistics.")
        if len(embeddings) < self.n_clusters:
            raise ValueError(f"n_samples={len(embeddings)} should be >= n_clusters={self.n_clusters}.")
        if embeddings.shape[1] == 2:
            raise ValueError(
                "X has 2 views a sample, expected the clean one and at least two more, or no views at all."
            )
        try:
            self._scaling = scaling_for(embeddings)
        except ValueError as error:
            raise ValueError(f"X: expected {error}.") from None
        views = self._scaled(embeddings)
        settings = read(FitFile, DEFAULTS, partial=True).fit
        given: dict[str, Any] = {
            "hidden": None if self.hidden_layer_sizes is None else tuple(map(int, self.hidden_layer_sizes)),
            "learning_rate": self.learning_rate,
            "batch": self.batch_size,
            "epochs": self.max_epochs,
            "min_steps": self.min_steps,
        }
        changed = replace(settings.training, **{key: value for key, value in given.items() if value is not None})
        problem = Problem(
            views=views,
            settings=replace(settings, training=changed, pairs=replace(settings.pairs, neighbours=self.n_neighbors)),
            dataset=DatasetSettings(self.n_clusters, self.balance_weight, None, PUBLISHED),
            device=pick_device(self.device),
            progress=lambda _: None,
            given_near=Neighbours(lambda: views[:, 0]),
        )
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        kept: Run = min(scp.fit(problem, run_seeds(seed, self.n_init)), key=lambda run: run.loss)
        self._model = kept.model
        self.loss_ = kept.loss
        self.labels_ = self._logits(views).argmax(1)
        self._n_features_out = self.n_clusters
        return self

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """The cluster of each sample, int (n_samples,)."""
        clusters: np.ndarray = self._logits_of(X).argmax(1)
        return clusters

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """The head's softmax, float (n_samples, n_clusters): how clear-cut a sample is, not how often it is right."""
        logits = self._logits_of(X)
        shares: np.ndarray = self._model.confidences(logits)
        return shares

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """The head's logits, float (n_samples, n_clusters)."""
        return self._logits_of(X)

    def _check_parameters(self) -> None:
        """Refuses what no fit can work with, as scikit-learn does: at `fit`, not before."""
        counts = {"n_clusters": 1, "n_neighbors": 1, "n_init": 1, "batch_size": 2, "max_epochs": 1, "min_steps": 1}
        for name, low in counts.items():
            value: Any = getattr(self, name)
            optional = name in ("batch_size", "max_epochs", "min_steps") and value is None
            if not optional and not (isinstance(value, Integral) and int(value) >= low):
                raise ValueError(f"{name}: expected a whole number of at least {low}, found {value!r}")
        rate: Any = self.learning_rate
        weight: Any = self.balance_weight
        if rate is not None and not (isinstance(rate, Real) and float(rate) > 0):
            raise ValueError(f"learning_rate: expected a number above 0, found {rate!r}")
        if not (isinstance(weight, Real) and float(weight) >= 0):
            raise ValueError(f"balance_weight: expected a number of at least 0, found {weight!r}")

    def _logits_of(self, X: Any) -> np.ndarray:  # noqa: N803
        check_is_fitted(self)
        logits = self._logits(self._scaled(self._read(X, reset=False)))
        if not np.isfinite(logits).all():
            raise ValueError("X has values too far outside the range of those that were fitted.")
        return logits

    def _logits(self, views: np.ndarray) -> np.ndarray:
        logits: np.ndarray = self._model.logits(views[:, 0])
        return logits

    def _scaled(self, given: np.ndarray) -> np.ndarray:
        """What the head is given, float32: ordinary embeddings as they are, others as those of `fit` were scaled."""
        with np.errstate(over="ignore"):
            scaled = (given if self._scaling is None else self._scaling.apply(given)).astype(np.float32, copy=False)
        # Torch warns of an array that it might write to and must not.
        return np.require(scaled, requirements=["C", "W"])

    def _read(self, X: Any, reset: bool) -> np.ndarray:  # noqa: N803
        """X as float32 or float64 (n_samples, views, n_features), checked."""
        if isinstance(X, list | tuple):
            with suppress(ValueError):  # Rows of several lengths; scikit-learn has the words for them.
                X = nested if (nested := np.asarray(X)).ndim == 3 else X  # noqa: N806
        if getattr(X, "ndim", 2) != 3:
            rows: np.ndarray = validate_data(self, X, reset=reset, dtype=FLOATS)
            return rows[:, None]
        rows = check_array(X, dtype=FLOATS, allow_nd=True, estimator=self)
        if reset:
            self.n_features_in_ = rows.shape[2]
            self.__dict__.pop("feature_names_in_", None)
        elif rows.shape[2] != self.n_features_in_:
            expected = f"{type(self).__name__} is expecting {self.n_features_in_} features as input."
            raise ValueError(f"X has {rows.shape[2]} features, but {expected}")
        return rows

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_model")
