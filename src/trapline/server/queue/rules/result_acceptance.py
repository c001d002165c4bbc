"""Which result counts: the first valid one wins, a repeat of it is welcome, and no other changes anything."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from trapline.wire.analyses import AnalysisState


class ResultDecision(StrEnum):
    """What becomes of one result of a batch."""

    COUNTS = "counts"
    AGAIN = "again"
    """The very same was counted before; its sender did not hear of it."""
    DUPLICATE = "duplicate"
    STALE = "stale"
    """The lease was taken back: its token is behind the fence, or was never given out."""


@dataclass(frozen=True)
class TaskState:
    """Where a task stands, which attempt's result was stored, and which attempts ended with an error."""

    state: AnalysisState
    attempt: int
    fence: int
    won: int | None = None
    erred: Collection[int] = ()


OPEN = frozenset({AnalysisState.QUEUED, AnalysisState.PROCESSING})


def decide_result(task: TaskState, attempt: int, *, is_error: bool) -> ResultDecision:
    """Judge a result of an attempt at a task.

    A late success is good work, an error counts only from the newest.
    """
    if attempt == task.won or (is_error and attempt in task.erred):
        return ResultDecision.AGAIN
    if not task.fence < attempt <= task.attempt:
        return ResultDecision.STALE
    if task.state not in OPEN or (is_error and attempt != task.attempt):
        return ResultDecision.DUPLICATE
    return ResultDecision.COUNTS
