"""Runs over images given as URLs: downloaded first, all or none, and retried on request."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from tests.integration.images.test_truncated_images import make_photograph
from tests.integration.queue.test_runs import as_caller, count, show, submit
from tests.support.camera_server import Camera, running_camera
from tests.support.image_factory import make_jpeg
from tests.support.loopback_policy import allow_origins
from tests.support.project_with_roles import House, build_house

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.background_tasks import FETCHES
from trapline.server.queue.actions import content_download
from trapline.server.queue.actions.content_download import download_content
from trapline.server.queue.actions.jobs import cancel_job, expand_job
from trapline.server.queue.actions.queue_maintenance import resume_expansions

SYSTEM = Scope.system()


@pytest.fixture
async def camera() -> AsyncIterator[Camera]:
    async with running_camera() as running:
        running.files = {f"IMG_{number}.JPG": make_jpeg(number) for number in range(3)}
        yield running


@pytest.fixture
def reaching(
    system: AppContext, camera: Camera, app_client: httpx2.AsyncClient, application: FastAPI
) -> AppContext:
    """The same engines, where the camera of the test may be connected to, for the client too."""
    assert app_client
    policy = allow_origins(("127.0.0.1", camera.port))
    reached = replace(system, outbound=policy)
    application.state.system = reached
    return reached


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_download, "WAITS_S", (0.01, 0.01, 0.01))


async def ask_for(
    client: httpx2.AsyncClient, house: House, urls: list[str], deployment: str | None = None
) -> tuple[str, int]:
    content = {"urls": urls} | (
        {"deployment": deployment} if deployment else {"deployment": house.ids["deployment_id"]}
    )
    answer = await submit(
        client,
        house,
        {"pipeline": "p", "content": content, "project": int(house.ids["project_id"])},
    )
    assert answer.status_code == 202, answer.text
    job: str = answer.json()["job_id"]
    return job, int(job.removeprefix("job-"))


async def chores(system: AppContext) -> list[tuple[str, str, dict[str, Any]]]:
    async with system.database.transaction(SYSTEM) as tx:
        rows = await tx.session.execute(
            text(
                "select task_name, queue_name, args from procrastinate.procrastinate_jobs order by "
                "id"
            )
        )
        return [(name, queue, args) for name, queue, args in rows.all()]


async def test_pictures_are_fetched_before_the_job_is_expanded(
    app_client: httpx2.AsyncClient, reaching: AppContext, camera: Camera
) -> None:
    house = await build_house(reaching, "house")
    urls = [f"{camera.url}IMG_{number}.JPG?key=secret" for number in (0, 1, 0)]
    camera.files |= {
        f"IMG_{number}.JPG?key=secret": camera.files[f"IMG_{number}.JPG"] for number in (0, 1)
    }
    job, number = await ask_for(app_client, house, urls)
    assert (await chores(reaching))[-1] == ("fetch_content", FETCHES, {"job_id": number})
    await expand_job(reaching, SYSTEM, number)
    shown = await show(app_client, house, job)
    assert (shown["progress"]["total"], shown["status_reason"]) == (
        0,
        "The images are being downloaded from their URLs.",
    )

    await download_content(reaching, SYSTEM, number)
    assert (await chores(reaching))[-1] == ("expand_job", "chores", {"job_id": number})
    await download_content(reaching, SYSTEM, number)
    await expand_job(reaching, SYSTEM, number)
    shown = await show(app_client, house, job)
    assert shown["progress"]["total"] == 2, "two addresses led to the same picture"
    listed = await app_client.get(
        "/api/v2/images", params={"job": number}, headers=as_caller(house)
    )
    assert {image["filename"] for image in listed.json()["results"]} == {"IMG_0.JPG", "IMG_1.JPG"}
    assert await count(reaching, "select count(*) from audit where action = 'fetch'") == 2
    assert await count(reaching, "select count(*) from job_downloads ") == 0, (
        "an address can be a secret"
    )
    job_path = f"/api/v2/jobs/{number}"
    assert "secret" not in (await app_client.get(job_path, headers=as_caller(house))).text


@pytest.mark.parametrize(
    ("fault", "asked", "reason"),
    [
        ("404", 1, "IMG_2.JPG could not be downloaded: the server has no such URL (404)"),
        ("cut", 4, "IMG_2.JPG could not be downloaded: the transfer ended before the length"),
        ("broken", 1, "IMG_2.JPG cannot be imported: "),
        ("unframed", 4, "IMG_2.JPG could not be downloaded: the file is truncated"),
    ],
)
async def test_one_that_cannot_be_had_fails_the_job_until_it_is_tried_again(
    app_client: httpx2.AsyncClient,
    reaching: AppContext,
    camera: Camera,
    fault: str,
    asked: int,
    reason: str,
) -> None:
    house = await build_house(reaching, "house")
    good = camera.files["IMG_2.JPG"]
    if fault == "broken":
        camera.files["IMG_2.JPG"] = good[:300]
    else:
        photograph = make_photograph(1)
        camera.files["IMG_2.JPG"] = photograph[: len(photograph) * 7 // 10]
        camera.faults["IMG_2.JPG"] = fault
    job, number = await ask_for(app_client, house, [f"{camera.url}IMG_{one}.JPG" for one in (1, 2)])
    await download_content(reaching, SYSTEM, number)
    assert camera.asked().count("IMG_2.JPG") == asked
    failed = await show(app_client, house, job)
    assert failed["status"] == "FAILED"
    assert failed["state_history"][-1]["metadata"]["reason"].startswith(reason)
    assert failed["error"].startswith(reason)
    assert failed["progress"]["total"] == 0, "all or nothing"

    camera.faults.clear()
    camera.files["IMG_2.JPG"] = good
    again = await app_client.post(f"/pipeline/job/{job}/retry", headers=as_caller(house))
    assert (again.status_code, again.json()["status"]) == (202, "QUEUED")
    assert (await chores(reaching))[-1] == ("fetch_content", FETCHES, {"job_id": number})
    await download_content(reaching, SYSTEM, number)
    assert camera.asked() == ["IMG_2.JPG"], "what is there is not fetched again"
    await expand_job(reaching, SYSTEM, number)
    done = await show(app_client, house, job)
    assert (done["status"], done["progress"]["total"]) == ("QUEUED", 2)
    assert [(one["state"], one["metadata"]["attempt"]) for one in done["state_history"]] == [
        ("QUEUED", 1),
        ("FAILED", 1),
        ("QUEUED", 2),
    ]


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/a.jpg", "http://10.0.0.1/a.jpg"])
async def test_runs_cannot_reach_addresses_refused_to_pull_sources(
    app_client: httpx2.AsyncClient, application: FastAPI, system: AppContext, address: str
) -> None:
    house = await build_house(system, "house")
    split = urlsplit(address)
    allowed = allow_origins((split.hostname or "", split.port or 80))
    application.state.system = replace(system, outbound=allowed)
    job, number = await ask_for(app_client, house, [address])
    await download_content(system, SYSTEM, number)
    shown = await show(app_client, house, job)
    assert shown["status"] == "FAILED"
    assert shown["error"].startswith("a.jpg is not allowed: ")


async def test_a_canceled_run_fetches_nothing_more(
    app_client: httpx2.AsyncClient, reaching: AppContext, camera: Camera
) -> None:
    house = await build_house(reaching, "house")
    job, number = await ask_for(app_client, house, [f"{camera.url}IMG_1.JPG"])
    await cancel_job(reaching, SYSTEM, number)
    await download_content(reaching, SYSTEM, number)
    assert camera.asked() == []
    await app_client.post(f"/pipeline/job/{job}/retry", headers=as_caller(house))
    await download_content(reaching, SYSTEM, number)
    assert camera.asked() == ["IMG_1.JPG"]


async def test_work_of_a_dead_process_is_resumed(
    app_client: httpx2.AsyncClient, reaching: AppContext, camera: Camera
) -> None:
    house = await build_house(reaching, "house")
    _, number = await ask_for(app_client, house, [f"{camera.url}IMG_1.JPG"])
    async with reaching.database.transaction(SYSTEM) as tx:
        await tx.session.execute(text("delete from procrastinate.procrastinate_jobs"))
    before = await chores(reaching)
    await resume_expansions(reaching, SYSTEM, still_for_s=0)
    assert (await chores(reaching))[len(before) :] == [
        ("fetch_content", FETCHES, {"job_id": number})
    ]


async def test_pictures_that_are_never_fetched_are_refused_at_once(
    app_client: httpx2.AsyncClient, application: FastAPI, system: AppContext
) -> None:
    house = await build_house(system, "house")
    # A metadata service is refused also where the operator names it.
    application.state.system = replace(system, outbound=allow_origins(("169.254.169.254", 80)))
    for url in (
        "http://169.254.169.254/a.jpg",
        "http://10.0.0.1/a.jpg",
        "http://127.0.0.1:1/a.jpg",
        "http://a.example:22/a.jpg",
    ):
        content = {
            "urls": ["https://camera.example/a.jpg", url],
            "deployment": house.ids["deployment_id"],
        }
        answer = await submit(app_client, house, {"pipeline": "p", "content": content})
        assert answer.status_code == 422
        assert "Nothing was changed" in answer.json()["detail"]
    assert await count(system, "select count(*) from jobs") == 1
