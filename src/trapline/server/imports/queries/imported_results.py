"""Imported results: bulk inserts of analyses that are completed when they are written."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from struct import Struct
from typing import NamedTuple
from uuid import UUID

from trapline.server.imports.queries.imports import ImportRow
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
    encode_jsonb,
    encode_jsonb_text,
    encode_text,
)

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_NONE = Struct(">iiiiihih").pack(4, 0, 4, 0, 2, 0, 2, 0)
"""Zero attempts, fence, errors and lost leases, in the binary format of COPY."""


class NewImportedAnnotation(NamedTuple):
    """An annotation to be written; IDs are raw bytes, and the data is encoded."""

    id: bytes
    annotation_type: str
    class_name: str | None
    confidence: float | None
    data: bytes
    parent_id: bytes | None


class NewImportedAnalysis(NamedTuple):
    """An analysis to be written with its annotations; `error` is set if the model failed."""

    id: UUID
    image_id: UUID
    model_name: str
    model_version: str
    error: str | None
    findings: Sequence[NewImportedAnnotation]


class ImageName(NamedTuple):
    """An image with its deployment, its path and its size in pixels."""

    id: UUID
    deployment_id: UUID
    deployment: str
    path: str
    width: int
    height: int


async def list_image_names(
    scope: Scope, tx: Transaction, row: ImportRow, after: UUID, limit: int
) -> list[ImageName]:
    """List images that an import may refer to, ordered by ID, after a given ID."""
    scope.check(row.project_id)
    cursor = await tx.execute(
        """
        select i.id, i.deployment_id, d.name,
            coalesce(substring(i.source_path from '^.*/'), '') || i.filename, i.width, i.height
        from images i join deployments d on d.id = i.deployment_id
        where i.project_id = %(project)s and i.deleted_at is null and i.id > %(after)s
          and (%(deployment)s::uuid is null or i.deployment_id = %(deployment)s)
        order by i.id limit %(limit)s
        """,
        {
            "project": row.project_id,
            "after": after,
            "deployment": row.deployment_id,
            "limit": limit,
        },
    )
    return [ImageName(*one) for one in await cursor.fetchall()]


async def list_deployments(scope: Scope, tx: Transaction, project_id: int) -> dict[str, UUID]:
    """List the deployments of a project by their names."""
    scope.check(project_id)
    cursor = await tx.execute(
        "select name, id from deployments where project_id = %s", (project_id,)
    )
    return {name: key for name, key in await cursor.fetchall()}


async def lock_existing_images(
    scope: Scope, tx: Transaction, project_id: int, images: Iterable[UUID]
) -> set[UUID]:
    """Lock images against deletion until the transaction ends; return those that still exist."""
    scope.check(project_id)
    cursor = await tx.execute(
        "select id from images where id = any(%b) and project_id = %s and deleted_at is null"
        " order by id for key share",
        (sorted(images), project_id),
    )
    return {key for (key,) in await cursor.fetchall()}


async def list_existing_results(
    scope: Scope, tx: Transaction, results: Sequence[NewImportedAnalysis]
) -> set[UUID]:
    """Return the IDs of those results that are stored already."""
    cursor = await tx.execute(
        "select id from analyses where id = any(%b)", ([one.id for one in results],)
    )
    return {key for (key,) in await cursor.fetchall()}


async def create_results(
    scope: Scope, tx: Transaction, row: ImportRow, results: Sequence[NewImportedAnalysis]
) -> None:
    """Store new results, each a microsecond after the one before, and notify webhooks.

    The ID of an analysis is a hash of its content, so that the primary key rejects duplicates.
    """
    scope.check(row.project_id)
    if not results:
        return
    cursor = await tx.execute("select clock_timestamp()")
    [now] = await cursor.fetchone() or (_EPOCH,)
    began = (now - _EPOCH) // timedelta(microseconds=1) - len(results)
    await copy_rows(
        tx,
        "analyses (id, project_id, image_id, model_name, model_version, state, attempt, fence,"
        " errors, lost, created_at, started_at, completed_at, updated_at)",
        14,
        _encode_results(row.project_id, results, began),
    )
    await copy_rows(
        tx,
        "analysis_details (analysis_id, project_id, parameters, provenance, error_message,"
        " requested_by, priority)",
        7,
        _encode_details(row, results),
    )
    await copy_rows(
        tx,
        "annotations (id, project_id, analysis_id, image_id, annotation_type, class_name,"
        " confidence, data, parent_id, ordering, fingerprint, confidence_exact)",
        12,
        _encode_findings(row.project_id, results),
    )
    # The webhook triggers fire when the state of an analysis changes; these are inserted completed.
    await tx.execute(
        """
        select tell_webhooks(a.project_id, 'analysis.' || a.state, jsonb_build_object(
            'id', a.id, 'state', a.state, 'image_id', a.image_id, 'job_id', null,
            'model_name', a.model_name, 'model_version', a.model_version), false)
        from analyses a where a.id = any(%b)
          and exists (select from webhooks w where w.project_id = %s and w.is_active)
        """,
        ([one.id for one in results], row.project_id),
    )


def _encode_results(
    project_id: int, results: Sequence[NewImportedAnalysis], began: int
) -> Iterable[bytes]:
    project, as_name = encode_int8(project_id), cache(encode_text)
    for place, one in enumerate(results):
        moment = encode_int8(began + place)
        yield b"".join(
            (
                encode_bytes(one.id.bytes),
                project,
                encode_bytes(one.image_id.bytes),
                as_name(one.model_name),
                as_name(one.model_version),
                as_name("completed" if one.error is None else "failed"),
                _NONE,
                moment * 4,
            )
        )


def _encode_details(row: ImportRow, results: Sequence[NewImportedAnalysis]) -> Iterable[bytes]:
    project, nothing, by = (
        encode_int8(row.project_id),
        encode_jsonb({}),
        encode_text(row.requested_by),
    )
    origin = encode_jsonb({"import_id": row.id, "file": row.filename, "format": row.format})
    usual = encode_text("normal")
    for one in results:
        yield b"".join(
            (
                encode_bytes(one.id.bytes),
                project,
                nothing,
                origin,
                encode_text(one.error),
                by,
                usual,
            )
        )


def _encode_findings(project_id: int, results: Sequence[NewImportedAnalysis]) -> Iterable[bytes]:
    # A file has thousands of rows with few distinct types and classes.
    project, as_name = encode_int8(project_id), cache(encode_text)
    for one in results:
        about = project + encode_bytes(one.id.bytes) + encode_bytes(one.image_id.bytes)
        for ordering, found in enumerate(one.findings):
            yield b"".join(
                (
                    encode_bytes(found.id),
                    about,
                    as_name(found.annotation_type),
                    as_name(found.class_name),
                    encode_float4(found.confidence),
                    encode_jsonb_text(found.data),
                    NULL if found.parent_id is None else encode_bytes(found.parent_id),
                    encode_int4(ordering),
                    encode_bytes(build_fingerprint(ordering)),
                    as_float8(found.confidence),
                )
            )


def build_fingerprint(ordering: int) -> bytes:
    """Return the fingerprint of an annotation in its result: its position."""
    return ordering.to_bytes(16, "big")


async def list_annotations(
    scope: Scope, tx: Transaction, places: Sequence[tuple[UUID, int]]
) -> dict[tuple[UUID, int], UUID]:
    """Return the IDs of annotations by their analysis and position."""
    cursor = await tx.execute(
        """
        select a.analysis_id, a.ordering, a.id from annotations a
        join unnest(%b::uuid[], %b::uuid[]) as w(analysis_id, fingerprint)
            on a.analysis_id = w.analysis_id and a.fingerprint = w.fingerprint
        """,
        ([one for one, _ in places], [UUID(bytes=build_fingerprint(place)) for _, place in places]),
    )
    return {(analysis, place): key for analysis, place, key in await cursor.fetchall()}


async def list_existing_identifications(
    scope: Scope, tx: Transaction, keys: Sequence[UUID]
) -> set[UUID]:
    """Return those of these identifications that are stored, including withdrawn ones."""
    cursor = await tx.execute("select id from identifications where id = any(%b)", (list(keys),))
    return {key for (key,) in await cursor.fetchall()}
