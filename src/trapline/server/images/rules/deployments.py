"""Rules about the fields of a deployment that depend on each other."""

from collections.abc import Mapping
from typing import Any

RELATED = frozenset({"latitude", "longitude", "started_at", "ended_at"})


def list_faults(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List the fields that contradict another field, each with what is wrong."""
    faults = []
    for given, missing in (("latitude", "longitude"), ("longitude", "latitude")):
        if values[given] is not None and values[missing] is None:
            faults.append(
                (missing, f"is missing although there is a {given}: give both or neither")
            )
    start, end = values["started_at"], values["ended_at"]
    if start is not None and end is not None and end < start:
        faults.append(("ended_at", f"is before started_at, {start.isoformat()}"))
    return faults
