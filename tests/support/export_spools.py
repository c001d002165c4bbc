"""Spools of exports, as gathering leaves them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from trapline.server.exports.formats.export_records import (
    IMAGES,
    AnnotationRecord,
    DeploymentRecord,
    ExportMetadata,
    ExportSpool,
    IdentificationRecord,
    ImageRecord,
    ObservationRecord,
    TaxonRecord,
    write_records,
)

AT = datetime(2026, 3, 1, 12, 0, 0, 500_000, UTC)
LYNX, DEPLOYMENT = UUID(int=7), UUID(int=1)


def make_image(number: int, *found: AnnotationRecord, **more: Any) -> ImageRecord:
    """An image of 200 by 100 pixels."""
    plain: dict[str, Any] = {
        "id": UUID(int=100 + number), "deployment_id": DEPLOYMENT, "filename": f"{number}.jpg",
        "path": f"DCIM/{number}.jpg", "media_type": "image/jpeg", "width": 200, "height": 100,
        "captured_at": AT,
        "captured_at_source": "exif", "time_zone": "Europe/Berlin", "sha256": "ab" * 32,
        "size_bytes": 9,
        "file": "originals/1/ab/ab", "analysed": bool(found),
    }  # fmt: skip
    return ImageRecord(**(plain | more), found=list(found))


def make_box(number: int, name: str | None = "animal", **more: Any) -> AnnotationRecord:
    """A box from (20, 10) to (120, 60)."""
    corners = {"x_min": 20, "y_min": 10, "x_max": 120, "y_max": 60}
    plain = {
        "class_name": name,
        "confidence": 0.9,
        "data": corners,
        "model_name": "detector",
        "model_version": "5",
    }
    return AnnotationRecord(
        id=UUID(int=number), analysis_id=UUID(int=5), type="bounding_box", **(plain | more)
    )


def make_name(number: int, parent: int | None, name: str = "lynx", **more: Any) -> AnnotationRecord:
    """A classification of a box."""
    plain: dict[str, Any] = {
        "class_name": name,
        "confidence": 0.8,
        "data": {},
        "model_name": "namer",
    }
    of = UUID(int=parent) if parent else None
    return AnnotationRecord(
        id=UUID(int=number),
        analysis_id=UUID(int=5),
        type="classification",
        parent_id=of,
        **(plain | more),
    )


def make_said(kind: str, **more: Any) -> IdentificationRecord:
    """Build an identification by a person."""
    return IdentificationRecord(kind=kind, by="Anna", at=AT, **more)


def observe(
    one: AnnotationRecord, kind: str, said: IdentificationRecord | None = None, **more: Any
) -> ObservationRecord:
    """Build the observation of an annotation."""
    plain: dict[str, Any] = {
        "label": one.class_name or "", "taxon": one.taxon, "found": one.id, "named_by": one.id,
        "confidence": one.confidence if said is None else None,
    }  # fmt: skip
    return ObservationRecord(id=one.id, kind=kind, said=said, **(plain | more))


def make_spool(folder: Path, *images: ImageRecord, **more: Any) -> ExportSpool:
    """Write a spool of one deployment, or of those that are given."""
    folder.mkdir(exist_ok=True)
    (folder / IMAGES).write_bytes(write_records(images))
    plain: dict[str, Any] = {
        "deployments": [
            DeploymentRecord(
                id=DEPLOYMENT, name="Old oak", time_zone="UTC", latitude=52.5, longitude=13.4
            )
        ],
        "taxa": [
            TaxonRecord(
                id=LYNX,
                scientific_name="Lynx lynx",
                rank="species",
                higher_ranks={"class": "Mammalia"},
            )
        ],
    }
    about = ExportMetadata(
        project_id=1, project_name="Forest", project_description="", started_at=AT, **(plain | more)
    )
    return ExportSpool(folder, about, lambda key: key.encode())
