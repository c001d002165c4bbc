"""The tables of sensitive taxa, and of the images that showed one of them.

A trigger records sightings. The function `list_sensitive_deployments` applies the rules to them.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.images.queries.locations import get_audience
from trapline.server.images.rules.locations import VISITOR
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Row
from trapline.server.platform.errors import Forbidden
from trapline.server.review.queries.taxa import TaxonRow

PRESENT = """
    with present as materialized (
        select c.set_id, c.image_id, c.deployment_id, c.class_name from observation_sets o
        join observed_classes c on c.set_id = o.id and c.image_id = any(%(images)b)
        where o.project_id = %(project)s and o.state <> 'retired'
    ), covered as materialized (
        select u.set_id, n.name, n.taxon_id from (
            select set_id, array_agg(distinct class_name) as names from present group by 1
        ) u cross join lateral list_sensitive_names(%(project)s, u.set_id, u.names) n
    )
"""
"""The names that images show now in all sets, and the names of sensitive taxa among them."""


class SensitiveTaxonRow(Row):
    """A sensitive taxon of a project, with the precision of locations by role (`Precision`).

    Until `is_recorded`, it restricts all deployments of the project, because the images up to
    `recorded_to` alone were searched for observations of it.
    """

    __tablename__ = "sensitive_taxa"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "taxon_id"], ["taxa.project_id", "taxa.id"]),
        CheckConstraint(
            "visitor between viewer and 3 and viewer >= reviewer and reviewer >= manager"
            " and manager >= 0",
            name="levels",
        ),
    )

    project_id: Mapped[int] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True
    )
    taxon_id: Mapped[UUID] = mapped_column(primary_key=True)
    visitor: Mapped[int] = mapped_column(SmallInteger)
    viewer: Mapped[int] = mapped_column(SmallInteger)
    reviewer: Mapped[int] = mapped_column(SmallInteger)
    manager: Mapped[int] = mapped_column(SmallInteger)
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=text("clock_timestamp()")
    )
    is_recorded: Mapped[bool] = mapped_column(server_default="false")
    recorded_to: Mapped[UUID | None]


class SensitiveSightingRow(Row):
    """An image that showed a sensitive taxon at a deployment.

    It remains when the observation is changed, or the image deleted, until someone who sees the
    place exactly says what the whole image shows.
    """

    __tablename__ = "sensitive_sightings"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "taxon_id"],
            ["sensitive_taxa.project_id", "sensitive_taxa.taxon_id"],
            ondelete="CASCADE",
        ),
        Index("ix_sensitive_sightings_taxon", "project_id", "taxon_id"),
        Index("ix_sensitive_sightings_image", "image_id"),
    )

    deployment_id: Mapped[UUID] = mapped_column(
        ForeignKey("deployments.id", ondelete="CASCADE"), primary_key=True
    )
    taxon_id: Mapped[UUID] = mapped_column(primary_key=True)
    image_id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[int]


async def list_sensitive_taxa(
    scope: Scope, tx: Transaction, project_id: int
) -> list[tuple[SensitiveTaxonRow, str]]:
    """List the sensitive taxa of a project with their scientific names, by name."""
    scope.check(project_id)
    statement = (
        select(SensitiveTaxonRow, TaxonRow.scientific_name)
        .join(TaxonRow, TaxonRow.id == SensitiveTaxonRow.taxon_id)
        .where(SensitiveTaxonRow.project_id == project_id)
        .order_by(TaxonRow.scientific_name, TaxonRow.id)
        .execution_options(populate_existing=True)
    )
    return [(row, name) for row, name in (await tx.session.execute(statement)).all()]


async def upsert_sensitive_taxon(
    scope: Scope, tx: Transaction, project_id: int, taxon_id: UUID, levels: Mapping[str, int]
) -> None:
    """Create or update the rule of a taxon. Observations that are stored later follow it."""
    await _lock_rules(scope, tx, project_id)
    values: dict[str, Any] = {**levels, "updated_at": func.clock_timestamp()}
    await tx.session.execute(
        insert(SensitiveTaxonRow)
        .values(project_id=project_id, taxon_id=taxon_id, **values)
        .on_conflict_do_update(index_elements=["project_id", "taxon_id"], set_=values)
    )


async def _lock_rules(scope: Scope, tx: Transaction, project_id: int) -> None:
    """Wait for transactions that store observations of a project, and hold up further ones."""
    scope.check(project_id)
    await tx.execute(
        "select pg_advisory_xact_lock(hashtextextended('sensitive taxa', %s))", (project_id,)
    )


async def remove_sensitive_taxon(
    scope: Scope, tx: Transaction, project_id: int, taxon_id: UUID
) -> bool:
    """Delete the rule of a taxon; return whether there was one.

    Observations that are stored at the same time must not refer to the deleted rule.
    """
    await _lock_rules(scope, tx, project_id)
    cursor = await tx.execute(
        "delete from sensitive_taxa where project_id = %s and taxon_id = %s returning 1",
        (project_id, taxon_id),
    )
    return await cursor.fetchone() is not None


async def lift_sightings(
    scope: Scope, tx: Transaction, project_id: int, images: Collection[UUID]
) -> None:
    """Delete the sightings in images about which the caller said what they show.

    Only the sightings of taxa whose locations the caller sees exactly; what is still observed in
    an image remains.
    """
    exact = _get_exact_condition(scope, project_id)
    if not images or exact is None:
        return
    await tx.execute(
        f"""
        {PRESENT}
        delete from sensitive_sightings g using sensitive_taxa s
        where g.image_id = any(%(images)b) and g.project_id = %(project)s
            and s.project_id = g.project_id and s.taxon_id = g.taxon_id and {exact}
            and not exists (
                select from present p
                join covered c on c.set_id = p.set_id and c.name = p.class_name
                where p.image_id = g.image_id and c.taxon_id = g.taxon_id)
        """,  # noqa: S608 - made of constants
        {"images": sorted(images), "project": project_id},
    )


async def require_exact_rules(scope: Scope, tx: Transaction, project_id: int) -> None:
    """Require that no sensitive taxon limits the caller, before names or thresholds change.

    They decide which observations there are, and with them which locations are exact.

    Raises:
        Forbidden: a location is withheld from the caller's role.
    """
    exact = _get_exact_condition(scope, project_id) or "false"
    query = f"""
        select exists (select from sensitive_taxa s where s.project_id = %s and not {exact})
    """  # noqa: S608 - made of constants
    cursor = await tx.execute(query, (project_id,))
    if await cursor.fetchone() == (True,):
        raise Forbidden(
            "Taxa, labels, the settings of observations and what pipelines look for decide which "
            "locations of sensitive taxa are withheld from your role in this project. Nothing was "
            "changed. An owner of the project can change them."
        )


def _get_exact_condition(scope: Scope, project_id: int) -> str | None:
    """Return the condition of the rules that show the caller exact locations; None for visitors."""
    audience = get_audience(scope, project_id)
    if audience is None:
        return "true"
    return None if audience == VISITOR else f"s.{audience} = 0"
