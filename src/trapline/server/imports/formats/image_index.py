"""Match paths in a file of results with images: by path, by the end of the path, or by name.

The images of a project are kept in a private SQLite database, in memory for small projects and in
a temporary file for large ones. A PostgreSQL index over the names of a million images would slow
down every upload.
"""

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple
from uuid import UUID

from trapline.server.findings.rules.geometry import Frame
from trapline.server.platform.formats.temporary_database import open_temporary_database
from trapline.server.platform.formats.zip_writer import name_plain, sanitise_file_name
from trapline.wire.imports import FaultKind


class IndexedImage(NamedTuple):
    """An image with its deployment's name and its path at its source."""

    id: UUID
    deployment_id: UUID
    deployment: str
    path: str
    width: int
    height: int


class ImageMatch(NamedTuple):
    """The image that a path refers to."""

    id: UUID
    frame: Frame


Called = tuple[str, bytes, bytes, int, int]
"""A row of the index: folders, image ID, deployment ID, width and height."""
PARTLY, WHOLLY, INSIDE = range(3)


class NoImageMatch(NamedTuple):
    """The reason why no image was matched."""

    kind: FaultKind
    message: str


UNKNOWN = NoImageMatch(
    FaultKind.UNKNOWN,
    "no image has this name: upload the image first, or name another deployment",
)
REPEATED = NoImageMatch(
    FaultKind.AMBIGUOUS,
    "several folders of the file have this name, and none of them is known: name the deployment",
)
CONTESTED = NoImageMatch(
    FaultKind.AMBIGUOUS,
    "another entry of the file matches the same image, and their folders do not identify one: "
    "use paths that agree with those of the images",
)
CACHE_KIB = 64 << 10
SCHEMA = """
create table images
    (name text, folders text, id blob, deployment blob, width int, height int);
create table named
    (name text, folders text, at text, times int, primary key (name, folders, at)) without rowid;
create table twice
    (name text primary key, weighed int not null default 0) without rowid;
create table claims
    (image blob, how int, count int, primary key (image, how)) without rowid;
"""


def split_path(path: str) -> tuple[str, str]:
    """Return a path's folders, joined, and its name, in lower case and with forward slashes."""
    plain = path.lower() if path.isascii() else unicodedata.normalize("NFC", path).casefold()
    parts = [part for part in plain.replace("\\", "/").split("/") if part and part != "."]
    return ("/".join(parts[:-1]), parts[-1]) if parts else ("", "")


def split_folder(folder: str) -> tuple[str, ...]:
    """Return the parts of a folder's path, normalised for comparison."""
    folders, name = split_path(folder)
    return (*folders.split("/"), name) if folders else (name,)


def find_folder(folder: tuple[str, ...], parts: Sequence[str]) -> int | None:
    """Return the last position of a folder's parts in a path, or None."""
    size = len(folder)
    return next(
        (at for at in range(len(parts) - size, -1, -1) if tuple(parts[at : at + size]) == folder),
        None,
    )


def _count_common(one: str, other: str) -> int:
    """Return how many folders are the same, counted from the last one."""
    count = 0
    for mine, theirs in zip(reversed(one.split("/")), reversed(other.split("/")), strict=False):
        if mine != theirs or not mine:
            break
        count += 1
    return count


def _weigh(folders: str, stored: str, common: int) -> int:
    """Return how well a path agrees with an image.

    INSIDE: all folders of the path agree. WHOLLY: all stored folders agree. PARTLY: only some do.
    """
    given = folders.count("/") + 1 if folders else 0
    if given and common == given:
        return INSIDE
    return WHOLLY if common == stored.count("/") + 1 else PARTLY


CALLED = "select folders, id, deployment, width, height from images where name = ?"
CALLED_IN = f"{CALLED} and deployment = ?"


