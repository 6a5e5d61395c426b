"""The values that decide a result, as params.yaml gives them: plain frozen data, no reading, no heavy imports.

A field's type carries its range, so that a value out of range is refused where it
is read (see `pipeline.config.params`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, NamedTuple


class Range(NamedTuple):
    """The closed range that a number must lie in."""

    low: float
    high: float = float("inf")


class OneOf(NamedTuple):
    """The words that a text may be."""

    words: tuple[str, ...]


Share = Annotated[float, Range(0, 1)]
Count = Annotated[int, Range(1)]
NotNegative = Annotated[float, Range(0)]

Pairs = Annotated[str, OneOf(("views", "neighbours", "both"))]
"""What a head's pairs are; see `pipeline.heads.pairs.batches`."""

AUTO = "auto"
PRECISIONS = ("fp32", "bf16")
Precision = Annotated[str, OneOf((AUTO, *PRECISIONS))]
"""Type of arithmetic; see `pipeline.config.devices.pick_precision`."""

TERMS = ("consistency", "confidence", "balance")
IMAGES_PER_CLUSTER = 8
"""In a batch at least, where its size is ours to choose: the balance term needs to see the clusters' shares."""


@dataclass(frozen=True)
class Augmentation:
    """The augmentation family: RandomCrop and GaussianBlur, drawn independently of each other.

    The two probabilities are the paper's (section 3.1); the geometry is ours, the paper leaves it open.
    """

    crop_probability: Share
    crop_area: tuple[Annotated[float, Range(0.01, 1)], Annotated[float, Range(0.01, 1)]]
    """Share of the frame's area that a crop keeps, uniform between the two."""
    blur_probability: Share
    blur_sigma: tuple[NotNegative, NotNegative]
    """Standard deviation of the blur in pixels of the backbone's input, uniform between the two."""

    def plain(self) -> dict[str, Any]:
        """The values as JSON gives them back: lists in place of tuples."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


@dataclass(frozen=True)
class PrepareSettings:
    """Where `prepare` finds what it cannot download."""

    imagenet_root: str | None
    """The folder of ImageNet-1k, with train/ and val/ and in them one folder a class; null: the environment variable
    IMAGENET_ROOT."""


@dataclass(frozen=True)
class ExtractSettings:
    """What the extract stage computes and how it stores it."""

    seed: Annotated[int, Range(0)]
    views: Annotated[int, Range(2)]
    """Augmented views an image (K), beside the clean one; a pair needs two."""
    augmentation: Augmentation
    precision: Precision
    """Of the backbone; the cache is float16 in any case."""
    batch: Count
    """Views that go through the backbone together."""
    batch_on_gpu: Count
    """The same where a GPU computes."""
    shard_rows: Count
    """Images a shard; a killed run loses at most the shard in work."""


@dataclass(frozen=True)
class PairsSettings:
    """The pairs that heads are trained on."""

    neighbours: Count
    """Nearest images of each that it is paired with, where pairs are neighbours."""
    adaptive: bool
    """Only those of them that have the image among theirs; see `pipeline.heads.pairs.mutual`."""


@dataclass(frozen=True)
class TrainingSettings:
    """The head and its training; params.yaml says which values are the paper's and which are ours."""

    hidden: tuple[Count, ...]
    learning_rate: Annotated[float, Range(1e-8)]
    weight_decay: NotNegative
    epochs: Count
    min_steps: Count
    batch: Annotated[int, Range(2)]
    precision: Precision


@dataclass(frozen=True)
class ScpSettings:
    """SCP's objective."""

    pairs: Pairs
    terms: tuple[Annotated[str, OneOf(TERMS)], ...]
    balance_target: Share
    """Share of the entropy of even clusters up to which the balance term counts; below 1 clusters may be uneven."""


@dataclass(frozen=True)
class ScanSettings:
    """SCAN's objective."""

    pairs: Pairs
    entropy_weight: NotNegative
    """Lambda."""


