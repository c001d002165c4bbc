"""Routes of observations: list them, and count them by group."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.platform.http.parameters import (
    LARGEST,
    Cursor,
    Limit,
    ProjectFilter,
    QueryText,
)
from trapline.server.review.actions import observations
from trapline.server.review.rules.filters import ObservationFilter
from trapline.wire.identifications import LARGEST_COUNT
from trapline.wire.image_filters import MOST_SEQUENCES
from trapline.wire.observations import (
    Individual,
    IndividualOrder,
    Observation,
    ObservationGrouping,
    ObservationGroups,
    ObservationKind,
    ObservationOrder,
    ObservationSource,
)
from trapline.wire.values import GivenTime, Page

router = APIRouter(prefix="/observations", tags=["observations"])


def read_filter(
    image: UUID | None = None,
    sequence: Annotated[
        list[UUID] | None,
        Query(
            max_length=MOST_SEQUENCES,
            description="Only this sequence. Repeat it for several sequences.",
        ),
    ] = None,
    deployment: UUID | None = None,
    taxon: Annotated[UUID | None, Query(description="Only this taxon and its descendants.")] = None,
    name: Annotated[
        QueryText | None, Query(alias="class", description="A name, or a label that means it.")
    ] = None,
    kind: ObservationKind | None = None,
    source: Annotated[
        ObservationSource | None, Query(description="Only what a person, or a model, decided.")
    ] = None,
    identified_by: Annotated[
        UUID | None, Query(description="Only what this user identified.")
    ] = None,
    needs_review: bool | None = None,
    individual: QueryText | None = None,
    count_min: Annotated[int | None, Query(ge=1, le=LARGEST_COUNT)] = None,
    captured_after: GivenTime | None = None,
    captured_before: GivenTime | None = None,
) -> ObservationFilter:
    """Read the conditions of a list of observations from the query."""
    return ObservationFilter(
        image_id=image,
        sequence_ids=sequence or [],
        deployment_id=deployment,
        taxon_id=taxon,
        name=name,
        kind=kind.value if kind else None,
        human=None if source is None else source is ObservationSource.HUMAN,
        identified_by=f"user:{identified_by}" if identified_by else None,
        needs_review=needs_review,
        individual_id=individual,
        count_min=count_min,
        captured_after=captured_after,
        captured_before=captured_before,
    )


Filter = Annotated[ObservationFilter, Depends(read_filter)]


@router.get("")
async def list_observations(
    system: SystemOf,
    scope: ScopeOf,
    wanted: Filter,
    project: ProjectFilter = None,
    order: ObservationOrder = ObservationOrder.NEWEST_FIRST,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Observation]:
    """List what images show: one entry for each box, or for a whole image.

    Models propose and people decide; the list has the current answer of both.
    """
    descending = order == ObservationOrder.NEWEST_FIRST
    return await observations.list_observations(
        system, scope, project, wanted, descending=descending, limit=limit, cursor=cursor
    )


@router.get("/groups")
async def count_observation_groups(
    system: SystemOf,
    scope: ScopeOf,
    wanted: Filter,
    project: Annotated[int, Query(ge=1, le=LARGEST)],
    by: ObservationGrouping = ObservationGrouping.NAME,
) -> ObservationGroups:
    """Count images and individuals by name, kind, source, deployment, day, month, hour or user."""
    return await observations.count_observation_groups(system, scope, project, wanted, by)


@router.get("/individuals")
async def list_individuals(
    system: SystemOf,
    scope: ScopeOf,
    project: Annotated[int, Query(ge=1, le=LARGEST)],
    search: Annotated[QueryText | None, Query(description="Part of the name.")] = None,
    order: IndividualOrder = IndividualOrder.NAME,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Individual]:
    """List the known individuals of a project, with the images that show them."""
    return await observations.list_individuals(
        system, scope, project, search=search, order=order, limit=limit, cursor=cursor
    )
