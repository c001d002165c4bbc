"""Parameters that the routes of insights share."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from trapline.server.insights.rules.filters import SurveyFilter
from trapline.server.platform.errors import Unprocessable
from trapline.server.platform.http.parameters import LARGEST, QueryText
from trapline.wire.day_counts import GivenDay
from trapline.wire.insights import (
    DEFAULT_INTERVAL_MIN,
    LONGEST_INTERVAL_MIN,
    MOST_CHOSEN,
    EventRule,
)
from trapline.wire.observations import ObservationKind

ProjectQuery = Annotated[int, Query(ge=1, le=LARGEST)]
Seed = Annotated[
    int, Query(ge=0, le=2**31 - 1, description="Seed of the bootstrap; the same gives the same.")
]


def parse_survey_filter(
    start: Annotated[GivenDay | None, Query(description="First local day.")] = None,
    end: Annotated[GivenDay | None, Query(description="Last local day, included.")] = None,
    deployment: Annotated[Sequence[UUID], Query(max_length=MOST_CHOSEN)] = (),
    taxon: Annotated[
        Sequence[UUID], Query(max_length=MOST_CHOSEN, description="These taxa and descendants.")
    ] = (),
    name: Annotated[
        Sequence[QueryText],
        Query(alias="class", max_length=MOST_CHOSEN, description="Names, or labels of them."),
    ] = (),
    kind: Annotated[
        ObservationKind, Query(description="The kind of observations: animals by default.")
    ] = ObservationKind.ANIMAL,
    interval: Annotated[
        int,
        Query(
            ge=0,
            le=LONGEST_INTERVAL_MIN,
            description="Minutes after which an observation starts a new event.",
        ),
    ] = DEFAULT_INTERVAL_MIN,
    rule: EventRule = EventRule.LAST_RECORD,
) -> SurveyFilter:
    """Parse the filter of an insight. Raises Unprocessable."""
    if start is not None and end is not None and end < start:
        raise Unprocessable("end: is before start.", [("end", "is before start")])
    if kind in (ObservationKind.BLANK, ObservationKind.UNCLASSIFIED):
        raise Unprocessable(
            "kind: must be animal, human, vehicle or unknown.",
            [("kind", "must be animal, human, vehicle or unknown")],
        )
    return SurveyFilter(
        start=start,
        end=end,
        deployments=tuple(sorted(set(deployment))),
        taxa=tuple(sorted(set(taxon))),
        names=tuple(sorted(set(name))),
        kind=kind,
        interval_min=interval,
        rule=rule,
    )


SurveyFilterOf = Annotated[SurveyFilter, Depends(parse_survey_filter)]
