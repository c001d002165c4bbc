"""Counts by day: true whichever way images come, are worked on, move and go."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from tests.support.api_project import SYSTEM, Field, add_images, make_field, success
from tests.support.external_pipeline import analyse, box

from trapline.server.catalogue.actions import day_counts
from trapline.server.catalogue.actions.day_counts import update_day_counts
from trapline.server.catalogue.queries.catalogue_caches import CatalogueCaches
from trapline.server.images.actions.clock_offsets import update_capture_times
from trapline.server.platform.app_context import AppContext

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, 3)


async def counted(field: Field, class_name: str = "") -> list[tuple[Any, ...]]:
    """Return the final counts of each day: images, blank images, and hours with images."""
    while await update_day_counts(field.system, SYSTEM):
        pass
    assert await field.ask("select 1 from dirty_days") == []
    rows = await field.ask(
        "select day::text, images, blank, hours from day_counts where class_name = %s order by day",
        class_name,
    )
    return [
        (day, images, blank, {hour: n for hour, n in enumerate(hours) if n})
        for day, images, blank, hours in rows
    ]


async def test_days_are_counted_as_images_come_move_and_go(field: Field) -> None:
    first, second, _ = field.images
    await field.change("update images set captured_at = %s", NOON)
    assert await counted(field) == [("2026-06-01", 3, 0, {12: 3})]
    await field.call(
        "PATCH", "/images", {"images": [str(first)], "captured_at": "2026-06-03T07:30:00Z"}
    )
    assert await counted(field) == [("2026-06-01", 2, 0, {12: 2}), ("2026-06-03", 1, 0, {7: 1})]
    await field.call("POST", "/images/delete", {"images": [str(first), str(second)], "reason": "x"})
    assert await counted(field) == [("2026-06-01", 1, 0, {12: 1})]
    await field.call("POST", "/images/restore", {"images": [str(first)]})
    [(deployment,)] = await field.ask("select id from deployments")
    await add_images(field.system.database, field.project, deployment, 1)
    await field.change("update images set captured_at_source = 'exif'")
    await field.change("update deployments set clock_offset_s = 43200, dating = true")
    while await update_capture_times(field.system, SYSTEM):
        pass
    assert [day[:2] for day in await counted(field)] == [
        ("2026-06-01", 1),
        ("2026-06-02", 1),
        ("2026-06-03", 1),
    ]


async def test_days_are_those_of_the_camera(field: Field) -> None:
    await field.change(
        "update images set captured_at = '2026-06-01T22:10Z', time_zone = 'Europe/Berlin'"
    )
    await field.change(
        "update images set captured_at = '2026-06-01T21:10Z' where id = %s", field.images[0]
    )
    assert await counted(field) == [("2026-06-01", 1, 0, {23: 1}), ("2026-06-02", 2, 0, {0: 2})]


async def test_found_classes_are_counted(field: Field) -> None:
    await field.change("update images set captured_at = %s", NOON)
    await counted(field)
    job = await field.run_job()
    found, nothing, _ = await field.lease(job)
    await field.post(job, [success(found), success(nothing, detections=[])])
    [(name,)] = await field.ask("select class_name from observed_classes where kind <> 'blank'")
    assert await counted(field, name) == [("2026-06-01", 1, 0, {12: 1})]
    assert await counted(field) == [("2026-06-01", 3, 1, {12: 3})]


async def test_a_class_found_while_its_image_moved_gets_its_time(field: Field) -> None:
    await analyse(field, field.images[0], box(class_name="fox"))
    await field.change("update observed_classes set captured_at = '2020-01-01Z'")
    await field.change("update images set captured_at = %s", NOON)
    assert await counted(field, "fox") == [("2026-06-01", 1, 0, {12: 1})]
    assert await field.ask("select captured_at from observed_classes") == [(NOON,)]


async def test_a_day_with_many_images_rests_until_it_is_counted_again(field: Field) -> None:
    await field.change("update images set captured_at = %s", NOON)
    await counted(field)
    await field.change("update day_counts set images = 1_000_000_000")
    await field.change("update images set captured_at = captured_at + interval '1 minute'")
    assert not await update_day_counts(field.system, SYSTEM)
    assert await field.ask("select count(*) from dirty_days") == [(6,)]
    await field.change("update day_counts set counted_at = now() - interval '6 minutes'")
    assert await counted(field) == [("2026-06-01", 3, 0, {12: 3})]


async def ask_days(field: Field, query: str = "") -> tuple[list[tuple[str, int]], bool]:
    answer = await field.call("GET", f"/images/days?project={field.project}&{query}")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["images"] == sum(one["images"] for one in told["results"])
    return [(one["day"], one["images"]) for one in told["results"]], told["is_estimate"]


async def ask_names(field: Field, query: str) -> list[str]:
    answer = await field.call("GET", f"/images?project={field.project}&{query}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["count"] == len(answer.json()["results"]) or "skip" in query
    return [image["filename"].strip("0").partition(".")[0] for image in answer.json()["results"]]


async def test_days_lay_out_what_a_filter_finds(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = field.images
    zone = "update images set time_zone = 'Asia/Tokyo', captured_at = %s where id = %s"
    await field.change(zone, "2026-06-01T14:59Z", first)
    await field.change(zone, "2026-06-01T15:00Z", second)
    await field.change("update images set captured_at = '2026-06-01T16:00Z' where id = %s", third)
    await analyse(field, first)
    for image in (second, third):
        await analyse(field, image, box(class_name="fox"))
    whole = [("2026-06-02", 1), ("2026-06-01", 2)]
    assert await ask_days(field) == (whole, False)
    assert await ask_days(field, "class=fox") == ([("2026-06-02", 1), ("2026-06-01", 1)], False)
    assert await ask_days(field, "blank=true") == ([("2026-06-01", 1)], False)
    assert await ask_names(field, "day_after=2026-06-02") == ["1"]
    assert await ask_names(field, "day_before=2026-06-02&class=fox") == ["2"]
    assert await ask_names(field, "day_before=2026-06-02&order=captured_at") == ["", "2"]
    assert await ask_names(field, "day_before=2026-06-02&skip=1") == [""]
    assert await ask_names(field, "blank=true") == [""]
    assert await ask_names(field, "reviewed=false&blank=false") == ["2", "1"]
    assert await ask_names(field, "reviewed=true") == []
    assert (
        await field.call("GET", f"/images?project={field.project}&day_after=0001-01-01")
    ).status_code == 422
    # If many images are not counted yet, the counts that exist are returned.
    await counted(field)
    monkeypatch.setattr(day_counts, "COUNTED_AT_ONCE", 1)
    assert await ask_days(field) == (whole, True)
    assert await ask_days(field, "blank=false") == ([("2026-06-02", 1), ("2026-06-01", 1)], True)
    assert await ask_days(field, "class=fox&day_after=2026-06-02") == ([("2026-06-02", 1)], False)
    images = f"/images?project={field.project}&limit=1&count_up_to="
    for query, expected in {
        "1": (3, True),  # the number that is stored
        "1&class=fox": (2, True),
        "1&class=fox&reviewed=false": (1, True),  # no number is stored
        "2&class=fox&reviewed=false": (2, False),
        "3": (3, False),
    }.items():
        page = (await field.call("GET", images + query)).json()
        assert (page["count"], page["count_is_estimate"]) == expected, query
    for query in ("0", "10001", "many"):
        assert (await field.call("GET", images + query)).status_code == 422


async def test_a_class_is_counted_like_what_it_finds(field: Field) -> None:
    first, _, third = field.images
    await field.change("update images set captured_at = '2026-06-01T15:00Z'")
    await field.change("update images set captured_at = '2026-06-01T16:00Z' where id = %s", third)
    for image in field.images:
        await analyse(
            field, image, box(class_name="owl" if image == first else "fox", confidence=0.5)
        )
    assert await ask_names(field, "class=fox") == ["2", "1"]
    assert await ask_names(field, "class=fox&confidence_min=0.6") == []
    assert await ask_names(field, "class=fox&captured_before=2026-06-01T15:30:00Z") == ["1"]
    assert await ask_names(
        field, "class=fox&captured_after=2026-06-01T15:30:00Z&confidence_min=0.5"
    ) == ["2"]
    await field.change("update images set deleted_at = now() where id = %s", third)
    assert await ask_names(field, "class=fox") == ["1"]
    assert await ask_names(field, "class=fox&deleted=true") == ["2"]


async def test_of_many_images_days_tell_when_they_are_behind(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    await field.change("update images set captured_at = %s", NOON)
    path = f"/images/days?project={field.project}"
    assert not (await field.call("GET", path)).json()["is_behind"], (
        "what is counted for the answer is all there is"
    )
    monkeypatch.setattr(day_counts, "COUNTED_AT_ONCE", 1)
    assert (await field.call("GET", path)).json()["is_behind"]
    await counted(field)
    told = (await field.call("GET", path)).json()
    assert (told["is_behind"], told["results"]) == (False, [{"day": "2026-06-01", "images": 3}])
    await field.change(
        "update images set captured_at = captured_at + interval '1 day' where id = %s",
        field.images[0],
    )
    assert (await field.call("GET", path)).json()["is_behind"]


async def test_of_many_images_days_outside_a_filter_are_left_out(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day, image in enumerate(field.images, 1):
        await field.change(
            "update images set captured_at = %s where id = %s", NOON.replace(day=day * 9), image
        )
    await counted(field)
    monkeypatch.setattr(day_counts, "COUNTED_AT_ONCE", 0)
    days = [(f"2026-06-{day:02}", 1) for day in (27, 18, 9)]
    assert await ask_days(field) == (days, True)
    assert await ask_days(field, "captured_after=2026-06-18T00:00Z") == (days[:2], True)
    assert await ask_days(field, "captured_before=2026-06-18T23:00Z") == (days[1:], True)
    assert await ask_days(
        field, "captured_after=2026-06-18T00:00Z&captured_before=2026-06-18T23:00Z"
    ) == (
        days[1:2],
        True,
    )
    assert await ask_days(field, "captured_after=0001-01-01T00:00Z&day_after=2026-06-18") == (
        days[:2],
        True,
    )
    assert await ask_days(field, "captured_before=9998-12-31T23:59Z&day_before=2026-06-18") == (
        days[2:],
        True,
    )
    await field.call("POST", "/images/delete", {"images": [str(field.images[2])], "reason": "x"})
    assert await ask_days(field, "deleted=true") == (days[:1], False)


# Refuses as the database gives a statement up that takes too long: here, one that counts more than
# three days.
AT_MOST_THREE = """
    create function at_most_three() returns trigger language plpgsql as $$ begin
        if (select count(*) from counted) > 3 or current_setting('statement_timeout') <> '2min' then
            raise exception using errcode = 'query_canceled',
            message = 'canceling statement due to statement timeout';
        end if;
        return null;
    end $$;
    create trigger at_most_three after insert on day_counts referencing new table as counted
        for each statement execute function at_most_three();