class ImageIndex:
    """The images of a project or deployment, by their names."""

    def __init__(self) -> None:
        self._rows = open_temporary_database(CACHE_KIB)
        self._rows.executescript(SCHEMA)
        self._rows.execute("begin")
        self._deployments: dict[str, UUID] = {}
        self._aliases: dict[str, set[UUID]] = {}
        self._places: Mapping[str, UUID] = {}
        self._given: dict[tuple[str, ...], UUID] = {}
        self._by_id = False
        self._common = lru_cache(100_000)(_count_common)
        self._find_homes = lru_cache(10_000)(self._list_homes)

    def add_deployment(self, deployment_id: UUID, name: str) -> None:
        """Add a deployment of the project; folders with its name contain its images."""
        self._deployments[split_path(name)[1]] = deployment_id
        # Exports name folders in portable characters, such as "Old-oak" for "Old oak".
        for folder in {sanitise_file_name(name, "deployment"), name_plain(name)}:
            for alias in (folder, f"{folder}-{deployment_id}"):
                self._aliases.setdefault(split_path(alias)[1], set()).add(deployment_id)

    def add(self, images: Iterable[IndexedImage]) -> None:
        """Add images."""
        self._rows.executemany(
            "insert into images values (?, ?, ?, ?, ?, ?)",
            (self._row_of(image) for image in images),
        )

    @staticmethod
    def _row_of(image: IndexedImage) -> tuple[str, str, bytes, bytes, int, int]:
        folders, name = split_path(image.path)
        home = "/".join(split_path(image.deployment)).strip("/")
        return (
            name,
            f"{home}/{folders}" if folders else home,
            image.id.bytes,
            image.deployment_id.bytes,
            image.width,
            image.height,
        )

    def add_entry(self, path: str, place: str = "") -> None:
        """Add the path of an entry, to find names that occur several times in the file.

        A path that is repeated in a deployment of the file is of several images: the folders of
        media with URLs are unknown. Other files name an image several times.
        """
        folders, name = split_path(path)
        self._rows.execute(
            "insert into named values (?, ?, ?, 1) on conflict do update set times = times + ?",
            (name, folders, place, bool(place)),
        )

    def add_places(self, places: Mapping[str, UUID]) -> None:
        """Set the deployments of the project by the file's own deployment keys."""
        self._places = places

    def add_folders(self, given: Mapping[str, UUID]) -> None:
        """Add assigned folders, which take precedence over names of deployments."""
        self._given |= {
            split_folder(folder): deployment_id for folder, deployment_id in given.items()
        }

    def list_unused_folders(self) -> list[tuple[str, ...]]:
        """List the assigned folders that no entry of the file is in."""
        unused = set(self._given)
        for (folders,) in self._rows.execute("select distinct folders from named"):
            if not unused:
                break
            unused -= {
                given for given in unused if find_folder(given, folders.split("/")) is not None
            }
        return [given for given in self._given if given in unused]

    def _find_given(self, parts: list[str]) -> UUID | None:
        """Return the deployment of the longest assigned folder in a path, the last one of these."""
        best: tuple[int, int, UUID] | None = None
        for given, deployment_id in self._given.items():
            at = find_folder(given, parts)
            if at is not None and (best is None or (len(given), at) > best[:2]):
                best = (len(given), at, deployment_id)
        return None if best is None else best[2]

    def _list_homes(self, folders: str) -> frozenset[bytes]:
        """Return the deployments that the folders of a path name."""
        assigned = self._find_given(folders.split("/")) if self._given else None
        if assigned is not None:
            return frozenset({assigned.bytes})
        found: set[UUID] = set()
        for folder in folders.split("/"):
            exact = self._deployments.get(folder)
            found |= self._aliases.get(folder, set()) if exact is None else {exact}
        return frozenset(one.bytes for one in found)

    def complete(self) -> None:
        """Build the indexes after all images and entries were added."""
        self._rows.execute("create index by_name on images (name, deployment)")
        self._rows.execute(
            "insert into twice select name, 0 from named group by name having sum(times) > 1"
        )

    def find_by_id(self, image_id: UUID) -> ImageMatch | None:
        """Return the image with this Trapline ID, or None."""
        if not self._by_id:
            self._rows.execute("create index by_id on images (id)")
            self._by_id = True
        row = self._rows.execute(
            "select width, height from images where id = ?", (image_id.bytes,)
        ).fetchone()
        return None if row is None else ImageMatch(image_id, Frame(*row))

    def find(self, path: str, deployment_id: UUID | None = None) -> ImageMatch | NoImageMatch:
        """Return the image that a path refers to, within a deployment if it is known or named."""
        folders, name = split_path(path)
        homes = {deployment_id.bytes} if deployment_id is not None else self._find_homes(folders)
        best, most = self._choose(folders, self._list_called(name, homes))
        if not best:
            return UNKNOWN
        if len(best) > 1:
            return NoImageMatch(
                FaultKind.AMBIGUOUS,
                f"{len(best):,} images match equally well: "
                "name the deployment, or use paths with folders",
            )
        stored, image, _, width, height = best[0]
        agreement = _weigh(folders, stored, most)
        if agreement < INSIDE and self._is_repeated(name):
            if most == 0 and folders and not homes:
                return REPEATED
            if self._is_contested(name, image, agreement):
                return CONTESTED
        return ImageMatch(UUID(bytes=image), Frame(width, height))

    def _list_called(self, name: str, homes: Collection[bytes]) -> list[Called]:
        """List the images of a name, in these deployments if there are any."""
        if not homes:
            return self._rows.execute(CALLED, (name,)).fetchall()
        # Each camera of a project can have the name, so only the rows of one deployment are read.
        rows = [self._rows.execute(CALLED_IN, (name, home)).fetchall() for home in homes]
        return list(chain.from_iterable(rows))

    def _choose(self, folders: str, there: list[Called]) -> tuple[list[Called], int]:
        """Return the images whose folders agree best, and the number of folders that agree."""
        if not there:
            return [], 0
        shared = [self._common(folders, row[0]) for row in there]
        most = max(shared)
        return [row for row, count in zip(there, shared, strict=True) if count == most], most

    def _is_repeated(self, name: str) -> bool:
        return (
            self._rows.execute("select 1 from twice where name = ?", (name,)).fetchone() is not None
        )

    def _is_contested(self, name: str, image: bytes, agreement: int) -> bool:
        """Return whether another entry of this name matches the same image equally well."""
        # Counted once per name, because cameras use each name for hundreds of images.
        fresh = self._rows.execute(
            "update twice set weighed = 1 where name = ? and not weighed returning 1", (name,)
        )
        if fresh.fetchall():
            self._claim(name)
        claims = dict(
            self._rows.execute("select how, count from claims where image = ?", (image,)).fetchall()
        )
        return (claims.get(WHOLLY, 0) if agreement == WHOLLY else sum(claims.values())) > 1

    def _claim(self, name: str) -> None:
        """Count the entries of the file that match each image of a name."""
        entries = self._rows.execute(
            "select folders, at, times from named where name = ?", (name,)
        ).fetchall()
        for folders, place, times in entries:
            deployment = self._places.get(place)
            if place and deployment is None:
                continue  # its deployment was not imported
            homes = self._find_homes(folders) if deployment is None else {deployment.bytes}
            best, most = self._choose(folders, self._list_called(name, homes))
            if len(best) == 1:
                self._rows.execute(
                    "insert into claims values (?, ?, ?)"
                    " on conflict do update set count = count + excluded.count",
                    (best[0][1], _weigh(folders, best[0][0], most), times),
                )

    def close(self) -> None:
        """Close the database."""
        self._rows.close()
