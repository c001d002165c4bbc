"""Annotations of outside pipelines: posted in bulk, stored once whoever sends them how often."""

import asyncio
import mmap
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from trapline.server.actions.addresses import sign_files
from trapline.server.actions.artifacts import Seen, find_arrivals, note_seen
from trapline.server.actions.callbacks import Use, refuse_closed, take_effect
from trapline.server.db.analyses import AnalysisRow
from trapline.server.db.annotations import NewScores, write_scores
from trapline.server.db.artifacts import list_artifacts
from trapline.server.db.base import Transaction
from trapline.server.db.images import get_image
from trapline.server.db.posted import (
    NewPosted,
    Present,
    count_present,
    delete_others,
    list_boxes,
    list_present,
    write_posted,
)
from trapline.server.db.stand_alone import get_analysis, touch_analysis
from trapline.server.exchange.findings import SHORT_LIST
from trapline.server.exchange.posting import Checked, check_posted, decode_posted, fingerprint, refuse_all
from trapline.server.rules.access import Scope
from trapline.server.rules.geometry import Frame
from trapline.server.rules.score_codec import ENCODING, encode_scores
from trapline.server.system import System
from trapline.wire.annotations import AnnotationType
from trapline.wire.artifacts import ArtifactState
from trapline.wire.posting import PostMode

BOX = AnnotationType.BOUNDING_BOX.value
CLASSIFICATION = AnnotationType.CLASSIFICATION.value
LARGE_BYTES = 1 << 20
_COUNTED_BITS = (1 << 20) - 1


async def post_annotations(
    system: System, scope: Scope, analysis_id: UUID, body: bytes | mmap.mmap, use: Use | None
) -> dict[str, Any]:
    """Store annotations of a stand-alone analysis, all of them or none; those that are there already stay.

    Answers a StoredAnnotations, as plain values: thousands of them are told ten times as fast that way.
    Raises Invalid, Unprocessable with everything that is wrong, NotFound, Forbidden, Conflict.
    """
    if len(body) > LARGE_BYTES:
        async with system.large_bodies:
            posted, mode = await asyncio.to_thread(decode_posted, body, system.callbacks.bulk_annotations)
    else:
        posted, mode = decode_posted(body, system.callbacks.bulk_annotations)
    async with system.database.transaction(scope) as tx:
        analysis = await get_analysis(scope, tx, analysis_id)
        refuse_closed(analysis)
        image = await get_image(scope, tx, analysis.image_id)
    frame = Frame(image.width, image.height)
    is_large = len(body) > LARGE_BYTES
    checked = await asyncio.to_thread(check_posted, posted, frame) if is_large else check_posted(posted, frame)
    paths = {one.storage_path for one in checked if one.storage_path is not None}
    arrived = await find_arrivals(system, scope, analysis_id, paths) if paths else {}
    async with system.database.transaction(scope) as tx:
        analysis = await get_analysis(scope, tx, analysis_id, lock=True)
        refuse_closed(analysis)
        is_first = await take_effect(tx, use)
        cited = await _cite(scope, tx, analysis, checked, arrived) if paths else {}
        boxes = await _find_boxes(scope, tx, analysis, checked)
        prints = _name_all(checked, boxes)
        if mode == PostMode.REPLACE:
            _refuse_lost_parents(checked, boxes, set(prints))
            if is_first:
                await delete_others(scope, tx, analysis, prints)
        before = await count_present(scope, tx, analysis)
        present = await list_present(scope, tx, analysis, prints) if before else {}
        now = await touch_analysis(tx, analysis) if is_first else analysis.updated_at
        created = await _write_new(scope, tx, analysis, (checked, prints, cited), present, now) if is_first else 0
    addresses = sign_files(system, paths)
    told = [
        _tell(analysis_id, one, (present, prints), print_, cited, addresses)
        for one, print_ in zip(checked, prints, strict=True)
        if print_ in present
    ]
    return {
        "annotations": told,
        "created": created,
        "unchanged": len(told) - created,
        "total": before + created,
    }


async def _cite(
    scope: Scope, tx: Transaction, analysis: AnalysisRow, checked: Sequence[Checked], arrived: Mapping[str, Seen]
) -> dict[str, UUID]:
    """Cite the files that annotations name; answers their ids by path. Raises Unprocessable naming each fault."""
    rows = {row.storage_path: row for row in await list_artifacts(scope, tx, analysis)}
    problems = []
    for place, one in enumerate(checked):
        if one.storage_path is None:
            continue
        row = rows.get(one.storage_path)
        seen = arrived.get(one.storage_path, Seen())
        fault = "is no artifact of this analysis" if row is None else seen.fault
        if row is not None and fault is None and row.state != ArtifactState.CITED:
            if seen.file is None:
                fault = "was not uploaded yet"
            else:
                note_seen(row, seen, ArtifactState.CITED)
        if fault is not None:
            problems.append((f"annotations.{place}.storage_path", fault))
    if problems:
        raise refuse_all(problems)
    await tx.session.flush()
    return {path: row.id for path, row in rows.items()}


