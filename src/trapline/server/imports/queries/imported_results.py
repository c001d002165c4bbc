"""Results that are taken in from files: analyses that are completed when they are written, in bulk."""

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
    as_bytes,
    as_encoded_json,
    as_float4,
    as_float8,
    as_int4,
    as_int8,
    as_json,
    as_text,
    copy_rows,
)

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_NONE = Struct(">iiiiihih").pack(4, 0, 4, 0, 2, 0, 2, 0)
"""No attempts, no fence, no errors, no losses."""


class NewFinding(NamedTuple):
    """An annotation to be written: ids are their bytes, the data is encoded."""

    id: bytes
    annotation_type: str
    class_name: str | None
    confidence: float | None
    data: bytes
    parent_id: bytes | None


class NewResult(NamedTuple):
    """An analysis to be written with its annotations; `error` where the model had failed."""

    id: UUID
    image_id: UUID
    model_name: str
    model_version: str
    error: str | None
    findings: Sequence[NewFinding]


class ImageName(NamedTuple):
    """An image with what it is called by."""

    id: UUID
    deployment_id: UUID
    deployment: str
    path: str
    width: int
    height: int


async def list_image_names(scope: Scope, tx: Transaction, row: ImportRow, after: UUID, limit: int) -> list[ImageName]:
    """List images that an import may be about, by id, behind one of them."""
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
        {"project": row.project_id, "after": after, "deployment": row.deployment_id, "limit": limit},
    )
    return [ImageName(*one) for one in await cursor.fetchall()]


async def list_deployments(scope: Scope, tx: Transaction, project_id: int) -> dict[str, UUID]:
    """List the deployments of a project by their names."""
    scope.check(project_id)
    cursor = await tx.execute("select name, id from deployments where project_id = %s", (project_id,))
    return {name: key for name, key in await cursor.fetchall()}


async def hold_images(scope: Scope, tx: Transaction, project_id: int, images: Iterable[UUID]) -> set[UUID]:
    """Hold off who deletes these images until this transaction ends; answers those that are still there."""
    scope.check(project_id)
    cursor = await tx.execute(
        "select id from images where id = any(%b) and project_id = %s and deleted_at is null order by id for key share",
        (sorted(images), project_id),
    )
    return {key for (key,) in await cursor.fetchall()}


async def list_present(scope: Scope, tx: Transaction, results: Sequence[NewResult]) -> set[UUID]:
    """List which of these results are there."""
    cursor = await tx.execute("select id from analyses where id = any(%b)", ([one.id for one in results],))
    return {key for (key,) in await cursor.fetchall()}


async def write_results(scope: Scope, tx: Transaction, row: ImportRow, results: Sequence[NewResult]) -> None:
    """Write results that are not there yet, each made a moment after the one before; tells of them as of any other.

    The key of an analysis is made of all that it says: two that say the same are refused by constraint.
    """
    scope.check(row.project_id)
    if not results:
        return
    cursor = await tx.execute("select clock_timestamp()")
    [now] = await cursor.fetchone() or (_EPOCH,)
    began = (now - _EPOCH) // timedelta(microseconds=1) - len(results)
    await copy_rows(
        tx,
        "analyses (id, project_id, image_id, model_name, model_version, state, attempt, fence, errors, lost,"
        " created_at, started_at, completed_at, updated_at)",
        14,
        _encode_results(row.project_id, results, began),
    )
    await copy_rows(
        tx,
        "analysis_details (analysis_id, project_id, parameters, provenance, error_message, requested_by, priority)",
        7,
        _encode_details(row, results),
    )
    await copy_rows(
        tx,
        "annotations (id, project_id, analysis_id, image_id, annotation_type, class_name, confidence, data, parent_id,"
        " ordering, fingerprint, confidence_exact)",
        12,
        _encode_findings(row.project_id, results),
    )
    # The triggers that tell of analyses follow their moves, and these are made where they end.
    await tx.execute(
        """
        select tell_webhooks(a.project_id, 'analysis.' || a.state, jsonb_build_object('id', a.id, 'state', a.state,
            'image_id', a.image_id, 'job_id', null, 'model_name', a.model_name, 'model_version', a.model_version),
            false)
        from analyses a where a.id = any(%b)
          and exists (select from webhooks w where w.project_id = %s and w.is_active)
        """,
        ([one.id for one in results], row.project_id),
    )


def _encode_results(project_id: int, results: Sequence[NewResult], began: int) -> Iterable[bytes]:
    project, as_name = as_int8(project_id), cache(as_text)
    for place, one in enumerate(results):
        moment = as_int8(began + place)
        yield b"".join(
            (
                as_bytes(one.id.bytes),
                project,
                as_bytes(one.image_id.bytes),
                as_name(one.model_name),
                as_name(one.model_version),
                as_name("completed" if one.error is None else "failed"),
                _NONE,
                moment * 4,
            )
        )


def _encode_details(row: ImportRow, results: Sequence[NewResult]) -> Iterable[bytes]:
    project, nothing, by = as_int8(row.project_id), as_json({}), as_text(row.requested_by)
    origin = as_json({"import_id": row.id, "file": row.filename, "format": row.format})
    usual = as_text("normal")
    for one in results:
        yield b"".join((as_bytes(one.id.bytes), project, nothing, origin, as_text(one.error), by, usual))


def _encode_findings(project_id: int, results: Sequence[NewResult]) -> Iterable[bytes]:
    # A file has thousands of rows of few types and classes.
    project, as_name = as_int8(project_id), cache(as_text)
    for one in results:
        about = project + as_bytes(one.id.bytes) + as_bytes(one.image_id.bytes)
        for ordering, found in enumerate(one.findings):
            yield b"".join(
                (
                    as_bytes(found.id),
                    about,
                    as_name(found.annotation_type),
                    as_name(found.class_name),
                    as_float4(found.confidence),
                    as_encoded_json(found.data),
                    NULL if found.parent_id is None else as_bytes(found.parent_id),
                    as_int4(ordering),
                    as_bytes(name_place(ordering)),
                    as_float8(found.confidence),
                )
            )


def name_place(ordering: int) -> bytes:
    """The fingerprint of an annotation among those of its result, which comes whole or not at all."""
    return ordering.to_bytes(16, "big")


async def find_annotations(
    scope: Scope, tx: Transaction, places: Sequence[tuple[UUID, int]]
) -> dict[tuple[UUID, int], UUID]:
    """Find annotations by their analysis and their place in it."""
    cursor = await tx.execute(
        """
        select a.analysis_id, a.ordering, a.id from annotations a
        join unnest(%b::uuid[], %b::uuid[]) as w(analysis_id, fingerprint)
            on a.analysis_id = w.analysis_id and a.fingerprint = w.fingerprint
        """,
        ([one for one, _ in places], [UUID(bytes=name_place(place)) for _, place in places]),
    )
    return {(analysis, place): key for analysis, place, key in await cursor.fetchall()}


async def list_said_before(scope: Scope, tx: Transaction, keys: Sequence[UUID]) -> set[UUID]:
    """List which of these identifications are there, withdrawn or not."""
    cursor = await tx.execute("select id from identifications where id = any(%b)", (list(keys),))
    return {key for (key,) in await cursor.fetchall()}
