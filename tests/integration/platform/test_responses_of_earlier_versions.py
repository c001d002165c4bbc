"""Stored responses whose fields had other names in an earlier version of Trapline."""

import importlib
import json
from typing import Any

import httpx2
import psycopg
import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine
from tests.integration.queue.test_runs import as_caller
from tests.integration.sources.test_pushed_events import signed
from tests.support.project_with_roles import build_house
from tests.support.pull_source import SYSTEM, make_feed

from trapline.server.platform.app_context import AppContext
from trapline.server.sources.actions.event_secrets import create_event_secret

EARLIER_NAMES = {
    "automatic": "standing",
    "status_reason": "why",
    "created": "made",
    "recorded": "noted",
    "with_images": "with_pictures",
    "capture_times_pending": "dating",
    "purge_after": "gone_after",
}


def rename(value: Any) -> Any:
    if isinstance(value, dict):
        return {EARLIER_NAMES.get(key, key): rename(inner) for key, inner in value.items()}
    return [rename(inner) for inner in value] if isinstance(value, list) else value


def store_earlier_names(url: str) -> None:
    """Change the stored responses to those of the earlier version."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("select key, answer from idempotency_keys").fetchall()
        assert len(rows) == 1
        for key, answer in rows:
            earlier = json.dumps(rename(json.loads(answer))).encode()
            assert earlier != answer
            connection.execute(
                "update idempotency_keys set answer = %s where key = %s", (earlier, key)
            )


def run_migration(url: str) -> None:
    """Run migration 0104 on a database that has data."""
    revision = importlib.import_module(
        "trapline.server.platform.db.migrations.versions.0104_rename_fields_of_stored_responses"
    )
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        revision.upgrade()
    engine.dispose()


async def assert_repeatable(
    client: httpx2.AsyncClient, url: str, first: httpx2.Response, answered_before: str
) -> None:
    """A stored response of an earlier version gets 409 before the migration, and is equal after."""
    assert first.is_success, first.text
    store_earlier_names(url)

    async def repeat() -> httpx2.Response:
        sent = first.request
        return await client.request(
            sent.method, sent.url, content=sent.content, headers=dict(sent.headers)
        )

    unreadable = await repeat()
    assert unreadable.status_code == 409, unreadable.text
    assert "an earlier version of Trapline" in unreadable.json()["detail"]
    assert answered_before in unreadable.json()["detail"]
    run_migration(url)
    again = await repeat()
    assert (again.status_code, again.json()) == (first.status_code, first.json())


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/jobs", {"pipeline": "p"}),
        ("/exports", {"format": "coco", "options": {"with_images": True}}),
        ("/exports", {"format": "csv"}),
        ("/deployments/csv", b"name\na new camera\n"),
    ],
)
async def test_a_stored_response_of_an_earlier_version_is_returned(
    system: AppContext,
    database_url: str,
    app_client: httpx2.AsyncClient,
    path: str,
    body: dict[str, Any] | bytes,
) -> None:
    house = await build_house(system, "house")
    project = house.ids["project_id"]
    headers = as_caller(house, **{"Idempotency-Key": "once"})
    if isinstance(body, bytes):
        first = await app_client.post(
            f"/api/v2{path}", params={"project": project}, content=body, headers=headers
        )
    else:
        first = await app_client.post(
            f"/api/v2{path}", json={"project": int(project), **body}, headers=headers
        )
    await assert_repeatable(app_client, database_url, first, "Nothing was changed")


async def test_a_repeated_event_of_an_earlier_version_gets_its_response(
    system: AppContext, database_url: str, app_client: httpx2.AsyncClient
) -> None:
    async with make_feed(system) as feed:
        secret = (await create_event_secret(system, SYSTEM, feed.source_id)).secret
        body = json.dumps({"urls": [f"{feed.camera.url}a.jpg"]}).encode()
        first = await app_client.post(
            f"/image-pull-sources/{feed.source_id}/events",
            content=body,
            headers=signed(secret, body),
        )
        assert first.json()["recorded"] == 1
        await assert_repeatable(app_client, database_url, first, "This message was recorded before")


async def test_a_new_project_of_an_earlier_version_is_returned(
    system: AppContext, database_url: str, app_client: httpx2.AsyncClient
) -> None:
    """Fields with a default have no error: the migration renames them too."""
    house = await build_house(system, "house")
    headers = as_caller(house, **{"Idempotency-Key": "once"})
    first = await app_client.post("/api/v2/projects", json={"name": "Forest"}, headers=headers)
    assert first.status_code == 201, first.text
    store_earlier_names(database_url)
    run_migration(database_url)
    with psycopg.connect(database_url) as connection:
        stored = connection.execute("select answer from idempotency_keys").fetchone()
    assert stored is not None
    assert json.loads(stored[0]) == first.json()
