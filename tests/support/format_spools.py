"""Small spools for the tests of the formats, made of what they are about."""

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import msgspec

from trapline.server.exports.formats.export_records import (
    IMAGES,
    AnnotationRecord,
    DeploymentRecord,
    ExportMetadata,
    ExportReport,
    ExportSpool,
    IdentificationRecord,
    ImageRecord,
    ObservationRecord,
    TaxonRecord,
    write_records,
)
from trapline.server.exports.formats.taxon_resolver import TaxonResolver

FORMLESS = ("mask", "heatmap", "custom")
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
WIDTH, HEIGHT = 200, 100
HOSTILE = (
    "=cmd|' /C calc'!A0", "+1", "-1+1", "@SUM(1)", "\tx", "a,b", 'say "hi"', "line\nbreak",
    "cr\rlf\r\n",
    "../../etc/passwd", "..", ".", "/abs", "C:\\x", "CON", "nul.txt", "", " ", "é" * 200,
    "\u202ertl", "NA",
    "nan", "'", "\\",
    "#", "{}", "a|b", "\U0001f98a", "<b>&amp;</b>", "]]>", "null", "-", "%s%n", "a\u2028b",
    "x" * 1000, "\x85",
    "\x01\x1f", "tab\there",
)  # fmt: skip

LYNX = TaxonRecord(
    id=UUID(int=1001), scientific_name="Lynx lynx", authorship="(Linnaeus, 1758)", rank="species",
    higher_ranks={
        "kingdom": "Animalia", "class": "Mammalia", "order": "Carnivora", "family": "Felidae",
        "genus": "Lynx",
    },
    common_names={"en": ["Eurasian lynx", "lynx"], "de": ["Luchs"], "xx-long": ["left out"]},
    gbif_key=2435240,
)  # fmt: skip
MAN = TaxonRecord(id=UUID(int=1002), scientific_name="Homo sapiens", rank="species")
PLACE = DeploymentRecord(
    id=UUID(int=1), name="Ridge north", time_zone="Europe/Berlin", latitude=47.5, longitude=11.25,
    camera="RX-1",
    coordinate_uncertainty_m=12.5, habitat="spruce", images=0,
)  # fmt: skip


def said(kind: str = "confirm", **more: Any) -> IdentificationRecord:
    """Build an identification by Ada, one hour after noon."""
    return IdentificationRecord(kind=kind, by="Ada", at=NOON + timedelta(hours=1), **more)


class Finding(AnnotationRecord):
    """An annotation and what a person stated about it."""

    said: IdentificationRecord | None = None


def found(
    number: int, label: str = "animal", box: Sequence[float] | None = (20, 10, 120, 60), **more: Any
) -> Finding:
    """A box, or what `type` says, found by a model; `said` is what a person stated about it."""
    names = ("x_min", "y_min", "x_max", "y_max")
    data = more.pop("data", None) or dict(zip(names, box or (), strict=False))
    kind = more.pop("type", "bounding_box" if box is not None else "classification")
    given: dict[str, Any] = {
        "analysis_id": UUID(int=5000), "class_name": label, "confidence": 0.9,
        "model_name": "detector",
        "model_version": "1.2", "at": NOON + timedelta(minutes=5),
    }  # fmt: skip
    return Finding(id=UUID(int=10_000 + number), type=kind, data=data, **(given | more))


def observe(
    one: AnnotationRecord, statement: IdentificationRecord | None = None, **more: Any
) -> ObservationRecord:
    """The observation of an annotation that names itself, or that a person named."""
    label, taxon = one.class_name or "", one.taxon
    if statement is not None and statement.kind == "correct":
        label, taxon = statement.label or "", statement.taxon
    given: dict[str, Any] = {
        "label": label, "taxon": taxon, "kind": _find_kind(label, taxon), "found": one.id,
        "named_by": one.id, "said": statement,
        "confidence": one.confidence if statement is None else None,
    }  # fmt: skip
    return ObservationRecord(id=one.id, **(given | more))


