"""Lists are filtered by the names of fields and ordered as requested, page by page."""

from typing import Any

import pytest
from tests.support.api_project import SLUG, Field, make_field
from tests.support.isolation_rows import make_operator

from trapline.server.accounts.queries.accounts import MemberRow, UserRow
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, 1)


async def look(
    field: Field, path: str, headers: dict[str, str] | None = None, **query: Any
) -> list[Any]:
    """All of a list, a row a page, so that its order holds over pages."""
    found: list[Any] = []
    params = {"limit": 1, **query}
    while True:
        asked = headers or {"Authorization": f"Token {field.owner}"}
        answer = await field.client.get(f"/api/v2{path}", params=params, headers=asked)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["results"]
        if page["next"] is None:
            assert page["count"] == len(found)
            return found
        params["cursor"] = page["next"]


async def make(field: Field, path: str, **told: Any) -> Any:
    answer = await field.call("POST", path, {"project": field.project, **told})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_deployments_and_presets_are_narrowed_and_ordered(field: Field) -> None:
    await make(field, "/deployments", name="ford", camera="Browning", habitat="river")
    await make(field, "/deployments", name="alder", camera="Reconyx", habitat="river")

    async def deployments(**query: Any) -> list[str]:
        return [one["name"] for one in await look(field, "/deployments", **query)]

    assert await deployments() == ["alder", "camera", "ford"]
    assert await deployments(order="-name") == ["ford", "camera", "alder"]
    assert await deployments(order="created_at") == ["camera", "ford", "alder"]
    assert await deployments(order="-created_at", habitat="river") == ["alder", "ford"]
    assert await deployments(camera="Browning") == ["ford"]
    assert await deployments(name="alder", camera="Browning") == []

    await field.register(slug="another")
    for name, slug in (("night", SLUG), ("dusk", SLUG), ("other", "another")):
        await make(field, "/presets", name=name, pipeline=slug)

    async def presets(**query: Any) -> list[str]:
        return [one["name"] for one in await look(field, "/presets", **query)]

    assert await presets(pipeline=SLUG) == ["dusk", "night"]
    assert await presets(order="-name") == ["other", "night", "dusk"]
    assert await presets(name="night") == ["night"]
    slugs = [
        [one["slug"] for one in await look(field, "/pipelines", order=order)]
        for order in ("created_at", "-created_at")
    ]
    assert slugs[0] == list(reversed(slugs[1])) == [SLUG, "another"]
    assert [one["slug"] for one in await look(field, "/pipelines", slug="another")] == ["another"]
    assert await look(field, "/pipelines", name="nobody's") == []


async def test_jobs_are_narrowed_and_ordered(field: Field) -> None:
    await field.register(slug="another")
    await make(field, "/presets", name="night", pipeline=SLUG)
    first = await make(field, "/jobs", pipeline=SLUG, name="first")
    second = await make(field, "/jobs", preset="night")
    third = await make(field, "/jobs", pipeline="another")
    a, b, c = first["id"], second["id"], third["id"]
    await field.change(
        "update jobs set created_at = created_at - interval '1 day' where id = %s", a
    )
    await field.call("POST", f"/jobs/{c}/cancel")

    async def jobs(**query: Any) -> list[int]:
        return [one["id"] for one in await look(field, "/jobs", **query)]

    assert await jobs() == [c, b, a]
    assert await jobs(order="created_at") == [a, b, c]
    assert await jobs(pipeline__slug=SLUG) == [b, a]
    assert await jobs(pipeline__slug__in=f"{SLUG},nothing", order="created_at") == [a, b]
    assert await jobs(pipeline__slug="another") == [c]
    assert await jobs(preset="night") == [b]
    assert await jobs(name="first") == [a]
    assert await jobs(status="canceled") == [c]
    assert await jobs(created_after=second["created_at"]) == [c, b]
    assert await jobs(created_before=second["created_at"]) == [a]
    refused = await field.call("GET", "/jobs?order=priority")
    assert refused.status_code == 422


async def test_webhooks_and_people_are_narrowed_and_ordered(
    field: Field, system: AppContext
) -> None:
    await make(field, "/webhooks", name="all", url="https://a.example/")
    some = await make(
        field, "/webhooks", name="some", url="https://b.example/", event_types=["job.completed"]
    )
    await field.call("PATCH", f"/webhooks/{some['id']}", {"is_active": False})

    async def webhooks(**query: Any) -> list[str]:
        return [one["name"] for one in await look(field, "/webhooks", **query)]

    assert await webhooks() == ["some", "all"]
    assert await webhooks(order="created_at") == ["all", "some"]
    assert await webhooks(event_type="job.completed", is_active=True) == ["all"]
    assert await webhooks(event_type="job.completed") == ["some", "all"]
    assert await webhooks(event_type="job.failed") == ["all"]
    assert await webhooks(name="some", is_active=False) == ["some"]

    operator = await make_operator(system)
    async with system.database.transaction(Scope.system()) as tx:
        anna = UserRow(email="Anna@people.example", name="Anna", password_hash="x")
        gone = UserRow(email="gone@people.example", name="Gone")
        tx.session.add_all([anna, gone])
        await tx.session.flush()
        tx.session.add(MemberRow(project_id=field.project, user_id=anna.id, role="reviewer"))
        await tx.execute("update users set deactivated_at = now() where id = %s", (gone.id,))

    async def people(**query: Any) -> list[str]:
        return [one["email"] for one in await look(field, "/users", operator.headers, **query)]

    everybody = await people()
    assert await people(order="-created_at") == list(reversed(everybody))
    assert len(everybody) >= 4
    assert await people(email="anna@PEOPLE.example") == ["Anna@people.example"]
    assert await people(role="reviewer") == ["Anna@people.example"]
    assert await people(name="Gone") == await people(state="deactivated") == ["gone@people.example"]
    assert len(await people(is_operator=True)) == 1
    by_state = [await people(state=state) for state in ("invited", "active", "deactivated")]
    assert sorted(email for emails in by_state for email in emails) == sorted(everybody)
    for one in await look(field, "/users", operator.headers):
        assert one["email"] in await people(state=one["state"])
