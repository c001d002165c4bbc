"""Rules about the fields of a deployment that depend on each other, and their stored form."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any

RELATED = frozenset(
    {"latitude", "longitude", "started_at", "ended_at", "camera_height_m", "camera_depth_m"}
)


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
    if values["camera_height_m"] is not None and values["camera_depth_m"] is not None:
        faults.append(
            ("camera_depth_m", "is given in addition to camera_height_m: give one of them")
        )
    return faults


def build_columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a deployment's fields in the form in which they are stored."""
    return {name: _build_column(name, value) for name, value in values.items()}


def _build_column(name: str, value: Any) -> Any:
    if name == "inactive_periods" and value is not None:
        return build_periods(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return value.value if isinstance(value, Enum) else value


def build_periods(periods: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return inactive periods with their times as texts in UTC, in the order of their starts."""
    ordered = sorted(periods, key=lambda one: (one["start"], one["end"]))
    return [
        {
            "start": _format_utc(one["start"]),
            "end": _format_utc(one["end"]),
            "reason": str(one.get("reason", "")),
        }
        for one in ordered
    ]


def _format_utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
