"""The fields of a deployment through the CSV sheet, and back."""

import csv
import io
from typing import Any

import pytest
from tests.support.api_project import Field, make_field
from tests.support.deployment_values import EMPTY, FULL, UNDER_WATER, list_all, pick, send

from trapline.server.platform.app_context import AppContext


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, 0)


async def send_sheet(field: Field, text: str, status: int = 200) -> dict[str, Any]:
    answer = await field.client.post(
        f"/api/v2/deployments/csv?project={field.project}",
        content=text.encode(),
        headers={"Authorization": f"Token {field.owner}", "Content-Type": "text/csv"},
    )
    assert answer.status_code == status, answer.text
    return dict(answer.json())


async def test_csv_keeps_each_field(system: AppContext, field: Field) -> None:
    for values in (FULL, UNDER_WATER, {"name": "Plain"}):
        await send(field, "POST", "/deployments", {"project": field.project} | values, 201)
    answer = await field.call("GET", f"/deployments/csv?project={field.project}")
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(answer.text, newline=""))}
    row = rows["Kaltenbach ford"]
    assert set(row) == set(FULL)
    assert (row["camera_tilt_deg"], row["camera_height_m"], row["camera_depth_m"]) == (
        "-10",
        "1.25",
        "",
    )
    assert (row["bait_use"], row["timestamp_issues"]) == ("true", "false")
    assert row["tags"] == "forest edge | bait:food"
    assert row["inactive_periods"] == (
        "2026-05-01T00:00:00Z/2026-05-03T12:00:00Z stolen | "
        "2026-06-01T00:00:00Z/2026-06-01T00:00:00Z"
    )
    there = await list_all(field)
    copy = await make_field(system, 0, "copy")
    await send_sheet(copy, answer.text)
    copied = await list_all(copy)
    assert set(copied) == set(there)
    for name, shown in there.items():
        assert pick(copied[name]) == pick(shown), name
    again = await send_sheet(copy, answer.text)
    assert (again["created"], again["changed"]) == (0, 0), again


async def test_a_sheet_with_more_than_a_mebibyte_is_imported(field: Field) -> None:
    """5,000 deployments with values in all columns have several."""
    notes = "wet " * 2499
    rows = "".join(f"Ford {number},{notes}\n" for number in range(120))
    assert len(rows) > 1 << 20
    taken = await send_sheet(field, f"name,notes\n{rows}")
    assert taken["created"] == 120


async def test_errors_of_cells_say_what_is_wrong(field: Field) -> None:
    periods = (
        "2026-05-01T00:00:00Z/2026-05-02T00:00:00Z | 2026-06-02T00:00:00Z/2026-06-01T00:00:00Z"
    )
    refused = await send_sheet(
        field,
        "name,camera_tilt_deg,camera_height_m,inactive_periods,tags\n"
        f"Ford,1.5,high,{periods},a | pickupBy:Ada\n"
        "Reef,,,2026-05-01T00:00:00Z/2026-05-02T00:00:00Z | summer,\n",
        422,
    )
    errors = {one["where"]: one["message"] for one in refused["errors"]}
    assert errors["line 2, camera_tilt_deg"] == "must be a whole number"
    assert errors["line 2, camera_height_m"] == "must be a number"
    assert errors["line 2, inactive_periods"].startswith("is before the start of the period")
    assert errors["line 2, inactive_periods"].endswith(" (value 2)")
    assert errors["line 2, tags"].endswith(" (value 2)")
    assert errors["line 3, inactive_periods"].startswith("must be START/END REASON")
    assert errors["line 3, inactive_periods"].endswith(" (value 2)")


async def test_cells_without_an_offset_are_in_the_zone_of_the_deployment(field: Field) -> None:
    stored = {"project": field.project, "name": "Stored", "time_zone": "America/New_York"}
    await send(field, "POST", "/deployments", stored, 201)
    times = "2026-05-01T12:00,2026-05-01/2026-05-02T18:30:00 snow"
    await send_sheet(
        field,
        "name,time_zone,latitude,longitude,started_at,inactive_periods\n"
        f"Stored,,,,{times}\nGiven,Europe/Berlin,,,{times}\nFiji,,-17.8,178,{times}\n"
        f"Plain,,,,{times}\nOffset,Europe/Berlin,,,2026-05-01T12:00:00Z,\n",
    )
    shown = await list_all(field)
    assert {name: one["started_at"] for name, one in shown.items()} == {
        "Stored": "2026-05-01T16:00:00Z",
        "Given": "2026-05-01T10:00:00Z",
        "Fiji": "2026-05-01T00:00:00Z",
        "Plain": "2026-05-01T12:00:00Z",
        "Offset": "2026-05-01T12:00:00Z",
    }
    assert shown["Given"]["inactive_periods"] == [
        {"start": "2026-04-30T22:00:00Z", "end": "2026-05-02T16:30:00Z", "reason": "snow"}
    ]
    refused = await send_sheet(
        field,
        "name,time_zone,latitude,longitude,started_at\n"
        "A,,91,181,2026-05-01\nB,Mars/Olympus,,,2026-05-01\nC,,,,1.5.2026\n",
        422,
    )
    assert {one["where"] for one in refused["errors"]} >= {
        "line 2, latitude", "line 2, longitude", "line 3, time_zone", "line 4, started_at",
    }  # fmt: skip


async def test_empty_cells_clear_and_invalid_cells_are_named(field: Field) -> None:
    await send(field, "POST", "/deployments", {"project": field.project} | FULL, 201)
    refused = await send_sheet(
        field,
        "name,bait_use,inactive_periods,tags,camera_tilt_deg,feature_type,camera_depth_m\n"
        "Kaltenbach ford,maybe,2026-05-01 stolen,a,steep,pond,1\n",
        422,
    )
    assert sorted(one["where"] for one in refused["errors"]) == [
        "line 2, bait_use",
        "line 2, camera_tilt_deg",
        "line 2, feature_type",
        "line 2, inactive_periods",
    ]
    refused = await send_sheet(field, "name,camera_depth_m\nKaltenbach ford,1\n", 422)
    assert [one["where"] for one in refused["errors"]] == ["line 2, camera_depth_m"]
    names = [name for name in EMPTY if name not in ("started_at", "ended_at")]
    await send_sheet(field, f"name,{','.join(names)}\nKaltenbach ford{',' * len(names)}\n")
    shown = (await list_all(field))["Kaltenbach ford"]
    assert {name: shown[name] for name in names} == {name: EMPTY[name] for name in names}
