"""Identify the processes of one machine that share an API token and do not register.

They have the same token, address and User-Agent, and open new connections at any time. The evidence
is their behaviour: a client asks for a job, leases tasks of it, and asks again when it has none
left. A request for a job by a caller whose known processes all hold tasks therefore comes from
another process, or from one that replaces a process that ended.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

AT_MOST = 16
"""A caller with more processes is a single process that asks for jobs while it holds tasks."""
PENDING_S = 60.0
OFFLINE_S = 60.0
IMAGES_PER_RESULT = 60
"""A process is not silent before it had time for this number of images."""

_SEPARATOR = "\nprocess "
_NAMES_PROCESS = re.compile(r"\bpid \d+")


def join_caller(user_agent: str, process: int) -> str:
    """Return the User-Agent that identifies a process of a caller.

    The first process has the User-Agent as it is sent. A header cannot contain the separator. The
    number is a part of this text because programs of the previous version share the unique index of
    holders.
    """
    return user_agent if process == 1 else f"{user_agent}{_SEPARATOR}{process}"


def split_caller(identity: str) -> tuple[str, int]:
    """Return the User-Agent and the process number of a caller."""
    user_agent, separator, number = identity.partition(_SEPARATOR)
    return (user_agent, int(number)) if separator else (user_agent, 1)


def names_process(user_agent: str) -> bool:
    """Return whether a User-Agent names its process, as that of Trapline's worker does."""
    return _NAMES_PROCESS.search(user_agent) is not None


@dataclass(frozen=True)
class ClientProcess:
    """A process of a caller; times are seconds before now, None if it never happened.

    `is_pending`: it was given a job recently and has not leased tasks of it.
    """

    number: int
    first_contact_s: float
    last_contact_s: float
    unfinished: bool = False
    is_pending: bool = False
    seconds_per_image: float | None = None

    def is_silent(self, lease_s: float) -> bool:
        """Return whether it holds tasks and made no contact for longer than a living one would."""
        if self.seconds_per_image is None:  # it may be loading its model
            patience_s = lease_s / 2
        else:
            patience_s = max(
                min(OFFLINE_S, lease_s / 2), IMAGES_PER_RESULT * self.seconds_per_image
            )
        return self.unfinished and self.last_contact_s > patience_s


@dataclass(frozen=True)
class ClaimDecision:
    """The process that asks for a job, and the processes that ended before it."""

    number: int
    ended: tuple[int, ...] = ()


def decide_claimer(processes: Sequence[ClientProcess], lease_s: float) -> ClaimDecision | None:
    """Decide which process of a caller asks for a job on a new connection.

    Return None if it has more processes than it can have.
    """
    idle = [one for one in processes if not one.unfinished and not one.is_pending]
    silent = [one for one in processes if one.is_silent(lease_s)]
    if idle:
        claimer = min(idle, key=lambda one: one.last_contact_s)
        # A process that made no contact since this one started was replaced by it.
        replaced = (one for one in silent if one.last_contact_s > claimer.first_contact_s)
        return ClaimDecision(claimer.number, _numbers(replaced))
    if silent:
        ended = max(silent, key=lambda one: one.last_contact_s).number
        return ClaimDecision(ended, (ended,))
    used = {one.number for one in processes}
    number = next(number for number in range(1, AT_MOST + 2) if number not in used)
    return ClaimDecision(number) if number <= AT_MOST else None


def _numbers(processes: Iterable[ClientProcess]) -> tuple[int, ...]:
    return tuple(sorted(one.number for one in processes))
