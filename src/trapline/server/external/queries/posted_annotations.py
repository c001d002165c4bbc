"""Annotations that outside pipelines post: written once by constraint, in bulk."""

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
    as_bytes,
    as_encoded_json,
    as_float4,
    as_float8,
    as_int4,
    as_int8,
    as_text,
    copy_rows,
)


class NewPosted(NamedTuple):
    """A posted annotation to be written; ids and the fingerprint are their bytes, the data is encoded."""

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


class Present(NamedTuple):
    """A posted annotation that is there: its id, as bytes and as it is told, and when it was stored."""

    id: bytes
    told_id: str
    created_at: datetime


async def count_present(scope: Scope, tx: Transaction, analysis: AnalysisRow) -> int:
    """Count the annotations of an analysis."""
    scope.check(analysis.project_id)
    cursor = await tx.execute("select count(*) from annotations where analysis_id = %s", (analysis.id,))
    row = await cursor.fetchone()
    assert row is not None, "an aggregate has a row"
    count: int = row[0]
    return count


async def list_present(
    scope: Scope, tx: Transaction, analysis: AnalysisRow, prints: Collection[bytes]
) -> dict[bytes, Present]:
    """List which annotations are there, by their fingerprints. The analysis is locked: nobody else adds any."""
    scope.check(analysis.project_id)
    cursor = await tx.execute(
        "select fingerprint, id, created_at from annotations where analysis_id = %s and fingerprint = any(%b)",
        (analysis.id, [UUID(bytes=print_) for print_ in prints]),
    )
    return {row[0].bytes: Present(row[1].bytes, str(row[1]), row[2]) for row in await cursor.fetchall()}


async def list_boxes(scope: Scope, tx: Transaction, analysis: AnalysisRow, ids: Collection[UUID]) -> dict[UUID, bytes]:
    """List the fingerprints of some boxes of an analysis by their ids; other annotations are left out."""
    scope.check(analysis.project_id)
    cursor = await tx.execute(
        "select id, fingerprint from annotations"
        " where analysis_id = %s and id = any(%b) and annotation_type = 'bounding_box'",
        (analysis.id, list(ids)),
    )
    return {row[0]: row[1].bytes for row in await cursor.fetchall()}


async def delete_others(scope: Scope, tx: Transaction, analysis: AnalysisRow, kept: Collection[bytes]) -> int:
    """Delete the annotations of an analysis but those with some fingerprints, with their scores; answers how many."""
    scope.check(analysis.project_id)
    cursor = await tx.execute(
        """
        with gone as (
            delete from annotations where analysis_id = %s and not fingerprint = any(%b) returning id
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


async def write_posted(scope: Scope, tx: Transaction, analysis: AnalysisRow, rows: Iterable[NewPosted]) -> None:
    """Write posted annotations; the unique index of fingerprints is the guard, should two be equal after all."""
    scope.check(analysis.project_id)
    await copy_rows(
        tx,
        "annotations (id, project_id, analysis_id, image_id, annotation_type, class_name, confidence, data, "
        "storage_path, artifact_id, parent_id, ordering, fingerprint, confidence_exact)",
        14,
        _encode(analysis, rows),
    )


def _encode(analysis: AnalysisRow, rows: Iterable[NewPosted]) -> Iterable[bytes]:
    about = as_int8(analysis.project_id) + as_bytes(analysis.id.bytes) + as_bytes(analysis.image_id.bytes)
    # A request has thousands of rows of few types and classes.
    as_name = cache(as_text)
    for row in rows:
        yield b"".join(
            (
                as_bytes(row.id),
                about,
                as_name(row.annotation_type),
                as_name(row.class_name),
                as_float4(row.confidence),
                as_encoded_json(row.data),
                NULL if row.storage_path is None else as_text(row.storage_path),
                NULL if row.artifact_id is None else as_bytes(row.artifact_id),
                NULL if row.parent_id is None else as_bytes(row.parent_id),
                as_int4(row.ordering),
                as_bytes(row.fingerprint),
                as_float8(row.confidence),
            )
        )
