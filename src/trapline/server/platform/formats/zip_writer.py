"""Files of an export in one zip, written as they come: equal content is equal bytes, and no name leads out of it."""

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
# Names that Windows keeps for devices, whatever their ending.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
RESERVED = ("images", "labels")
"""No deployment's folder: who reads YOLO finds labels by putting `labels` where the last `images` stands in a path."""
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
    """Make one part of a file name of any text: letters, digits, dashes, underlines and single points within."""
    folded = unicodedata.normalize("NFKC", text)
    plain = re.sub(r"[^\w.-]+", "-", folded)
    plain = re.sub(r"\.{2,}", ".", plain).strip(".-_")[:LONGEST_PART].strip(".-_")
    if not plain:
        return otherwise
    return f"{plain}-" if _DEVICES.fullmatch(plain) else plain


def name_plain(name: str) -> str:
    """Make a folder's name of any text, in which only signs that some disk refuses are replaced."""
    plain = "".join(
        "_" if letter in '/\\:*?"<>|' or ord(letter) < 32 else letter for letter in name
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
    """Name a folder for each deployment, by its id; no two are the same, also where the case is not told apart."""
    folders: dict[str, str] = {}
    taken = set(reserved)
    listed = list(deployments)
    # A folder that is called exactly as another deployment would be taken for that one's.
    names = {deployment.name.casefold() for deployment in listed}
    for deployment in listed:
        name = name_one(deployment.name)
        if name.casefold() in taken or (name != deployment.name and name.casefold() in names):
            name = f"{name}-{deployment.id}"
        taken.add(name.casefold())
        folders[str(deployment.id)] = name
    return folders


class FileNames:
    """Names the files of images by their relative paths, in the order of deployments, each name
    once in a deployment.

    A path that several images of a deployment have is followed by the ID of all but the first.
    """

    def __init__(self) -> None:
        self._deployment = ""
        self._taken: set[int] = set()

    def name(self, deployment_id: str, path: str, image_id: str) -> str:
        """Name the file of the next image."""
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
    """What the name of a picture of this type ends in."""
    return _SUFFIXES.get(media_type, ".bin")


class ZipWriter:
    """A zip that is written from its first to its last byte.

    Text is deflated, what is packed already is stored.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, allowZip64=True)

    def close(self) -> None:
        """Write the directory."""
        self._zip.close()

    def abandon(self) -> None:
        """Write nothing more, not even when it is let go, which a `ZipFile` does."""
        self._zip.fp = None

    @contextmanager
    def open(self, name: str, *, stored: bool = False) -> Iterator[BinaryIO]:
        """Open a file of the zip for writing; one at a time."""
        info = zipfile.ZipInfo(name, _EPOCH)
        info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
        info.external_attr = _FILE
        info.create_system = 3
        # There is no other way to say it of a file with a date of its own.
        vars_of: Any = info
        vars_of._compresslevel = LEVEL  # noqa: SLF001
        with self._zip.open(info, "w", force_zip64=True) as file:
            yield cast("BinaryIO", file)

    def add(self, name: str, content: bytes, *, stored: bool = False) -> None:
        """Add a file as a whole."""
        with self.open(name, stored=stored) as file:
            file.write(content)


@contextmanager
def open_zip(out: BinaryIO) -> Iterator[ZipWriter]:
    """Write a zip; one that is not finished is let go as it is."""
    pack = ZipWriter(out)
    try:
        yield pack
    except BaseException:
        pack.abandon()
        raise
    pack.close()


@contextmanager
def open_temporary_file(folder: Path) -> Iterator[BinaryIO]:
    """Open a file without a name, for what is made now and written later."""
    with TemporaryFile(dir=folder, buffering=PIECE_BYTES) as file:
        yield cast("BinaryIO", file)


def copy_temporary_file(aside: BinaryIO, out: BinaryIO) -> None:
    """Write what was set aside."""
    aside.seek(0)
    shutil.copyfileobj(aside, out, PIECE_BYTES)


def image_path(source_path: str | None, filename: str) -> str:
    """Return the path of an image as exports write it: the folders of its source, and its decoded
    name.

    The last part of a source's path is as the source lists it, such as percent-encoded.
    """
    return f"{source_path[: source_path.rfind('/') + 1]}{filename}" if source_path else filename


def sanitise_path(path: str) -> str:
    """Return the path that a picture had elsewhere without what leads out of a folder: a root, a
    drive, two points.

    The backslash of an escaped sign, such as `\\u202e`, does not separate folders. On Windows it
    does, so that only points and spaces before it become underlines.
    """
    parts = (re.sub(r"[\x00-\x1f\x7f:]", "", part).strip() for part in _SEPARATOR.split(path))
    parts = (_POINTS.sub(lambda points: "_" * len(points[0]), part) for part in parts)
    return "/".join(part for part in parts if part and part.strip(".")) or "unnamed"
