"""Camtrap DP packages that are exported from a spool and read back."""

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from tests.support.format_spools import make_spool
from trapline.server.exports.formats.camtrap_dp import write_package
from trapline.server.exports.formats.camtrap_dp_validation import TABLES, load_schema
from trapline.server.exports.formats.export_records import ExportReport, ImageRecord

Row = dict[str, str]
ABOUT: dict[str, Any] = {
    "title": "Lynx of the Alps",
    "description": "Where lynx go.",
    "data_licence": "CC0-1.0",
    "media_licence": "CC-BY-4.0",
    "contributors": [{"title": "Ada", "role": "contact", "email": "ada@example.org"}],
    "sampling_design": "targeted",
}
"""Export options with all metadata that GBIF requires."""


class Package:
    """An exported package with its report, read with `zipfile` and `csv`."""

    def __init__(self, report: ExportReport, content: bytes) -> None:
        self.report = report
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None
            texts = {name: archive.read(name).decode() for name in archive.namelist()}
        assert sorted(texts) == [
            "datapackage.json",
            "deployments.csv",
            "media.csv",
            "observations.csv",
        ]
        self.descriptor = json.loads(texts["datapackage.json"])
        self.texts = texts
        self.tables: dict[str, list[Row]] = {}
        for table in TABLES:
            reader = csv.DictReader(io.StringIO(texts[f"{table}.csv"], newline=""))
            self.tables[table] = list(reader)
            assert reader.fieldnames == [field["name"] for field in load_schema(table)["fields"]]
            assert all(None not in row and None not in row.values() for row in self.tables[table])

    def observed(self, level: str = "media") -> list[Row]:
        """Return the observations of a level."""
        return [row for row in self.tables["observations"] if row["observationLevel"] == level]


def export_package(folder: Path, images: list[ImageRecord], **more: Any) -> Package:
    """Export images with each row validated, but without Frictionless, which loads in seconds."""
    out = io.BytesIO()
    report, _ = write_package(make_spool(folder, images, **(ABOUT | more)), out)
    return Package(report, out.getvalue())
