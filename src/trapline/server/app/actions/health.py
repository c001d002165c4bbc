"""Readiness of the server: the state of its database, store and other parts."""

from collections.abc import Mapping
from datetime import UTC

from trapline.server.images.actions.image_import import MAKE_ROOM, find_disk_shortage
from trapline.server.notifications.queries.nats_subjects import (
    NatsOutage,
    find_outage,
    has_subjects,
)
from trapline.server.operations.queries.file_checks import count_harmed
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.migrations import describe_mismatch, is_newer, newest, read_present
from trapline.server.platform.errors import TraplineError
from trapline.server.queue.job_hints import HintOutage, JobHints
from trapline.wire.health import Health

REPAIR = "Run `trapline check files --repair`, or upload the same images again."


def describe_harmed(harmed: Mapping[str, int]) -> str:
    """Describe how many stored files are missing or damaged."""
    return (
        f"Stored files: {harmed.get('missing', 0):,} missing, {harmed.get('damaged', 0):,} damaged."
    )


def describe_nats(outage: NatsOutage | None) -> str:
    """Describe since when the NATS server is away or refuses events, and why."""
    if outage is None:
        return "ok"
    since = f"{outage.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if not outage.is_away:
        return (
            f"Events refused since {since}: {outage.reason}. Events wait for a day and are retried."
        )
    return (
        f"Unavailable since {since}: {outage.reason}. Events wait for a day and are published "
        "when it answers."
    )


def describe_hints(outage: HintOutage | None) -> str:
    """Describe since when this process exchanges no hints, and what that means."""
    if outage is None:
        return "ok"
    return (
        f"Unavailable since {outage.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC: {outage.reason}. "
        "This process looks for tasks every 0.25 s instead of 1 s; nothing is lost."
    )


async def get_health(system: AppContext) -> Health:
    """Return the state of each part: `ok`, or a description of the problem.

    The database, its migrations and the store decide whether the server is ready. Other parts are
    only reported: decoders without a restriction (see imaging/confinement.py), a disk that is
    almost full, missing or damaged files, an unavailable NATS server (for events, and for the hints
    of this process), and a schema that is newer than this version.
    """
    needed, reported = (
        {"database": "ok", "migrations": "ok", "store": "ok"},
        {"room": "ok", "files": "ok", "decoders": system.decoders.describe()},
    )
    if system.nats_url is not None:
        reported["hints"] = describe_hints(system.part(JobHints).outage)
    scope = Scope.system()
    try:
        async with system.database.transaction(scope) as tx:
            present = await read_present(scope, tx)
            if present == newest() and (harmed := await count_harmed(scope, tx)):
                reported["files"] = f"{describe_harmed(harmed)} {REPAIR}"
            if present == newest() and await has_subjects(scope, tx):
                reported["nats"] = describe_nats(await find_outage(scope, tx))
        if mismatch := describe_mismatch(present):
            (reported if is_newer(present) else needed)["migrations"] = mismatch
    except TraplineError as error:
        needed["database"] = error.detail
        needed["migrations"] = "Unknown while the database is unavailable."
    try:
        await system.store.check()
        if shortage := await find_disk_shortage(system):
            reported["room"] = f"{shortage} {MAKE_ROOM}"
    except (TraplineError, OSError) as error:
        needed["store"] = str(error)
    return Health(
        status="ready" if set(needed.values()) == {"ok"} else "not ready", parts=needed | reported
    )
