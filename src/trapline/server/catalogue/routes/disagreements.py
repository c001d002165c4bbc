"""Routes of disagreements between model versions and people."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.catalogue.actions import disagreements
from trapline.server.catalogue.routes.image_parameters import ParsedConditions, parse_conditions
from trapline.server.platform.http.parameters import LARGEST, QueryText
from trapline.wire.disagreements import ComparedPairs, ConfusionMatrix

router = APIRouter(prefix="/disagreements", tags=["disagreements"])


@router.get("")
async def list_compared_pairs(
    system: SystemOf, scope: ScopeOf, project: Annotated[int, Query(ge=1, le=LARGEST)]
) -> ComparedPairs:
    """List the pairs of model versions and people that answered on the same images.

    At most 200 pairs are listed, those with the most open differences first.
    """
    return await disagreements.list_compared_pairs(system, scope, project)


@router.get("/matrix")
async def get_matrix(
    system: SystemOf,
    scope: ScopeOf,
    given: Annotated[ParsedConditions, Depends(parse_conditions)],
    project: Annotated[int, Query(ge=1, le=LARGEST)],
    source_a: Annotated[QueryText, Query(min_length=1)],
    source_b: Annotated[QueryText, Query(min_length=1)],
) -> ConfusionMatrix:
    """Count the images of a filter by the answers of two sources, `source_a` and `source_b`.

    At most 2,000 cells are listed. The `filter` of a cell has the parameters of the list of exactly
    its images; its `class_name` is the parameter `class`.
    """
    return await disagreements.get_matrix(
        system,
        scope,
        project,
        given.conditions.model_copy(update={"source_a": source_a, "source_b": source_b}),
        deleted=given.deleted,
    )
