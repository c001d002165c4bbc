"""The tables of species palettes: which species are pinned to the keys of the review."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Moment, Row
from trapline.server.review.rules.palettes import NamedSpecies


class PaletteRow(Row):
    """A project whose palette was changed, and when."""

    __tablename__ = "palettes"

    project_id: Mapped[int] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True
    )
    updated_at: Mapped[Moment]


class PinnedKeyRow(Row):
    """A key with its species: a taxon of the project, or a label."""

    __tablename__ = "palette_keys"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "taxon_id"], ["taxa.project_id", "taxa.id"], ondelete="CASCADE"
        ),
        CheckConstraint("key between 1 and 9", name="key"),
        CheckConstraint("(taxon_id is null) <> (label is null)", name="species"),
    )

    project_id: Mapped[int] = mapped_column(
        ForeignKey("palettes.project_id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    taxon_id: Mapped[UUID | None]
    label: Mapped[str | None]


async def find_palette_time(scope: Scope, tx: Transaction, project_id: int) -> datetime | None:
    """Return when the palette of a project was changed; None if it never was."""
    scope.check(project_id)
    cursor = await tx.execute(
        "select updated_at from palettes where project_id = %s", (project_id,)
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def list_pinned(scope: Scope, tx: Transaction, project_id: int) -> dict[int, NamedSpecies]:
    """List the pinned species of a project by key, each by its accepted taxon."""
    scope.check(project_id)
    cursor = await tx.execute(
        """
        select k.key, coalesce(a.scientific_name, t.scientific_name, k.label),
            coalesce(a.id, t.id)
        from palette_keys k
        left join taxa t on t.project_id = k.project_id and t.id = k.taxon_id
        left join taxa a on a.project_id = t.project_id and a.id = t.accepted_id
        where k.project_id = %s order by k.key
        """,
        (project_id,),
    )
    return {key: NamedSpecies(name, taxon) for key, name, taxon in await cursor.fetchall()}


async def replace_pinned(
    scope: Scope,
    tx: Transaction,
    project_id: int,
    keys: Mapping[int, tuple[UUID | None, str | None]],
) -> None:
    """Store the pinned keys of a project, each with a taxon or a label, in place of all others."""
    scope.check(project_id)
    await tx.execute(
        "insert into palettes (project_id, updated_at) values (%s, clock_timestamp())"
        " on conflict (project_id) do update set updated_at = clock_timestamp()",
        (project_id,),
    )
    await tx.execute("delete from palette_keys where project_id = %s", (project_id,))
    await tx.execute(
        "insert into palette_keys (project_id, key, taxon_id, label)"
        " select %s, * from unnest(%s::smallint[], %s::uuid[], %s::text[])",
        (
            project_id,
            list(keys),
            [taxon for taxon, _ in keys.values()],
            [label for _, label in keys.values()],
        ),
    )


async def list_named_taxa(
    scope: Scope, tx: Transaction, project_id: int, keys: Collection[str], ids: Collection[UUID]
) -> tuple[dict[str, UUID], dict[UUID, dict[str, Any]]]:
    """List accepted taxa with these name keys or IDs: their IDs, and their common names."""
    scope.check(project_id)
    cursor = await tx.execute(
        """
        select name_key, id, common_names from taxa
        where project_id = %(project)s and accepted_id is null
            and (name_key = any(%(keys)s) or id = any(%(ids)s))
        """,
        {"project": project_id, "keys": list(keys), "ids": list(ids)},
    )
    rows = await cursor.fetchall()
    return {key: taxon for key, taxon, _ in rows}, {taxon: names for _, taxon, names in rows}
