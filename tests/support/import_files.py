"""Files of results in a temporary folder, opened and read by the readers of imports."""

import json
import zipfile
from pathlib import Path
from typing import Any
from uuid import UUID

from trapline.server.findings.rules.annotation_data import InvalidAnnotationData
from trapline.server.findings.rules.geometry import Frame
from trapline.server.imports.formats.import_formats import open_reader
from trapline.server.imports.formats.import_records import (
    EntryContent,
    EntryFault,
    FormatReader,
    ImportEntry,
    ImportEvent,
    InvalidEntry,
)
from trapline.server.imports.formats.imported_rows import build_result
from trapline.server.imports.queries.imported_results import NewImportedAnalysis
from trapline.wire.imports import ImportFormat, ImportOptions

FRAME = Frame(200, 100)
"""The size of the images that the entries refer to."""
PACKAGE = json.dumps(
    {
        "resources": [
            {"name": name, "path": f"{name}.csv"}
            for name in ("deployments", "media", "observations")
        ]
    }
)
DEPLOYMENTS = (
    "deploymentID,locationName,latitude,longitude,deploymentStart,cameraModel\n"
    "d1,Old oak,51.5,4.7,2026-05-01T00:00:00Z,Reconyx\nd2,Beech,north,4.7,,\nd3,Ash,,,,\nd4,"
    "Ash,,,,\n"
)
MEDIA = (
    "mediaID,deploymentID,timestamp,filePath,fileName\n"
    "m1,d1,2026-05-01T00:00:00Z,https://media.example/m1/file,IMG_1.JPG\n"
    "m2,d1,2026-05-01T00:00:00Z,DCIM/IMG_2.JPG,IMG_2.JPG\nm3,d2,,IMG_3.JPG,\nm2,d1,,"
    "IMG_4.JPG,\nm5,d1,,IMG_5.JPG,\n"
)
COLUMNS = (
    "observationID,deploymentID,mediaID,observationLevel,observationType,scientificName,"
    "count,sex,lifeStage,behavior,"
    "bboxX,bboxY,bboxWidth,bboxHeight,classificationMethod,classifiedBy,classificationTimestamp,"
    "classificationProbability,observationComments\n"
)


def open_content(folder: Path, kind: str, content: Any, **options: Any) -> FormatReader:
    """Write content to a file, a zip for Camtrap DP and otherwise JSON, and open it."""
    path = folder / "file"
    if kind == "camtrap-dp":
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in content.items():
                archive.writestr(name, text)
    else:
        path.write_text(json.dumps(content), encoding="utf-8")
    return open_reader(ImportFormat(kind), path, ImportOptions(**options))


def read_entries(reader: FormatReader) -> list[EntryContent | str]:
    """Read all entries of a file; an entry that cannot be read is returned as its message."""
    contents: list[EntryContent | str] = []
    entries = list(reader.entries(0))
    assert len(list(reader.paths())) == len(entries)
    assert [one[0] for one in reader.entries(1)] == [one[0] for one in entries[1:]]
    for entry in entries:
        if isinstance(entry, ImportEntry) and isinstance(entry.content, ImportEvent):
            contents += [f"{one.place}: {one.message}" for one in entry.content.faults]
            continue
        if isinstance(entry, EntryFault):
            contents.append(f"{entry.place}: {entry.message}")
            continue
        try:
            contents.append(reader.read(entry, FRAME))
        except (InvalidEntry, InvalidAnnotationData) as error:
            contents.append(f"{entry.place}: {error}")
    reader.close()
    return contents


def build_rows(reader: FormatReader, entry: ImportEntry) -> list[NewImportedAnalysis]:
    """Build the rows of an entry's results."""
    return [build_result(UUID(int=1), result) for result in reader.read(entry, FRAME).results]


def list_findings(
    reading: EntryContent | str, place: int = 0
) -> list[tuple[str, str | None, float | None]]:
    """Return type, class and confidence of the findings of a result."""
    assert isinstance(reading, EntryContent), reading
    return [(one.kind, one.class_name, one.confidence) for one in reading.results[place].findings]


def build_coco(*annotations: Any, images: Any = None, **more: Any) -> dict[str, Any]:
    """Build a COCO file with these annotations, by default of one image."""
    return {
        "images": images or [{"id": 1, "file_name": "a.jpg", "width": 400, "height": 200}],
        "annotations": [
            {"id": number, "image_id": 1} | one for number, one in enumerate(annotations)
        ],
        "categories": [
            {"id": 0, "name": "empty"},
            {"id": 1, "name": "fox", "keypoints": ["nose", "tail"], "skeleton": [[1, 2]]},
        ],
    } | more


def build_package(observations: str, **more: str) -> dict[str, str]:
    """Build the files of a Camtrap DP with these rows of observations."""
    tables = {
        "deployments.csv": DEPLOYMENTS,
        "media.csv": MEDIA,
        "observations.csv": COLUMNS + observations,
    }
    return {
        f"set/{name}": text
        for name, text in ({"datapackage.json": PACKAGE} | tables | more).items()
    }
