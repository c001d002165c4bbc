"""Files to upload: search of folders, division into requests, and progress."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from io import BufferedReader, FileIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

from trapline.wire.images import UploadResult

Part = tuple[str, tuple[str, BinaryIO] | tuple[None, str]]

ENDINGS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".webp", ".tif", ".tiff", ".bmp", ".heic", ".heif"}
)
FILES_AT_ONCE = 20
BYTES_AT_ONCE = 64 * 1024 * 1024


class ProgressFile(FileIO):
    """File opened for reading that reports how many bytes were read."""

    def __init__(self, path: Path, taken: Callable[[int], None]) -> None:
        super().__init__(path, "rb")
        self._taken = taken

    def readinto(self, buffer: bytearray | memoryview, /) -> int | None:  # type: ignore[override]
        """Read into the buffer and report the bytes."""
        count = super().readinto(buffer)
        if count:
            self._taken(count)
        return count


def track_progress(
    files: Sequence[Path], progress: Callable[[int, int], None] | None
) -> Callable[[int], None]:
    """Return a callback that adds up sent bytes for `progress(sent, total)`."""
    total = sum(path.stat().st_size for path in files)
    sent = 0

    def taken(count: int) -> None:
        nonlocal sent
        sent += count
        if progress is not None:
            progress(sent, total)

    return taken


@contextmanager
def open_form_parts(
    files: Sequence[Path], taken: Callable[[int], None], root: Path | None = None
) -> Iterator[list[Part]]:
    """Open files as parts of a form, each preceded by its modification time.

    `taken` is called with the number of bytes sent; below `root` files are named with their
    folders. If the request fails, `taken` is called with the negative number.
    """
    own = 0

    def count(read: int) -> None:
        nonlocal own
        own += read
        taken(read)

    with ExitStack() as stack:
        parts: list[Part] = []
        for path in files:
            changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            reader = stack.enter_context(BufferedReader(ProgressFile(path, count), 256 * 1024))
            parts.append(("modified_at", (None, changed.isoformat())))
            parts.append(("files", (name_below(path, root), reader)))
        try:
            yield parts
        except BaseException:
            taken(-own)
            raise


class FolderFiles(NamedTuple):
    """Files of a folder and its subfolders: images by name, others, and the number hidden."""

    images: list[Path]
    others: list[Path]
    hidden: int


def list_files(folder: Path) -> FolderFiles:
    """List the files of a folder and its subfolders in order; a single file counts as an image.

    Raises:
        FileNotFoundError: the folder does not exist.
    """
    if not folder.exists():
        raise FileNotFoundError(f"{folder} does not exist")
    if folder.is_file():
        return FolderFiles([folder], [], 0)
    found = FolderFiles([], [], 0)
    hidden = 0
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            hidden += 1
        else:
            (found.images if path.suffix.lower() in ENDINGS else found.others).append(path)
    return found._replace(hidden=hidden)


def name_below(path: Path, root: Path | None) -> str:
    """Return the name that a file is sent with: with its folders below `root`."""
    return (
        path.relative_to(root).as_posix()
        if root is not None and path.is_relative_to(root)
        else path.name
    )


def split_upload_batches(files: list[Path]) -> list[list[Path]]:
    """Split files into requests of at most 20 files and about 64 MiB."""
    batches: list[list[Path]] = []
    size = 0
    for path in files:
        length = path.stat().st_size
        if not batches or len(batches[-1]) >= FILES_AT_ONCE or size + length > BYTES_AT_ONCE:
            batches.append([])
            size = 0
        batches[-1].append(path)
        size += length
    return batches


def merge_uploads(answers: Sequence[UploadResult]) -> UploadResult:
    """Merge the results of several requests."""
    return UploadResult(
        imported=sum(answer.imported for answer in answers),
        duplicate=sum(answer.duplicate for answer in answers),
        refused=sum(answer.refused for answer in answers),
        without_camera_time=sum(answer.without_camera_time for answer in answers),
        files=[file for answer in answers for file in answer.files],
    )
