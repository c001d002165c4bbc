"""A deployment with a value for each of its fields, and requests that store and list such."""

from typing import Any

from tests.support.api_project import Field

FULL: dict[str, Any] = {
    "name": "Kaltenbach ford",
    "latitude": -47.1234567,
    "longitude": 11.25,
    "coordinate_uncertainty_m": 12.0,
    "time_zone": "Europe/Berlin",
    "clock_offset_s": 0,
    "camera": "P800HG08192031",
    "habitat": "beech forest, wet",
    "notes": "=by the ford, 3 m above it",
    "started_at": "2020-03-01T22:00:00Z",
    "ended_at": "2099-04-01T22:30:15Z",
    "setup_by": "Ada Lovelace | Field team",
    "pickup_by": "Grace Hopper | Second team",
    "camera_model": "Reconyx-PC800",
    "camera_delay_s": 120,
    "camera_height_m": 1.25,
    "camera_depth_m": None,
    "camera_tilt_deg": -10,
    "camera_heading_deg": 225,
    "detection_distance_m": 9.5,
    "timestamp_issues": False,
    "bait_use": True,
    "feature_type": "waterSource",
    "groups": ["season:winter 2026", "grid:A1"],
    "tags": ["forest edge", "bait:food"],
    "inactive_periods": [
        {"start": "2026-05-01T00:00:00Z", "end": "2026-05-03T12:00:00Z", "reason": "stolen"},
        {"start": "2026-06-01T00:00:00Z", "end": "2026-06-01T00:00:00Z", "reason": ""},
    ],
}
"""The values of a request, in the form in which the API returns them."""

UNDER_WATER: dict[str, Any] = FULL | {
    "name": "Reef",
    "camera_height_m": None,
    "camera_depth_m": 4.8,
    "timestamp_issues": True,
    "bait_use": False,
    "inactive_periods": [],
}

EMPTY: dict[str, Any] = {
    "latitude": None, "longitude": None, "coordinate_uncertainty_m": None, "camera": "",
    "habitat": "", "notes": "", "started_at": None, "ended_at": None, "setup_by": "",
    "pickup_by": "", "camera_model": "", "camera_delay_s": None, "camera_height_m": None,
    "camera_depth_m": None, "camera_tilt_deg": None, "camera_heading_deg": None,
    "detection_distance_m": None, "timestamp_issues": None, "bait_use": None, "feature_type": None,
    "groups": [], "tags": [], "inactive_periods": [],
}  # fmt: skip
"""The values that clear each field that can be cleared."""


async def send(field: Field, method: str, path: str, body: Any, status: int) -> dict[str, Any]:
    """Call the API as the owner, expect a status and return the JSON of the response."""
    answer = await field.call(method, path, body)
    assert answer.status_code == status, answer.text
    return dict(answer.json())


def pick(shown: dict[str, Any], values: dict[str, Any] = FULL) -> dict[str, Any]:
    """Return the fields of a response that `values` has."""
    return {name: shown[name] for name in values}


async def list_all(field: Field) -> dict[str, dict[str, Any]]:
    """List the deployments of a project by name, except the default one."""
    listed = await send(field, "GET", f"/deployments?project={field.project}", None, 200)
    return {one["name"]: one for one in listed["results"] if not one["is_default"]}
