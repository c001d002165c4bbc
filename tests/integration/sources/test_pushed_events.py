"""Pushed events: valid signatures, accepted files, and each file imported exactly once."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from tests.support.api_application import application_of
from tests.support.image_factory import make_jpeg
from tests.support.pull_source import SYSTEM, Feed, fill, make_feed

from trapline.server.app.http.application import wrap_middleware
from trapline.server.platform.app_context import AppContext, TokenBuckets
from trapline.server.platform.webhook_signatures import PREFIX, generate_secret, sign_message
from trapline.server.sources.actions import event_secrets, pull_runs, pushed_events, sources
from trapline.server.sources.queries.pushed_files import (
    list_sources_with_pushed_files,
    upsert_pushed_files,
)
from trapline.server.sources.queries.sources import get_source_row
from trapline.wire.sources import NewSource, PullRun


@pytest.fixture
async def feed(system: AppContext) -> AsyncIterator[Feed]:
    async with make_feed(system) as feed:
        yield feed


@pytest.fixture
async def client(feed: Feed) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(wrap_middleware(application_of(feed.system)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://trapline.test") as client:
        yield client


@pytest.fixture
async def secret(feed: Feed) -> str:
    return (await event_secrets.create_event_secret(feed.system, SYSTEM, feed.source_id)).secret


def signed(
    secret: str, body: bytes, message_id: str | None = None, at: float | None = None
) -> dict[str, str]:
    message_id, moment = message_id or f"msg_{uuid4().hex}", str(int(at or time.time()))
    digest = sign_message(secret, message_id.encode(), moment.encode(), body)
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": message_id, "webhook-timestamp": moment, "webhook-signature": signature}


async def push(
    client: httpx2.AsyncClient, feed: Feed, secret: str, message: Any, **more: Any
) -> httpx2.Response:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    path = (
        f"{more.pop('prefix', '')}/image-pull-sources/{more.pop('source', feed.source_id)}/events"
    )
    return await client.post(path, content=body, headers=signed(secret, body, **more))


def told(feed: Feed, *names: str) -> dict[str, Any]:
    return {"urls": [feed.camera.url + name for name in names]}


async def do_runs(feed: Feed) -> list[PullRun]:
    """Execute all queued runs and their successors; returns them, newest first."""
    while True:
        page = await sources.list_runs(feed.system, SYSTEM, feed.source_id, 50, None)
        waiting = [run for run in page.results if run.state == "running"]
        if not waiting:
            return page.results
        for run in waiting:
            await pull_runs.run_pull(feed.system, SYSTEM, run.id)


@pytest.mark.parametrize("prefix", ["", "/api/v2"])
async def test_a_pushed_file_is_imported_without_a_listing(
    client: httpx2.AsyncClient, feed: Feed, secret: str, prefix: str
) -> None:
    fill(feed.camera, "a.jpg", "b.jpg")
    answer = await push(client, feed, secret, told(feed, "a.jpg"), prefix=prefix)
    assert answer.status_code == 202, answer.text
    assert (answer.json()["recorded"], answer.json()["refused"]) == (1, [])
    assert await feed.states() == {"a.jpg": "seen"}, "the file is recorded before the response"
    [run] = await do_runs(feed)
    assert (run.trigger, run.imported, run.listed, str(run.id)) == (
        "event",
        1,
        0,
        answer.json()["run_id"],
    )
    assert feed.camera.asked() == ["a.jpg"]
    assert (await feed.run()).imported == 1, "the next listing finds the other file"
    assert await feed.states() == {"a.jpg": "imported", "b.jpg": "imported"}
    assert await feed.images() == ["a.jpg", "b.jpg"]


async def test_more_files_than_a_run_takes_are_taken_when_they_are_pushed(
    client: httpx2.AsyncClient, feed: Feed, secret: str
) -> None:
    names = [f"IMG_{number}.JPG" for number in range(13)]
    fill(feed.camera, *names)
    assert (await push(client, feed, secret, told(feed, *names))).status_code == 202
    [run] = await do_runs(feed)
    assert run.imported == 13


async def test_a_new_version_of_a_known_file_is_taken(
    client: httpx2.AsyncClient, feed: Feed, secret: str
) -> None:
    fill(feed.camera, "a.jpg")
    await feed.run()
    feed.camera.files["a.jpg"] = make_jpeg(77)
    await push(client, feed, secret, told(feed, "a.jpg"))
    assert (await do_runs(feed))[0].imported == 1
    await push(client, feed, secret, told(feed, "a.jpg"))
    assert (await do_runs(feed))[0].imported == 0, "the server reports that it has not changed"
    assert len(await feed.images()) == 2
    assert await feed.states() == {"a.jpg": "imported"}


async def test_elements_that_are_not_the_sources_are_refused_in_words(
    client: httpx2.AsyncClient, feed: Feed, secret: str
) -> None:
    fill(feed.camera, "a.jpg")
    url, port = feed.camera.url, feed.camera.port
    strange = [
        "http://169.254.169.254/latest/a.jpg", f"http://127.0.0.1:{port}1/a.jpg",
        f"https://127.0.0.1:{port}/a.jpg",
        f"{url}../a.jpg", f"{url}%2e%2e/a.jpg", f"http://u:p@127.0.0.1:{port}/a.jpg",
        f"{url}a.jpg?x=1", url,
        "file:///etc/passwd", "", "a.jpg", f"{url}{'x' * 1001}.jpg", f"{url}.hidden.jpg",
        f"{url}sub/",
    ]  # fmt: skip
    answer = await push(
        client, feed, secret, {"urls": [*strange, 7, {}, f"{url}a.jpg", f"{url}film.mp4"]}
    )
    taken = answer.json()
    assert (answer.status_code, taken["recorded"], len(taken["refused"])) == (
        202,
        2,
        len(strange) + 2,
    ), taken
    assert all(one["reason"] for one in taken["refused"])
    assert await feed.states() == {"a.jpg": "seen", "film.mp4": "seen"}


async def test_notifications_of_a_bucket_are_taken(
    client: httpx2.AsyncClient, feed: Feed, secret: str
) -> None:
    await feed.sql(
        "update pull_sources set gateway = 's3', base_url = 's3://bucket/field/' where id = :id"
    )

    def record(
        key: str, event: str = "ObjectCreated:Put", bucket: str = "bucket"
    ) -> dict[str, Any]:
        return {
            "eventName": event,
            "s3": {"bucket": {"name": bucket}, "object": {"key": key, "size": 7}},
        }

    records = [
        record("field/my+d%C3%A4y/a.jpg"), record("elsewhere/a.jpg"),
        record("field/b.jpg", bucket="other"),
        record("field/c.jpg", "ObjectRemoved:Delete"), record("field/"),
    ]  # fmt: skip
    answer = await push(
        client, feed, secret, {"Records": records, "urls": ["s3://bucket/field/u.jpg"]}
    )
    assert (answer.json()["recorded"], len(answer.json()["refused"])) == (2, 4), answer.text
    assert set(await feed.states()) == {"my däy/a.jpg", "u.jpg"}


async def test_a_wrong_signature_learns_nothing(
    client: httpx2.AsyncClient, feed: Feed, secret: str
) -> None:
    other, body = generate_secret(), json.dumps(told(feed, "a.jpg")).encode()
    path = f"/image-pull-sources/{feed.source_id}/events"
    good = signed(secret, body)
    answers = [
        await push(client, feed, other, body),
        await push(client, feed, secret, body, source=uuid4()),
        await push(client, feed, other, body, source=uuid4()),
        await push(client, feed, secret, body, source="not-an-id"),
        await push(client, feed, secret, body, at=time.time() - 400),
        await client.post(path, content=body),
        await client.post(path, content=body + b" ", headers=good),
        await client.post(path, content=body, headers=good | {"webhook-id": "other"}),
        await client.post(
            path, content=body, headers=good | {"webhook-timestamp": str(int(time.time()) - 5)}
        ),
    ]
    told_of = [{k: v for k, v in answer.json().items() if k != "request_id"} for answer in answers]
    assert [answer.status_code for answer in answers] == [401] * len(answers)
    assert all(one == told_of[0] for one in told_of)
    assert await feed.states() == {}
    await event_secrets.delete_event_secret(feed.system, SYSTEM, feed.source_id)
    assert (await push(client, feed, secret, body)).status_code == 401


async def test_a_message_that_comes_again_has_the_same_answer_and_no_second_effect(
    client: httpx2.AsyncClient, feed: Feed, secret: str
) -> None:
    fill(feed.camera, "a.jpg")
    message = told(feed, "a.jpg", "../b.jpg")
    many = await asyncio.gather(
        *[push(client, feed, secret, message, message_id="once") for _ in range(8)]
    )
    await do_runs(feed)
    again = await push(client, feed, secret, message, message_id="once", at=time.time() - 60)
    assert {(answer.status_code, answer.text) for answer in (*many, again)} == {(202, again.text)}
    assert len(await do_runs(feed)) == 1
    other = await push(client, feed, secret, told(feed, "b.jpg"), message_id="once")
    assert other.status_code == 409
    assert set(await feed.states()) == {"a.jpg"}


async def test_both_secrets_hold_for_a_day_and_neither_comes_back(
    client: httpx2.AsyncClient, feed: Feed, secret: str
) -> None:
    owner = {"Authorization": f"Bearer {feed.house.tokens['owner']}"}
    path = f"/api/v2/image-pull-sources/{feed.source_id}"
    made = await client.post(f"{path}/event-secret/", headers=owner)
    assert made.status_code == 201, made.text
    new = made.json()["secret"]
    assert new.startswith(PREFIX)
    assert new != secret
    fill(feed.camera, "a.jpg")
    for one in (secret, new):
        assert (await push(client, feed, one, told(feed, "a.jpg"))).status_code == 202
    shown = await client.get(path, headers=owner)
    assert shown.json()["has_event_secret"] is True
    assert new not in shown.text
    until = datetime.fromisoformat(made.json()["previous_until"]).timestamp()
    sealed = (await feed.sql("select event_secrets from pull_sources where id = :id"))[0][0]
    assert new.encode() not in sealed
    at = datetime.fromtimestamp(until + 1, UTC)
    assert event_secrets.list_event_secrets(feed.system, sealed, feed.source_id, at) == [new]
    changed = await client.patch(
        path, headers=owner, json={"auth_type": "basic", "auth_username": "a", "auth_password": "p"}
    )
    assert changed.json()["has_event_secret"] is True
    assert (await client.delete(f"{path}/event-secret", headers=owner)).status_code == 204
    assert (await push(client, feed, new, told(feed, "a.jpg"))).status_code == 401


async def test_events_during_a_run_are_taken_by_one_that_follows(
    client: httpx2.AsyncClient, feed: Feed, secret: str
) -> None:
    fill(feed.camera, "m.jpg")
    feed.camera.faults["m.jpg"] = "hang"
    running = asyncio.create_task(feed.run())
    await asyncio.wait_for(feed.camera.reached.wait(), 10)
    fill(feed.camera, "a.jpg", "z.jpg")
    for _ in range(3):
        for name in ("a.jpg", "m.jpg", "z.jpg"):
            answer = await push(client, feed, secret, told(feed, name))
            assert answer.json()["run_id"] is None, "one run at a time"
    feed.camera.faults.clear()
    feed.camera.go_on.set()
    await running
    runs = await do_runs(feed)
    assert [run.trigger for run in runs] == ["event", "manual"], "one run imports all files"
    assert await feed.states() == {"a.jpg": "imported", "m.jpg": "duplicate", "z.jpg": "imported"}
    assert feed.camera.asked().count("m.jpg") == 2, "it was announced again after its request"
    assert len(await feed.images()) == 3


async def test_files_that_wait_without_a_run_are_followed(
    client: httpx2.AsyncClient, feed: Feed, secret: str
) -> None:
    fill(feed.camera, "a.jpg")
    await sources.toggle_source(feed.system, SYSTEM, feed.source_id, is_active=False)
    answer = await push(client, feed, secret, told(feed, "a.jpg"))
    assert (answer.status_code, answer.json()["run_id"]) == (202, None)
    assert "paused" in answer.json()["detail"]
    assert await pushed_events.start_runs_for_pushed_files(feed.system, SYSTEM) == 0
    await sources.toggle_source(feed.system, SYSTEM, feed.source_id, is_active=True)
    assert await pushed_events.start_runs_for_pushed_files(feed.system, SYSTEM) == 1
    assert await pushed_events.start_runs_for_pushed_files(feed.system, SYSTEM) == 0
    assert (await do_runs(feed))[0].imported == 1
    feed.camera.faults["a.jpg"] = "404"
    async with feed.system.database.transaction(SYSTEM) as tx:
        row = await get_source_row(SYSTEM, tx, feed.source_id, lock=True)
        await upsert_pushed_files(SYSTEM, tx, row, [("a.jpg", None)], "x")
    assert await pushed_events.start_runs_for_pushed_files(feed.system, SYSTEM) == 1
    assert (await do_runs(feed))[0].failed == 1
    assert await pushed_events.start_runs_for_pushed_files(feed.system, SYSTEM) == 0, (
        "it is retried after its delay"
    )
    await feed.make_due()
    assert await pushed_events.start_runs_for_pushed_files(feed.system, SYSTEM) == 1


async def test_a_source_that_fails_is_left_alone_also_by_events(
    client: httpx2.AsyncClient, feed: Feed, secret: str
) -> None:
    fill(feed.camera, "a.jpg")
    await feed.sql(
        "update pull_sources"
        " set consecutive_failures = 2, not_before = now() + interval '2 minutes',"
        " next_run_at = now() + interval '1 day'"
    )
    answer = await push(client, feed, secret, told(feed, "a.jpg"))
    assert (answer.status_code, answer.json()["run_id"]) == (202, None)
    assert "failing" in answer.json()["detail"]
    [[wait_s]] = await feed.sql(
        "select extract(epoch from next_run_at - now()) from pull_sources where id = :id"
    )
    assert 60 < wait_s <= 120, "the next run is after the backoff, not on the schedule"
    assert (await feed.run()).imported == 1
    assert await feed.states() == {"a.jpg": "imported"}


async def test_an_event_does_not_shorten_how_long_a_server_asks_to_be_left_alone(
    client: httpx2.AsyncClient, feed: Feed, secret: str
) -> None:
    fill(feed.camera, "a.jpg")
    feed.camera.faults[""], feed.camera.retry_after = "429", "86400"
    assert (await feed.run()).state == "failed"
    await push(client, feed, secret, told(feed, "a.jpg"))
    [[wait_s]] = await feed.sql(
        "select extract(epoch from next_run_at - now()) from pull_sources where id = :id"
    )
    assert 86_000 < wait_s <= 86_400
    feed.camera.faults.clear()
    assert (await feed.run()).imported == 1, "a run on request is still possible"
    not_before = "select not_before from pull_sources where id = :id"
    assert await feed.sql(not_before) == [(None,)]
    feed.camera.faults[""] = "429"
    await feed.run()
    assert await feed.sql(not_before) != [(None,)]
    await feed.change(base_url=f"{feed.camera.url}other/")
    assert await feed.sql(not_before) == [(None,)], "the backoff of the old server does not apply"


async def test_files_of_a_former_address_keep_no_other_source_waiting(
    client: httpx2.AsyncClient, feed: Feed, secret: str
) -> None:
    async def list_waiting() -> list[Any]:
        async with feed.system.database.transaction(SYSTEM) as tx:
            return await list_sources_with_pushed_files(SYSTEM, tx, 1)

    async def note(source_id: Any) -> None:
        async with feed.system.database.transaction(SYSTEM) as tx:
            row = await get_source_row(SYSTEM, tx, source_id, lock=True)
            await upsert_pushed_files(SYSTEM, tx, row, [("a.jpg", None)], "x")

    new = NewSource(
        name="other", base_url=feed.camera.url, deployment=UUID(feed.house.ids["deployment_id"])
    )
    other = (await sources.create_source(feed.system, SYSTEM, new)).id
    await feed.sql("update pull_sources set last_pull_timestamp = now() where id = :id")
    await note(feed.source_id)
    assert await list_waiting() == [feed.source_id]
    await note(other)
    assert await list_waiting() == [other], "the source with the longest wait is first"
    for source_id in (other, feed.source_id):
        assert await list_waiting() == [source_id]
        async with feed.system.database.transaction(SYSTEM) as tx:
            row = await get_source_row(SYSTEM, tx, source_id, lock=True)
            row.moved_at = datetime.now(UTC)
    assert await list_waiting() == []


async def test_bodies_and_rates_have_limits(feed: Feed, secret: str) -> None:
    system = replace(feed.system, events=TokenBuckets(per_s=0.01, at_once=2))
    transport = httpx2.ASGITransport(wrap_middleware(application_of(system)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://trapline.test") as client:
        many = told(feed, *[f"{number:04}-{'x' * 90}.jpg" for number in range(1000)])
        answer = await push(client, feed, secret, many)
        assert (answer.status_code, answer.json()["recorded"]) == (202, 1000), (
            "the limit also allows long URLs"
        )
        large = b'{"urls": ["' + b"x" * 2**20 + b'"]}'
        assert (await push(client, feed, secret, large)).status_code == 413
        path = f"/image-pull-sources/{feed.source_id}/events"
        headers = signed(secret, large) | {"Authorization": "Bearer x"}
        assert (await client.post(path, content=large, headers=headers)).status_code in (401, 413)
        for wrong in (b"", b"{}", b"[" * 60_000, b'{"urls": 7}'):
            system.events._left.clear()
            answer = await push(client, feed, secret, wrong)
            assert answer.status_code == 400, answer.text
            assert "Nothing was recorded" in answer.text
        codes = [(await push(client, feed, generate_secret(), b"{}")).status_code for _ in range(5)]
        assert codes == [401] * 5, "invalid signatures do not count against the rate"
        codes = [
            (await push(client, feed, secret, told(feed, "a.jpg"))).status_code for _ in range(3)
        ]
        assert codes == [202, 429, 429]
