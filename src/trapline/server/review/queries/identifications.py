"""Identifications: decisions of people on annotations and on whole images."""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Select,
    Uuid,
    any_,
    exists,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from trapline.server.findings.queries.annotations import AnnotationRow, to_jsonb
from trapline.server.images.queries.images import ImageRow
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Key, Row
from trapline.server.platform.errors import NotFound
from trapline.server.review.queries.human_boxes import HumanBoxRow
from trapline.server.review.queries.taxa import TaxonRow
from trapline.server.review.rules.filters import IdentificationFilter
from trapline.wire.identifications import IdentificationKind as Kind

IDS = ARRAY(Uuid)


class IdentificationRow(Row):
    """A decision of a person; it is never changed, only withdrawn.

    `annotation_id` has no foreign key, because the check would require another index over all
    annotations. An annotation of a completed analysis is deleted only with its image.
    """

    __tablename__ = "identifications"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "image_id"], ["images.project_id", "images.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["project_id", "taxon_id"], ["taxa.project_id", "taxa.id"]),
        CheckConstraint(
            "kind in ('confirm', 'correct', 'blank', 'unsure', 'comment')", name="kind"
        ),
        CheckConstraint("(kind = 'correct') = (label is not null)", name="label"),
        CheckConstraint("taxon_id is null or label is not null", name="taxon"),
        Index("ix_identifications_image", "image_id", "created_at", "id"),
        Index("ix_identifications_project_time", "project_id", "created_at", "id"),
        Index(
            "ix_identifications_taxon",
            "project_id",
            "taxon_id",
            postgresql_where="taxon_id is not null",
        ),
        Index(
            "ix_identifications_taxa",
            "taxa",
            postgresql_using="gin",
            postgresql_ops={"taxa": "jsonb_path_ops"},
            postgresql_where="taxa is not null",
        ),
        Index(
            "ix_identifications_comment",
            "project_id",
            "image_id",
            postgresql_where="comment is not null and withdrawn_at is null",
        ),
        Index(
            "ix_identifications_withdrawn",
            "project_id",
            "withdrawn_at",
            postgresql_where="withdrawn_at is not null",
        ),
        Index(
            "ix_identifications_statement",
            "statement_id",
            postgresql_where="statement_id is not null",
        ),
        Index(
            "ix_identifications_bulk",
            "bulk_id",
            "id",
            postgresql_where="bulk_id is not null and withdrawn_at is null",
        ),
    )

    id: Mapped[Key]
    project_id: Mapped[int]
    image_id: Mapped[UUID]
    annotation_id: Mapped[UUID | None]
    analysis_id: Mapped[UUID | None]
    kind: Mapped[str]
    taxon_id: Mapped[UUID | None]
    label: Mapped[str | None]
    comment: Mapped[str | None]
    count: Mapped[int | None]
    sex: Mapped[str | None]
    life_stage: Mapped[str | None]
    behaviour: Mapped[str | None]
    made_by: Mapped[str]
    # Not the start of the transaction, which may wait for others on the same image: the latest
    # identification is the effective one.
    created_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None]
    taxa: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))
    """All taxa that it names with their details, where they are more than one."""
    confirmed: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))
    """The observations that a confirmation confirmed."""
    individual_id: Mapped[str | None]
    sequence_id: Mapped[UUID | None]
    """The sequence that it was made for."""
    statement_id: Mapped[UUID | None]
    """The ID that all rows of one statement about a sequence share."""
    applies_to_all: Mapped[bool] = mapped_column(default=False, server_default="false")
    role: Mapped[str | None]
    """The role of its author at that time."""
    bulk_id: Mapped[UUID | None]
    """The bulk identification that it belongs to."""


_INSERTED = [
    column.name for column in IdentificationRow.__table__.columns if column.name != "created_at"
]
_INSERT = f"""
    insert into identifications ({", ".join(_INSERTED)}, created_at)
    select {", ".join(_INSERTED)}, least(created_at, clock_timestamp())
    from jsonb_populate_recordset(null::identifications, %s) returning id, created_at
"""  # noqa: S608 - made of constants


class AnnotationLocation(NamedTuple):
    """The image and the analysis of an annotation, and whether the analysis is completed.

    A box of a person has no analysis.
    """

    project_id: int
    image_id: UUID
    analysis_id: UUID | None
    is_completed: bool
    is_simulated: bool