@dataclass(frozen=True)
class TemiSettings:
    """TEMI's heads and objective."""

    pairs: Pairs
    heads: Count
    hidden: tuple[Count, ...]
    beta: Annotated[float, Range(0.01)]
    temperature: Annotated[float, Range(0.01)]
    teacher_momentum: Share
    marginal_momentum: Share


@dataclass(frozen=True)
class TurtleSettings:
    """TURTLE's two levels."""

    steps: Count
    """Of the labelling."""
    batch: Annotated[int, Range(2)]
    inner_steps: Count
    """Of the linear classifiers, in each step of the labelling."""
    inner_learning_rate: Annotated[float, Range(1e-8)]
    outer_learning_rate: Annotated[float, Range(1e-8)]
    entropy_weight: NotNegative
    """Gamma."""


@dataclass(frozen=True)
class ProDscSettings:
    """PRO-DSC's net, objective and training."""

    hidden: Count
    width: Count
    """Of the structured embedding, and of what the affinities are made from."""
    warmup: Annotated[int, Range(0)]
    """Steps that raise the coding rate alone."""
    steps: Count
    """After them."""
    batch: Annotated[int, Range(2)]
    learning_rate: Annotated[float, Range(1e-8)]
    momentum: Share
    weight_decay: NotNegative
    affinity_weight_decay: NotNegative
    """Of the map that affinities are made from."""
    expression_weight: NotNegative
    """Gamma."""
    block_weight: NotNegative
    """Beta."""
    temperature: Annotated[float, Range(0.01)]
    projections: Count
    distortion: Annotated[float, Range(0.0001)]
    """Epsilon squared of the coding rate."""
    sample: Annotated[int, Range(2)]
    """Images whose affinities are clustered; all others follow them."""


@dataclass(frozen=True)
class KMeansSettings:
    """The k-means baseline, and what else ends in k-means."""

    starts: Count
    iterations: Count
    """Of each start at most, and of the best one once more."""
    tolerance: Share
    """Share of its objective that an iteration must improve a start by for the next one; the best then goes on."""


@dataclass(frozen=True)
class MixtureSettings:
    """A mixture of Gaussians."""

    components: Count
    starts: Count
    iterations: Count
    floor: Annotated[float, Range(1e-9)]
    """Added to every variance, as a share of the mean variance of all images."""


@dataclass(frozen=True)
class AssignmentSettings:
    """How a method that gives an assignment and no rule predicts; see `pipeline.methods.voting`."""

    components: Count
    voters: Count


@dataclass(frozen=True)
class SpectralSettings(AssignmentSettings):
    """Spectral clustering; see `pipeline.features.neighbour_graph`."""

    neighbours: Count
    scale: Count
    tie: Annotated[float, Range(1e-9)]


@dataclass(frozen=True)
class UmapSettings(AssignmentSettings):
    """k-means on UMAP's layout."""

    neighbours: Annotated[int, Range(2)]
    dimensions: Count


@dataclass(frozen=True)
class AgglomerativeSettings(AssignmentSettings):
    """Ward's tree."""

    most_images: Count


@dataclass(frozen=True)
class HdbscanSettings(AssignmentSettings):
    """HDBSCAN."""

    smallest_share: Share
    """Images of the smallest cluster, as a share of all."""
    samples: Count
    most_images: Count


@dataclass(frozen=True)
class ConsensusSettings:
    """An ensemble of SCP's heads; see `pipeline.methods.consensus`. What it does not name is as `training` has it."""

    heads: Count
    pairs: Pairs
    balance_target: Share
    hidden: tuple[Count, ...]
    batch: Annotated[int, Range(2)]
    epochs: Count
    min_steps: Count
    most_images: Annotated[int, Range(2)]
    """Of more images a sample is looked at."""
    steps: Count
    """Of the training of the head that predicts the consensus."""


@dataclass(frozen=True)
class AutoSettings:
    """The choice among methods; see `pipeline.methods.auto`."""

    methods: dict[str, Count]
    """Those that stand beside consensus' heads, and how many runs of each."""


