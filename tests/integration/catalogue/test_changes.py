"""Change events for the page: each kind of change is reported, with a new stamp."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from fastapi import Request
from sqlalchemy import text
from tests.support.api_application import application_of
from tests.support.project_with_roles import House, build_house

from trapline.server.accounts.actions.tokens import revoke_token
from trapline.server.accounts.routes import event_streams
from trapline.server.accounts.routes.access import authorise
from trapline.server.catalogue.actions.changes import sample_changes
from trapline.server.catalogue.events import ChangeSubscribers
from trapline.server.catalogue.routes.events import stream_changes
from trapline.server.platform.access import RequestOrigin, Scope
from trapline.server.platform.app_context import AppContext
from trapline.wire.events import ChangeEvent


async def test_each_kind_of_change_is_seen(system: AppContext) -> None:
    house = await build_house(system, "house")
    other = await build_house(system, "other")
    project = int(house.ids["project_id"])
    before = await sample_changes(system, [project])
    job = ChangeEvent(project_id=project, kind="job", id=house.ids["job_id"])
    assert {change.kind for change in before} == {
        "job",
        "source",
        "image",
        "worker",
        "identification",
    }
    assert all(change.project_id == project for change in before)
    async with system.database.transaction(Scope.system()) as tx:
        await tx.session.execute(text("update jobs set updated_at = now()"))
        await tx.session.execute(text("update images set thumbnails_at = now()"))
        await tx.session.execute(text("update workers set last_contact_at = clock_timestamp()"))
        await tx.session.execute(
            text("update identifications set withdrawn_at = clock_timestamp()")
        )
    after = await sample_changes(system, [project])
    changed = {change.kind for change in after if before.get(change) != after[change]}
    assert changed == {"job", "image", "worker", "identification"}
    assert after[job] != before[job]
    assert int(other.ids["project_id"]) not in {change.project_id for change in after}


async def open_changes(system: AppContext, house: House) -> tuple[Scope, AsyncIterator[Any]]:
    """Open the stream of changes of a house; answers who hears it, and what it says."""
    app = application_of(system)
    app.state.listeners = ChangeSubscribers(every_s=0.05)
    route = SimpleNamespace(path="/api/v2/events")
    headers = [(b"authorization", f"Bearer {house.tokens['owner']}".encode())]
    request = Request(
        {"type": "http", "method": "GET", "app": app, "route": route, "headers": headers}
    )
    scope = await authorise(request, system, RequestOrigin())
    answer = await stream_changes(
        system, scope, RequestOrigin(), request, int(house.ids["project_id"])
    )
    return scope, aiter(answer.body_iterator)


async def test_a_silent_stream_says_that_it_is_still_there(
    system: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_streams, "SILENCE_S", 0.3)
    _, lines = await open_changes(system, await build_house(system, "house"))
    async with asyncio.timeout(30):
        said = [str(await anext(lines)) for _ in range(3)]
    assert said == ["retry: 2000\n\n", ": still here\n\n", ": still here\n\n"]


async def test_a_revoked_token_hears_no_more(system: AppContext) -> None:
    house = await build_house(system, "house")
    scope, lines = await open_changes(system, house)
    assert str(await anext(lines)).startswith("retry")
    await revoke_token(system, scope, UUID(house.ids["token_id"]))

    async def touch() -> None:
        while True:
            async with system.database.transaction(Scope.system()) as tx:
                await tx.session.execute(text("update jobs set updated_at = clock_timestamp()"))
            await asyncio.sleep(0.1)

    touching = asyncio.create_task(touch())
    async with asyncio.timeout(30):
        async for _ in lines:
            pass  # what was under way may still come, and then no more
    touching.cancel()
