"""Sequences: grouped on arrival, split and joined as images change, run and filtered by."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.support.api_project import SLUG, SYSTEM, Field, add_images, make_field

from trapline.server.catalogue.actions import sequences
from trapline.server.catalogue.actions.sequences import group_images
from trapline.server.platform.app_context import AppContext
from trapline.server.queue.actions import jobs

START = datetime(2026, 6, 1, tzinfo=UTC)


async def take(field: Field, *seconds: int) -> list[UUID]:
    """Upload images captured this many seconds after the start, and group them into sequences."""
    [(deployment,)] = await field.ask(
        "select id from deployments where project_id = %s", field.project
    )
    images = await add_images(field.system.database, field.project, deployment, len(seconds))
    for image, second in zip(images, seconds, strict=True):
        moment = START + timedelta(seconds=second)
        await field.change("update images set captured_at = %s where id = %s", moment, image)
    await settle(field)
    return images


async def settle(field: Field) -> None:
    while await group_images(field.system, SYSTEM):
        pass


async def groups(field: Field) -> list[list[int]]:
    """Return the sequences from the API, each as the seconds of its images, and from the rows."""
    answer = await field.call("GET", f"/sequences?project={field.project}&order=started_at")
    assert answer.status_code == 200, answer.text
    found = []
    for one in answer.json()["results"]:
        times = [datetime.fromisoformat(image["captured_at"]) for image in one["shown"]]
        assert (times[0], times[-1]) == tuple(
            datetime.fromisoformat(one[key]) for key in ("started_at", "ended_at")
        )
        assert one["images"] == len(times)
        found.append([int((time - START).total_seconds()) for time in times])
    return found


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, 0)


async def change(field: Field, path: str, **body: Any) -> None:
    answer = await field.call("PATCH", path, body)
    assert answer.status_code == 200, answer.text


async def test_images_are_grouped_as_they_come_late_ones_too(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequences, "BATCH", 2)
    await take(field, 0, 60, 400, 700)
    assert await groups(field) == [[0, 60], [400], [700]]
    [first] = [row[0] for row in await field.ask("select id from sequences where images = 2")]
    await take(field, 170, 1000)
    assert await groups(field) == [[0, 60, 170], [400], [700], [1000]]
    await take(field, 289, 300)  # a bridge: what was two is one, and keeps the id of the larger
    assert await groups(field) == [[0, 60, 170, 289, 300, 400], [700], [1000]]
    assert await field.ask("select images from sequences where id = %s", first) == [(6,)]


async def test_sequences_come_apart_and_together_with_what_happens_to_images(field: Field) -> None:
    images = await take(field, 0, 60, 120, 180, 240)
    assert await groups(field) == [[0, 60, 120, 180, 240]]
    named = [str(image) for image in images]
    await field.call("POST", "/images/delete", {"images": [named[1], named[2]], "reason": "x"})
    await settle(field)
    assert await groups(field) == [[0], [180, 240]]
    await field.call("POST", "/images/restore", {"images": [named[1], named[2]]})
    await settle(field)
    assert await groups(field) == [[0, 60, 120, 180, 240]]
    await change(field, "/images", images=[named[4]], shift_s=3600)
    await settle(field)
    assert await groups(field) == [[0, 60, 120, 180], [3840]]
    await change(field, f"/projects/{field.project}", sequence_gap_s=30)
    await settle(field)
    assert await groups(field) == [[0], [60], [120], [180], [3840]]
    await change(field, f"/projects/{field.project}", sequence_gap_s=3661)
    await settle(field)
    assert await groups(field) == [[0, 60, 120, 180, 3840]]
    await field.call("POST", "/images/delete", {"images": named, "reason": "x"})
    await settle(field)
    assert await field.ask("select count(*) from sequences") == [(0,)]


async def test_a_sequence_is_shown_filtered_by_and_run(field: Field) -> None:
    images = await take(field, 0, 60, 1000)
    listed = (await field.call("GET", f"/sequences?project={field.project}&images_min=2")).json()
    [one] = listed["results"]
    shown = (await field.call("GET", f"/sequences/{one['id']}")).json()
    assert [image["id"] for image in shown["shown"]] == [str(image) for image in images[:2]]
    within = (
        await field.call("GET", f"/images?project={field.project}&sequence={one['id']}")
    ).json()
    assert within["count"] == 2
    job = await field.run_job(selection={"sequence": one["id"]})
    assert await field.counters(job) == ("queued", 2, 0, 0)
    run = {"pipeline": SLUG, "content": {"sequence": one["id"]}}
    answer = await field.call("POST", "/pipeline/run", run)
    assert answer.status_code == 202, answer.text
    number = int(answer.json()["job_id"].removeprefix("job-"))
    assert await field.counters(number) == ("queued", 2, 0, 0)
    other = await make_field(field.system, 0, "other")
    assert (await other.call("POST", "/pipeline/run", run)).status_code == 404
    body = {"project": other.project, "pipeline": SLUG, "selection": {"sequence": one["id"]}}
    assert (await other.call("POST", "/jobs", body)).status_code == 404
    # All of its images have left the sequence, and no task has deleted it yet.
    await field.call(
        "POST", "/images/delete", {"images": [str(image) for image in images[:2]], "reason": "x"}
    )
    answer = await field.call("POST", "/pipeline/run", run)
    assert answer.status_code == 202, answer.text
    number = int(answer.json()["job_id"].removeprefix("job-"))
    waiting = (
        "select count(*) from procrastinate.procrastinate_jobs where task_name = 'expand_job' "
        "and args->>'job_id' = %s"
    )
    assert await field.ask(waiting, str(number)) == [(1,)]
    await jobs.expand_job(field.system, SYSTEM, number)
    assert await field.counters(number) == ("completed", 0, 0, 0)
    # The sequence is marked to be built again, and is not shown.
    await field.change("update sequences set dissolve = true where id = %s", one["id"])
    body["project"] = field.project
    answers = [
        await field.call("POST", path, asked)
        for path, asked in (("/pipeline/run", run), ("/jobs", body))
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    body = {"pipeline": SLUG, "content": {"sequence": one["id"], "image": str(images[0])}}
    assert (await field.call("POST", "/pipeline/run", body)).status_code == 422


async def test_images_and_observations_of_several_sequences_are_listed(field: Field) -> None:
    images = await take(field, 0, 10, 5000, 5010, 9000, 9010)
    found = await field.call("GET", f"/sequences?project={field.project}&order=started_at")
    first, second, third = (one["id"] for one in found.json()["results"])
    said = {
        "identifications": [
            {"kind": "correct", "label": "fox", "images": [str(one) for one in images]}
        ]
    }
    answer = await field.call("POST", "/identifications", said)
    assert answer.status_code == 201, answer.text
    for wanted, chosen in (
        ([first], images[:2]),
        ([first, third], [*images[:2], *images[4:]]),
        ([third, third, str(uuid4())], images[4:]),
        ([str(uuid4())], []),
    ):
        query = "&".join(f"sequence={one}" for one in wanted)
        listed = await field.call(
            "GET", f"/images?project={field.project}&order=captured_at&{query}"
        )
        assert [one["id"] for one in listed.json()["results"]] == [str(one) for one in chosen]
        observed = await field.call("GET", f"/observations?project={field.project}&{query}")
        assert observed.status_code == 200, observed.text
        assert {one["image_id"] for one in observed.json()["results"]} == {
            str(one) for one in chosen
        }
        assert observed.json()["count"] == len(chosen)
        counted = await field.call("GET", f"/observations/groups?project={field.project}&{query}")
        assert [one["images"] for one in counted.json()["groups"]] == ([len(chosen)] * bool(chosen))
    many = "&".join(f"sequence={uuid4()}" for _ in range(101))
    for path in ("images", "observations"):
        answer = await field.call("GET", f"/{path}?project={field.project}&{many}")
        assert answer.status_code == 422, answer.text
    exported = {
        "project": field.project,
        "format": "csv",
        "selection": {"sequence": [first, second]},
    }
    answer = await field.call("POST", "/exports", exported)
    assert answer.status_code in (201, 202), answer.text
    assert answer.json()["selection"]["sequence"] == [first, second]
    exported["selection"] = {"sequence": [first, str(uuid4())]}
    answer = await field.call("POST", "/exports", exported)
    assert answer.status_code == 404, answer.text