async def list_annotation_locations(
    scope: Scope, tx: Transaction, annotations: Iterable[UUID]
) -> dict[UUID, AnnotationLocation]:
    """List the locations of these annotations; those that the caller does not see are left out."""
    cursor = await tx.execute(
        """
        select n.id, n.project_id, n.image_id, n.analysis_id, a.state = 'completed', a.simulated
        from annotations n join analyses a on a.id = n.analysis_id where n.id = any(%(keys)b)
        union all
        select b.id, b.project_id, b.image_id, null, true, false
        from human_boxes b where b.id = any(%(keys)b) and b.withdrawn_at is null
        """,
        {"keys": list(annotations)},
    )
    return {
        key: AnnotationLocation(*place)
        for key, *place in await cursor.fetchall()
        if scope.sees(place[0])
    }


async def list_sequence_images(
    scope: Scope, tx: Transaction, sequences: Iterable[UUID], limit: int
) -> dict[UUID, list[UUID]]:
    """List the images of these sequences by capture time, at most `limit` of all of them.

    Images in the trash, and sequences that the caller does not see, are left out.
    """
    keys = list(sequences)
    if not keys:
        return {}
    cursor = await tx.execute(
        """
        select sequence_id, id from images where sequence_id = any(%(keys)b)
            and deleted_at is null
            and (%(projects)s::bigint[] is null or project_id = any(%(projects)s))
        order by sequence_id, captured_at, id limit %(limit)s
        """,
        {"keys": keys, "projects": scope.project_ids(), "limit": limit},
    )
    found: dict[UUID, list[UUID]] = {}
    for sequence_id, image_id in await cursor.fetchall():
        found.setdefault(sequence_id, []).append(image_id)
    return found


async def lock_image_rows(scope: Scope, tx: Transaction, images: Iterable[UUID]) -> None:
    """Lock images in the order of their IDs, those in the trash included."""
    await tx.execute(
        "select 1 from images where id = any(%b) order by id for no key update", (sorted(images),)
    )


async def lock_images(scope: Scope, tx: Transaction, images: Iterable[UUID]) -> dict[UUID, int]:
    """Lock images in the order of their IDs and return the project of each.

    Images that are deleted, or that the caller does not see, are left out. Raises Forbidden.
    """
    cursor = await tx.execute(
        """
        select id, project_id from images where id = any(%(images)b) and deleted_at is null
            and (%(projects)s::bigint[] is null or project_id = any(%(projects)s))
        order by id for no key update
        """,
        {"images": sorted(images), "projects": scope.project_ids()},
    )
    found: dict[UUID, int] = dict(await cursor.fetchall())
    for project in set(found.values()):
        scope.check(project)
    return found


async def list_taxon_names(
    scope: Scope, tx: Transaction, taxa: Iterable[UUID]
) -> dict[UUID, tuple[int, str]]:
    """List the project and the scientific name of these taxa, if the caller sees them."""
    statement = select(TaxonRow.id, TaxonRow.project_id, TaxonRow.scientific_name).where(
        TaxonRow.id.in_(set(taxa))
    )
    found = (await tx.session.execute(statement)).all()
    return {key: (project, name) for key, project, name in found if scope.sees(project)}


async def is_taxon_in_lists(scope: Scope, tx: Transaction, taxon_id: UUID) -> bool:
    """Whether an identification with several taxa names this taxon."""
    cursor = await tx.execute(
        "select exists (select from identifications where taxa @> %s::jsonb)",
        (json.dumps([{"taxon": str(taxon_id)}]),),
    )
    [(found,)] = await cursor.fetchall()
    return bool(found)


async def create_identification_rows(
    scope: Scope, tx: Transaction, rows: Sequence[IdentificationRow]
) -> None:
    """Create identifications of locked images, and update whether the images are reviewed.

    A given `created_at` in the future is replaced by the present time.
    """
    # One parameter: a statement with a parameter for each value took longer to build than to run.
    for row in rows:
        row.id = row.id or uuid7()
        row.applies_to_all = bool(row.applies_to_all)
    values = [{name: getattr(row, name) for name in (*_INSERTED, "created_at")} for row in rows]
    cursor = await tx.execute(_INSERT, (to_jsonb(values),))
    created: dict[UUID, datetime] = dict(await cursor.fetchall())
    for row in rows:
        row.created_at = created[row.id]
    await mark_reviewed(tx, {row.image_id for row in rows})


async def withdraw_identification_rows(
    scope: Scope, tx: Transaction, keys: Sequence[UUID], actor: str
) -> list[IdentificationRow]:
    """Withdraw identifications of locked images; return those that were not withdrawn before."""
    held = select(IdentificationRow).where(
        IdentificationRow.id.in_(keys), IdentificationRow.withdrawn_at.is_(None)
    )
    rows = list((await tx.session.scalars(held.order_by(IdentificationRow.id))).all())
    for row in rows:
        row.withdrawn_at, row.withdrawn_by = func.clock_timestamp(), actor
    await tx.session.flush()
    await mark_reviewed(tx, {row.image_id for row in rows})
    return rows


