"""Every format of exports: what writes it, what its file is called, and whether it wants the pictures themselves."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from trapline.server.exchange.export_records import Report, Spool
from trapline.wire.exports import ExportFormat

Writer = Callable[[Spool, BinaryIO], Report]


@dataclass(frozen=True)
class Format:
    """A format; `load` gives its writer, which is loaded with the first export, and is None while there is none.

    A writer that reports problems has written something that is not valid: it is kept from being downloaded.
    """

    load: Callable[[], Writer] | None
    suffix: str
    media_type: str
    needs_pictures: bool = False


def _csv() -> Writer:
    from trapline.server.exchange.observation_table import write

    return write


def _megadetector() -> Writer:
    from trapline.server.exchange.megadetector_export import write

    return write


JSON, ZIP, PARQUET = "application/json", "application/zip", "application/vnd.apache.parquet"
FORMATS: dict[ExportFormat, Format] = {
    ExportFormat.CAMTRAP_DP: Format(None, "-camtrap-dp.zip", ZIP),
    ExportFormat.COCO: Format(None, "-coco.json", JSON),
    ExportFormat.COCO_CAMERA_TRAPS: Format(None, "-coco-camera-traps.json", JSON),
    ExportFormat.YOLO: Format(None, "-yolo.zip", ZIP, needs_pictures=True),
    ExportFormat.MEGADETECTOR: Format(_megadetector, "-megadetector.json", JSON),
    ExportFormat.SPECIESNET: Format(None, "-speciesnet.json", JSON),
    ExportFormat.DARWIN_CORE: Format(None, "-darwin-core.zip", ZIP),
    ExportFormat.CSV: Format(_csv, "-observations.csv", "text/csv; charset=utf-8"),
    ExportFormat.PARQUET: Format(None, "-observations.parquet", PARQUET),
    ExportFormat.GEOPARQUET: Format(None, "-observations.geo.parquet", PARQUET),
    ExportFormat.CROPS: Format(None, "-crops.zip", ZIP, needs_pictures=True),
}


def name_file(project: str, form: ExportFormat, at: datetime) -> str:
    """Name the file of an export by its project, the day, and its format, in letters that every disk takes."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", project).strip("-").lower()[:60] or "project"
    return f"{plain}-{at:%Y-%m-%d}{FORMATS[form].suffix}"
