"""The formats of exports: their writers, file name suffixes and media types."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from trapline.server.exports.formats.export_records import (
    DeploymentRecord,
    ExportMetadata,
    ExportReport,
    ExportSpool,
)
from trapline.server.images.rules.locations import Precision
from trapline.wire.exports import ExportFormat

Writer = Callable[[ExportSpool, BinaryIO], ExportReport]


@dataclass(frozen=True)
class ExportFormatSpec:
    """A format; `load` returns its writer, which is imported with the first export.

    If a writer reports problems, its file is not valid and cannot be downloaded.
    """

    load: Callable[[], Writer]
    suffix: str
    media_type: str
    packed: str | None = None
    """The suffix of the zip that is written if image files are included."""
    needs_locations: bool = False
    """Whether the format cannot contain a deployment without coordinates."""
    has_free_texts: bool = False
    """Whether the format contains comments and other free texts by people."""
    has_remarks: bool = False
    """Whether it contains comments of people that identify nothing, too."""
    lack: Callable[[], str | None] | None = None
    """Return what the writer lacks on this server, for formats with optional dependencies."""

    def find_missing_dependency(self) -> str | None:
        """Return what is missing to write this format and how to install it, or None."""
        return self.lack() if self.lack else None

    def list_unlocated(self, about: ExportMetadata) -> list[DeploymentRecord]:
        """List the deployments that are left out, because their location is withheld."""
        return [
            one
            for one in about.deployments
            if self.needs_locations and one.precision == Precision.WITHHELD
        ]

    def find_kind(self, options: Mapping[str, Any]) -> tuple[str, str]:
        """Return the suffix of the file's name, and its media type."""
        return (
            (self.packed, ZIP)
            if self.packed and options.get("with_images")
            else (self.suffix, self.media_type)
        )


def _csv() -> Writer:
    from trapline.server.exports.formats.observation_table import write

    return write


def _megadetector() -> Writer:
    from trapline.server.exports.formats.megadetector_export import write

    return write


def _camtrap_dp() -> Writer:
    from trapline.server.exports.formats.camtrap_dp import write_export

    return write_export


def _coco() -> Writer:
    from trapline.server.exports.formats.coco_project import write

    return write


def _coco_camera_traps() -> Writer:
    from trapline.server.exports.formats.coco_project import write_camera_traps

    return write_camera_traps


def _yolo() -> Writer:
    from trapline.server.exports.formats.yolo import write

    return write


def _speciesnet() -> Writer:
    from trapline.server.exports.formats.speciesnet_export import write

    return write


def _darwin_core() -> Writer:
    from trapline.server.exports.formats.darwin_core_export import write

    return write


def _parquet() -> Writer:
    from trapline.server.exports.formats.observation_parquet import write

    return write


def _geoparquet() -> Writer:
    from trapline.server.exports.formats.observation_parquet import write_geo

    return write_geo


def _lack_parquet() -> str | None:
    from trapline.server.exports.formats.observation_parquet import find_missing_dependency

    return find_missing_dependency()


def _crops() -> Writer:
    from trapline.server.exports.formats.crops import write

    return write


JSON, ZIP, PARQUET = "application/json", "application/zip", "application/vnd.apache.parquet"
FORMATS: dict[ExportFormat, ExportFormatSpec] = {
    ExportFormat.CAMTRAP_DP: ExportFormatSpec(
        _camtrap_dp,
        "-camtrap-dp.zip",
        ZIP,
        needs_locations=True,
        has_free_texts=True,
        has_remarks=True,
    ),
    ExportFormat.COCO: ExportFormatSpec(_coco, "-coco.json", JSON, packed="-coco.zip"),
    ExportFormat.COCO_CAMERA_TRAPS: ExportFormatSpec(
        _coco_camera_traps, "-coco-camera-traps.json", JSON, packed="-coco-camera-traps.zip"
    ),
    ExportFormat.YOLO: ExportFormatSpec(_yolo, "-yolo.zip", ZIP),
    ExportFormat.MEGADETECTOR: ExportFormatSpec(_megadetector, "-megadetector.json", JSON),
    ExportFormat.SPECIESNET: ExportFormatSpec(_speciesnet, "-speciesnet.json", JSON),
    ExportFormat.DARWIN_CORE: ExportFormatSpec(
        _darwin_core, "-darwin-core.zip", ZIP, has_free_texts=True
    ),
    ExportFormat.CSV: ExportFormatSpec(
        _csv,
        "-observations.csv",
        "text/csv; charset=utf-8",
        has_free_texts=True,
        has_remarks=True,
    ),
    ExportFormat.PARQUET: ExportFormatSpec(
        _parquet,
        "-observations.parquet",
        PARQUET,
        has_free_texts=True,
        has_remarks=True,
        lack=_lack_parquet,
    ),
    ExportFormat.GEOPARQUET: ExportFormatSpec(
        _geoparquet,
        "-observations.geo.parquet",
        PARQUET,
        has_free_texts=True,
        has_remarks=True,
        lack=_lack_parquet,
    ),
    ExportFormat.CROPS: ExportFormatSpec(_crops, "-crops.zip", ZIP),
}


def build_file_name(project: str, at: datetime, suffix: str) -> str:
    """Build the name of an export's file from project, date and suffix, in portable characters."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", project).strip("-").lower()[:60] or "project"
    return f"{plain}-{at:%Y-%m-%d}{suffix}"