@dataclass(frozen=True)
class FitSettings:
    """Which methods are fitted, and how often."""

    seed: Annotated[int, Range(0)]
    runs: Count
    methods: tuple[str, ...]
    pairs: PairsSettings
    training: TrainingSettings
    scp: ScpSettings
    scan: ScanSettings
    temi: TemiSettings
    turtle: TurtleSettings
    pro_dsc: ProDscSettings
    kmeans: KMeansSettings
    spherical_kmeans: KMeansSettings
    gmm_full: MixtureSettings
    gmm_diag: MixtureSettings
    spectral: SpectralSettings
    umap_kmeans: UmapSettings
    agglomerative: AgglomerativeSettings
    hdbscan: HdbscanSettings
    consensus: ConsensusSettings
    auto: AutoSettings

    def of(self, method: str) -> Any:
        """The section of a method; None if it has none."""
        return getattr(self, method.replace("-", "_"), None)


@dataclass(frozen=True)
class RepeatsStudy:
    """The protocol of the paper's Table 2: many runs, and how far they spread."""

    methods: tuple[str, ...]
    runs: Count


@dataclass(frozen=True)
class AblationStudy:
    """Table 4: SCP with every set of its terms."""

    runs: Count


@dataclass(frozen=True)
class BalanceStudy:
    """Figure 5: SCP with several weights of the balance term (lambda)."""

    runs: Count
    weights: tuple[NotNegative, ...]


@dataclass(frozen=True)
class ViewsStudy:
    """SCP on the first K cached views, for several K: not in the paper."""

    runs: Count
    views: tuple[Annotated[int, Range(2)], ...]


@dataclass(frozen=True)
class EmergenceStudy:
    """Figure 2: the heads that a training passes through."""

    runs: Count
    steps: tuple[Annotated[int, Range(0)], ...]
    """Training steps before which the head is kept; 0 is the untrained head. The end is kept in any case."""


@dataclass(frozen=True)
class EstimatesStudy:
    """How good the estimate of the number of clusters is, on subsets of the classes of labelled data."""

    classes: tuple[Annotated[int, Range(2)], ...]
    """How many classes a subset has."""
    uneven: tuple[Annotated[int, Range(2)], ...]
    """Those of them that are tried with uneven classes too."""
    ratio: Annotated[float, Range(1)]
    """Of the largest to the smallest class where they are uneven; the others lie between in equal steps of ratio."""
    images: Annotated[int, Range(10)]
    """Pictures of a subset at most."""
    seed: Annotated[int, Range(0)]


@dataclass(frozen=True)
class CeilingSettings:
    """The supervised ceilings; see `pipeline.evaluation.ceilings`."""

    folds: Annotated[int, Range(2)]
    penalty: NotNegative
    """Of the linear probe, a training image."""
    neighbours: Count
    seed: Annotated[int, Range(0)]


@dataclass(frozen=True)
class LeaderboardStudy:
    """Every method on the same cache."""

    runs: Count
    methods: tuple[str, ...]
    pairs: tuple[Pairs, ...]
    """What SCP is fitted with, beside the methods."""
    neighbours: Count
    """Of an image, for the criterion that asks whether it shares its cluster with them."""
    silhouette_images: Annotated[int, Range(10)]
    """A sample of so many for the silhouette."""
    seed: Annotated[int, Range(0)]


@dataclass(frozen=True)
class StudiesSettings:
    """The experiments beside the main graph."""

    repeats: RepeatsStudy
    ablation: AblationStudy
    balance: BalanceStudy
    views: ViewsStudy
    emergence: EmergenceStudy
    estimates: EstimatesStudy
    ceilings: CeilingSettings
    leaderboard: LeaderboardStudy


@dataclass(frozen=True)
class ZeroShotSettings:
    """CLIP's zero-shot classification, the one method that reads text."""

    templates: tuple[str, ...]
    """Prompts with {} in the place of the class name; the embeddings of a class's prompts are averaged."""