async def mark_reviewed(tx: Transaction, images: Iterable[UUID]) -> None:
    """Update whether locked images are reviewed: identified, or with a box of a person."""
    await tx.execute(
        """
        update images i set reviewed = l.said from (
            select id, exists(
                select from identifications d
                where d.image_id = m.id and d.withdrawn_at is null and d.kind <> 'comment'
            ) or exists(
                select from human_boxes b where b.image_id = m.id and b.withdrawn_at is null
            ) as said from images m where id = any(%b)
        ) l where i.id = l.id and i.reviewed <> l.said
        """,
        (sorted(images),),
    )


def select_identifications(
    scope: Scope, project_id: int | None, wanted: IdentificationFilter
) -> Select[IdentificationRow]:
    """Select the identifications of images that the caller sees, of one project or of all."""
    shown = exists().where(ImageRow.id == IdentificationRow.image_id, ImageRow.deleted_at.is_(None))
    statement = select(IdentificationRow).where(shown)
    if project_id is not None:
        scope.check(project_id)
        statement = statement.where(IdentificationRow.project_id == project_id)
    elif (ids := scope.project_ids()) is not None:
        statement = statement.where(IdentificationRow.project_id.in_(ids))
    equal = (
        (IdentificationRow.image_id, wanted.image_id),
        (IdentificationRow.annotation_id, wanted.annotation_id),
        (IdentificationRow.kind, wanted.kind),
        (IdentificationRow.made_by, wanted.made_by),
    )
    statement = statement.where(*(column == value for column, value in equal if value is not None))
    if wanted.taxon_id is not None:
        statement = statement.where(
            (IdentificationRow.taxon_id == wanted.taxon_id)
            | IdentificationRow.taxa.contains([{"taxon": str(wanted.taxon_id)}])
        )
    if wanted.annotation_id is not None:
        # The condition on the image uses its index.
        of_images = [
            select(row.image_id).where(row.id == wanted.annotation_id).scalar_subquery()
            for row in (AnnotationRow, HumanBoxRow)
        ]
        statement = statement.where(IdentificationRow.image_id == func.coalesce(*of_images))
    if wanted.withdrawn is not None:
        is_held = IdentificationRow.withdrawn_at.is_(None)
        statement = statement.where(~is_held if wanted.withdrawn else is_held)
    if wanted.created_after is not None:
        statement = statement.where(IdentificationRow.created_at >= wanted.created_after)
    if wanted.created_before is not None:
        statement = statement.where(IdentificationRow.created_at < wanted.created_before)
    return statement


async def list_by_id(
    scope: Scope, tx: Transaction, keys: Sequence[UUID]
) -> list[IdentificationRow]:
    """List these identifications.

    Raises NotFound if one is missing or its image is deleted, and Forbidden.
    """
    statement = select_identifications(scope, None, IdentificationFilter()).where(
        IdentificationRow.id.in_(keys)
    )
    rows = list((await tx.session.scalars(statement)).all())
    if len(rows) < len(set(keys)):
        raise NotFound("At least one of these identifications does not exist. Nothing was changed.")
    for project in {row.project_id for row in rows}:
        scope.check(project)
    return rows


async def list_statements(
    scope: Scope, tx: Transaction, keys: Sequence[UUID]
) -> list[IdentificationRow]:
    """List these identifications, and the others of their statements about sequences.

    Raises NotFound if one is missing or its image is deleted, and Forbidden.
    """
    rows = await list_by_id(scope, tx, keys)
    statements = {row.statement_id for row in rows if row.statement_id is not None}
    if not statements:
        return rows
    others = select(IdentificationRow).where(
        IdentificationRow.statement_id.in_(statements), IdentificationRow.id.not_in(keys)
    )
    return [*rows, *(await tx.session.scalars(others)).all()]


async def list_active_identifications(
    scope: Scope, tx: Transaction, images: Collection[UUID], annotations: Collection[UUID] | None
) -> list[IdentificationRow]:
    """List the active identifications of these images and of these annotations on them.

    Active ones are not withdrawn and not comments. Without `annotations`, those of all annotations
    are listed.
    """
    # Arrays, because an analysis can have more annotations than a statement can have parameters.
    statement = select(IdentificationRow).where(
        IdentificationRow.image_id == any_(literal(list(images), IDS)),
        IdentificationRow.withdrawn_at.is_(None),
        IdentificationRow.kind != Kind.COMMENT.value,
    )
    if annotations is not None:
        of_image = IdentificationRow.annotation_id.is_(None)
        statement = statement.where(
            of_image | (IdentificationRow.annotation_id == any_(literal(list(annotations), IDS)))
        )
    return list((await tx.session.scalars(statement)).all())
