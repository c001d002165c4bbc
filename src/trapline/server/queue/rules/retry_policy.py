"""What follows when a task went wrong: again, when, or given up."""

from dataclasses import dataclass

PERMANENT = ("image is not an image",)
"""Errors that no second attempt can mend; every other one is taken for passing."""

FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 300.0


@dataclass(frozen=True)
class RetryLater:
    """The task returns to the line and is handed out after so many seconds."""

    wait_s: float


@dataclass(frozen=True)
class GiveUp:
    """The task is given up; a person can retry it."""

    reason: str


def is_permanent(error: str) -> bool:
    """Tell whether an error's words say that the image itself is at fault."""
    return any(phrase in error.lower() for phrase in PERMANENT)


def decide_after_error(error: str, errors: int, budget: int, chance: float) -> RetryLater | GiveUp:
    """Decide what follows an error: `errors` counts this one too, `chance` from 0 to 1 spreads the
    waits.

    The wait grows fourfold with each error, so that a camera or disk that is away for a minute
    costs no budget.
    """
    if is_permanent(error) or errors >= budget:
        return GiveUp(error)
    wait = min(FIRST_WAIT_S * 4.0 ** (errors - 1), LONGEST_WAIT_S)
    return RetryLater(wait * (0.75 + chance / 2))


def decide_after_lost_lease(losses: int, budget: int) -> RetryLater | GiveUp:
    """Decide what follows a lost lease: `losses` counts this one too.

    It was waited for long enough already.
    """
    if losses >= budget:
        times = "once" if losses == 1 else f"{losses} times"
        return GiveUp(f"no answer: leased {times}, and each time the worker fell silent")
    return RetryLater(0.0)