@dataclass(frozen=True)
class FiguresSettings:
    """The figures for print."""

    map_images: Annotated[int, Range(10)]
    """Images of the shown split in each map."""
    search_results: Count
    """Nearest images shown for a query."""
    cloud_images: Annotated[int, Range(10)]
    """Thumbnails in the image cloud."""
    seed: Annotated[int, Range(0)]


@dataclass(frozen=True)
class MetricsSettings:
    """What the page shows."""

    map_images: Annotated[int, Range(10)]
    """Images of the test split in the two-dimensional map."""
    strip_images: Count
    """Most typical and most uncertain images shown for each cluster."""
    seed: Annotated[int, Range(0)]


@dataclass(frozen=True)
class DatasetSettings:
    """What depends on the data set."""

    clusters: Annotated[int, Range(2)]
    balance_weight: NotNegative
    """Lambda of SCP's objective."""
    image_size: Annotated[int, Range(16)] | None
    """Input size for backbones that take any; null: the backbone's own."""
    folder: str | None = None
    """The pictures of a data set that is none of the registry: all that lie below this folder."""


@dataclass(frozen=True)
class LayoutSettings:
    """How the pictures of a collection lie to each other."""

    map_images: Annotated[int, Range(10)]
    """Pictures that t-SNE lays out; more are placed between these."""
    neighbours: Count
    """Nearest pictures shown for each."""
    duplicate_distance: NotNegative
    """Pictures count as nearly the same up to this Euclidean distance of their embeddings of length 1."""
    seed: Annotated[int, Range(0)]


@dataclass(frozen=True)
class EstimateSettings:
    """How the number of clusters is estimated; see `pipeline.collection.criteria`."""

    images: Annotated[int, Range(10)]
    """Pictures that are looked at; of more a sample."""
    resolutions: tuple[Annotated[float, Range(0.01)], ...]
    """Of the communities: the larger, the more there are."""
    partitions: Count
    """Of the neighbour graph, for each resolution."""
    most: Annotated[int, Range(2)]
    """The largest number of clusters that is tried."""
    most_of_heads: Annotated[int, Range(2)]
    """The same for trained heads."""
    hidden: tuple[Count, ...]
    """Widths of their hidden layers: small heads that train in a second."""
    steps: Count
    runs: Annotated[int, Range(2)]
    """Heads for each number of clusters; their agreement needs two."""
    too_many: Annotated[int, Range(2)]
    """Clusters that one head is asked for, with `weak_balance_weight`, to see how many it keeps."""
    weak_balance_weight: NotNegative
    seed: Annotated[int, Range(0)]


@dataclass(frozen=True)
class ClusterSettings:
    """`pipeline cluster`: pictures of one's own, with the other sections where this one is silent."""

    backbone: str
    image_size: Annotated[int, Range(16)] | None
    """As a data set's."""
    method: str
    runs: Count
    most_steps: Count
    """Training steps of a large collection at most, but never less than one pass over it."""
    few_embeddings: Count
    """Few pictures get more augmented views, until there are about so many embeddings of them."""
    most_views: Annotated[int, Range(2)]
    """Augmented views of a picture at most."""
    balance_weight: NotNegative
    """As a data set's."""
    layout: LayoutSettings
    estimate: EstimateSettings


@dataclass(frozen=True)
class RunSettings:
    """What `dvc repro`, and a command without options, computes: every data set with every backbone."""

    datasets: tuple[str, ...]
    backbones: tuple[str, ...]


@dataclass(frozen=True)
class Settings:
    """All of params.yaml."""

    run: RunSettings
    prepare: PrepareSettings
    extract: ExtractSettings
    fit: FitSettings
    metrics: MetricsSettings
    studies: StudiesSettings
    zero_shot: ZeroShotSettings
    figures: FiguresSettings
    cluster: ClusterSettings
    datasets: dict[str, DatasetSettings]
