"""Recognise files of other programs that cannot be imported, to explain how to convert them."""

import zipfile
from pathlib import Path

SAMPLE = 64 << 10
MOST_ZIP_NAMES = 1000
MOST_ZIP_BYTES = 8 << 20
"""How many bytes at the end of a zip may be its directory."""

LABEL_STUDIO = (
    "This is a JSON export of Label Studio. In Label Studio, export the project in the format COCO "
    "and import that JSON file as coco."
)
CVAT = (
    "This is a CVAT export. In CVAT, export the task in the format COCO 1.0, unpack it and import "
    "its JSON as coco."
)
TIMELAPSE = (
    "This is a file of Timelapse. Import the recognition file that was loaded into Timelapse as "
    "megadetector, or export the image set from Timelapse as Camtrap DP and import that zip as "
    "camtrap-dp."
)
WILDLIFE_INSIGHTS = (
    "This is a Wildlife Insights export. Convert its tables to Camtrap DP (datapackage.json, "
    "deployments.csv, media.csv and observations.csv in a zip) and import that zip as camtrap-dp."
)


def recognise_file(path: Path) -> str | None:
    """Return the message for a file of Label Studio, CVAT, Timelapse or Wildlife Insights."""
    with path.open("rb") as file:
        start = file.read(SAMPLE)
    if start.startswith(b"PK\x03\x04"):
        return _recognise_names(_list_names(path))
    if start.startswith(b"SQLite format 3\0"):
        return TIMELAPSE if b"TemplateTable" in start or b"DataTable" in start else None
    text = start.decode("utf-8-sig", "replace").lstrip()
    if text.startswith("<"):
        return _recognise_xml(text)
    if text.startswith("["):
        return LABEL_STUDIO if _is_label_studio(text) else None
    if text.startswith("{"):
        return None
    return _recognise_columns(text.split("\n", 1)[0])


def _list_names(path: Path) -> set[str]:
    if path.stat().st_size > MOST_ZIP_BYTES and _directory_size(path) > MOST_ZIP_BYTES:
        return set()
    try:
        with zipfile.ZipFile(path) as packed:
            return {name.rsplit("/", 1)[-1].lower() for name in packed.namelist()[:MOST_ZIP_NAMES]}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return set()


def _directory_size(path: Path) -> int:
    """Return the size of a zip's directory, or a large size for zips without a plain end record."""
    with path.open("rb") as file:
        file.seek(-SAMPLE, 2)
        end = file.read()
    at = end.rfind(b"PK\x05\x06")
    return int.from_bytes(end[at + 12 : at + 16], "little") if at >= 0 else MOST_ZIP_BYTES + 1


def _recognise_names(names: set[str]) -> str | None:
    if "annotations.xml" in names:
        return CVAT
    if "datapackage.json" not in names and {"projects.csv", "deployments.csv"} <= names:
        return WILDLIFE_INSIGHTS
    return None


def _recognise_xml(text: str) -> str | None:
    return CVAT if "<annotations" in text and ("<meta>" in text or "<version>" in text) else None


def _is_label_studio(text: str) -> bool:
    """Return whether a list begins with a task of Label Studio, in its long or short form."""
    keys = ('"annotations"', '"data"')
    short = ('"annotator"', '"annotation_id"')
    is_list_of_objects = text[1:].lstrip().startswith("{")
    return is_list_of_objects and (
        all(key in text for key in keys) or all(key in text for key in short)
    )


def _recognise_columns(line: str) -> str | None:
    columns = {name.strip().strip('"').lower() for name in line.replace(";", ",").split(",")}
    if {"file", "relativepath"} <= columns:
        return TIMELAPSE
    if "deployment_id" in columns and columns & {"wi_taxon_id", "identified_by", "camera_id"}:
        return WILDLIFE_INSIGHTS
    return None
