"""Create, list, get, update, delete and import taxa."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import Conflict, NotFound, Unprocessable
from trapline.server.review.actions.observation_settings import rebuild_for_names
from trapline.server.review.formats.taxon_lists import MOST_TOLD, TaxonList, parse_taxon_list
from trapline.server.review.queries.identifications import is_taxon_in_lists
from trapline.server.review.queries.sensitive_sightings import (
    list_covered_names,
    restart_recording,
)
from trapline.server.review.queries.sensitive_taxa import require_exact_rules
from trapline.server.review.queries.taxa import (
    TaxonRow,
    get_taxon_row,
    list_known_taxa,
    list_relations,
    lock_taxa,
    reassign_synonyms,
    select_taxa,
    upsert_taxa,
)
from trapline.server.review.rules.taxon_names import build_import_plan, build_search_text, name_key
from trapline.wire.problem import FieldProblem
from trapline.wire.taxa import NewTaxon, Taxon, TaxonImportResult, TaxonUpdate
from trapline.wire.values import Page

NULLABLE = frozenset({"gbif_key", "accepted"})
RELATED = frozenset({"accepted_name", "synonyms", "labels"})


async def build_taxa(scope: Scope, tx: Transaction, rows: Sequence[TaxonRow]) -> list[Taxon]:
    """Build taxa with their accepted names, synonyms and labels."""
    relations = await list_relations(scope, tx, rows)
    shown = set(Taxon.model_fields) - RELATED
    return [
        Taxon(
            **{field: getattr(row, field) for field in shown},
            accepted_name=None
            if row.accepted_id is None
            else relations.accepted.get(row.accepted_id),
            synonyms=relations.synonyms.get(row.id, []),
            labels=relations.labels.get(row.id, []),
        )
        for row in rows
    ]


async def create_taxon(system: AppContext, scope: Scope, new: NewTaxon) -> Taxon:
    """Create a taxon in a project.

    Raises NotFound, Unprocessable, and Conflict if the name or the GBIF key is taken.
    """
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, Taxon)
        if done:
            return done
        await lock_taxa(scope, tx, new.project)
        row = TaxonRow(project_id=new.project, **new.model_dump(exclude={"project", "accepted"}))
        if new.accepted is not None:
            row.accepted_id = await _find_accepted(scope, tx, new.project, new.accepted)
        covered = await list_covered_names(scope, tx, new.project)
        await _save(tx, row)
        await restart_recording(scope, tx, new.project, covered)
        tx.audit("create", "taxon", row.id, row.project_id, name=row.scientific_name)
        [taxon] = await build_taxa(scope, tx, [row])
        return save_response(scope, tx, taxon)


async def list_taxa(
    system: AppContext,
    scope: Scope,
    project_id: int | None,
    search: str | None,
    rank: str | None,
    *,
    accepted: bool | None,
    limit: int,
    cursor: str | None,
) -> Page[Taxon]:
    """List taxa by their scientific names."""
    async with system.database.transaction(scope) as tx:
        statement = select_taxa(scope, project_id, search, rank, accepted=accepted)
        order = [(TaxonRow.name_key, str), (TaxonRow.id, UUID)]
        rows, following = await fetch_page(
            tx, statement, order, descending=False, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
        found = await build_taxa(scope, tx, rows)
        return Page(results=found, next=following, count=count, count_is_estimate=estimated)


async def get_taxon(system: AppContext, scope: Scope, taxon_id: UUID) -> Taxon:
    """Get a taxon. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        [taxon] = await build_taxa(scope, tx, [await get_taxon_row(scope, tx, taxon_id)])
        return taxon


async def update_taxon(
    system: AppContext, scope: Scope, taxon_id: UUID, change: TaxonUpdate
) -> Taxon:
    """Update the given fields of a taxon.

    Raises NotFound, PreconditionFailed, Unprocessable, Conflict.
    """
    given = change.model_dump(exclude_unset=True)
    if empty := [name for name, value in given.items() if value is None and name not in NULLABLE]:
        raise Unprocessable(f"{empty[0]} cannot be empty. Nothing was changed.")
    async with system.database.transaction(scope) as tx:
        row = await _lock(scope, tx, taxon_id)
        if "accepted" in given:
            accepted = given.pop("accepted")
            row.accepted_id = accepted and await _find_accepted(
                scope, tx, row.project_id, accepted, of=row.id
            )
        for field, value in given.items():
            setattr(row, field, value)
        row.updated_at = func.clock_timestamp()
        await _save(tx, row)
        if row.accepted_id is not None:
            await reassign_synonyms(scope, tx, row.project_id)
        await rebuild_for_names(scope, tx, row.project_id, taxa=[row.id])
        tx.audit(
            "change",
            "taxon",
            row.id,
            row.project_id,
            **change.model_dump(exclude_unset=True, mode="json"),
        )
        [taxon] = await build_taxa(scope, tx, [row])
        return taxon


