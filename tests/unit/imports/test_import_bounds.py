"""Limits of memory for imported files, whatever sizes a file declares."""

import json
import struct
import tracemalloc
import zipfile
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import pytest

from trapline.server.findings.rules.geometry import Frame
from trapline.server.imports.formats.image_index import ImageIndex, IndexedImage
from trapline.server.imports.formats.import_formats import open_reader
from trapline.server.imports.formats.import_megadetector import MegadetectorReader
from trapline.server.imports.formats.import_records import (
    LONGEST_ENTRY,
    EntryContent,
    FormatReader,
    ImportedFinding,
    ImportedResult,
    ImportEntry,
    InvalidEntry,
    ModelInfo,
    UnreadableFile,
)
from trapline.server.imports.formats.imported_rows import MOST_BYTES, ImportBatch, build_batches
from trapline.wire.imports import ImportFormat, ImportOptions

TABLES = {"datapackage.json": "{}", "deployments.csv": "", "media.csv": "mediaID\n"}


def open_file(folder: Path, kind: str) -> FormatReader:
    return open_reader(ImportFormat(kind), folder / "file", ImportOptions())


def read(folder: Path, kind: str, content: bytes) -> FormatReader:
    (folder / "file").write_bytes(content)
    return open_file(folder, kind)


def pack(
    folder: Path, packing: Mapping[str, int] = {}, observations: str = "mediaID\n"
) -> FormatReader:
    with zipfile.ZipFile(folder / "file", "w") as archive:
        for name, text in (TABLES | {"observations.csv": observations}).items():
            archive.writestr(name, text, packing.get(name, zipfile.ZIP_DEFLATED))
    return open_file(folder, "camtrap-dp")


def test_unmodified_package_is_read(tmp_path: Path) -> None:
    pack(tmp_path).close()


def test_huge_parts_of_a_file_are_rejected_before_they_are_read(tmp_path: Path) -> None:
    long = f'"{"x" * LONGEST_ENTRY}"'
    for kind, text in (
        ("megadetector", f'{{"images": [{{"file": "a.jpg", "detections": {long}}}]}}'),
        ("coco", f'{{"images": [], "annotations": [{{"image_id": 1, "x": {long}}}]}}'),
        ("coco", f'{{"images": [], "annotations": [], "categories": [{long}]}}'),
    ):
        with pytest.raises(UnreadableFile, match="more than 16 MiB"):
            list(read(tmp_path, kind, text.encode()).paths())


def test_image_with_huge_annotations_is_a_fault(tmp_path: Path) -> None:
    one = {
        "image_id": 1,
        "category_id": 1,
        "segmentation": {"counts": "1" * (3 << 20), "size": [100, 200]},
    }
    content = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "annotations": [one] * 6,
        "categories": [],
    }
    reader = read(tmp_path, "coco", json.dumps(content).encode())
    [entry] = reader.entries(0)
    assert isinstance(entry, ImportEntry)
    with pytest.raises(InvalidEntry, match="more than 16 MiB"):
        reader.read(entry, Frame(200, 100))
    reader.close()


def test_row_of_a_table_is_limited(tmp_path: Path) -> None:
    fields = ",".join(['"' + "x\n" * 40_000 + '"'] * 20)
    with pytest.raises(UnreadableFile, match="more than 1,048,576 characters"):
        pack(tmp_path, observations=f"mediaID\n{fields}\n")


@pytest.mark.parametrize("packing", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
@pytest.mark.parametrize("rare", ["datapackage.json", "observations.csv"])
def test_unsupported_compression_is_rejected(tmp_path: Path, packing: int, rare: str) -> None:
    with pytest.raises(UnreadableFile, match=f"{rare} is compressed with an unsupported method"):
        pack(tmp_path, {rare: packing})


def test_package_with_a_wrong_size_is_rejected(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "file", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("datapackage.json", b" " * (64 << 20))
        archive.filelist[0].file_size = 10
    tracemalloc.start()
    with pytest.raises(UnreadableFile):
        open_file(tmp_path, "camtrap-dp")
    assert tracemalloc.get_traced_memory()[1] < 32 << 20
    tracemalloc.stop()


def test_zip_with_a_huge_directory_is_rejected(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        entry = b"PK\1\2" + bytes(42)
        file.write(entry * ((9 << 20) // len(entry)))
        size = file.tell()
        file.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, size, 0, 0))
    with pytest.raises(UnreadableFile, match="directory has more than 8 MiB"):
        open_file(tmp_path, "camtrap-dp")


def test_size_of_a_transaction_is_limited() -> None:
    batch = ImportBatch()
    found = ImportedFinding(
        "segmentation", "fox", None, {"format": "rle", "counts": "1" * (4 << 20)}
    )
    for number in range(MOST_BYTES // (4 << 20)):
        assert not batch.is_full
        batch.add(UUID(int=number), [ImportedResult(ModelInfo("Ranger", "3"), [found])], [])
    assert batch.is_full


class FailingReader(MegadetectorReader):
    """A reader that fails for every entry, as only a defect of the reader would."""

    def read(self, entry: ImportEntry, frame: Frame) -> EntryContent:  # noqa: ARG002
        raise OverflowError("int too large")


def test_entry_that_fails_does_not_affect_others(tmp_path: Path) -> None:
    (tmp_path / "file").write_text('{"images": [{"file": "a.jpg"}, {"file": "b.jpg"}]}')
    catalogue = ImageIndex()
    catalogue.add([IndexedImage(UUID(int=1), UUID(int=2), "Old oak", "a.jpg", 200, 100)])
    catalogue.complete()
    [batch] = build_batches(FailingReader(tmp_path / "file", ImportOptions()), catalogue, 0)
    assert [one.message for one in batch.faults][:1] == ["it cannot be read: int too large"]
    assert (batch.entries, len(batch.faults)) == (2, 2)
    catalogue.close()
