"""What the page is told of: each kind of change is seen, with a stamp that differs after the next one."""

import asyncio
from types import SimpleNamespace
from uuid import UUID

from fastapi import Request
from sqlalchemy import text

from tests.integration.houses import build_house
from trapline.server.actions.changes import sample_changes
from trapline.server.actions.tokens import revoke_token
from trapline.server.events import Listeners
from trapline.server.routes.access import authorise
from trapline.server.routes.application import make_application
from trapline.server.routes.events import stream_changes
from trapline.server.rules.access import Origin, Scope
from trapline.server.system import System
from trapline.wire.events import Change


async def test_each_kind_of_change_is_seen(system: System) -> None:
    house = await build_house(system, "house")
    other = await build_house(system, "other")
    project = int(house.ids["project_id"])
    before = await sample_changes(system, [project])
    job = Change(project_id=project, kind="job", id=house.ids["job_id"])
    assert {change.kind for change in before} == {"job", "source", "image", "worker"}
    assert all(change.project_id == project for change in before)
    async with system.database.transaction(Scope.system()) as tx:
        await tx.session.execute(text("update jobs set updated_at = now()"))
        await tx.session.execute(text("update images set thumbnails_at = now()"))
        await tx.session.execute(text("update workers set last_contact_at = clock_timestamp()"))
    after = await sample_changes(system, [project])
    changed = {change.kind for change in after if before.get(change) != after[change]}
    assert changed == {"job", "image", "worker"}
    assert after[job] != before[job]
    assert int(other.ids["project_id"]) not in {change.project_id for change in after}


async def test_a_revoked_token_hears_no_more(system: System) -> None:
    house = await build_house(system, "house")
    app = make_application(system)
    app.state.listeners = Listeners(every_s=0.05)
    route = SimpleNamespace(path="/api/v2/events")
    headers = [(b"authorization", f"Bearer {house.tokens['owner']}".encode())]
    request = Request({"type": "http", "method": "GET", "app": app, "route": route, "headers": headers})
    scope = await authorise(request, system, Origin())
    answer = await stream_changes(system, scope, Origin(), request, int(house.ids["project_id"]))
    lines = aiter(answer.body_iterator)
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
