"""Decide whether a failed task is retried, and when."""

from dataclasses import dataclass

PERMANENT = ("image is not an image",)
"""Errors that a retry cannot fix; all others are considered temporary."""

FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 300.0


@dataclass(frozen=True)
class RetryLater:
    """The task is queued again and can be leased after `wait_s` seconds."""

    wait_s: float


@dataclass(frozen=True)
class GiveUp:
    """The task is failed; a user can retry it."""

    reason: str


def is_permanent(error: str) -> bool:
    """Return whether the text of an error shows that the image itself is invalid."""
    return any(phrase in error.lower() for phrase in PERMANENT)


def decide_after_error(error: str, errors: int, budget: int, chance: float) -> RetryLater | GiveUp:
    """Decide what follows an error; `errors` includes this one.

    The wait is four times as long after each error, so that a short outage does not use up the
    retries. `chance`, from 0 to 1, spreads the waits.
    """
    if is_permanent(error) or errors >= budget:
        return GiveUp(error)
    wait = min(FIRST_WAIT_S * 4.0 ** (errors - 1), LONGEST_WAIT_S)
    return RetryLater(wait * (0.75 + chance / 2))


def decide_after_lost_lease(losses: int, budget: int) -> RetryLater | GiveUp:
    """Decide what follows a lost lease; `losses` includes this one.

    There is no further wait: the lease time has passed already.
    """
    if losses >= budget:
        times = "once" if losses == 1 else f"{losses} times"
        return GiveUp(f"no result: leased {times}, and each time the worker stopped responding")
    return RetryLater(0.0)
