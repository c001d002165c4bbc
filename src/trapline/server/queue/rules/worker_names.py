"""Names of workers for users, also of those that did not register."""

import re
from datetime import UTC, datetime

from trapline.server.queue.rules.client_processes import split_caller

# Trapline's worker sends the name of its service, its host and its process.
_OURS = re.compile(r"trapline-worker/\S+ \((?P<service>.*); (?P<host>[^;]+); pid (?P<pid>\d+)\)")


def build_worker_name(user_agent: str, address: str) -> str:
    """Build the name of a worker from its requests; a second process of a caller has its number."""
    user_agent, process = split_caller(user_agent)
    ours = _OURS.fullmatch(user_agent)
    if ours:
        return f"{ours['service']} on {ours['host']} (process {ours['pid']})"
    software = user_agent.split(" ", 1)[0] or "a worker"
    number = f" (process {process})" if process > 1 else ""
    return f"{software} at {address or 'an unknown address'}{number}"


def build_holder_name(
    name: str | None, host: str | None, user_agent: str | None, address: str | None
) -> str | None:
    """Build the name of a worker from its registration or its requests; None if unknown."""
    if name is not None:
        return f"{name} on {host}"
    return build_worker_name(user_agent, address or "") if user_agent is not None else None


def format_end_reason(ended_at: datetime, why: str, by: str | None) -> str:
    """Format the error for a worker whose ID has ended: the reason, and what to do."""
    at = f"{ended_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if why == "evicted":
        what = f"{by or 'A person'} evicted this worker at {at}"
    elif why == "replaced":
        what = f"A newer process ({by}) took this worker's name at {at}"
    else:
        what = f"This worker signed off at {at}"
    return f"{what}: its leases were revoked. Nothing was changed. Register again to get a new ID."