async def delete_taxon(system: AppContext, scope: Scope, taxon_id: UUID) -> None:
    """Delete a taxon that is not referenced. Raises NotFound, PreconditionFailed, Conflict."""
    async with system.database.transaction(scope) as tx:
        row = await _lock(scope, tx, taxon_id)
        in_use = Conflict(
            "A synonym, a label of a model, an identification, a box or the list of sensitive "
            "taxa refers to this taxon. "
            "Nothing was deleted."
        )
        if await is_taxon_in_lists(scope, tx, taxon_id):
            raise in_use
        try:
            await tx.session.delete(row)
            await tx.session.flush()
        except IntegrityError as error:
            raise in_use from error
        tx.audit("delete", "taxon", row.id, row.project_id, name=row.scientific_name)


async def _lock(scope: Scope, tx: Transaction, taxon_id: UUID) -> TaxonRow:
    """Lock the taxa of a project and get one. Raises NotFound, Forbidden, PreconditionFailed."""
    project_id = (await get_taxon_row(scope, tx, taxon_id)).project_id
    await lock_taxa(scope, tx, project_id)
    await require_exact_rules(scope, tx, project_id)
    row = await get_taxon_row(scope, tx, taxon_id)
    scope.check_unchanged(row.updated_at)
    return row


async def _find_accepted(
    scope: Scope, tx: Transaction, project_id: int, accepted: UUID, of: UUID | None = None
) -> UUID:
    found = await get_taxon_row(scope, tx, accepted)
    if found.project_id != project_id:
        raise NotFound
    if found.id == of:
        raise Unprocessable("A taxon cannot be a synonym of itself. Nothing was changed.")
    if found.accepted_id is not None:
        raise Unprocessable(
            f"{found.scientific_name} is a synonym itself. Nothing was changed. "
            "Refer to its accepted taxon."
        )
    return found.id


async def _save(tx: Transaction, row: TaxonRow) -> None:
    row.name_key = name_key(row.scientific_name)
    row.searched = build_search_text(row.scientific_name, row.common_names)
    name = row.scientific_name
    try:
        async with tx.session.begin_nested():
            tx.session.add(row)
    except IntegrityError as error:
        key = "that GBIF key" if "gbif_key" in str(error.orig) else f"the name {name}"
        raise Conflict(
            f"Another taxon of this project already has {key}. Nothing was changed."
        ) from error
    await tx.session.refresh(row)


async def import_taxa(
    system: AppContext, scope: Scope, project_id: int, body: bytes
) -> TaxonImportResult:
    """Import a list: create and update its taxa, and keep all others.

    Lines that are not valid are reported, and the others imported. A repeated import changes
    nothing. Raises NotFound, Forbidden, and InvalidRequest if the body is not a list of taxa.
    """
    scope.check(project_id)
    parsed, names, gbif_keys = await asyncio.to_thread(_parse, body)
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, TaxonImportResult)
        if done:
            return done
        await lock_taxa(scope, tx, project_id)
        await require_exact_rules(scope, tx, project_id)
        known = await list_known_taxa(scope, tx, project_id, names, gbif_keys)
        plan = await asyncio.to_thread(build_import_plan, parsed.lines, known)
        ids = {key: known[key].id if key in known else uuid7() for key in plan.changed}
        ids |= {key: taxon.id for key, taxon in known.items() if key not in ids}
        taxa = {
            ids[key]: (values, None if accepted is None else ids[accepted])
            for key, (values, accepted) in plan.changed.items()
        }
        if taxa:
            await upsert_taxa(scope, tx, project_id, taxa)
            await rebuild_for_names(scope, tx, project_id, taxa=taxa)
            tx.audit(
                "import",
                "taxon",
                project_id,
                project_id,
                created=plan.created,
                updated=plan.updated,
            )
        problems = sorted([*parsed.problems, *plan.problems])
        taken = TaxonImportResult(
            created=plan.created,
            updated=plan.updated,
            unchanged=plan.unchanged,
            refused=len(problems),
            problems=[
                FieldProblem(where=f"line {line}, {column}", message=why)
                for line, column, why in problems[:MOST_TOLD]
            ],
            ignored_columns=parsed.ignored,
        )
        return save_response(scope, tx, taken)


def _parse(body: bytes) -> tuple[TaxonList, set[str], set[int]]:
    """Parse a list; return it with the keys of all its names, and all its GBIF keys."""
    parsed = parse_taxon_list(body)
    names = {line.values.get("scientific_name") for line in parsed.lines} | {
        line.accepted for line in parsed.lines
    }
    gbif_keys = {line.values.get("gbif_key") for line in parsed.lines} | {
        line.accepted_gbif for line in parsed.lines
    }
    return parsed, {name_key(name) for name in names if name}, {key for key in gbif_keys if key}
