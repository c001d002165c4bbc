"""Annotations that outside pipelines post: written once by constraint, in bulk."""

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import cache
from typing import NamedTuple
from uuid import UUID

from trapline.server.db.analyses import AnalysisRow
from trapline.server.db.annotations import FoundClass
from trapline.server.db.base import Transaction
from trapline.server.db.copying import NULL, as_bytes, as_encoded_json, as_float4, as_int4, as_int8, as_text, copy_rows
from trapline.server.rules.access import Scope

NAMED_FINDINGS = ("bounding_box", "classification", "segmentation", "mask", "keypoint", "heatmap")


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
        "storage_path, artifact_id, parent_id, ordering, fingerprint)",
        13,
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
            )
        )


async def sum_up_findings(scope: Scope, tx: Transaction, analysis: AnalysisRow) -> tuple[list[FoundClass], int, int]:
    """Sum up what an analysis found: its classes with their highest confidence, how many findings, how much else.

    A classification that names no class itself names the surest of its top k. Confidences are the decimals that were
    posted, not what single precision makes of them.
    """
    scope.check(analysis.project_id)
    cursor = await tx.execute(
        """
        select class_name, max(coalesce(confidence, 0))::text::float8,
            count(*) filter (where annotation_type = any(%s)), count(*)
        from annotations where analysis_id = %s group by class_name
        """,
        (list(NAMED_FINDINGS), analysis.id),
    )
    rows = await cursor.fetchall()
    findings = sum(row[2] for row in rows)
    classes = {row[0]: row[1] for row in rows if row[0] is not None and row[2]}
    if any(row[0] is None and row[2] for row in rows):
        for name, confidence in await _list_guesses(tx, analysis):
            classes[name] = max(confidence, classes.get(name, 0.0))
    found = [FoundClass(analysis.image_id, name, confidence) for name, confidence in classes.items()]
    return found, findings, sum(row[3] for row in rows) - findings


async def _list_guesses(tx: Transaction, analysis: AnalysisRow) -> list[tuple[str, float]]:
    cursor = await tx.execute(
        """
        select top.class_name, max(coalesce(a.confidence::text::float8, top.confidence))
        from annotations a cross join lateral (
            select one->>'class' as class_name, (one->>'confidence')::float8 as confidence
            from jsonb_array_elements(
                case when jsonb_typeof(a.data->'topk') = 'array' then a.data->'topk' end
            ) with ordinality as topk (one, place)
            order by confidence desc, place limit 1
        ) top
        where a.analysis_id = %s and a.annotation_type = 'classification' and a.class_name is null
        group by top.class_name
        """,
        (analysis.id,),
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]
