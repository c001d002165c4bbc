"""Annotations of external pipelines: inserted in bulk, once by constraint."""

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import cache
from typing import NamedTuple
from uuid import UUID

from trapline.server.findings.queries.analyses import AnalysisRow
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.binary_copy import (
    NULL,
    as_float8,
    copy_rows,
    encode_bytes,
    encode_float4,
    encode_int4,
    encode_int8,
    encode_jsonb_text,
    encode_text,
)


class NewPostedAnnotation(NamedTuple):
    """A new annotation; IDs and the fingerprint are bytes, the data is encoded."""

    id: bytes
    fingerprint: bytes
    annotation_type: str
    class_name: str | None
    confidence: float | None
    data: bytes
    storage_path: str | None
    artifact_id: bytes | None
    parent_id: bytes | None
    ordering: int | None


class StoredAnnotation(NamedTuple):
    """A stored annotation: its ID, as bytes and as text, and its creation time."""

    id: bytes
    told_id: str
    created_at: datetime


async def count_annotations(scope: Scope, tx: Transaction, analysis: AnalysisRow) -> int:
    """Count the annotations of an analysis."""
    scope.check(analysis.project_id)
    cursor = await tx.execute(
        "select count(*) from annotations where analysis_id = %s", (analysis.id,)
    )
    row = await cursor.fetchone()
    assert row is not None, "an aggregate has a row"
    count: int = row[0]
    return count


async def list_stored_annotations(
    scope: Scope, tx: Transaction, analysis: AnalysisRow, prints: Collection[bytes]
) -> dict[bytes, StoredAnnotation]:
    """Return the stored annotations with these fingerprints.

    The analysis is locked, so that no other request adds any.
    """
    scope.check(analysis.project_id)
    cursor = await tx.execute(
        "select fingerprint, id, created_at from annotations where analysis_id = %s and "
        "fingerprint = any(%b)",
        (analysis.id, [UUID(bytes=print_) for print_ in prints]),
    )
    return {
        row[0].bytes: StoredAnnotation(row[1].bytes, str(row[1]), row[2])
        for row in await cursor.fetchall()
    }


async def list_single_precision(
    scope: Scope, tx: Transaction, analysis: AnalysisRow, prints: Collection[bytes]
) -> set[bytes]:
    """List the fingerprints among these whose rows have a confidence in single precision."""
    scope.check(analysis.project_id)
    cursor = await tx.execute(
        "select fingerprint from annotations where analysis_id = %s and fingerprint = any(%b)"
        " and confidence_exact is null and confidence is not null",
        (analysis.id, [UUID(bytes=print_) for print_ in prints]),
    )
    return {row[0].bytes for row in await cursor.fetchall()}


async def list_boxes(
    scope: Scope, tx: Transaction, analysis: AnalysisRow, ids: Collection[UUID]
) -> dict[UUID, bytes]:
    """Return the fingerprints of boxes of an analysis by ID; other annotations are left out."""
    scope.check(analysis.project_id)
    cursor = await tx.execute(
        "select id, fingerprint from annotations"
        " where analysis_id = %s and id = any(%b) and annotation_type = 'bounding_box'",
        (analysis.id, list(ids)),
    )
    return {row[0]: row[1].bytes for row in await cursor.fetchall()}


async def delete_other_annotations(
    scope: Scope, tx: Transaction, analysis: AnalysisRow, kept: Collection[bytes]
) -> int:
    """Delete all annotations of an analysis except these, with their scores; return the number."""
    scope.check(analysis.project_id)
    cursor = await tx.execute(
        """
        with gone as (
            delete from annotations where analysis_id = %s and not fingerprint = any(%b)
            returning id
        ), vectors as (
            delete from score_vectors v using gone where v.annotation_id = gone.id
        )
        select count(*) from gone
        """,
        (analysis.id, [UUID(bytes=print_) for print_ in kept]),
    )
    row = await cursor.fetchone()
    assert row is not None, "an aggregate has a row"
    count: int = row[0]
    return count


async def create_annotations(
    scope: Scope, tx: Transaction, analysis: AnalysisRow, rows: Iterable[NewPostedAnnotation]
) -> None:
    """Insert annotations; the unique index of fingerprints rejects duplicates."""
    scope.check(analysis.project_id)
    await copy_rows(
        tx,
        "annotations (id, project_id, analysis_id, image_id, annotation_type, class_name, "
        "confidence, data, "
        "storage_path, artifact_id, parent_id, ordering, fingerprint, confidence_exact)",
        14,
        _encode(analysis, rows),
    )


def _encode(analysis: AnalysisRow, rows: Iterable[NewPostedAnnotation]) -> Iterable[bytes]:
    about = (
        encode_int8(analysis.project_id)
        + encode_bytes(analysis.id.bytes)
        + encode_bytes(analysis.image_id.bytes)
    )
    # A request has thousands of rows of few types and classes.
    as_name = cache(encode_text)
    for row in rows:
        yield b"".join(
            (
                encode_bytes(row.id),
                about,
                as_name(row.annotation_type),
                as_name(row.class_name),
                encode_float4(row.confidence),
                encode_jsonb_text(row.data),
                NULL if row.storage_path is None else encode_text(row.storage_path),
                NULL if row.artifact_id is None else encode_bytes(row.artifact_id),
                NULL if row.parent_id is None else encode_bytes(row.parent_id),
                encode_int4(row.ordering),
                encode_bytes(row.fingerprint),
                as_float8(row.confidence),
            )
        )
