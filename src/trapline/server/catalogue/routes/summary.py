"""Sums of images for the overview and its charts."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.catalogue.actions import day_counts
from trapline.server.findings.rules.filters import DayFilter
from trapline.server.platform.http.parameters import LARGEST, QueryText
from trapline.wire.day_counts import GivenDay, Summary

router = APIRouter(prefix="/summary", tags=["summary"])


@router.get("")
async def get_summary(
    system: SystemOf,
    scope: ScopeOf,
    project: Annotated[int, Query(ge=1, le=LARGEST)],
    deployment: UUID | None = None,
    class_name: Annotated[QueryText | None, Query(alias="class")] = None,
    day_after: Annotated[GivenDay | None, Query(description="From this local day on.")] = None,
    day_before: Annotated[GivenDay | None, Query(description="Before this local day.")] = None,
) -> Summary:
    """Sum the images of a project by day, hour of the day, class and deployment."""
    return await day_counts.get_summary(
        system,
        scope,
        DayFilter(
            project, () if deployment is None else (deployment,), class_name, day_after, day_before
        ),
    )
