"""Every format of exports: what writes it, what its file is called, and whether it wants the pictures themselves."""

from collections.abc import Callable
from dataclasses import dataclass
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


JSON, ZIP, PARQUET = "application/json", "application/zip", "application/vnd.apache.parquet"
FORMATS: dict[ExportFormat, Format] = {
    ExportFormat.CAMTRAP_DP: Format(None, "-camtrap-dp.zip", ZIP),
    ExportFormat.COCO: Format(None, "-coco.json", JSON),
    ExportFormat.COCO_CAMERA_TRAPS: Format(None, "-coco-camera-traps.json", JSON),
    ExportFormat.YOLO: Format(None, "-yolo.zip", ZIP, needs_pictures=True),
    ExportFormat.MEGADETECTOR: Format(None, "-megadetector.json", JSON),
    ExportFormat.SPECIESNET: Format(None, "-speciesnet.json", JSON),
    ExportFormat.DARWIN_CORE: Format(None, "-darwin-core.zip", ZIP),
    ExportFormat.CSV: Format(None, "-observations.csv", "text/csv; charset=utf-8"),
    ExportFormat.PARQUET: Format(None, "-observations.parquet", PARQUET),
    ExportFormat.GEOPARQUET: Format(None, "-observations.geo.parquet", PARQUET),
    ExportFormat.CROPS: Format(None, "-crops.zip", ZIP, needs_pictures=True),
}
