"""The status reason of a job: one sentence about its progress or about what blocks it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from trapline.wire.jobs import JobState

ONLINE_S = 60


@dataclass(frozen=True)
class LeaseActivity:
    """The current leases of a job: tasks, workers, the name of the busiest one, and their start."""

    tasks: int = 0
    workers: int = 0
    busiest: str | None = None
    since: datetime | None = None


@dataclass(frozen=True)
class WorkerCompetition:
    """The other jobs that occupy the online workers of a job.

    `ahead` counts jobs of higher priority that the same workers lease; `next_ahead` is the first of
    them. IDs are None if the caller does not see the job. `online` counts the registered workers of
    its pipeline; `name` is one of them, and `busy_with` the job of one of them.
    """

    ahead: int = 0
    next_ahead: int | None = None
    online: int = 0
    name: str | None = None
    busy: int = 0
    busy_with: int | None = None


@dataclass(frozen=True)
class JobConditions:
    """The stored facts about a job that its status reason depends on.

    `expected` is the estimated number of its images, once it was counted.
    """

    status: JobState
    pipeline_slug: str
    standing: bool
    paused: bool
    expanded: bool
    open: int
    completed: int
    failed: int
    not_started: bool = False
    fetching: bool = False
    expected: int | None = None
    sweeping: bool = False
    nothing_found: int = 0
    hands: LeaseActivity = LeaseActivity()
    waiting_until: datetime | None = None
    offered: bool = True
    last_contact_at: datetime | None = None
    rivals: WorkerCompetition = WorkerCompetition()


def format_status_reason(seen: JobConditions, now: datetime) -> str:
    """Format one sentence about what a job does, what blocks it, or how it ended."""
    match seen.status:
        case JobState.CANCELED:
            rest = (
                f"; {_images(seen.open)} {_are(seen.open)} being removed from the queue"
                if seen.sweeping
                else ""
            )
            return f"Canceled; {_images(seen.completed)} {_were(seen.completed)} done before{rest}."
        case JobState.COMPLETED | JobState.FAILED:
            return _explain_end(seen)
    if seen.paused or seen.not_started:
        return _explain_rest(seen)
    if seen.hands.tasks:
        return f"{_explain_hands(seen.hands, now)}{_growing(seen)}."
    if seen.fetching:
        return "The images are being downloaded from their URLs."
    if not seen.expanded:
        return f"The images are being added to the queue: {_so_far(seen)} so far."
    if seen.open == 0:
        return "Waiting for new images." if seen.standing else "Finishing."
    return _explain_waiting(seen, now)


def is_starved(seen: JobConditions, now: datetime) -> bool:
    """Return whether tasks could be leased and a worker is online, but none leases them."""
    idle = not (seen.paused or seen.not_started or seen.hands.tasks)
    live = seen.status in (JobState.QUEUED, JobState.PROCESSING)
    return (
        live and idle and seen.expanded and seen.open > 0 and seen.offered and _is_online(seen, now)
    )


def _explain_end(seen: JobConditions) -> str:
    if seen.fetching:
        return (
            "The images could not be downloaded from their URLs; "
            "the last state transition has the reason."
        )
    if seen.completed + seen.failed == 0:
        return "The job has no images."
    parts = []
    if seen.completed and seen.nothing_found == seen.completed:
        parts.append(f"nothing found in {_images(seen.completed)}")
    elif seen.completed:
        parts.append(f"{_images(seen.completed)} done")
        if seen.nothing_found:
            parts.append(f"nothing found in {seen.nothing_found:,} of them")
    if seen.failed:
        parts.append(f"{_images(seen.failed)} failed")
    sentence = ", ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}."


def _explain_rest(seen: JobConditions) -> str:
    waiting = max(0, seen.open - seen.hands.tasks)
    queued = (
        f"{_images(waiting)} {_wait(waiting)} in the queue"
        if seen.expanded
        else f"{_so_far(seen)} are in the queue"
    )
    if seen.not_started:
        return f"Not started; {queued} until it is run."
    if seen.hands.tasks:
        by = f" by {seen.hands.busiest}" if seen.hands.busiest and seen.hands.workers == 1 else ""
        continues = "continues" if seen.hands.tasks == 1 else "continue"
        return f"Paused; {_images(seen.hands.tasks)} leased{by} {continues}, {queued}."
    return f"Paused; {queued}."


def _explain_hands(hands: LeaseActivity, now: datetime) -> str:
    others = hands.workers - 1
    more = f" and {others:,} more {'worker' if others == 1 else 'workers'}" if others > 0 else ""
    by = f" by {hands.busiest}{more}" if hands.busiest else ""
    since = f" for {_duration((now - hands.since).total_seconds())}" if hands.since else ""
    return f"{_images(hands.tasks)} leased{by}{since}"


def _explain_waiting(seen: JobConditions, now: datetime) -> str:
    if not seen.offered:
        return f"No processing service has registered the pipeline {seen.pipeline_slug}."
    waiting = f"{_images(seen.open)} {_wait(seen.open)}"
    last_contact = seen.last_contact_at
    if last_contact is None or not _is_online(seen, now):
        since = "" if last_contact is None else f" since {_moment(last_contact, now)}"
        return f"No worker offers {seen.pipeline_slug}{since}; {waiting}."
    if seen.waiting_until is not None and seen.waiting_until > now:
        wait = _duration((seen.waiting_until - now).total_seconds())
        at = _moment(seen.waiting_until, now)
        return f"{waiting} for another attempt after an error, at {at} (in {wait})."
    return _explain_rivals(seen, last_contact, now)


def _explain_rivals(seen: JobConditions, last_contact: datetime, now: datetime) -> str:
    waiting = f"{_images(seen.open)} {_wait(seen.open)}"
    ago = _duration((now - last_contact).total_seconds())
    rivals = seen.rivals
    if rivals.ahead == 1:
        which = f"job {rivals.next_ahead}" if rivals.next_ahead else "a job of another project"
        return f"{waiting} behind {which}, which has a higher priority."
    if rivals.ahead:
        which = f"; the next of them is job {rivals.next_ahead}" if rivals.next_ahead else ""
        return f"{waiting} behind {rivals.ahead:,} jobs of higher priority{which}."
    if rivals.online == 0:
        return f"{waiting} for a worker; the last contact of one was {ago} ago."
    who = (
        rivals.name
        if rivals.online == 1
        else f"{rivals.online:,} workers, {rivals.name} among them,"
    )
    if rivals.busy == rivals.online:
        if rivals.online == 1:
            where = f"job {rivals.busy_with}" if rivals.busy_with else "another job"
            return f"{waiting}; {who} is working on {where}."
        such = f", such as job {rivals.busy_with}" if rivals.busy_with else ""
        return f"{waiting}; {who} are working on other jobs{such}."
    are, have = ("is", "has") if rivals.online == 1 else ("are", "have")
    what = "it" if seen.open == 1 else "them"
    return (
        f"{waiting}; {who} {are} online (last contact {ago} ago) and {have} not asked for {what}."
    )


def _is_online(seen: JobConditions, now: datetime) -> bool:
    return (
        seen.last_contact_at is not None
        and (now - seen.last_contact_at).total_seconds() <= ONLINE_S
    )


def _so_far(seen: JobConditions) -> str:
    written = seen.open + seen.completed + seen.failed
    return (
        f"{written:,} of about {max(seen.expected, written):,}"
        if seen.expected
        else _images(written)
    )


def _growing(seen: JobConditions) -> str:
    if seen.expanded:
        return ""
    images = " images" if seen.expected else ""
    return f"; {_so_far(seen)}{images} are in the queue so far"


def _moment(at: datetime, now: datetime) -> str:
    at = at.astimezone(UTC)
    form = "%H:%M UTC" if at.date() == now.astimezone(UTC).date() else "%Y-%m-%d %H:%M UTC"
    return at.strftime(form)


def _images(count: int) -> str:
    return f"{count:,} image" if count == 1 else f"{count:,} images"


def _wait(count: int) -> str:
    return "waits" if count == 1 else "wait"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{max(0, round(seconds))} s"
    if seconds < 3600:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