async def _find_boxes(
    scope: Scope, tx: Transaction, analysis: AnalysisRow, checked: Sequence[Checked]
) -> dict[UUID, bytes]:
    """Find the boxes that classifications name by their ids. Raises Unprocessable naming each that is not there."""
    named = {one.parent for one in checked if isinstance(one.parent, UUID)}
    boxes = await list_boxes(scope, tx, analysis, named) if named else {}
    if problems := [
        (f"annotations.{place}.parent", "is no box of this analysis")
        for place, one in enumerate(checked)
        if isinstance(one.parent, UUID) and one.parent not in boxes
    ]:
        raise refuse_all(problems)
    return boxes


def _refuse_lost_parents(checked: Sequence[Checked], boxes: Mapping[UUID, bytes], prints: set[bytes]) -> None:
    if problems := [
        (f"annotations.{place}.parent", "names a box that this request takes away; send the box along")
        for place, one in enumerate(checked)
        if isinstance(one.parent, UUID) and boxes[one.parent] not in prints
    ]:
        raise refuse_all(problems)


def _name_all(checked: Sequence[Checked], boxes: Mapping[UUID, bytes]) -> list[bytes]:
    """Name every annotation; a classification is named with its box, whichever way that was told."""
    prints: list[bytes | None] = [None if one.parent is not None else fingerprint(one, None) for one in checked]
    for place, one in enumerate(checked):
        if one.parent is not None:
            box = prints[one.parent] if isinstance(one.parent, int) else boxes[one.parent]
            prints[place] = fingerprint(one, box)
    return [print_ for print_ in prints if print_ is not None]


async def _write_new(
    scope: Scope,
    tx: Transaction,
    analysis: AnalysisRow,
    asked: tuple[Sequence[Checked], Sequence[bytes], Mapping[str, UUID]],
    present: dict[bytes, Present],
    now: datetime,
) -> int:
    """Write what is not there yet, and note it in `present`; answers how many were new."""
    checked, prints, cited = asked
    first = uuid7().int & ~_COUNTED_BITS
    new: list[int] = []
    for place, print_ in enumerate(prints):
        if print_ not in present:
            # One UUIDv7 for a request, its last bits counted up: they are read back in the order posted.
            present[print_] = Present(UUID(int=first + place), checked[place].kind, now)
            new.append(place)
    rows: list[NewPosted] = []
    vectors: list[NewScores] = []
    for place in new:
        one, key = checked[place], present[prints[place]].id
        if _is_long(one):
            vectors.append(_encode_scores(analysis, key, one.data))
        box = None if one.parent is None else _id_of_parent(one.parent, prints, present)
        rows.append(
            NewPosted(
                key.bytes,
                prints[place],
                one.kind,
                one.class_name,
                one.confidence,
                _without_vectors(one),
                one.storage_path,
                cited[one.storage_path].bytes if one.storage_path is not None else None,
                box,
                one.ordering,
            )
        )
    await write_posted(scope, tx, analysis, rows)
    await write_scores(scope, tx, vectors)
    return len(rows)


def _id_of_parent(parent: int | UUID, prints: Sequence[bytes], present: Mapping[bytes, Present]) -> bytes:
    return parent.bytes if isinstance(parent, UUID) else present[prints[parent]].id.bytes


def _is_long(one: Checked) -> bool:
    """Whether scores or logits over a long class list came along: they are kept apart, and told when asked for."""
    if one.kind != CLASSIFICATION:
        return False
    return max(len(one.data.get("scores") or ()), len(one.data.get("logits") or ())) > SHORT_LIST


def _without_vectors(one: Checked) -> dict[str, Any]:
    if not _is_long(one):
        return one.data
    return {name: value for name, value in one.data.items() if name not in ("scores", "logits")}


def _encode_scores(analysis: AnalysisRow, key: UUID, data: Mapping[str, Any]) -> NewScores:
    scores, logits = data.get("scores") or [], data.get("logits")
    return NewScores(
        key.bytes,
        analysis.id,
        analysis.project_id,
        ENCODING,
        len(scores or logits or ()),
        encode_scores(scores, logits),
    )


def _tell(
    analysis_id: UUID,
    one: Checked,
    stored: tuple[Mapping[bytes, Present], Sequence[bytes]],
    print_: bytes,
    cited: Mapping[str, UUID],
    addresses: Mapping[str, str],
) -> dict[str, Any]:
    """Tell a stored annotation as an Annotation is told."""
    present, prints = stored
    found, path = present[print_], one.storage_path
    parent = present.get(prints[one.parent]) if isinstance(one.parent, int) else None
    return {
        "id": found.id,
        "analysis_id": analysis_id,
        "annotation_type": one.kind,
        "class_name": one.class_name,
        "confidence": one.confidence,
        "data": _without_vectors(one),
        "storage_path": path,
        "artifact_id": None if path is None else cited[path],
        "download_url": None if path is None else addresses[path],
        "parent_id": one.parent if isinstance(one.parent, UUID) else parent and parent.id,
        "ordering": one.ordering,
        "scaled": one.kind != AnnotationType.CUSTOM and "scaled" in one.data,
        "algorithm": None,
        "created_at": found.created_at,
    }
