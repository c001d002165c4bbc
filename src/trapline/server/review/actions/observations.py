"""List the current observations, and count them by group."""

from datetime import datetime
from uuid import UUID

from trapline.server.accounts.queries.accounts import list_actor_names
from trapline.server.platform.access import Scope, parse_actor
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.cursors import decode_cursor, encode_cursor
from trapline.server.platform.errors import Unprocessable
from trapline.server.review.queries.individuals import count_individuals, list_individual_rows
from trapline.server.review.queries.observations import (
    ListedObservation,
    count_by_group,
    count_observations,
    list_class_names,
    list_current_sets,
    list_observation_rows,
    list_taxon_names,
)
from trapline.server.review.rules.filters import ObservationFilter
from trapline.server.review.rules.identifications import can_see_people
from trapline.wire.observations import (
    Individual,
    IndividualOrder,
    Observation,
    ObservationGroup,
    ObservationGrouping,
    ObservationGroups,
    ObservationKind,
    ObservationSource,
)
from trapline.wire.values import Page


async def list_observations(
    system: AppContext,
    scope: Scope,
    project_id: int | None,
    wanted: ObservationFilter,
    *,
    descending: bool,
    limit: int,
    cursor: str | None,
) -> Page[Observation]:
    """List the current observations of a project, or of all projects of the caller."""
    after = decode_cursor(cursor, [datetime, UUID, UUID]) if cursor is not None else None
    async with system.database.transaction(scope) as tx:
        sets = await list_current_sets(scope, tx, project_id)
        names = await _list_names(scope, tx, sets, wanted)
        rows = await list_observation_rows(
            scope, tx, sets, wanted, names, descending=descending, limit=limit + 1, after=after
        )
        count, estimated = await count_observations(scope, tx, sets, wanted, names)
        results = await _describe(scope, tx, rows[:limit])
    following = encode_cursor(rows[limit - 1].place) if len(rows) > limit else None
    return Page(results=results, next=following, count=count, count_is_estimate=estimated)


async def count_observation_groups(
    system: AppContext,
    scope: Scope,
    project_id: int,
    wanted: ObservationFilter,
    by: ObservationGrouping,
) -> ObservationGroups:
    """Count the current observations of a project by group."""
    if wanted.human is not None or wanted.individual_id is not None:
        raise Unprocessable(
            "Groups cannot be filtered by `source` or `individual`: group by `source`, or list the "
            "observations."
        )
    async with system.database.transaction(scope) as tx:
        sets = await list_current_sets(scope, tx, project_id)
        names = await _list_names(scope, tx, sets, wanted)
        found = await count_by_group(scope, tx, sets, wanted, names, by)
    groups = [
        ObservationGroup(key=key, images=images, individuals=individuals, needs_review=review)
        for key, images, individuals, review in found
    ]
    return ObservationGroups(by=by, groups=groups)


async def list_individuals(
    system: AppContext,
    scope: Scope,
    project_id: int,
    *,
    search: str | None,
    order: IndividualOrder,
    limit: int,
    cursor: str | None,
) -> Page[Individual]:
    """List the individuals that current observations of a project name."""
    is_recent = order is IndividualOrder.LAST_IDENTIFIED
    after = (
        decode_cursor(cursor, [datetime, str] if is_recent else [str])
        if cursor is not None
        else None
    )
    async with system.database.transaction(scope) as tx:
        sets = await list_current_sets(scope, tx, project_id)
        rows = await list_individual_rows(
            scope, tx, sets, search=search, is_recent=is_recent, after=after, limit=limit + 1
        )
        count, estimated = await count_individuals(scope, tx, sets, search)
    results = [
        Individual(
            individual_id=name,
            names=names,
            images=images,
            first_seen=first,
            last_seen=last,
            identified_at=identified_at,
        )
        for name, names, images, first, last, identified_at in rows[:limit]
    ]
    following = None
    if len(rows) > limit:
        last = results[-1]
        place = [last.identified_at, last.individual_id] if is_recent else [last.individual_id]
        following = encode_cursor(place)
    return Page(results=results, next=following, count=count, count_is_estimate=estimated)


async def _list_names(
    scope: Scope, tx: Transaction, sets: list[int], wanted: ObservationFilter
) -> list[str] | None:
    """List the stored names that a filter by taxon and name allows; None where it has neither."""
    names: set[str] | None = None
    if wanted.taxon_id is not None:
        names = set(await list_taxon_names(scope, tx, wanted.taxon_id))
    if wanted.name is not None:
        of_name = set(await list_class_names(scope, tx, sets, wanted.name))
        names = of_name if names is None else names & of_name
    return None if names is None else sorted(names)


async def _describe(
    scope: Scope, tx: Transaction, rows: list[ListedObservation]
) -> list[Observation]:
    shows_people = can_see_people(scope)
    actors = {row.identified_by for row in rows if row.identified_by is not None}
    names = await list_actor_names(scope, tx, actors) if shows_people else {}
    fields = set(Observation.model_fields) - {"source", "kind", "identified_by", "person_id"}
    return [
        Observation(
            **{name: getattr(row, name) for name in fields},
            kind=ObservationKind(row.kind),
            source=ObservationSource.HUMAN if row.human else ObservationSource.MODEL,
            identified_by=names.get(row.identified_by) if row.identified_by else None,
            person_id=parse_actor(row.identified_by)
            if shows_people and row.identified_by is not None
            else None,
        )
        for row in rows
    ]
