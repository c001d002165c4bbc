"""The spool of an export, and the length limit of its lists of problems."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from trapline.server.exports.formats.export_records import (
    IMAGES,
    MOST_LISTED,
    AnnotationRecord,
    ExportIssue,
    ExportMetadata,
    ExportSpool,
    IdentificationRecord,
    ImageRecord,
    ObservationRecord,
    TaxonRecord,
    truncate_list,
    write_records,
)

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_spool_returns_the_written_records(tmp_path: Path) -> None:
    taxon = TaxonRecord(id=UUID(int=1), scientific_name="Lynx lynx", common_names={"en": ["lynx"]})
    said = IdentificationRecord(
        kind="correct", by="Ada", at=NOON, taxon=taxon.id, label="Lynx lynx", count=2
    )
    box = {"x_min": 1.5, "y_min": 2, "x_max": 10, "y_max": 20}
    found = AnnotationRecord(id=UUID(int=2), analysis_id=UUID(int=3), type="bounding_box", data=box)
    seen = ObservationRecord(found.id, "animal", "lynx", taxon.id, found=found.id, said=said)
    image = ImageRecord(
        id=UUID(int=4),
        deployment_id=UUID(int=5),
        filename="é\n.jpg",
        path="100/é\n.jpg",
        media_type="image/jpeg",
        width=64,
        height=48,
        captured_at=NOON,
        captured_at_source="exif",
        time_zone="Europe/Berlin",
        sha256="00",
        size_bytes=7,
        file="originals/00",
        observed=[seen],
        found=[found],
    )
    (tmp_path / IMAGES).write_bytes(write_records([image, image]))
    about = ExportMetadata(
        project_id=1, project_name="P", project_description="", started_at=NOON, taxa=[taxon]
    )
    spool = ExportSpool(tmp_path, about, lambda key: key.encode())
    assert list(spool.images()) == [image, image]
    assert spool.taxa == {taxon.id: taxon}


def test_problems_beyond_the_limit_are_counted() -> None:
    few = [ExportIssue("odd")] * MOST_LISTED
    assert truncate_list(few) == few
    *listed, last = truncate_list([*few, ExportIssue("wrong", 5), ExportIssue("wrong")])
    assert listed == few[:-1]
    assert (last.what, last.count, last.deployment) == (
        "And 7 more, which are not listed.",
        7,
        None,
    )
