"""Decide which result is stored: the first valid one; a repeat of it is accepted again."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from trapline.wire.analyses import AnalysisState


class ResultDecision(StrEnum):
    """The decision on one result of a batch."""

    COUNTS = "counts"
    AGAIN = "again"
    """The same result was stored before, and the response was lost."""
    DUPLICATE = "duplicate"
    STALE = "stale"
    """The lease was revoked: its attempt is not after the fence, or was never leased."""


@dataclass(frozen=True)
class TaskState:
    """The state of a task, the attempt whose result is stored, and the attempts that failed."""

    state: AnalysisState
    attempt: int
    fence: int
    won: int | None = None
    erred: Collection[int] = ()


OPEN = frozenset({AnalysisState.QUEUED, AnalysisState.PROCESSING})


def decide_result(task: TaskState, attempt: int, *, is_error: bool) -> ResultDecision:
    """Decide on the result of an attempt at a task.

    A late success is stored; an error counts only if it is of the newest attempt.
    """
    if attempt == task.won or (is_error and attempt in task.erred):
        return ResultDecision.AGAIN
    if not task.fence < attempt <= task.attempt:
        return ResultDecision.STALE
    if task.state not in OPEN or (is_error and attempt != task.attempt):
        return ResultDecision.DUPLICATE
    return ResultDecision.COUNTS
