"""Deleted images are hidden from people and workers, can be restored, and are purged later."""

import asyncio
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.support.api_project import SLUG, SYSTEM, Field, make_field, success
from tests.support.external_pipeline import begin
from tests.support.image_factory import make_jpeg

from trapline.server.images.actions.thumbnails import generate_thumbnails
from trapline.server.operations.actions import image_deletion
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.failpoints import MARK
from trapline.server.platform.store.storage_keys import build_thumbnail_key
from trapline.server.queue.actions.jobs import expand_job
from trapline.server.queue.actions.queue_maintenance import recount_jobs


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system)


async def delete(
    field: Field, *images: UUID, reason: str = "a person is on it", expect: int = 200
) -> dict[str, Any]:
    body = {"images": [str(image) for image in images], "reason": reason}
    answer = await field.call("POST", "/images/delete", body)
    assert answer.status_code == expect, answer.text
    return dict(answer.json())


async def restore(field: Field, *images: UUID) -> dict[str, Any]:
    answer = await field.call(
        "POST", "/images/restore", {"images": [str(image) for image in images]}
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def listed(field: Field, **query: str) -> list[UUID]:
    asked = "&".join(f"{key}={value}" for key, value in query.items())
    answer = await field.call("GET", f"/images?project={field.project}&order=captured_at&{asked}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["count"] == len(answer.json()["results"])
    return [UUID(image["id"]) for image in answer.json()["results"]]


async def test_a_deleted_image_leaves_lists_and_counts_and_comes_back(field: Field) -> None:
    first, second, third = field.images
    job = await field.run_job()
    await field.post(job, [success(task) for task in await field.lease(job)])
    classes = f"/images/classes?project={field.project}"
    assert [one["images"] for one in (await field.call("GET", classes)).json()["results"]] == [3]
    assert await delete(field, third, reason="a person is on it") == {"changed": 1, "unchanged": 0}
    assert await delete(field, second, third) == {"changed": 1, "unchanged": 1}
    assert await listed(field) == [first]
    assert await listed(field, deleted="true") == [second, third]
    assert [one["images"] for one in (await field.call("GET", classes)).json()["results"]] == [1]
    project = (await field.call("GET", f"/projects/{field.project}")).json()
    [deployment] = (await field.call("GET", f"/deployments?project={field.project}")).json()[
        "results"
    ]
    assert (project["images"], deployment["images"]) == (1, 1)
    assert deployment["last_image_at"] == "2026-06-01T00:00:00Z"
    shown = (await field.call("GET", f"/images/{third}")).json()
    assert shown["deleted"]["reason"] == "a person is on it"
    assert shown["deleted"]["by"] == "token owner"
    assert shown["deleted"]["at"] < shown["deleted"]["purge_at"]
    seen = (await field.call("GET", f"/images/{first}")).json()
    assert (seen["deleted"], seen["next_id"]) == (None, None)
    analysis = shown["analyses"][0]["id"]
    assert (await field.call("GET", f"/analyses/{analysis}")).status_code == 404
    assert await restore(field, second, third) == {"changed": 2, "unchanged": 0}
    assert await listed(field) == [first, second, third]
    assert (await field.call("GET", f"/analyses/{analysis}")).status_code == 200
    told = (await field.call("GET", f"/audit?project={field.project}")).json()["results"]
    assert [line["action"] for line in told if line["action"] in ("delete", "restore")] == [
        "restore",
        *["delete"] * 2,
    ]


async def test_nothing_is_deleted_unless_all_can_be(field: Field) -> None:
    other = await make_field(field.system, 1, "other")
    await delete(field, field.images[0], other.images[0], expect=404)
    await delete(field, field.images[0], UUID(int=7), expect=404)
    await delete(field, reason="none", expect=422)
    await delete(field, field.images[0], reason="", expect=422)
    assert await listed(field) == field.images
    assert await listed(other) == other.images


async def test_its_tasks_leave_the_line_and_come_back_with_it(field: Field) -> None:
    job = await field.run_job()
    [held] = await field.lease(job, 1)
    mine = UUID(held["image_id"])
    waiting = next(image for image in field.images if image != mine)
    await delete(field, mine, waiting)
    assert await field.counters(job) == ("processing", 1, 0, 0)
    assert await field.count_rows(job) == (1, 0, 0)
    assert await field.post(job, [success(held)]) != ["accepted"]
    await restore(field, mine, waiting)
    assert await field.counters(job) == ("processing", 3, 0, 0)
    tasks = await field.lease_all(job)
    assert sorted(UUID(task["image_id"]) for task in tasks) == sorted(field.images)
    await field.post(job, [success(task) for task in tasks])
    assert await field.counters(job) == ("completed", 0, 3, 0)


async def test_a_job_whose_last_open_images_are_deleted_is_done_and_retries_none_of_them(
    field: Field,
) -> None:
    job = await field.run_job()
    tasks = await field.lease(job, 1)
    await field.post(job, [success(task) for task in tasks])
    open_ones = [image for image in field.images if str(image) != tasks[0]["image_id"]]
    await delete(field, *open_ones)
    assert await field.counters(job) == ("completed", 0, 1, 0)
    assert (await field.call("POST", f"/jobs/{job}/retry", {})).status_code == 409
    later = await field.run_job()
    assert (await field.show(later))["progress"]["total"] == 1
    named = await field.call(
        "POST",
        "/pipeline/run",
        {"pipeline": SLUG, "content": {"image": str(open_ones[0])}, "project": field.project},
    )
    assert named.status_code == 404


async def test_a_task_that_came_into_the_line_meanwhile_is_taken_out(field: Field) -> None:
    job = await field.run_job()
    await field.change("update images set deleted_at = now() where id = %s", field.images[0])
    assert await image_deletion.delete_late_tasks(field.system, SYSTEM) is False
    assert await field.counters(job) == ("queued", 2, 0, 0)
    assert await recount_jobs(field.system, SYSTEM) == 0


async def test_an_outside_pipeline_does_not_find_it(field: Field) -> None:
    outside = await begin(field)
    [(image,)] = await field.ask("select image_id from analyses where id = %s", outside.id)
    await delete(field, image)
    assert (await outside.call("PATCH", "/status", {"status": "processing"})).status_code == 404
    await restore(field, image)
    assert (await outside.call("PATCH", "/status", {"status": "processing"})).status_code == 200


async def upload(field: Field, data: bytes, deployment: str | None = None) -> dict[str, Any]:
    answer = await field.client.post(
        "/api/v2/images",
        data={"deployment": deployment} if deployment else {"project": str(field.project)},
        files=[("files", ("a.jpg", data, "image/jpeg"))],
        headers={"Authorization": f"Token {field.owner}"},
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["files"][0])


async def let_go(field: Field, system: AppContext) -> None:
    await image_deletion.purge_images(
        replace(system, limits=replace(system.limits, deleted_kept_s=0)), SYSTEM
    )


async def discard(field: Field, system: AppContext) -> None:
    await field.change("update discarded_files set due_at = now()")
    await image_deletion.purge_discarded_files(system, SYSTEM)


async def test_after_a_while_all_of_it_goes_and_the_audit_remembers(system: AppContext) -> None:
    field = await make_field(system, 0)
    turned = make_jpeg(3, orientation=6)
    gone = UUID((await upload(field, turned))["image_id"])
    kept = UUID((await upload(field, make_jpeg(4)))["image_id"])
    await generate_thumbnails(system, SYSTEM)
    job = await field.run_job()
    await field.post(job, [success(task) for task in await field.lease(job)])
    [(original, upright)] = await field.ask(
        "select storage_key, upright_key from images where id = %s", gone
    )
    keys = [original, upright, build_thumbnail_key(gone, 320), build_thumbnail_key(gone, 1280)]
    await delete(field, gone)
    assert "restore it" in (await upload(field, turned))["detail"]
    await image_deletion.purge_images(system, SYSTEM)
    assert await field.ask("select count(*) from images") == [(2,)]  # not before its time
    await let_go(field, system)
    assert await field.ask("select id from images") == [(kept,)]
    for table in ("analyses", "image_classes"):
        assert await field.ask(f"select distinct image_id from {table}") == [(kept,)]
    assert await field.ask("select distinct image_id from annotations") == [(kept,)]
    assert await field.counters(job) == ("completed", 0, 1, 0)
    await image_deletion.purge_discarded_files(system, SYSTEM)
    assert all(
        [await system.store.find_size(key) for key in keys]
    )  # another request may be uploading it now
    await discard(field, system)
    assert [await system.store.find_size(key) for key in keys] == [None] * 4
    assert await field.ask("select count(*) from discarded_files") == [(0,)]
    [(tombstone,)] = await field.ask("select details from audit where action = 'purge'")
    assert tombstone["filename"] == "a.jpg"
    assert tombstone["reason"] == "a person is on it"
    assert (await upload(field, turned))["outcome"] == "imported"


async def test_bytes_that_another_image_has_or_that_come_again_stay(system: AppContext) -> None:
    field = await make_field(system, 0)
    other = (
        await field.call("POST", "/deployments", {"project": field.project, "name": "other"})
    ).json()["id"]
    shared, again = make_jpeg(5), make_jpeg(6)
    first, second = (
        UUID((await upload(field, shared))["image_id"]),
        UUID((await upload(field, again))["image_id"]),
    )
    await upload(field, shared, other)
    keys = [
        row[0]
        for row in await field.ask(
            "select storage_key from images where id = any(%s) order by id", [first, second]
        )
    ]
    await delete(field, first, second)
    await let_go(field, system)
    assert (await upload(field, again))["outcome"] == "imported"
    # An upload removes its file from the list before it is stored, so that the file is not deleted
    # later.
    assert await field.ask("select count(*) from discarded_files where key = %s", keys[1]) == [(0,)]
    await discard(field, system)
    assert all([await system.store.find_size(key) for key in keys])


KILLED = """
import asyncio, sys
from pathlib import Path
from trapline.server.operations.actions import image_deletion
from trapline.server.platform import failpoints
from trapline.server.platform.db.base import Database
from trapline.server.platform.access import Scope
from trapline.server.platform.store.local_store import LocalStore
from trapline.server.app.hooks import register_hooks
from trapline.server.platform.app_context import AppContext, IngestLimits

url, folder, action = sys.argv[1:]
failpoints.enable(folder + "/plan", Path(folder))
store = LocalStore(Path(folder) / "store", lambda: [b"x" * 32], "http://trapline.test")
register_hooks()
limits = IngestLimits(deleted_kept_s=0)
system = AppContext(Database(url), store, None, None, None, "", limits=limits)
asyncio.run(getattr(image_deletion, action)(system, Scope.system()))
"""


def die_in(action: str, url: str, folder: Path) -> None:
    """Run one step in a separate process, which is killed just before it commits."""
    (folder / MARK).touch()
    (folder / "plan").write_text("1 before commit|*|1|kill\n")
    (folder / "plan.1").unlink(missing_ok=True)
    died = subprocess.run([sys.executable, "-c", KILLED, url, str(folder), action], check=False)
    assert died.returncode == -signal.SIGKILL


async def test_killed_anywhere_the_next_one_finishes_it(
    system: AppContext, database_url: str, tmp_path: Path
) -> None:
    field = await make_field(system, 0)
    gone = UUID((await upload(field, make_jpeg(7)))["image_id"])
    [(key,)] = await field.ask("select storage_key from images")
    await delete(field, gone)
    await asyncio.to_thread(die_in, "purge_images", database_url, tmp_path)
    assert await field.ask("select count(*) from images") == [(1,)]
    assert await field.ask("select count(*) from discarded_files") == [(0,)]
    await restore(field, gone)
    assert (await field.call("GET", f"/images/{gone}")).json()["deleted"] is None
    await delete(field, gone)
    await let_go(field, system)
    await field.change("update discarded_files set due_at = now()")
    await asyncio.to_thread(die_in, "purge_discarded_files", database_url, tmp_path)
    assert await system.store.find_size(key) is None
    assert await field.ask("select count(*) > 0 from discarded_files") == [(True,)]
    await discard(field, system)
    assert await field.ask("select count(*) from discarded_files") == [(0,)]


async def test_an_expansion_passes_deleted_images_by(field: Field) -> None:
    await delete(field, field.images[1])
    job = await field.run_job(selection={"images": [str(image) for image in field.images]})
    await expand_job(field.system, SYSTEM, job)
    assert await field.counters(job) == ("queued", 2, 0, 0)
