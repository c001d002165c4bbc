"""Compare exports that are tables: CSV, Parquet, GeoParquet and Darwin Core."""

from collections import Counter
from typing import Any

import geopandas as gpd
import pandas as pd
from dwca.read import DwCAReader

from tests.survey.exported import Exported, Row
from trapline.wire.exports import ExportFormat

BOX_PX = ("x_min_px", "y_min_px", "width_px", "height_px")
SAID = ("said", "said_label", "count", "sex", "life_stage", "behaviour", "individual_id", "said_by")
KNOWN = ("kind", "source", "needs_review")


class ExportedTables:
    """Tables of a survey, read with pandas, GeoPandas and python-dwca-reader."""

    def __init__(self, exported: Exported) -> None:
        self.exported, self.table, self.expected = exported, exported.table, exported.expected

    def compare_csv(self) -> None:
        """Compare CSV: the columns of images, and the rows of findings and identifications."""
        path = self.exported.export(ExportFormat.CSV)
        rows = pd.read_csv(path, keep_default_na=False, dtype=str).to_dict("records")
        self._compare_table("csv", rows)

    def compare_parquet(self) -> None:
        """Compare Parquet, read by pandas: the same rows."""
        frame = pd.read_parquet(self.exported.export(ExportFormat.PARQUET))
        self.table.compare("parquet", "rows", self.expected.list_csv_rows().total(), len(frame))
        names = Counter(one for one in frame["scientific_name"] if isinstance(one, str))
        expected: Counter[str] = Counter()
        for row, count in self.expected.list_csv_rows().items():
            expected[row[5]] += count
        self.table.compare(
            "parquet", "rows by scientific name", {**expected, "": 0}, {**names, "": 0}
        )

    def compare_geoparquet(self) -> None:
        """Compare GeoParquet: the same rows, and the location of each deployment as a point."""
        frame = gpd.read_parquet(self.exported.export(ExportFormat.GEOPARQUET))
        self.table.compare("geoparquet", "rows", self.expected.list_csv_rows().total(), len(frame))
        places = {(one["name"], round(one["longitude"], 5), round(one["latitude"], 5))
                  for one in self.exported.survey.truth["deployments"]}  # fmt: skip
        points = {
            (name, round(point.x, 5), round(point.y, 5))
            for name, point in zip(frame["deployment"], frame.geometry, strict=True)
        }
        self.table.compare("geoparquet", "points of deployments", places, points)

    def _compare_table(self, surface: str, rows: list[dict[str, Any]]) -> None:
        images: dict[str, Row] = {}
        found: Counter[Row] = Counter()
        for row in rows:
            key = self.exported.key_of(row["image_id"])
            images[key] = (
                row["filename"],
                row["path"],
                row["deployment"],
                row["captured_at"],
                row["captured_at_source"],
                row["time_zone"],
                int(row["image_width"]),
                int(row["image_height"]),
                _read_flag(row["blank"]),
                _read_flag(row["reviewed"]),
                row["image_sha256"],
            )
            box = None
            if row["x_min_px"]:
                x, y, wide, high = (float(row[name]) for name in BOX_PX)
                box = (x, y, x + wide, y + high)
            score = float(row["confidence"]) if row["confidence"] else None
            said = tuple(row[name] for name in (*SAID, *KNOWN))
            found[(key, row["type"], box, row["class_name"], score, row["scientific_name"],
                   row["common_name_en"], *said)] += 1  # fmt: skip
        fields = (
            "filename",
            "path",
            "deployment",
            "captured_at",
            "captured_at_source",
            "time_zone",
            "image_width",
            "image_height",
            "blank",
            "reviewed",
            "image_sha256",
        )
        expected = self.expected.list_csv_images()
        for place, field in enumerate(fields):
            self.exported.compare_by_arrival(
                surface,
                field,
                {key: one[place] for key, one in expected.items()},
                {key: one[place] for key, one in images.items()},
            )
        self.table.compare(surface, "rows", self.expected.list_csv_rows(), found)

    def compare_darwin_core(self) -> None:
        """Compare Darwin Core, read by python-dwca-reader: occurrences of each sequence."""
        groups: dict[str, set[str]] = {}
        cursor: str | None = None
        while True:
            page = self.exported.survey.owner.list_images(
                project=self.exported.survey.project, limit=1000, cursor=cursor
            )
            for one in page.results:
                groups.setdefault(str(one.sequence_id or one.id), set()).add(
                    self.exported.key_of(one.id)
                )
            cursor = page.next
            if cursor is None:
                break
        found: Counter[Row] = Counter()
        path = self.exported.export(
            ExportFormat.DARWIN_CORE, title="Survey", data_licence="CC0-1.0"
        )
        with DwCAReader(str(path)) as archive:
            for row in archive:
                cells = {name.rpartition("/")[2]: value for name, value in row.data.items()}
                found[
                    (
                        frozenset(groups[cells["eventID"]]),
                        cells["scientificName"],
                        int(cells["individualCount"]),
                        cells["sex"],
                        cells["lifeStage"],
                        cells["behavior"],
                        cells["identificationVerificationStatus"],
                    )
                ] += 1
        self.table.compare("darwin-core", "occurrences", self.expected.list_occurrences(), found)


def _read_flag(text: Any) -> bool | None:
    return None if text == "" else str(text).lower() == "true"