def _find_kind(label: str, taxon: UUID | None) -> str:
    naming = TaxonResolver({LYNX.id: LYNX, MAN.id: MAN})
    return naming.find(label, str(taxon) if taxon else None).kind.value


def _observe_all(
    key: UUID, of: Sequence[AnnotationRecord], whole: IdentificationRecord | None
) -> list[ObservationRecord]:
    """The observations of an image: what a person removed is left out."""
    seen, removed = [], whole if whole is not None and whole.kind == "blank" else None
    for one in of:
        statement = one.said if isinstance(one, Finding) else None
        if statement is not None and statement.kind == "blank":
            removed = statement
        elif one.parent_id is None and one.type not in FORMLESS:
            seen.append(observe(one, statement))
    if whole is not None and whole.kind == "correct":
        label = whole.label or ""
        kind = _find_kind(label, whole.taxon)
        seen.append(ObservationRecord(key, kind, label, whole.taxon, said=whole))
    if not seen and removed is not None:
        seen.append(ObservationRecord(key, "blank", said=removed))
    return seen


def image(number: int, *of: AnnotationRecord, **more: Any) -> ImageRecord:
    """An image, ten seconds after the one with the number before.

    Without a statement of a person it has raw model output, otherwise observations. `said` is a
    statement about the whole image.
    """
    given: dict[str, Any] = {
        "deployment_id": PLACE.id, "filename": f"IMG_{number:04}.JPG",
        "path": f"100RECNX/IMG_{number:04}.JPG",
        "media_type": "image/jpeg", "width": WIDTH, "height": HEIGHT,
        "captured_at": NOON + timedelta(seconds=10 * number, microseconds=5),
        "captured_at_source": "exif",
        "time_zone": "Europe/Berlin", "sha256": f"{number:064x}", "size_bytes": 7,
        "file": f"originals/{number}",
        "analysed": True, "blank": not of, "sequence_id": UUID(int=9000), "shown": True,
    }  # fmt: skip
    key, whole = UUID(int=20_000 + number), more.pop("said", None)
    if whole is not None or any(isinstance(one, Finding) and one.said for one in of):
        given["observed"] = _observe_all(key, of, whole)
        given["formless"] = sum(one.type in FORMLESS for one in of)
        given["comment"] = whole.comment or "" if whole is not None else ""
    return ImageRecord(id=key, found=list(of), **(given | more))


def make_spool(
    folder: Path,
    images: Sequence[ImageRecord],
    *,
    deployments: Sequence[DeploymentRecord] = (PLACE,),
    taxa: Sequence[TaxonRecord] = (LYNX, MAN),
    read_image: Callable[[str], bytes] = lambda key: key.encode(),
    **options: Any,
) -> ExportSpool:
    """Make a spool of these images."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / IMAGES).write_bytes(write_records(images))
    counts = {one.id: sum(image.deployment_id == one.id for image in images) for one in deployments}
    for one in deployments:
        one.images = counts[one.id]
    about = ExportMetadata(
        project_id=7,
        project_name="Alps",
        project_description="",
        started_at=NOON + timedelta(days=1),
        public_url="https://traps.example.org/",
        public=True,
        options=options,
        deployments=list(deployments),
        taxa=list(taxa),
    )
    return ExportSpool(folder, about, read_image)


def write_twice(
    write: Callable[[ExportSpool, BinaryIO], ExportReport],
    spool: ExportSpool,
    *,
    tells_when: bool = False,
) -> tuple[ExportReport, bytes]:
    """Write an export twice, a day apart; the bytes are equal unless the format contains a date."""
    first, second = io.BytesIO(), io.BytesIO()
    report = write(spool, first)
    later = spool.about.started_at + timedelta(days=0 if tells_when else 1)
    write(replace(spool, about=msgspec.structs.replace(spool.about, started_at=later)), second)
    assert first.getvalue() == second.getvalue()
    return report, first.getvalue()
