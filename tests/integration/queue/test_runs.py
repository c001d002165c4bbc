"""Pipeline runs: asked for in one call and answered at once; then they are jobs like any other."""

import asyncio
from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import text
from tests.support.project_with_roles import House, build_house

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.queue.actions.jobs import expand_job

RUN, JOBS = "/pipeline/run", "/pipeline/jobs"


def as_caller(house: House, who: str = "owner", **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {house.tokens[who]}"} | headers


async def submit(
    client: httpx2.AsyncClient, house: House, body: dict[str, Any], **headers: str
) -> httpx2.Response:
    return await client.post(RUN, json=body, headers=as_caller(house, **headers))


async def show(client: httpx2.AsyncClient, house: House, job: str) -> dict[str, Any]:
    answer = await client.get(f"/pipeline/job/{job}", headers=as_caller(house))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def count(system: AppContext, query: str) -> int:
    async with system.database.transaction(Scope.system()) as tx:
        return int((await tx.session.execute(text(query))).scalar_one())


def over_image(house: House) -> dict[str, Any]:
    return {"pipeline": "p", "content": {"image": house.ids["image_id"]}}


async def test_a_run_is_answered_at_once_and_remembers_what_was_asked(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    async with system.database.transaction(Scope.system()) as tx:
        await tx.session.execute(
            text('update presets set parameters = \'{"a": 1, "b": 1}\', priority = 2')
        )
    asked = {
        "preset": "house-preset",
        "content": {"images": [house.ids["image_id"]]},
        "parameters": {"b": 2},
        "metadata": {"trip": "north"},
    }
    answer = await submit(app_client, house, asked)
    told = answer.json()
    assert answer.status_code == 202
    assert told["status"] == "queued"
    assert (
        told["check_status_at"] == answer.headers["Location"] == f"/pipeline/job/{told['job_id']}"
    )
    number = told["job_id"].removeprefix("job-")
    shown = await show(app_client, house, told["job_id"])
    assert shown == await show(app_client, house, number)
    assert {
        key: shown[key]
        for key in ("job_id", "status", "preset", "pipeline", "priority", "parameters")
    } == {
        "job_id": f"job-{number}",
        "status": "QUEUED",
        "preset": "house-preset",
        "pipeline": "p",
        "priority": "high",
        "parameters": {"a": 1, "b": 2},
    }
    assert shown["metadata"] == {"trip": "north"}
    assert shown["content_preview"] == "1 image: a.jpg"
    assert (shown["result"], shown["error"]) == (None, None)
    [entered] = shown["state_history"]
    assert entered["state"] == "QUEUED"
    assert entered["metadata"]["attempt"] == 1
    assert (
        await count(
            system, f"select count(*) from audit where action = 'run' and subject_id = '{number}'"
        )
        == 1
    )
    await expand_job(system, Scope.system(), int(number))
    assert (await show(app_client, house, number))["progress"]["total"] == 1
    job = (await app_client.get(f"/api/v2/jobs/{number}", headers=as_caller(house))).json()
    assert job["preset"] == "house-preset"


@pytest.mark.parametrize(
    ("content", "preview"),
    [
        ({"deployment": "{deployment_id}"}, "images of camera"),
        ({"captured_after": "2026-06-01T00:00:00Z"}, "images from 2026-06-01"),
        ({}, "every image"),
        (
            {"urls": ["https://camera.example/a/IMG%201.JPG?key=secret", "https://x.example/2"]},
            "2 images: IMG 1.JPG, ..",
        ),
    ],
)
async def test_each_way_to_name_content(
    system: AppContext, app_client: httpx2.AsyncClient, content: dict[str, Any], preview: str
) -> None:
    house = await build_house(system, "house")
    filled = {
        key: house.ids["deployment_id"] if key == "deployment" else value
        for key, value in content.items()
    }
    body = {"pipeline": "p", "content": filled, "project": int(house.ids["project_id"])}
    answer = await submit(app_client, house, body)
    assert answer.status_code == 202, answer.text
    assert (await show(app_client, house, answer.json()["job_id"]))["content_preview"] == preview


async def test_an_invalid_run_creates_nothing(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house, other = await build_house(system, "house"), await build_house(system, "other")
    project = int(house.ids["project_id"])
    image = {"image": house.ids["image_id"]}
    before = await count(system, "select count(*) from jobs")
    refused: list[tuple[int, dict[str, Any], str]] = [
        (422, {"content": image}, "exactly one of preset and pipeline"),
        (
            422,
            {"content": image, "preset": "house-preset", "pipeline": "p"},
            "exactly one of preset and pipeline",
        ),
        (422, {"content": image, "preset": "unheard-of"}, "Known are: house-preset"),
        (422, {"content": image, "pipeline": "unheard-of"}, "No pipeline unheard-of"),
        (422, {"content": {"sequence": "1"}, "pipeline": "p", "project": project}, "sequence"),
        (
            422,
            {
                "content": {"image": house.ids["image_id"], "url": "https://a.example/b"},
                "pipeline": "p",
            },
            "only one",
        ),
        (
            422,
            {"content": {"url": "ftp://a.example/b"}, "pipeline": "p", "project": project},
            "complete URL",
        ),
        (
            422,
            {"content": {"url": "https://u:p@a.example/b"}, "pipeline": "p", "project": project},
            "password",
        ),
        (422, {"content": {}, "pipeline": "p"}, "name a `project`"),
        (422, {"content": {}, "preset": "unheard-of"}, "Known are: house-preset"),
        (
            422,
            {"content": {"url": "http://256.1.1.1/c"}, "pipeline": "p", "project": project},
            "not a complete URL",
        ),
        *(
            (
                422,
                {"content": {name: None}, "pipeline": "p", "project": project},
                "must not be null",
            )
            for name in ("image", "images", "url", "urls", "deployment", "captured_after")
        ),
        (
            422,
            {"content": {"image": None, "url": None}, "pipeline": "p", "project": project},
            "must not be null",
        ),
        (422, {"content": image, "pipeline": "p", "metadata": {"a": "\x00"}}, "NUL"),
        (404, {"content": {"image": other.ids["image_id"]}, "pipeline": "p"}, ""),
        (
            404,
            {
                "content": {"images": [house.ids["image_id"], other.ids["image_id"]]},
                "pipeline": "p",
            },
            "",
        ),
        (404, {"content": {"image": str(UUID(int=7))}, "pipeline": "p"}, ""),
        (404, {"content": {"deployment": other.ids["deployment_id"]}, "pipeline": "p"}, ""),
        (404, {"content": image, "pipeline": "p", "project": int(other.ids["project_id"])}, ""),
    ]
    for status, body, words in refused:
        answer = await submit(app_client, house, body)
        assert answer.status_code == status, (body, answer.text)
        assert words in answer.text, (body, answer.text)
    viewer = await app_client.post(RUN, json=over_image(house), headers=as_caller(house, "viewer"))
    assert viewer.status_code == 403
    assert await count(system, "select count(*) from jobs") == before


async def test_the_same_key_gives_the_same_job(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    before = await count(system, "select count(*) from jobs")
    sent = [
        submit(app_client, house, over_image(house), **{"Idempotency-Key": "once"})
        for _ in range(8)
    ]
    answers = await asyncio.gather(*sent)
    assert {(answer.status_code, answer.text) for answer in answers} == {(202, answers[0].text)}
    assert await count(system, "select count(*) from jobs") == before + 1
    other = await submit(
        app_client, house, over_image(house) | {"priority": "low"}, **{"Idempotency-Key": "once"}
    )
    assert other.status_code == 409
    assert await count(system, "select count(*) from jobs") == before + 1


async def test_states_are_listed_in_either_case(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    ids = [(await submit(app_client, house, over_image(house))).json()["job_id"] for _ in range(3)]

    async def listed(**query: Any) -> dict[str, Any]:
        answer = await app_client.get(JOBS, params=query, headers=as_caller(house))
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    everything = await listed()
    assert [job["job_id"] for job in everything["jobs"]][:3] == ids[::-1]
    assert (
        everything["limit"],
        everything["offset"],
        everything["count"],
        everything["total"],
    ) == (20, 0, 4, 4)
    assert everything["next"] is None
    for word in ("QUEUED", "queued"):
        assert {job["status"] for job in (await listed(status=word))["jobs"]} == {"QUEUED"}
    first = await listed(limit=2)
    assert (first["count"], first["total"]) == (2, 4)
    behind = await listed(limit=2, cursor=first["next"])
    assert behind["jobs"] == (await listed(limit=2, offset=2))["jobs"]
    assert [job["job_id"] for job in first["jobs"] + behind["jobs"]] == [
        job["job_id"] for job in everything["jobs"]
    ]
    wrong: list[dict[str, Any]] = [
        {"status": "DONE"},
        {"limit": 0},
        {"limit": 1001},
        {"offset": 10_001},
        {"offset": 1, "cursor": "x"},
    ]
    for query in wrong:
        assert (
            await app_client.get(JOBS, params=query, headers=as_caller(house))
        ).status_code == 422, query


async def test_a_run_is_canceled_and_tried_again(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    job = (await submit(app_client, house, over_image(house))).json()["job_id"]

    async def move(how: str) -> httpx2.Response:
        return await app_client.post(f"/pipeline/job/{job}/{how}", headers=as_caller(house))

    assert (await move("retry")).status_code == 409
    canceled = await move("cancel")
    assert canceled.status_code == 202
    assert canceled.json() == {
        "status": "CANCELED",
        "job_id": job,
        "check_status_at": f"/pipeline/job/{job}",
    }
    assert (await move("cancel")).status_code == 409
    shown = await show(app_client, house, job)
    assert shown["result"]["images"] == shown["progress"]["canceled"] == 1
    assert (await move("retry")).json()["status"] == "QUEUED"
    states = (await show(app_client, house, job))["state_history"]
    assert [(one["state"], one["metadata"]["attempt"]) for one in states] == [
        ("QUEUED", 1),
        ("CANCELED", 1),
        ("QUEUED", 2),
    ]
    times = [one["entered_at"] for one in states]
    assert times == sorted(times)


@pytest.mark.parametrize(
    "job", ["987654321", "job-987654321", "job-0", "job--1", "0", "x", "9" * 30, "job-%00", "JOB-1"]
)
async def test_no_job_is_always_the_same_404(
    system: AppContext, app_client: httpx2.AsyncClient, job: str
) -> None:
    house, other = await build_house(system, "house"), await build_house(system, "other")
    foreign = await app_client.get(f"/pipeline/job/{other.ids['job_id']}", headers=as_caller(house))
    unknown = await app_client.get(f"/pipeline/job/{job}", headers=as_caller(house))
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json() | {"request_id": ""} == unknown.json() | {"request_id": ""}


async def test_the_results_of_a_run_that_is_over(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    job, scope = house.ids["job_id"], Scope.system()
    async with system.database.transaction(scope) as tx:
        await tx.session.execute(text("update analyses set state = 'completed'"))
        await tx.session.execute(
            text("update jobs set status = 'completed', open = 0, completed = 1")
        )
    shown = await show(app_client, house, job)
    assert shown["status"] == "COMPLETED"
    result = shown["result"]
    assert (result["images"], result["completed"], result["failed"], result["annotations"]) == (
        1,
        1,
        0,
        1,
    )
    for link in (result["analyses"], result["failures"]):
        assert (await app_client.get(link, headers=as_caller(house))).status_code == 200
    listed = (await app_client.get(result["analyses"], headers=as_caller(house))).json()
    [analysis] = listed["results"]
    assert (analysis["image_id"], listed["count"]) == (house.ids["image_id"], 1)
    assert [note["class_name"] for note in analysis["annotations"]] == ["lynx"]
    foreign = await build_house(system, "other")
    assert (await app_client.get(result["analyses"], headers=as_caller(foreign))).status_code == 404
    assert result["by_class"] == {"lynx": 1}, (
        "the whole image's class counts where there are no boxes"
    )
    async with system.database.transaction(scope) as tx:
        await tx.session.execute(
            text(
                "insert into annotations select (jsonb_populate_record(a, jsonb_build_object('id', "
                "gen_random_uuid(),"
                " 'fingerprint', gen_random_uuid(), 'annotation_type', 'bounding_box', "
                "'class_name', 'deer'))).*"
                " from annotations a, generate_series(1, 2) where a.project_id = "
                f"{house.ids['project_id']}"
            )
        )
        await tx.session.execute(text("update jobs set updated_at = clock_timestamp()"))
    result = (await show(app_client, house, job))["result"]
    assert (result["by_class"], result["annotations"]) == ({"deer": 2}, 3), (
        "boxes, and nothing that is said of them"
    )
