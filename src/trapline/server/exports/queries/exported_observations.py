"""Queries of the observations of an export, and of what people stated."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.review.queries.observation_rows import DETAILS
from trapline.server.review.queries.observation_sets import get_taxon_key, list_active_sets
from trapline.wire.identifications import IdentificationKind
from trapline.wire.observations import ObservationKind

STATED = frozenset(
    {IdentificationKind.CORRECT, IdentificationKind.BLANK, IdentificationKind.UNSURE}
)
"""Identifications of a sequence that an event has."""


@dataclass(frozen=True, slots=True)
class CurrentObservation:
    """A current observation."""

    image_id: UUID
    id: UUID
    annotation_id: UUID | None
    kind: str
    label: str | None
    taxon_id: UUID | None
    count: int | None
    sex: str | None
    life_stage: str | None
    behaviour: str | None
    individual_id: str | None
    human: bool
    confidence: float | None
    analysis_id: UUID | None
    identification_id: UUID | None
    identified_by: str | None
    identified_at: datetime | None
    needs_review: bool


@dataclass(frozen=True, slots=True)
class DrawnBox:
    """A box that a person drew, or the extent of a point or polygon, in upright pixels."""

    id: UUID
    image_id: UUID
    x_min: float
    y_min: float
    x_max: float
    y_max: float
    polygon: list[list[float]] | None
    at: datetime


@dataclass(frozen=True, slots=True)
class ExportedIdentification:
    """A statement of a person about an image, a box, or the sequence of the image."""

    id: UUID
    image_id: UUID
    annotation_id: UUID | None
    kind: str
    comment: str | None
    made_by: str
    at: datetime
    sequence_id: UUID | None
    taxa: Sequence[Mapping[str, Any]]
    """The stated taxa, as `label`, `taxon` and details."""


class ExportedRemark(NamedTuple):
    """A comment of a person that identifies nothing, about an image, its sequence or a box."""

    image_id: UUID
    annotation_id: UUID | None
    comment: str


@dataclass(frozen=True, slots=True)
class SequenceStatement:
    """The latest identification of the whole sequence of an image.

    `groups` have counts, unless the images of the statement are in several sequences now.
    """

    id: UUID
    sequence_id: UUID | None
    made_by: str
    at: datetime
    comment: str | None
    groups: Sequence[Mapping[str, Any]]


async def get_current_set(scope: Scope, tx: Transaction, project_id: int) -> int:
    """Return the set of observations that readers use; create it for a project without one."""
    query = "select observation_set_id from projects where id = %s"
    [found] = await (await tx.execute(query, (project_id,))).fetchone() or (None,)
    if found is None:
        await list_active_sets(scope, tx, project_id)
        [found] = await (await tx.execute(query, (project_id,))).fetchone() or (None,)
    return int(found or 0)


async def is_first_build(scope: Scope, tx: Transaction, project_id: int) -> bool:
    """Return whether the current set may be the copy of an index that an upgrade created."""
    cursor = await tx.execute(
        "select count(*) = 2 from observation_sets where project_id = %s "
        "and (state = 'building' or (state = 'current' and derived = 0))",
        (project_id,),
    )
    return await cursor.fetchone() == (True,)


async def list_underived_images(
    scope: Scope, tx: Transaction, set_id: int, images: Sequence[UUID]
) -> list[UUID]:
    """List those of these images that a set shows in lists, but without observations.

    The set that an upgrade creates is a copy of an earlier index. Observations follow in the first
    build.
    """
    cursor = await tx.execute(
        """
        select i.id from unnest(%b::uuid[]) as i (id) where not exists (
            select from observations o where o.image_id = i.id and o.set_id = %s
        ) and (
            exists (select from observed_classes c where c.image_id = i.id and c.set_id = %s)
            or exists (
                select from identifications d where d.image_id = i.id and d.withdrawn_at is null
                    and d.sequence_id is null and d.kind not in ('comment', 'unsure')
            )
        )
        """,
        (list(images), set_id, set_id),
    )
    return [key for (key,) in await cursor.fetchall()]


async def list_observations(
    scope: Scope, tx: Transaction, set_id: int, images: Sequence[UUID]
) -> list[CurrentObservation]:
    """List the observations of images in a set: boxes first, in a stable order."""
    cursor = await tx.execute(
        f"""
        select {", ".join(one.name for one in fields(CurrentObservation))} from observations
        where image_id = any(%b) and set_id = %s
        order by image_id, annotation_id is null, annotation_id, id
        """,  # noqa: S608 - made of constants
        (list(images), set_id),
    )
    return [CurrentObservation(*row) for row in await cursor.fetchall()]


async def list_drawn_boxes(
    scope: Scope, tx: Transaction, boxes: Collection[UUID]
) -> list[DrawnBox]:
    """List boxes that people drew, by their ids."""
    cursor = await tx.execute(
        "select id, image_id, x_min, y_min, x_max, y_max, polygon, created_at from human_boxes "
        "where id = any(%b)",
        (list(boxes),),
    )
    return [DrawnBox(*row) for row in await cursor.fetchall()]


async def list_identifications(
    scope: Scope, tx: Transaction, images: Sequence[UUID]
) -> list[ExportedIdentification]:
    """List the identifications of images that are not withdrawn."""
    cursor = await tx.execute(
        f"""
        select d.id, d.image_id, d.annotation_id, d.kind, d.comment, d.made_by, d.created_at,
            d.sequence_id, d.taxa, d.label, d.taxon_id, {", ".join(f"d.{one}" for one in DETAILS)}
        from identifications d
        where d.image_id = any(%b) and d.kind <> 'comment' and d.withdrawn_at is null
        """,  # noqa: S608 - made of constants
        (list(images),),
    )
    found = []
    for row in await cursor.fetchall():
        taxa, label, taxon, *details = row[8:]
        only = {"label": label, "taxon": taxon, **dict(zip(DETAILS, details, strict=True))}
        one, image, annotation, kind, comment, made_by, at, sequence = row[:8]
        found.append(
            ExportedIdentification(
                one, image, annotation, kind, comment, made_by, at, sequence, taxa or [only]
            )
        )
    return found


async def list_remarks(
    scope: Scope, tx: Transaction, images: Sequence[UUID]
) -> list[ExportedRemark]:
    """List the comments on images that identify nothing and are not withdrawn, in their order."""
    cursor = await tx.execute(
        """
        select image_id, annotation_id, comment from identifications
        where image_id = any(%b) and kind = 'comment' and withdrawn_at is null and comment <> ''
        order by image_id, created_at, id
        """,
        (list(images),),
    )
    return [ExportedRemark(*row) for row in await cursor.fetchall()]


async def find_stated_sequences(
    scope: Scope, tx: Transaction, set_id: int, said: Iterable[ExportedIdentification]
) -> dict[UUID, SequenceStatement]:
    """Return the latest identification of the whole sequence of each image that has one.

    If a person is unsure, an earlier identification that names or excludes something counts.
    """
    latest: dict[UUID, ExportedIdentification] = {}
    for one in said:
        if one.sequence_id is None or one.kind not in STATED:
            continue
        other = latest.get(one.image_id)
        if other is None or _get_weight(one) > _get_weight(other):
            latest[one.image_id] = one
    if not latest:
        return {}
    keys = {key for one in latest.values() for taxon in one.taxa for key in _list_keys(taxon)}
    meanings = await _list_meanings(tx, set_id, keys)
    divided = await _list_divided(tx, set_id, [one.id for one in latest.values()])
    return {
        image: SequenceStatement(
            one.id,
            one.sequence_id,
            one.made_by,
            one.at,
            one.comment,
            [_build_group(taxon, meanings, divided.get(one.id)) for taxon in one.taxa]
            if one.kind == IdentificationKind.CORRECT
            else [],
        )
        for image, one in latest.items()
    }


def _get_weight(one: ExportedIdentification) -> tuple[bool, datetime, UUID]:
    return one.kind != IdentificationKind.UNSURE, one.at, one.id


def _list_keys(taxon: Mapping[str, Any]) -> list[str]:
    keys = [get_taxon_key(taxon["taxon"])] if taxon.get("taxon") else []
    return [*keys, taxon["label"]] if taxon.get("label") else keys


async def _list_divided(
    tx: Transaction, set_id: int, identifications: Sequence[UUID]
) -> dict[UUID, set[UUID | str]]:
    """Find the statements whose images are in several sequences now, by split or by time.

    Return the taxa and labels of their observations, for each of the identifications.
    """
    cursor = await tx.execute(
        """
        with divided as (
            select d.statement_id from identifications d
            join images i on i.id = d.image_id and i.deleted_at is null
            where d.withdrawn_at is null and d.statement_id in (
                select statement_id from identifications
                where id = any(%(ids)b::uuid[]) and statement_id is not null
            )
            group by 1 having count(distinct i.sequence_id) > 1
        ), located as (
            select d.statement_id, array_agg(distinct o.taxon_id) as taxa,
                array_agg(distinct o.label) as labels
            from identifications d join observations o on o.image_id = d.image_id
                and o.set_id = %(set)s and o.identification_id = d.id and o.kind <> 'blank'
            where d.statement_id in (select statement_id from divided) group by 1
        )
        select d.id, l.taxa, l.labels from identifications d
        join divided s on s.statement_id = d.statement_id
        left join located l on l.statement_id = d.statement_id
        where d.id = any(%(ids)b::uuid[])
        """,
        {"ids": sorted(identifications), "set": set_id},
    )
    return {
        key: {one for one in (*(taxa or ()), *(labels or ())) if one is not None}
        for key, taxa, labels in await cursor.fetchall()
    }


def _build_group(
    taxon: Mapping[str, Any],
    meanings: Mapping[str, tuple[str, UUID | None]],
    located: Collection[UUID | str] | None,
) -> dict[str, Any]:
    """Build a group of a statement; `located` are the names on images of a divided one."""
    known = next((meanings[key] for key in _list_keys(taxon) if key in meanings), None)
    kind, taxon_id = known or (ObservationKind.UNKNOWN.value, None)
    details = {name: taxon.get(name) for name in DETAILS}
    label = taxon.get("label") or ""
    group = {"kind": kind, "taxon": taxon_id, "label": label, **details}
    if located is None:
        return group
    return {**group, "count": None, "is_located": taxon_id in located or label in located}


async def _list_meanings(
    tx: Transaction, set_id: int, keys: Collection[str]
) -> dict[str, tuple[str, UUID | None]]:
    cursor = await tx.execute(
        "select key, kind, taxon_id from name_meanings where set_id = %s and key = any(%s)",
        (set_id, list(keys)),
    )
    return {key: (kind, taxon_id) for key, kind, taxon_id in await cursor.fetchall()}
