"""Store the annotations of external pipelines in bulk, each exactly once."""

import asyncio
import mmap
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from trapline.server.external.actions.artifacts import (
    PNG,
    StoredUpload,
    list_uploads,
    record_upload,
)
from trapline.server.external.actions.callbacks import (
    SignatureUse,
    record_signature_use,
    require_open,
    require_standalone,
)
from trapline.server.external.formats.bulk_annotations import (
    ValidatedAnnotation,
    build_fingerprint,
    build_single_fingerprint,
    decode_annotations,
    reject_batch,
    validate_annotations,
)
from trapline.server.external.queries.artifacts import ArtifactRow, list_artifact_rows
from trapline.server.external.queries.posted_annotations import (
    NewPostedAnnotation,
    StoredAnnotation,
    count_annotations,
    create_annotations,
    delete_other_annotations,
    list_boxes,
    list_single_precision,
    list_stored_annotations,
)
from trapline.server.external.queries.standalone_analyses import get_analysis_row, record_contact
from trapline.server.findings.queries.analyses import AnalysisRow
from trapline.server.findings.queries.annotations import NewScores, create_scores
from trapline.server.findings.rules.annotation_data import NEEDS_FILE
from trapline.server.findings.rules.geometry import Frame
from trapline.server.images.actions.signed_urls import sign_file_urls
from trapline.server.images.queries.images import get_image_row
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.wire.annotations import AnnotationType
from trapline.wire.artifacts import ArtifactState
from trapline.wire.bulk_annotations import BulkMode

BOX = AnnotationType.BOUNDING_BOX.value
CLASSIFICATION = AnnotationType.CLASSIFICATION.value
CUSTOM = AnnotationType.CUSTOM.value
LARGE_BYTES = 1 << 20
SMALL_BYTES = 1 << 16
"""Larger bodies are parsed in a thread, to keep the event loop free."""


async def post_annotations(
    system: AppContext,
    scope: Scope,
    analysis_id: UUID,
    body: bytes | mmap.mmap,
    use: SignatureUse | None,
) -> dict[str, Any]:
    """Store annotations of a stand-alone analysis, all or none; stored ones are not changed.

    Return a StoredAnnotations as plain values, because encoding thousands of them is ten times as
    fast.

    Raises:
        InvalidRequest: the body is not a batch of annotations, or is too large.
        Unprocessable: annotations are not valid; the error lists every problem.
        NotFound: the caller does not see such an analysis.
        Forbidden: the caller may not change it.
        Conflict: the analysis has ended or belongs to a job.
    """
    async with system.database.transaction(scope) as tx:
        analysis = await get_analysis_row(scope, tx, analysis_id)
        require_standalone(analysis)
        image = await get_image_row(scope, tx, analysis.image_id)
    read = partial(_read, body, system.callbacks.bulk_annotations, Frame(image.width, image.height))
    if len(body) > LARGE_BYTES:
        async with system.large_bodies:
            checked, mode = await asyncio.to_thread(read)
    elif len(body) > SMALL_BYTES:
        checked, mode = await asyncio.to_thread(read)
    else:
        checked, mode = read()
    paths = {one.storage_path for one in checked if one.storage_path is not None}
    arrived = await list_uploads(system, scope, analysis_id, paths) if paths else {}
    async with system.database.transaction(scope) as tx:
        analysis = await get_analysis_row(scope, tx, analysis_id, lock=True)
        require_standalone(analysis)
        is_first = await record_signature_use(tx, analysis, use)
        if is_first:
            require_open(analysis)
        cited = (
            await _cite(scope, tx, analysis, checked, arrived if is_first else None)
            if paths
            else {}
        )
        boxes = await _find_boxes(scope, tx, analysis, checked)
        before = await count_annotations(scope, tx, analysis)
        find_earlier = partial(list_single_precision, scope, tx, analysis) if before else None
        prints = await _build_fingerprints(checked, boxes, find_earlier)
        if mode == BulkMode.REPLACE:
            _refuse_lost_parents(checked, boxes, set(prints))
            if is_first:
                before -= await delete_other_annotations(scope, tx, analysis, prints)
        present = await list_stored_annotations(scope, tx, analysis, prints) if before else {}
        now = await record_contact(tx, analysis) if is_first else analysis.updated_at
        new = _name_new(checked, prints, present, now) if is_first else []
        if is_first:
            tx.audit("annotate", "analysis", analysis_id, analysis.project_id, created=len(new))
        stored = _Stored(
            analysis_id, checked, prints, present, cited, sign_file_urls(system, paths)
        )
        # The response is encoded while the database stores the rows; each is a third of the work.
        answer, _ = await asyncio.gather(
            asyncio.to_thread(_encode_all, stored), _write_new(scope, tx, analysis, stored, new)
        )
    told, count = answer
    return {
        "annotations": told,
        "created": len(new),
        "unchanged": count - len(new),
        "total": before + len(new),
    }


