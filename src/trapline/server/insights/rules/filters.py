"""The conditions of an insight."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from trapline.wire.insights import DEFAULT_INTERVAL_MIN, EventRule
from trapline.wire.observations import ObservationKind


@dataclass(frozen=True)
class SurveyFilter:
    """The observations and deployments of an insight; days are local, the last is included."""

    start: date | None = None
    end: date | None = None
    deployments: tuple[UUID, ...] = ()
    taxa: tuple[UUID, ...] = ()
    names: tuple[str, ...] = ()
    kind: ObservationKind = ObservationKind.ANIMAL
    interval_min: int = DEFAULT_INTERVAL_MIN
    rule: EventRule = EventRule.LAST_RECORD
