"""What the page is told of: each kind of change is seen, with a stamp that differs after the next one."""

from sqlalchemy import text

from tests.integration.houses import build_house
from trapline.server.actions.changes import sample_changes
from trapline.server.rules.access import Scope
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
