"""The schedule of a source: cron expressions in the time zone of its deployment."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

MAX_JITTER = timedelta(seconds=30)


def find_schedule_error(schedule: str) -> str | None:
    """Return what is wrong with a cron expression, or None if it has a next time."""
    try:
        next(CronSim(schedule, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration):
        return (
            "is not a cron expression with a next time; for example, `0 * * * *` is hourly and "
            "`*/15 * * * *` is every 15 minutes"
        )
    return None


def get_next_run(schedule: str, zone: ZoneInfo, after: datetime, chance: random.Random) -> datetime:
    """Return when a source is polled next, by its cron expression and with random jitter.

    The expression is evaluated in the time zone of the deployment. The result is based on the first
    time after `after`, so any number of missed runs is made up by one run.
    """
    times = CronSim(schedule, after.astimezone(zone))
    # The interval is computed in UTC because local times jump when daylight saving time changes.
    first = next(times).astimezone(UTC)
    try:
        interval = next(times).astimezone(UTC) - first
    except StopIteration:
        interval = timedelta(days=1)
    return first + min(MAX_JITTER, interval / 10) * chance.random()


def format_schedule(schedule: str) -> str:
    """Format a cron expression as an English phrase."""
    try:
        return str(CronSim(schedule, datetime(2026, 1, 1, tzinfo=UTC)).explain())
    except (CronSimError, StopIteration):
        return schedule
