"""Write the files of an export to a zip as a stream.

Equal content results in equal bytes, and no file name points outside the folder of the zip.
"""

import re
import shutil
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, Protocol, cast
from uuid import UUID

PIECE_BYTES = 1 << 20
LONGEST_PART = 60
LEVEL = 1
_EPOCH = (1980, 1, 1, 0, 0, 0)
_FILE = 0o100644 << 16
# Names that Windows reserves for devices, with any suffix.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
RESERVED = ("images", "labels")
"""Names that no folder of a deployment may have.

Readers of YOLO find labels by replacing the last `images` in a path with `labels`.
"""
_SEPARATOR = re.compile(r"/|\\(?!x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")
_POINTS = re.compile(r"^[. ]+(?=\\)")
_SUFFIXES = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/tiff": ".tif",
    "image/bmp": ".bmp",
    "image/heic": ".heic",
}


def sanitise_file_name(text: str, otherwise: str = "unnamed") -> str:
    """Turn any text into a part of a file name: letters, digits, "-", "_" and single dots."""
    folded = unicodedata.normalize("NFKC", text)
    plain = re.sub(r"[^\w.-]+", "-", folded)
    plain = re.sub(r"\.{2,}", ".", plain).strip(".-_")[:LONGEST_PART].strip(".-_")
    if not plain:
        return otherwise
    return f"{plain}-" if _DEVICES.fullmatch(plain) else plain


def name_plain(name: str) -> str:
    """Turn any text into a folder name; only characters that file systems refuse are replaced."""
    plain = "".join(
        "_" if character in '/\\:*?"<>|' or ord(character) < 32 else character for character in name
    ).strip(". ")
    return plain or "deployment"


class NamedDeployment(Protocol):
    """A deployment with the ID and name that its folder is named after."""

    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...


def build_folder_names(
    deployments: Iterable[NamedDeployment],
    name_one: Callable[[str], str] = lambda name: sanitise_file_name(name, "deployment"),
    reserved: Iterable[str] = RESERVED,
) -> dict[str, str]:
    """Return a folder name for each deployment ID; names differ by more than their case."""
    folders: dict[str, str] = {}
    taken = set(reserved)
    listed = list(deployments)
    # A folder with the exact name of another deployment would be mistaken for that deployment's.
    names = {deployment.name.casefold() for deployment in listed}
    for deployment in listed:
        name = name_one(deployment.name)
        if name.casefold() in taken or (name != deployment.name and name.casefold() in names):
            name = f"{name}-{deployment.id}"
        taken.add(name.casefold())
        folders[str(deployment.id)] = name
    return folders


class FileNames:
    """Names the files of images by their relative paths; names are unique within a deployment.

    Images must be named deployment by deployment. If several images of a deployment have the same
    path, the ID of the image is added to all but the first.
    """

    def __init__(self) -> None:
        self._deployment = ""
        self._taken: set[int] = set()

    def name(self, deployment_id: str, path: str, image_id: str) -> str:
        """Return the file name of the next image."""
        if deployment_id != self._deployment:
            self._deployment, self._taken = deployment_id, set()
        name = sanitise_path(path)
        key = hash(name.casefold())
        if key in self._taken:
            stem, point, suffix = name.rpartition(".")
            name = f"{stem}-{image_id}{point}{suffix}" if stem else f"{name}-{image_id}"
        self._taken.add(key)
        return name


def get_suffix(media_type: str) -> str:
    """Return the suffix of file names of this media type."""
    return _SUFFIXES.get(media_type, ".bin")


class ZipWriter:
    """A zip file that is written as a stream.

    Text is compressed; compressed formats such as JPEG are stored as they are.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, allowZip64=True)

    def close(self) -> None:
        """Write the directory of the zip file."""
        self._zip.close()

    def abandon(self) -> None:
        """Write nothing more; a `ZipFile` would write its directory even when it is deleted."""
        self._zip.fp = None

    @contextmanager
    def open(self, name: str, *, stored: bool = False) -> Iterator[BinaryIO]:
        """Open a file of the zip for writing; only one can be open at a time."""
        info = zipfile.ZipInfo(name, _EPOCH)
        info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
        info.external_attr = _FILE
        info.create_system = 3
        # A file with an explicit date has no public parameter for the level.
        vars_of: Any = info
        vars_of._compresslevel = LEVEL  # noqa: SLF001
        with self._zip.open(info, "w", force_zip64=True) as file:
            yield cast("BinaryIO", file)

    def add(self, name: str, content: bytes, *, stored: bool = False) -> None:
        """Add a file with this content."""
        with self.open(name, stored=stored) as file:
            file.write(content)


@contextmanager
def open_zip(out: BinaryIO) -> Iterator[ZipWriter]:
    """Write a zip file; after an error its directory is not written."""
    pack = ZipWriter(out)
    try:
        yield pack
    except BaseException:
        pack.abandon()
        raise
    pack.close()


@contextmanager
def open_temporary_file(folder: Path) -> Iterator[BinaryIO]:
    """Open a temporary file without a name, for content that is copied to the zip later."""
    with TemporaryFile(dir=folder, buffering=PIECE_BYTES) as file:
        yield cast("BinaryIO", file)


def copy_temporary_file(temporary: BinaryIO, out: BinaryIO) -> None:
    """Copy a temporary file to the output."""
    temporary.seek(0)
    shutil.copyfileobj(temporary, out, PIECE_BYTES)


def image_path(source_path: str | None, filename: str) -> str:
    """Return the path of an image in exports: the folders of its source and its decoded name.

    The last part of a source's path is not used, because sources may list it percent-encoded.
    """
    return f"{source_path[: source_path.rfind('/') + 1]}{filename}" if source_path else filename


def sanitise_path(path: str) -> str:
    """Return the path of an image without parts that lead out of a folder: root, drive and "..".

    The backslash of an escaped character, such as `\\u202e`, does not separate folders. On Windows
    it does, so dots and spaces before it become underscores.
    """
    parts = (re.sub(r"[\x00-\x1f\x7f:]", "", part).strip() for part in _SEPARATOR.split(path))
    parts = (_POINTS.sub(lambda points: "_" * len(points[0]), part) for part in parts)
    return "/".join(part for part in parts if part and part.strip(".")) or "unnamed"
