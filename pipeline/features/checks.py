"""Whether a cache was made with the values that params.yaml asks for."""

from __future__ import annotations

from pathlib import Path

from pipeline.base.errors import PipelineError
from pipeline.config.devices import meanings
from pipeline.config.params import plain
from pipeline.config.paths import extract_command
from pipeline.config.settings import ExtractSettings
from pipeline.features.manifest import Manifest


def check_settings(folder: Path, manifest: Manifest, wanted: ExtractSettings) -> None:
    """Refuses a cache that was made with other values than params.yaml now asks for.

    Raises:
        PipelineError: naming the first value that differs.
    """
    augmentation = manifest.settings.get("augmentation")
    augmentation = augmentation if isinstance(augmentation, dict) else {}
    pairs: list[tuple[str, object, object]] = [("views", manifest.views, wanted.views)]
    pairs += [("seed", manifest.settings.get("seed"), wanted.seed)]
    pairs += [
        (f"augmentation.{key}", augmentation.get(key), value) for key, value in plain(wanted.augmentation).items()
    ]
    for key, found, expected in pairs:
        if found != expected:
            raise PipelineError(
                f"cache {folder}: made with extract.{key} {found}, params.yaml asks for {expected}; "
                f"run '{extract_command(folder)}'"
            )
    # Whichever device it was made on.
    precision, batch = manifest.settings.get("precision"), manifest.settings.get("batch")
    if (precision, batch) not in [(each.precision, each.batch) for each in meanings(wanted)]:
        raise PipelineError(
            f"cache {folder}: made with extract.precision {precision} and extract.batch {batch}, params.yaml asks for "
            f"{wanted.precision} and {wanted.batch}, or on a GPU {wanted.batch_on_gpu}; run '{extract_command(folder)}'"
        )