"""


async def test_days_that_take_too_long_together_are_counted_the_fewer_at_once(field: Field) -> None:
    [(deployment,)] = await field.ask("select id from deployments")
    await add_images(field.system.database, field.project, deployment, 8)
    await field.change(
        "update images i set captured_at = %s::timestamptz + n * interval '1 day' "
        "from (select id, row_number() over (order by id) as n from images) o where o.id = i.id",
        NOON,
    )
    await field.change(AT_MOST_THREE)
    assert len(await counted(field)) == 11
    assert 0 < (field.system.part(CatalogueCaches).days_at_once.get(None) or 0) <= 200
    await field.change("drop trigger at_most_three on day_counts")


async def test_a_summary_tells_the_figures_of_the_overview(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    await field.change("update images set captured_at = %s", NOON)
    await field.change(
        "update images set captured_at = '2026-06-03T07:00Z' where id = %s", field.images[0]
    )
    await analyse(field, field.images[0])
    path = f"/summary?project={field.project}"
    monkeypatch.setattr(day_counts, "LONG_S", 1e9)
    assert (await field.call("GET", path)).json()["is_behind"]
    job = await field.run_job()
    tasks = await field.lease(job)
    await field.post(
        job, [success(task) for task in tasks if task["image_id"] != str(field.images[0])]
    )
    await counted(field)
    told = (await field.call("GET", path)).json()
    [(name,)] = await field.ask(
        "select distinct class_name from observed_classes where kind <> 'blank'"
    )
    assert (told["images"], told["blank"], told["is_behind"]) == (3, 1, False)
    assert [(day["day"], day["images"], day["blank"]) for day in told["days"]] == [
        ("2026-06-03", 1, 1), ("2026-06-01", 2, 0),
    ]  # fmt: skip
    assert {hour: n for hour, n in enumerate(told["hours"]) if n} == {7: 1, 12: 2}
    assert told["classes"] == [{"class_name": name, "images": 2}]
    [place] = told["deployments"]
    assert (place["name"], place["images"], place["last_captured_at"]) == (
        "camera",
        3,
        "2026-06-03T07:00:00Z",
    )
    monkeypatch.setattr(day_counts, "LONG_S", 0)
    monkeypatch.setattr(day_counts, "KEPT_FOR", 1e9)
    assert (await field.call("GET", path)).json() == told
    await add_images(field.system.database, field.project, UUID(place["deployment_id"]), 1)
    await counted(field)
    assert (await field.call("GET", path)).json() == told | {"is_behind": True}, (
        "what took long is told again"
    )
    said = {"kind": "correct", "label": "lynx", "images": [str(field.images[0])]}
    made = await field.call("POST", "/identifications", {"identifications": [said]})
    assert made.status_code == 201, made.text
    corrected = (await field.call("GET", path)).json()
    assert (corrected["images"], corrected["blank"]) == (4, 0), "people need not wait"
    assert {"class_name": "lynx", "images": 1} in corrected["classes"]
    said_again = {"identifications": [one["id"] for one in made.json()["identifications"]]}
    withdrawn = await field.call("POST", "/identifications/withdraw", said_again)
    assert withdrawn.status_code == 200, withdrawn.text
    restored = (await field.call("GET", path)).json()
    assert (restored["blank"], restored["classes"]) == (1, told["classes"])
    corners = {"x_min": 0, "y_min": 0, "x_max": 60, "y_max": 50}
    drawn = {"image": str(field.images[0]), "box": corners, "label": "fox"}
    made = await field.call("POST", "/annotations", {"annotations": [drawn]})
    assert made.status_code == 201, made.text
    assert (await field.call("GET", path)).json()["blank"] == 0
    [key] = [one["id"] for one in made.json()["annotations"]]
    assert (await field.call("DELETE", f"/annotations/{key}")).status_code == 204
    assert (await field.call("GET", path)).json()["blank"] == 1
    monkeypatch.setattr(day_counts, "KEPT_FOR", 0)
    assert (await field.call("GET", path)).json()["images"] == 4
    narrowed = (await field.call("GET", f"{path}&class={name}&day_after=2026-06-01")).json()
    assert (narrowed["images"], narrowed["hours"][12]) == (2, 2)
