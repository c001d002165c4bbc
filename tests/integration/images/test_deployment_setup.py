"""The fields of a deployment through the API."""

from typing import Any

import pytest
from tests.support.api_project import Field, make_field
from tests.support.deployment_values import EMPTY, FULL, UNDER_WATER, pick, send

from trapline.server.platform.app_context import AppContext


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, 0)


async def test_each_field_is_stored_changed_and_cleared(field: Field) -> None:
    made = await send(field, "POST", "/deployments", {"project": field.project} | FULL, 201)
    assert pick(made) == FULL
    path = f"/deployments/{made['id']}"
    assert pick(await send(field, "GET", path, None, 200)) == FULL
    changed = await send(field, "PATCH", path, UNDER_WATER, 200)
    assert pick(changed) == UNDER_WATER
    cleared = await send(field, "PATCH", path, EMPTY, 200)
    assert pick(cleared, EMPTY) == EMPTY
    plain = {"project": field.project, "name": "Plain"}
    assert pick(await send(field, "POST", "/deployments", plain, 201), EMPTY) == EMPTY


async def test_periods_are_shown_in_utc_in_the_order_of_their_starts(field: Field) -> None:
    periods = [
        {"start": "2026-06-01T00:00:00+02:00", "end": "2026-06-02T00:00:00+02:00"},
        {"start": "2026-05-01T00:00:00Z", "end": "2026-05-02T00:00:00Z", "reason": " snow "},
    ]
    made = await send(
        field, "POST", "/deployments",
        {"project": field.project, "name": "Ford", "inactive_periods": periods}, 201,
    )  # fmt: skip
    assert made["inactive_periods"] == [
        {"start": "2026-05-01T00:00:00Z", "end": "2026-05-02T00:00:00Z", "reason": "snow"},
        {"start": "2026-05-31T22:00:00Z", "end": "2026-06-01T22:00:00Z", "reason": ""},
    ]


LATE, EARLY = "2026-06-01T00:00:00Z", "2026-05-01T00:00:00Z"


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"inactive_periods": [{"start": LATE, "end": EARLY}]}, "inactive_periods.0.end"),
        ({"inactive_periods": [{"start": EARLY}]}, "inactive_periods.0.end"),
        (
            {"inactive_periods": [{"start": EARLY, "end": LATE, "why": "x"}]},
            "inactive_periods.0.why",
        ),
        (
            {"inactive_periods": [{"start": EARLY, "end": LATE, "reason": "a|b"}]},
            "inactive_periods.0.reason",
        ),
        ({"camera_height_m": 1, "camera_depth_m": 1}, "camera_depth_m"),
        ({"camera_height_m": -0.1}, "camera_height_m"),
        ({"camera_depth_m": -1}, "camera_depth_m"),
        ({"detection_distance_m": -1}, "detection_distance_m"),
        ({"camera_delay_s": -1}, "camera_delay_s"),
        ({"camera_delay_s": 2**31}, "camera_delay_s"),
        ({"camera_tilt_deg": 91}, "camera_tilt_deg"),
        ({"camera_tilt_deg": True}, "camera_tilt_deg"),
        ({"camera_heading_deg": 361}, "camera_heading_deg"),
        ({"camera_heading_deg": 0.5}, "camera_heading_deg"),
        ({"bait_use": "maybe"}, "bait_use"),
        ({"feature_type": "pond"}, "feature_type"),
        ({"groups": ["a|b"]}, "groups.0"),
        ({"tags": ["a", " "]}, "tags.1"),
        ({"tags": ["a\nb"]}, "tags.0"),
        ({"tags": ["a"] * 101}, "tags"),
        ({"tags": ["a", "pickupBy:Ada"]}, "tags.1"),
        ({"tags": [" inactivePeriod:summer"]}, "tags.0"),
        ({"tags": ["derived:cameraModel"]}, "tags.0"),
        ({"pickup_by": "a|" * 100}, "pickup_by"),
        ({"camera_model": "x" * 256}, "camera_model"),
        ({"setup_by": "a\x00b"}, "setup_by"),
    ],
)
async def test_invalid_values_are_refused_by_name(
    field: Field, values: dict[str, Any], named: str
) -> None:
    new = {"project": field.project, "name": "Ford"}
    refused = await send(field, "POST", "/deployments", new | values, 422)
    assert [one["where"].removeprefix("body.") for one in refused["errors"]] == [named]
    made = await send(field, "POST", "/deployments", new, 201)
    refused = await send(field, "PATCH", f"/deployments/{made['id']}", values, 422)
    assert [one["where"].removeprefix("body.") for one in refused["errors"]] == [named]
    shown = await send(field, "GET", f"/deployments/{made['id']}", None, 200)
    assert pick(shown, EMPTY) == EMPTY


@pytest.mark.parametrize("name", ["groups", "tags", "inactive_periods", "camera_model", "setup_by"])
async def test_a_field_that_is_never_null_refuses_null(field: Field, name: str) -> None:
    made = await send(field, "POST", "/deployments", {"project": field.project} | FULL, 201)
    refused = await send(field, "PATCH", f"/deployments/{made['id']}", {name: None}, 422)
    assert [one["where"] for one in refused["errors"]] == [name]
    [message] = [one["message"] for one in refused["errors"]]
    assert message.startswith("must not be null")
    assert ("[]" in message) == (name in ("groups", "tags", "inactive_periods"))
    assert pick(await send(field, "GET", f"/deployments/{made['id']}", None, 200)) == FULL


async def test_people_who_picked_up_a_camera_have_one_separator(field: Field) -> None:
    new = {"project": field.project, "name": "Ford", "pickup_by": " Ada|Grace  |  | Mary"}
    made = await send(field, "POST", "/deployments", new, 201)
    assert made["pickup_by"] == "Ada | Grace | Mary"


async def test_a_height_is_compared_with_the_stored_depth(field: Field) -> None:
    made = await send(field, "POST", "/deployments", {"project": field.project} | UNDER_WATER, 201)
    path = f"/deployments/{made['id']}"
    refused = await send(field, "PATCH", path, {"camera_height_m": 2.0}, 422)
    assert [one["where"] for one in refused["errors"]] == ["camera_depth_m"]
    both = {"camera_height_m": 2.0, "camera_depth_m": None}
    assert pick(await send(field, "PATCH", path, both, 200), both) == both
