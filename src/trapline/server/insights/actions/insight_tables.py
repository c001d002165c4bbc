"""Tables."""

from typing import Any


async def _unfinished(*args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError


from dataclasses import dataclass
from trapline.wire.insight_activity import DayTime
from trapline.wire.insight_richness import TimeStep


@dataclass(frozen=True)
class TableOptions:
    """Options of single tables."""

    time: DayTime
    step: TimeStep
    species: str | None
    days: int
    first: str | None
    second: str | None
    source: str | None
    seed: int


export_table = _unfinished
