"""Identifications: decisions of people on annotations and on whole images."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ColumnElement,
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
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.findings.queries.annotations import AnnotationRow
from trapline.server.images.queries.images import ImageRow
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Key, Row
from trapline.server.platform.errors import NotFound
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
            "ix_identifications_withdrawn",
            "project_id",
            "withdrawn_at",
            postgresql_where="withdrawn_at is not null",
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


class AnnotationLocation(NamedTuple):
    """The image and the analysis of an annotation, and whether the analysis is completed."""

    project_id: int
    image_id: UUID
    analysis_id: UUID
    is_completed: bool
    is_simulated: bool


async def list_annotation_locations(
    scope: Scope, tx: Transaction, annotations: Iterable[UUID]
) -> dict[UUID, AnnotationLocation]:
    """List the locations of these annotations; those that the caller does not see are left out."""
    cursor = await tx.execute(
        """
        select n.id, n.project_id, n.image_id, n.analysis_id, a.state = 'completed', a.simulated
        from annotations n join analyses a on a.id = n.analysis_id where n.id = any(%b)
        """,
        (list(annotations),),
    )
    return {
        key: AnnotationLocation(*place)
        for key, *place in await cursor.fetchall()
        if scope.sees(place[0])
    }


async def lock_images(scope: Scope, tx: Transaction, images: Iterable[UUID]) -> dict[UUID, int]:
    """Lock images in the order of their IDs and return the project of each.

    Images that are deleted, or that the caller does not see, are left out. Raises Forbidden.
    """
    cursor = await tx.execute(
        "select id, project_id from images where id = any(%b) and deleted_at is null"
        " order by id for no key update",
        (sorted(images),),
    )
    found = {key: project for key, project in await cursor.fetchall() if scope.sees(project)}
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


async def create_identification_rows(
    scope: Scope, tx: Transaction, rows: Sequence[IdentificationRow]
) -> None:
    """Create identifications of locked images, and update whether the images are reviewed."""
    tx.session.add_all(rows)
    await tx.session.flush()
    await _mark_reviewed(tx, {row.image_id for row in rows})


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
    await _mark_reviewed(tx, {row.image_id for row in rows})
    return rows


async def _mark_reviewed(tx: Transaction, images: Iterable[UUID]) -> None:
    await tx.execute(
        """
        update images i set reviewed = l.said from (
            select id, exists(
                select from identifications d
                where d.image_id = m.id and d.withdrawn_at is null and d.kind <> 'comment'
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
        (IdentificationRow.taxon_id, wanted.taxon_id),
    )
    statement = statement.where(*(column == value for column, value in equal if value is not None))
    if wanted.annotation_id is not None:
        # The condition on the image uses its index.
        of_image = (
            select(AnnotationRow.image_id)
            .where(AnnotationRow.id == wanted.annotation_id)
            .scalar_subquery()
        )
        statement = statement.where(IdentificationRow.image_id == of_image)
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


def build_reviewed_condition() -> ColumnElement[bool]:
    """Build the condition that an annotation has an effective identification.

    It is `rules.identifications.EffectiveIdentifications` in SQL.
    """
    counts = (
        IdentificationRow.image_id == AnnotationRow.image_id,
        IdentificationRow.withdrawn_at.is_(None),
        IdentificationRow.kind != Kind.COMMENT.value,
    )
    named = (IdentificationRow.annotation_id == AnnotationRow.id) | (
        IdentificationRow.annotation_id == AnnotationRow.parent_id
    )
    whole = (
        select(IdentificationRow.kind, IdentificationRow.analysis_id)
        .where(*counts, IdentificationRow.annotation_id.is_(None))
        .order_by(IdentificationRow.created_at.desc(), IdentificationRow.id.desc())
        .limit(1)
        .correlate(AnnotationRow)
        .subquery()
    )
    is_confirmed = (whole.c.kind == Kind.CONFIRM.value) & (
        whole.c.analysis_id == AnnotationRow.analysis_id
    )
    of_whole = select(whole.c.kind).where((whole.c.kind == Kind.BLANK.value) | is_confirmed)
    return exists().where(*counts, named) | of_whole.exists()
