"""Taxa of a project, their synonyms, and the labels of models that are mapped to them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Select,
    UniqueConstraint,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Key, Now, Row
from trapline.server.platform.errors import NotFound
from trapline.server.review.rules.taxon_names import FIELDS, KnownTaxon, build_search_text, name_key

AT_ONCE = 2000


class TaxonRow(Row):
    """A taxon of a project; a synonym refers to its accepted taxon, of the same project.

    `name_key` is the normalised name, which is unique. `searched` has all names of the taxon in the
    form that searches compare.
    """

    __tablename__ = "taxa"
    __table_args__ = (
        UniqueConstraint("project_id", "id"),
        UniqueConstraint("project_id", "name_key"),
        UniqueConstraint("project_id", "gbif_key"),
        ForeignKeyConstraint(["project_id", "accepted_id"], ["taxa.project_id", "taxa.id"]),
        CheckConstraint("accepted_id <> id", name="accepted"),
        Index(
            "ix_taxa_accepted",
            "project_id",
            "accepted_id",
            postgresql_where="accepted_id is not null",
        ),
    )

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    scientific_name: Mapped[str]
    name_key: Mapped[str]
    authorship: Mapped[str] = mapped_column(default="")
    rank: Mapped[str] = mapped_column(default="")
    higher_ranks: Mapped[dict[str, Any]] = mapped_column(default=dict)
    common_names: Mapped[dict[str, Any]] = mapped_column(default=dict)
    gbif_key: Mapped[int | None]
    external_id: Mapped[str] = mapped_column(default="")
    accepted_id: Mapped[UUID | None]
    searched: Mapped[str]
    created_at: Mapped[Now]
    updated_at: Mapped[Now]


class TaxonLabelRow(Row):
    """A label of models with the taxon that it is mapped to."""

    __tablename__ = "taxon_labels"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "taxon_id"], ["taxa.project_id", "taxa.id"]),
        Index("ix_taxon_labels_taxon", "project_id", "taxon_id"),
    )

    project_id: Mapped[int] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True
    )
    label: Mapped[str] = mapped_column(primary_key=True)
    taxon_id: Mapped[UUID]


class TaxonRelations(NamedTuple):
    """Accepted names by the ID of the accepted taxon, and synonyms and labels by taxon."""

    accepted: dict[UUID, str]
    synonyms: dict[UUID, list[str]]
    labels: dict[UUID, list[str]]


async def lock_taxa(scope: Scope, tx: Transaction, project_id: int) -> None:
    """Lock the taxa of a project until the transaction ends, because synonyms depend on others."""
    scope.check(project_id)
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('taxa', %s))", (project_id,))


async def get_taxon_row(scope: Scope, tx: Transaction, taxon_id: UUID) -> TaxonRow:
    """Get a taxon that the scope permits. Raises NotFound, Forbidden."""
    row = await tx.session.get(TaxonRow, taxon_id, populate_existing=True)
    if row is None or not scope.sees(row.project_id):
        raise NotFound
    scope.check(row.project_id)
    return row


def select_taxa(
    scope: Scope,
    project_id: int | None,
    search: str | None,
    rank: str | None,
    *,
    accepted: bool | None,
) -> Select[TaxonRow]:
    """Select the taxa that the caller sees; a search includes all names and those of synonyms."""
    statement = select(TaxonRow)
    if project_id is not None:
        scope.check(project_id)
        statement = statement.where(TaxonRow.project_id == project_id)
    elif (ids := scope.project_ids()) is not None:
        statement = statement.where(TaxonRow.project_id.in_(ids))
    if rank is not None:
        statement = statement.where(TaxonRow.rank == rank.lower())
    if accepted is not None:
        statement = statement.where(
            TaxonRow.accepted_id.is_(None) if accepted else TaxonRow.accepted_id.is_not(None)
        )
    if search is not None and (key := name_key(search)):
        found = func.strpos(TaxonRow.searched, key) > 0
        synonyms = select(TaxonRow.accepted_id).where(TaxonRow.accepted_id.is_not(None), found)
        if project_id is not None:
            synonyms = synonyms.where(TaxonRow.project_id == project_id)
        statement = statement.where(or_(found, TaxonRow.id.in_(synonyms)))
    return statement


async def list_relations(scope: Scope, tx: Transaction, rows: Sequence[TaxonRow]) -> TaxonRelations:
    """List the accepted names, synonyms and labels of these taxa."""
    ids = [row.id for row in rows]
    accepted = select(TaxonRow.id, TaxonRow.scientific_name).where(
        TaxonRow.id.in_({row.accepted_id for row in rows if row.accepted_id is not None})
    )
    synonyms = (
        select(TaxonRow.accepted_id, TaxonRow.scientific_name)
        .where(
            TaxonRow.project_id.in_({row.project_id for row in rows}), TaxonRow.accepted_id.in_(ids)
        )
        .order_by(TaxonRow.name_key)
    )
    labels = (
        select(TaxonLabelRow.taxon_id, TaxonLabelRow.label)
        .where(
            TaxonLabelRow.project_id.in_({row.project_id for row in rows}),
            TaxonLabelRow.taxon_id.in_(ids),
        )
        .order_by(TaxonLabelRow.label)
    )
    relations = TaxonRelations(
        {key: name for key, name in (await tx.session.execute(accepted)).all()}, {}, {}
    )
    for statement, lists in ((synonyms, relations.synonyms), (labels, relations.labels)):
        for key, name in (await tx.session.execute(statement)).all():
            if key is not None:
                lists.setdefault(key, []).append(name)
    return relations


async def list_known_taxa(
    scope: Scope,
    tx: Transaction,
    project_id: int,
    names: Collection[str],
    gbif_keys: Collection[int],
) -> dict[str, KnownTaxon]:
    """List the taxa with these name keys or GBIF keys, and their accepted taxa, by name key."""
    scope.check(project_id)
    columns = ", ".join(f"t.{name}" for name in FIELDS)
    query = f"""
        with named as (
            select * from taxa where project_id = %(project)s and name_key = any(%(names)s)
            union select * from taxa where project_id = %(project)s and gbif_key = any(%(keys)s)
        )
        select t.id, t.name_key, a.name_key, {columns} from (
            select * from named union
            select * from taxa where project_id = %(project)s and id in
                (select accepted_id from named)
        ) t left join taxa a on a.project_id = t.project_id and a.id = t.accepted_id
        """  # noqa: S608 - the columns are ours
    known: dict[str, KnownTaxon] = {}
    # In batches, so that other requests are not delayed while the rows are read.
    of_names, of_keys = list(names), list(gbif_keys)
    for first in range(0, max(len(of_names), len(of_keys)), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        cursor = await tx.execute(
            query, {"project": project_id, "names": of_names[part], "keys": of_keys[part]}
        )
        for taxon_id, key, accepted, *values in await cursor.fetchall():
            known[key] = KnownTaxon(taxon_id, dict(zip(FIELDS, values, strict=True)), accepted)
    return known


async def upsert_taxa(
    scope: Scope,
    tx: Transaction,
    project_id: int,
    taxa: Mapping[UUID, tuple[dict[str, Any], UUID | None]],
) -> None:
    """Create or update taxa by ID, each with the ID of its accepted taxon."""
    scope.check(project_id)
    # Taxa of the list can exchange their unique GBIF keys.
    await tx.execute(
        "update taxa t set gbif_key = null from unnest(%s::uuid[], %s::bigint[]) as g(id, gbif_key)"
        " where t.id = g.id and t.gbif_key <> g.gbif_key",
        (list(taxa), [values["gbif_key"] for values, _ in taxa.values()]),
    )
    names = ", ".join(("name_key", "searched", *FIELDS))
    changes = ", ".join(f"{name} = excluded.{name}" for name in ("name_key", "searched", *FIELDS))
    listed = list(taxa.items())
    for first in range(0, len(listed), AT_ONCE):
        rows = [
            {
                "id": str(taxon_id),
                "project_id": project_id,
                "name_key": name_key(values["scientific_name"]),
                "searched": build_search_text(values["scientific_name"], values["common_names"]),
                **values,
            }
            for taxon_id, (values, _) in listed[first : first + AT_ONCE]
        ]
        await tx.execute(
            f"insert into taxa (id, project_id, {names})"  # noqa: S608 - columns of ours
            f" select id, project_id, {names}"
            " from jsonb_populate_recordset(null::taxa, %s::jsonb)"
            f" on conflict (id) do update set {changes}, updated_at = clock_timestamp()",
            (msgspec.json.encode(rows).decode(),),
        )
    await tx.execute(
        "update taxa t set accepted_id = g.accepted_id"
        " from unnest(%s::uuid[], %s::uuid[]) as g(id, accepted_id)"
        " where t.id = g.id and t.accepted_id is distinct from g.accepted_id",
        (list(taxa), [accepted for _, accepted in taxa.values()]),
    )
    await reassign_synonyms(scope, tx, project_id)


async def reassign_synonyms(scope: Scope, tx: Transaction, project_id: int) -> None:
    """Move synonyms of a taxon that became a synonym itself to its accepted taxon."""
    await tx.execute(
        "update taxa s set accepted_id = a.accepted_id, updated_at = clock_timestamp() from taxa a"
        " where s.project_id = %s and a.project_id = s.project_id and a.id = s.accepted_id"
        " and a.accepted_id is not null",
        (project_id,),
    )
