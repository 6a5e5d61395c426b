"""On a later run the clusters of the last fit stand where little changed since: its head assigns what is new (ours)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from pipeline.base.errors import PipelineError
from pipeline.collection.assigned import assign, saved_head, takes
from pipeline.collection.fill_cache import Gathered, Say
from pipeline.collection.fitted import Fitted, contents_of, settings_of
from pipeline.collection.fitting import suited
from pipeline.collection.matching import Pictures
from pipeline.collection.settings import ClusterSettings
from pipeline.config.settings import DatasetSettings
from pipeline.features.cache import open_features
from pipeline.heads.saved import SavedModel
from pipeline.heads.settings import FitSettings


@dataclass(frozen=True)
class Standing:
    """A fit that stands."""

    method: str
    head: SavedModel
    clusters: int
    new: int
    gone: int
    of: int
    """The pictures that it was made of."""

    def line(self) -> str:
        """It in words, for people."""
        since = f"{self.new:,} pictures new, {self.gone:,} gone since, of {self.of:,}"
        return f"{self.method}: the clusters of the last fit stand ({since}); --refit makes them anew"


def standing(
    last: Fitted | None,
    given: Gathered,
    choice: ClusterSettings,
    settings: FitSettings,
    method: str,
    clusters: int | None,
    dataset: DatasetSettings,
) -> Standing | None:
    """The last fit, if it was made by the same settings and little changed since; None: a new one is to be made.

    Args:
        last: see `pipeline.collection.fitted.read_fitted`.
        given: the pictures that are there now.
        choice: of the collection.
        settings: of the fit, before it is suited to the number of pictures.
        method: the method.
        clusters: how many are asked for; None: as many as are estimated.
        dataset: of the collection, with any number of clusters.
    """
    if last is None or (clusters is None and not last.estimated) or clusters not in (None, last.clusters):
        return None
    suits = suited(settings, choice, method, len(last.contents), last.clusters)
    if settings_of(suits, replace(dataset, clusters=last.clusters)) != last.settings:
        return None
    features = open_features(given.features)
    same = features.fingerprint == last.embeddings  # Then nobody needs to look at the contents.
    before = Counter(last.contents)
    now = before if same else Counter(contents_of(given.collection, features))
    new, gone = (now - before).total(), (before - now).total()
    if new + gone >= choice.refit_share * len(last.contents):
        return None
    try:
        _, head = saved_head(given.collection, method)
    except PipelineError:  # It is made again.
        return None
    return Standing(method, head, last.clusters, new, gone, len(last.contents)) if takes(head, given.features) else None


def stand(found: Standing, given: Gathered, last: Pictures | None, say: Say) -> None:
    """The saved head assigns the pictures; `last` are those of the last run."""
    assign(given.collection, found.method, found.head, given.features, last)
    say(found.line())
