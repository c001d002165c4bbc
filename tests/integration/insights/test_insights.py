"""Insights of small surveys, compared with figures that were computed by hand."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.integration.review.test_observation_lists import add_reviewer, add_taxon, say
from tests.support.api_project import SYSTEM, Field, make_field

from trapline.server.platform.app_context import AppContext
from trapline.server.review.actions.observation_builds import build_observations

START = datetime(2026, 6, 1, tzinfo=UTC)
MINUTES = (0, 20, 45, 180, 1500, 6 * 1440)
"""Capture times of the images after START, in minutes."""


@pytest.fixture
async def field(system: AppContext) -> Field:
    field = await make_field(system, images=len(MINUTES))
    for image, minutes in zip(field.images, MINUTES, strict=True):
        await field.change(
            "update images set captured_at = %s where id = %s",
            START + timedelta(minutes=minutes),
            image,
        )
    [(deployment,)] = await field.ask(
        "select deployment_id from images where id = %s", field.images[0]
    )
    changed = {
        "started_at": START.isoformat(),
        "ended_at": (START + timedelta(days=10)).isoformat(),
        "inactive_periods": [
            {
                "start": (START + timedelta(days=7)).isoformat(),
                "end": (START + timedelta(days=9)).isoformat(),
            }
        ],
    }
    answer = await field.call("PATCH", f"/deployments/{deployment}", changed)
    assert answer.status_code == 200, answer.text
    return field


async def get(field: Field, path: str, **query: Any) -> Any:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    answer = await field.call("GET", f"/insights/{path}?project={field.project}&{asked}")
    assert answer.status_code == 200, answer.text
    return (
        answer.json()
        if answer.headers["content-type"].startswith("application/json")
        else (list(csv.reader(io.StringIO(answer.text))))
    )


async def identify(field: Field) -> None:
    """Three foxes within 45 minutes, one after 3 hours, a deer, and a blank image."""
    one, two, three, four, five, six = map(str, field.images)
    await say(field, kind="correct", label="Fox", images=[one, two, three, four])
    await say(field, kind="correct", label="Deer", images=[five])
    await say(field, kind="blank", images=[six])


async def test_summary_has_the_events_and_rates_computed_by_hand(field: Field) -> None:
    await identify(field)
    found = await get(field, "summary")
    # 10 days without 2 inactive ones are 8 camera-nights; 100 * 2 / 8 and 100 * 1 / 8.
    assert found["sentence"] == "3 events of 2 species in 8 camera-nights at 1 deployment."
    assert [
        (one["name"], one["images"], one["events"], one["rate"]) for one in found["species"]
    ] == [
        ("Fox", 4, 2, 25.0),
        ("Deer", 1, 1, 12.5),
    ]
    fox = found["species"][0]
    assert (fox["individuals"], fox["occupancy"], fox["interval"]) == (2, 1.0, None)
    assert fox["first_seen"] == "2026-06-01T00:00:00Z"
    assert fox["last_seen"] == "2026-06-01T03:00:00Z"
    assert [n for n, events in enumerate(found["hours"]) for _ in range(events)] == [0, 1, 3]
    [place] = found["deployments"]
    assert (place["nights"], place["inactive_nights"], place["estimated"]) == (8.0, 2.0, False)
    assert (place["state"], place["suggested_end"]) == ("finished", None)
    assert place["gaps"] == [{"start": "2026-06-03", "end": "2026-06-06", "days": 4}]
    assert (found["images"], found["observed_images"], found["reviewed_images"]) == (6, 5, 6)
    assert {one["code"] for one in found["notes"]} == {"few_deployments"}


async def test_events_follow_the_interval_the_rule_and_the_period(field: Field) -> None:
    await identify(field)

    async def count(**query: Any) -> int:
        found = await get(field, "summary", **{"class": "Fox", **query})
        return int(found["events"])

    assert await count() == 2
    assert await count(rule="lastIndependentRecord") == 3
    assert await count(interval=0) == 4
    assert await count(interval=24) == 3
    assert await count(interval=25) == 3
    assert await count(interval=26) == 2
    assert await count(interval=1440) == 1
    assert await count(start="2026-06-02") == 0
    found = await get(field, "summary", start="2026-06-02", end="2026-06-03")
    assert (found["nights"], found["events"]) == (2.0, 1)


async def test_a_correction_is_visible_to_the_next_request(field: Field) -> None:
    await identify(field)
    assert (await get(field, "summary"))["events"] == 3
    await say(field, kind="correct", label="Deer", images=[str(field.images[3])])
    found = await get(field, "summary")
    assert {one["name"]: one["events"] for one in found["species"]} == {"Fox": 1, "Deer": 2}
    gone = {"images": [str(field.images[4])], "reason": "test image"}
    answer = await field.call("POST", "/images/delete", gone)
    assert answer.status_code == 200, answer.text
    found = await get(field, "summary")
    assert {one["name"]: one["events"] for one in found["species"]} == {"Fox": 1, "Deer": 1}
    assert found["images"] == 5


async def test_species_over_time_have_the_effort_of_each_period(field: Field) -> None:
    await identify(field)
    # 1 June 2026 is a Monday. The camera did not work on the 8th and 9th, and ended on the 10th.
    found = await get(field, "trends", step="week")
    assert [
        (one["start"], one["end"], one["nights"], one["events"], one["species"], one["new_species"])
        for one in found["periods"]
    ] == [("2026-06-01", "2026-06-07", 7.0, 3, 2, 2), ("2026-06-08", "2026-06-14", 1.0, 0, 0, 0)]
    assert [(one["name"], one["events"]) for one in found["species"]] == [
        ("Fox", [2, 0]),
        ("Deer", [1, 0]),
    ]
    assert found["species"][0]["rates"] == [pytest.approx(200 / 7), 0.0]
    daily = await get(field, "trends", step="day")
    assert [one["nights"] for one in daily["periods"]] == [1.0] * 7 + [0.0, 0.0, 1.0]
    assert daily["species"][1]["rates"] == [0.0, 100.0, *[0.0] * 5, None, None, 0.0]
    head, *rows = await get(field, "tables", table="trends")
    assert head == ["start", "end", "nights", "species", "events", "rate"]
    assert rows == [
        ["2026-06-01", "2026-06-30", "8.0", "Fox", "2", "25.0"],
        ["2026-06-01", "2026-06-30", "8.0", "Deer", "1", "12.5"],
    ]
    found = await get(field, "trends", start="2027-01-01")
    assert (found["periods"], found["species"]) == ([], [])
    [(deployment,)] = await field.ask("select deployment_id from images limit 1")
    answer = await field.call(
        "PATCH", f"/deployments/{deployment}", {"started_at": "2001-01-01T00:00:00Z"}
    )
    assert answer.status_code == 200, answer.text
    for path in ("trends?step=day", "tables?table=trends&step=day", "trends?step=hour"):
        answer = await field.call("GET", f"/insights/{path}&project={field.project}")
        assert answer.status_code == 422, answer.text
        assert "step" in answer.text


async def test_a_project_without_observations_gets_sentences(field: Field) -> None:
    found = await get(field, "summary")
    assert found["sentence"] == "0 events of 0 species in 8 camera-nights at 1 deployment."
    assert "no_observations" in {one["code"] for one in found["notes"]}
    assert (await get(field, "accumulation"))["chao2"] is None
    assert (await get(field, "activity"))["curves"] == []
    assert (await get(field, "records"))["records"] == []
    assert (await get(field, "detections", species="Fox"))["detected_sites"] == 0
    for table in ("species", "records", "accumulation", "camera-health", "deployments"):
        assert isinstance(await get(field, "tables", table=table), list)


async def test_detection_histories_and_records_are_as_in_r(field: Field) -> None:
    await identify(field)
    found = await get(field, "detections", species="Fox", days=5)
    # Days 1 to 10 of June; the camera did not work on the 8th and 9th.
    assert found["occasions"] == ["2026-06-01", "2026-06-06"]
    [site] = found["sites"]
    assert (site["detections"], site["effort"]) == ([1, 0], [5.0, 3.0])
    rows = await get(field, "tables", table="detection-history", species="Deer", days=5)
    assert rows[0] == ["", "o1", "o2"]
    assert rows[1][1:] == ["1", "0"]
    head, *records = await get(field, "tables", table="records")
    assert head[:6] == ["Station", "Species", "DateTimeOriginal", "Date", "Time", "delta.time.secs"]
    assert [row[1:3] + row[5:6] for row in records] == [
        ["Deer", "2026-06-02 01:00:00", "0"],
        ["Fox", "2026-06-01 00:00:00", "0"],
        ["Fox", "2026-06-01 03:00:00", str(135 * 60)],
    ]
    species = await get(field, "tables", table="species")
    assert [row[:6] for row in species[1:]] == [
        ["Fox", "animal", "4", "2", "2", "25.0"],
        ["Deer", "animal", "1", "1", "1", "12.5"],
    ]


async def test_a_label_finds_the_detection_history_of_its_taxon(field: Field) -> None:
    await add_taxon(field, "Vulpes vulpes", "Fox")
    while await build_observations(field.system, SYSTEM):
        pass
    await identify(field)
    for species in ("Fox", "Vulpes vulpes"):
        found = await get(field, "detections", species=species, days=10)
        assert (found["name"], found["detected_sites"]) == ("Vulpes vulpes", 1)
        _, row = await get(field, "tables", table="detection-history", species=species, days=10)
        assert row[1:] == ["1"]


async def test_names_that_leave_the_species_open_are_not_species(field: Field) -> None:
    fox = await add_taxon(field, "Vulpes vulpes", family="Canidae", genus="Vulpes")
    taxa = []
    for name, rank in (("Vulpes vulpes crucigera", "subspecies"), ("Canidae", "family")):
        body = {"project": field.project, "scientific_name": name, "rank": rank}
        made = await field.call("POST", "/taxa", body)
        assert made.status_code == 201, made.text
        taxa.append(made.json()["id"])
    while await build_observations(field.system, SYSTEM):
        pass
    images = [[str(one)] for one in field.images]
    for taxon, of in zip((fox, *taxa), images, strict=False):
        await say(field, kind="correct", taxon=taxon, images=of)
    for label, of in zip(("animal", "bird", "Deer"), images[3:], strict=True):
        await say(field, kind="correct", label=label, images=of)
    found = await get(field, "summary")
    assert found["sentence"].startswith("6 events of 2 species in")
    assert {one["name"] for one in found["species"] if one["is_species"]} == {
        "Vulpes vulpes",
        "Vulpes vulpes crucigera",
        "Deer",
    }
    [note] = [one for one in found["notes"] if one["code"] == "not_species"]
    assert sorted(note["names"]) == ["Canidae", "animal", "bird"]
    assert [one["species"] for one in found["deployments"]] == [2]
    [june] = (await get(field, "trends"))["periods"]
    assert (june["events"], june["species"], june["new_species"]) == (6, 2, 2)
    assert (await get(field, "accumulation"))["chao2"]["observed"] == 2


async def test_camera_health_and_activity(field: Field) -> None:
    await identify(field)
    [camera] = (await get(field, "camera-health"))["cameras"]
    assert (camera["state"], camera["urgency"], camera["images"]) == ("finished", 0, 6)
    assert camera["blank_share"] == pytest.approx(1 / 6)
    [fox, deer] = (await get(field, "activity"))["curves"]
    assert (fox["events"], fox["times"], fox["density"]) == (2, [0.0, 3.0], None)
    assert deer["hours"][1] == 1
    # No deployment has a location, so there is no solar time.
    solar = await get(field, "activity", time="solar")
    assert (solar["time"], solar["deployments_left_out"]) == ("solar", 1)
    assert [(one["events"], one["events_left_out"]) for one in solar["curves"]] == [(0, 2), (0, 1)]
    [(deployment,)] = await field.ask(
        "select deployment_id from images where id = %s", field.images[0]
    )
    place = {"latitude": 0, "longitude": 0}
    answer = await field.call("PATCH", f"/deployments/{deployment}", place)
    assert answer.status_code == 200, answer.text
    [fox, deer] = (await get(field, "activity", time="solar"))["curves"]
    # On 1 June, the sun rises at 5:54 and sets at 18:01 there: midnight is about 3 minutes late.
    assert fox["times"][0] == pytest.approx(0.04, abs=0.02)
    assert (deer["hours"][1], deer["events_left_out"]) == (1, 0)
    overlap = await get(field, "overlap", first="Fox", second="Deer", time="solar")
    assert (overlap["estimates"], overlap["first"]["events"]) == ([], 2)
    [head] = await get(field, "tables", table="overlap", first="Fox", second="Deer")
    assert head[-4:] == ["low", "high", "replicates", "seed"]
    found = await get(field, "accumulation")
    # Fox and deer occur on one day each: Q1 = 2, Q2 = 0.
    units = found["units"]
    assert found["chao2"]["value"] == pytest.approx(2 + (units - 1) / units * 2 * 1 / 2)
    assert found["steps"][-1]["expected"] == pytest.approx(2)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("summary?interval=1441", "interval"),
        ("summary?start=2026-06-02&end=2026-06-01", "end"),
        ("summary?rule=first", "rule"),
        ("summary?kind=blank", "kind"),
        ("detections?species=Fox&days=0", "days"),
        ("overlap?first=Fox&second=Fox", "second"),
        ("overlap?first=Fox", "second"),
        ("activity?time=moon", "time"),
        ("model-comparison?first=model:eye/1&second=eye", "second: must be model:"),
        ("model-comparison?first=eye&second=model:eye/1", "first: must be model:"),
        ("tables?table=overlap&first=Fox", "second"),
        ("tables?table=detection-history&days=7", "species"),
    ],
)
async def test_bad_parameters_are_named(field: Field, path: str, name: str) -> None:
    sign = "&" if "?" in path else "?"
    answer = await field.call("GET", f"/insights/{path}{sign}project={field.project}")
    assert answer.status_code == 422
    assert name in answer.text


async def test_deployments_of_another_project_are_not_found(field: Field) -> None:
    other = "0197c0de-0000-7000-8000-000000000000"
    path = f"/insights/summary?project={field.project}&deployment={other}"
    assert (await field.call("GET", path)).status_code == 404
    token, _ = await add_reviewer(field)
    path = f"/insights/summary?project={field.project}"
    assert (await field.call("GET", path, token=token)).status_code == 200