@dataclass(frozen=True)
class _Stored:
    """The annotations of a request with their fingerprints, stored rows, files and URLs."""

    analysis_id: UUID
    checked: Sequence[ValidatedAnnotation]
    prints: Sequence[bytes]
    present: Mapping[bytes, StoredAnnotation]
    cited: Mapping[str, UUID]
    addresses: Mapping[str, str]


def _read(
    body: bytes | mmap.mmap, most: int, frame: Frame
) -> tuple[list[ValidatedAnnotation], BulkMode]:
    posted, mode = decode_annotations(body, most)
    return validate_annotations(posted, frame), mode


async def _cite(
    scope: Scope,
    tx: Transaction,
    analysis: AnalysisRow,
    checked: Sequence[ValidatedAnnotation],
    arrived: Mapping[str, StoredUpload] | None,
) -> dict[str, UUID]:
    """Cite the files that annotations name; return their IDs by path.

    `arrived` has the uploads in the store; it is None for a repeated request.

    Raises:
        Unprocessable: names each file that cannot be cited.
    """
    rows = {row.storage_path: row for row in await list_artifact_rows(scope, tx, analysis)}
    problems = []
    for place, one in enumerate(checked if arrived is not None else ()):
        if one.storage_path is None or arrived is None:
            continue
        fault = _find_fault(one, rows.get(one.storage_path), arrived.get(one.storage_path))
        if fault is not None:
            problems.append((f"annotations.{place}.storage_path", fault))
    if problems:
        raise reject_batch(problems)
    await tx.session.flush()
    return {path: row.id for path, row in rows.items()}


def _find_fault(
    one: ValidatedAnnotation, row: ArtifactRow | None, seen: StoredUpload | None
) -> str | None:
    """Cite one file, or return the reason why it cannot be cited."""
    if row is None:
        return "is not an artifact of this analysis"
    if one.kind in NEEDS_FILE and row.media_type != PNG:
        return f"is a {row.artifact_type}, and a {one.kind} requires a PNG image"
    if row.state == ArtifactState.CITED:
        return None
    if seen is None or not seen.is_of(row):
        return "was not uploaded yet"  # or it was presigned again since it was looked up
    if seen.file is None:
        return seen.fault
    record_upload(row, seen, ArtifactState.CITED)
    return None


async def _find_boxes(
    scope: Scope, tx: Transaction, analysis: AnalysisRow, checked: Sequence[ValidatedAnnotation]
) -> dict[UUID, bytes]:
    """Find the boxes that classifications name by ID.

    Raises:
        Unprocessable: lists each box that does not exist.
    """
    named = {one.parent for one in checked if isinstance(one.parent, UUID)}
    boxes = await list_boxes(scope, tx, analysis, named) if named else {}
    if problems := [
        (f"annotations.{place}.parent", "is not a box of this analysis")
        for place, one in enumerate(checked)
        if isinstance(one.parent, UUID) and one.parent not in boxes
    ]:
        raise reject_batch(problems)
    return boxes


def _refuse_lost_parents(
    checked: Sequence[ValidatedAnnotation], boxes: Mapping[UUID, bytes], prints: set[bytes]
) -> None:
    if problems := [
        (
            f"annotations.{place}.parent",
            "names a box that this request deletes; send the box too",
        )
        for place, one in enumerate(checked)
        if isinstance(one.parent, UUID) and boxes[one.parent] not in prints
    ]:
        raise reject_batch(problems)


async def _build_fingerprints(
    checked: Sequence[ValidatedAnnotation],
    boxes: Mapping[UUID, bytes],
    find_earlier: Callable[[Collection[bytes]], Awaitable[set[bytes]]] | None,
) -> list[bytes]:
    """Build the fingerprint of each annotation, or return the stored one of an earlier version.

    `find_earlier` selects the fingerprints that rows of earlier versions have; it is None for an
    analysis without annotations. The fingerprint of a classification depends on its box, so the
    boxes come first.
    """
    prints: dict[int, bytes] = {}
    for has_parent in (False, True):
        earlier: dict[int, bytes] = {}
        for place, one in enumerate(checked):
            if (one.parent is not None) is not has_parent:
                continue
            box = prints[one.parent] if isinstance(one.parent, int) else None
            if isinstance(one.parent, UUID):
                box = boxes[one.parent]
            prints[place] = build_fingerprint(one, box)
            if find_earlier and (single := build_single_fingerprint(one, box)):
                earlier[place] = single
        if find_earlier and earlier:
            stored = await find_earlier(set(earlier.values()))
            prints |= {place: single for place, single in earlier.items() if single in stored}
    return [prints[place] for place in range(len(checked))]


