"""The taxa that labels of models are mapped to."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, func, or_, select

from trapline.server.images.queries.images import ImageClassRow, ImageRow
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.review.queries.taxa import TaxonLabelRow, TaxonRow


class NamedTaxon(NamedTuple):
    """The ID and the scientific name of a taxon."""

    id: UUID
    scientific_name: str


def select_labels(scope: Scope, project_id: int | None) -> Select[TaxonLabelRow]:
    """Select the mapped labels of one project, or of all that the caller sees."""
    statement = select(TaxonLabelRow)
    if project_id is not None:
        scope.check(project_id)
        return statement.where(TaxonLabelRow.project_id == project_id)
    ids = scope.project_ids()
    return statement if ids is None else statement.where(TaxonLabelRow.project_id.in_(ids))


async def list_taxon_names(scope: Scope, tx: Transaction, ids: Sequence[UUID]) -> dict[UUID, str]:
    """List the scientific names of taxa, by ID."""
    statement = select(TaxonRow.id, TaxonRow.scientific_name).where(TaxonRow.id.in_(set(ids)))
    return {key: name for key, name in (await tx.session.execute(statement)).all()}


async def count_taxa(scope: Scope, tx: Transaction, project_id: int, ids: set[UUID]) -> int:
    """Count how many of these IDs are taxa of the project."""
    scope.check(project_id)
    cursor = await tx.execute(
        "select count(*) from taxa where project_id = %s and id = any(%s)", (project_id, list(ids))
    )
    [count] = await cursor.fetchone() or (0,)
    return int(count)


async def upsert_labels(
    scope: Scope, tx: Transaction, project_id: int, meanings: Mapping[str, UUID | None]
) -> int:
    """Set the taxa of labels, None to remove a mapping; return how many mappings changed."""
    scope.check(project_id)
    mapped = {label: taxon_id for label, taxon_id in meanings.items() if taxon_id is not None}
    deleted = await tx.execute(
        "delete from taxon_labels where project_id = %s and label = any(%s)",
        (project_id, [label for label in meanings if label not in mapped]),
    )
    written = await tx.execute(
        """
        insert into taxon_labels (project_id, label, taxon_id) select %s, g.label, g.taxon_id
        from unnest(%s::text[], %s::uuid[]) as g(label, taxon_id)
        on conflict (project_id, label) do update set taxon_id = excluded.taxon_id
            where taxon_labels.taxon_id <> excluded.taxon_id
        """,
        (project_id, list(mapped), list(mapped.values())),
    )
    return deleted.rowcount + written.rowcount


def select_labels_of_taxon(taxon_id: UUID) -> Select[str]:
    """Select the labels of a taxon, its synonyms included; a synonym is its accepted taxon."""
    named = (
        select(func.coalesce(TaxonRow.accepted_id, TaxonRow.id))
        .where(TaxonRow.id == taxon_id)
        .scalar_subquery()
    )
    of_taxon = select(TaxonRow.id).where(or_(TaxonRow.id == named, TaxonRow.accepted_id == named))
    return select(TaxonLabelRow.label).where(
        TaxonLabelRow.project_id == _project_of(taxon_id), TaxonLabelRow.taxon_id.in_(of_taxon)
    )


def build_taxon_condition(taxon_id: UUID) -> ColumnElement[bool]:
    """Build the condition that an image has a class whose label is mapped to a taxon.

    It is false for images of other projects.
    """
    shown = select(ImageClassRow.image_id).where(
        ImageClassRow.project_id == _project_of(taxon_id),
        ImageClassRow.class_name.in_(select_labels_of_taxon(taxon_id)),
    )
    return and_(ImageRow.project_id == _project_of(taxon_id), ImageRow.id.in_(shown))


def _project_of(taxon_id: UUID) -> ScalarSelect[int]:
    return select(TaxonRow.project_id).where(TaxonRow.id == taxon_id).scalar_subquery()


async def list_label_taxa(scope: Scope, tx: Transaction, project_id: int) -> Mapping[str, UUID]:
    """List the accepted taxa of a project by the labels of models that are mapped to them."""
    cursor = await tx.execute(
        "select l.label, coalesce(t.accepted_id, t.id) from taxon_labels l join taxa t"
        " on t.id = l.taxon_id"
        " where l.project_id = %s",
        (project_id,),
    )
    return {label: taxon for label, taxon in await cursor.fetchall()}


async def resolve_labels(
    scope: Scope, tx: Transaction, project_id: int, names: Mapping[str, str]
) -> tuple[set[str], dict[str, NamedTaxon]]:
    """Return which labels are mapped, and the taxa with the names of labels.

    `names` has the normalised name for each label.
    """
    scope.check(project_id)
    cursor = await tx.execute(
        "select label from taxon_labels where project_id = %s and label = any(%s)",
        (project_id, list(names)),
    )
    mapped = {label for (label,) in await cursor.fetchall()}
    # Scientific names precede common names, and accepted taxa precede synonyms.
    cursor = await tx.execute(
        """
        select distinct on (n.label) n.label, t.id, t.scientific_name from (
            select t.id, t.scientific_name, t.name_key, t.accepted_id,
                string_to_table(t.searched, E'\\n') as name
            from taxa t where t.project_id = %s
        ) t join unnest(%s::text[], %s::text[]) as n(label, name) on n.name = t.name
        order by n.label, t.name_key <> n.name, t.accepted_id is not null, t.name_key
        """,
        (project_id, list(names), list(names.values())),
    )
    return mapped, {
        label: NamedTaxon(taxon_id, name) for label, taxon_id, name in await cursor.fetchall()
    }