def _name_new(
    checked: Sequence[ValidatedAnnotation],
    prints: Sequence[bytes],
    present: dict[bytes, StoredAnnotation],
    now: datetime,
) -> list[int]:
    """Assign an ID to each new annotation and add it to `present`; return the positions."""
    # One UUIDv7 per request, its last five digits incremented: annotations are listed in the order
    # posted.
    block = uuid7().hex[:-5]
    told_block = str(UUID(f"{block}00000"))[:-5]
    new: list[int] = []
    for place in range(len(checked)):
        if prints[place] not in present:
            count = f"{place:05x}"
            present[prints[place]] = StoredAnnotation(
                bytes.fromhex(block + count), told_block + count, now
            )
            new.append(place)
    return new


async def _write_new(
    scope: Scope, tx: Transaction, analysis: AnalysisRow, stored: _Stored, new: Sequence[int]
) -> None:
    """Insert the annotations at these positions, with their score vectors."""
    if not new:
        return
    await create_annotations(scope, tx, analysis, (_row_of(stored, place) for place in new))
    vectors = [
        _encode_scores(analysis, stored.present[stored.prints[place]].id, *vectors)
        for place in new
        if (vectors := stored.checked[place].vectors) is not None
    ]
    await create_scores(scope, tx, vectors)


def _row_of(stored: _Stored, place: int) -> NewPostedAnnotation:
    one, print_, path = (
        stored.checked[place],
        stored.prints[place],
        stored.checked[place].storage_path,
    )
    return NewPostedAnnotation(
        stored.present[print_].id,
        print_,
        one.kind,
        one.class_name,
        one.confidence,
        one.encoded,
        path,
        None if path is None else stored.cited[path].bytes,
        None if one.parent is None else _id_of_parent(one.parent, stored.prints, stored.present),
        one.ordering,
    )


def _id_of_parent(
    parent: int | UUID, prints: Sequence[bytes], present: Mapping[bytes, StoredAnnotation]
) -> bytes:
    return parent.bytes if isinstance(parent, UUID) else present[prints[parent]].id


def _encode_scores(
    analysis: AnalysisRow, key: bytes, scores: list[float], logits: list[float] | None
) -> NewScores:
    from trapline.server.findings.rules.score_codec import ENCODING, encode_scores

    length = len(scores or logits or ())
    encoded = encode_scores(scores, logits)
    return NewScores(key, analysis.id, analysis.project_id, ENCODING, length, encoded)


def _encode_all(stored: _Stored) -> tuple[msgspec.Raw, int]:
    """Encode the stored annotations as a list of Annotation; return it and its length."""
    told = [
        _tell(stored, one, print_)
        for one, print_ in zip(stored.checked, stored.prints, strict=True)
        if print_ in stored.present
    ]
    return msgspec.Raw(msgspec.json.encode(told)), len(told)


OF_A_MODEL = {
    "source": "model",
    "stated": None,
    "author": None,
    "author_id": None,
    "supersedes": None,
    "version": None,
    "updated_at": None,
}
"""Fields that only the boxes of people have."""


def _tell(stored: _Stored, one: ValidatedAnnotation, print_: bytes) -> dict[str, Any]:
    found, path = stored.present[print_], one.storage_path
    parent = stored.present.get(stored.prints[one.parent]) if isinstance(one.parent, int) else None
    return {
        "id": found.told_id,
        "analysis_id": stored.analysis_id,
        "annotation_type": one.kind,
        "class_name": one.class_name,
        "confidence": one.confidence,
        "data": msgspec.Raw(one.encoded),
        "storage_path": path,
        "artifact_id": None if path is None else stored.cited[path],
        "download_url": None if path is None else stored.addresses[path],
        "parent_id": one.parent if isinstance(one.parent, UUID) else parent and parent.told_id,
        "ordering": one.ordering,
        "scaled": one.kind != CUSTOM and "scaled" in one.data,
        "algorithm": None,
        "created_at": found.created_at,
        "identification": None,
        **OF_A_MODEL,
    }
