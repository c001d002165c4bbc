"""No route gives access to another project; generated from access table and OpenAPI document."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx2
import pytest
import pytest_asyncio
from tests.support.image_factory import make_jpeg
from tests.support.isolation_projects import CALLERS, Grounds, make_grounds
from tests.support.isolation_requests import BODIES, LEAST_BODIES, call
from tests.support.project_with_roles import unknown_ids
from tests.support.request_positions import operations, positions_of
from tests.support.route_roles import LEAST_ROLE, NO_ROLE, OPERATOR, find_least_role, parse_routes

from trapline.server.app.http.access_table import ACCESS
from trapline.server.findings.queries.analyses import AnalysisRow
from trapline.server.platform.access import RANK, Scope
from trapline.server.platform.http.request_context import get_route_key
from trapline.server.platform.http.route_access import SAFE
from trapline.server.platform.postgres.postgres import Postgres
from trapline.server.platform.store.storage_keys import THUMBNAIL_SIZES, build_thumbnail_key
from trapline.wire.auth import Role, TokenKind

# Routes of the caller's own account, which are about no project.
OWN = {
    "POST /auth/sign-out", "GET /auth/me", "PATCH /auth/me", "PUT /auth/password",
    "GET /auth/sessions",
    "DELETE /auth/sessions", "GET /auth/tokens", "POST /projects", "GET /projects",
    "POST /notification-subscriptions/test",
    "GET /image-pull-sources/gateways", "GET /exports/formats",
    "POST /workers/hello", "POST /tasks/lease", "POST /tasks/renew", "POST /tasks/release",
}  # fmt: skip


GUARDED = [
    pytest.param(method, path, operation, id=f"{method} {path}")
    for method, path, operation in operations()
    if ACCESS[get_route_key(method, path)].kinds is not None
]
# They stream until the caller leaves.
ENDLESS = {"GET /events"}
# They end what other calls are about.
LAST = ("DELETE", "PUT /auth/password", "POST /tasks/release", "POST /auth/sign-out")
LATE = ("/retry", "/cancel", "/evict", "/finalize", "/status", "/images/delete")


def said(answer: httpx2.Response) -> dict[str, Any]:
    """Return the response without its request ID."""
    return {key: value for key, value in answer.json().items() if key != "request_id"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def grounds(
    postgres: Postgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Grounds]:
    async with make_grounds(postgres, template, tmp_path_factory.mktemp("store")) as made:
        yield made


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("method", "path", "operation"), GUARDED)
async def test_route_keeps_strangers_out(
    method: str, path: str, operation: dict[str, Any], grounds: Grounds
) -> None:
    """Ids of another project wherever the route takes one, from every caller that there is."""
    key = get_route_key(method, path)
    access = ACCESS[key]
    kinds = access.kinds
    assert kinds is not None
    house, strangers = grounds.house, grounds.people["stranger"]
    await grounds.note_changes()
    for name, headers in grounds.dead.items():
        answer = await call(grounds, method, path, operation, house.ids, headers)
        assert answer.status_code == 401, f"{name}: {answer.status_code} {answer.text}"
    missing = None
    names = [name for name in CALLERS if (name, key) != ("session", "POST /auth/sign-out")]
    for caller in [*[strangers.call_as(name) for name in names], grounds.restricted]:
        answer = await call(grounds, method, path, operation, house.ids, caller.headers)
        if caller.kind not in kinds or access.operators:
            assert answer.status_code == 403, f"{caller.name}: {answer.status_code} {answer.text}"
            nothing = await call(
                grounds, method, path, operation, unknown_ids(house), caller.headers
            )
            assert said(answer) == said(nothing), caller.name
        elif access.account and caller is grounds.restricted:
            assert answer.status_code == 403, f"{caller.name}: {answer.status_code} {answer.text}"
        elif key in OWN:
            assert answer.status_code < 500
            assert house.ids["deployment_id"] not in answer.text
        else:
            assert answer.status_code == 404, f"{caller.name}: {answer.status_code} {answer.text}"
            if missing is None:
                unknown = unknown_ids(house)
                missing = said(
                    await call(grounds, method, path, operation, unknown, caller.headers)
                )
            assert said(answer) == missing, caller.name
    if key not in OWN:
        await grounds.expect_unchanged()


def _needs_a_role(method: str, path: str) -> bool:
    key = get_route_key(method, path)
    access = ACCESS[key]
    return (
        access.kinds is not None
        and TokenKind.USER in access.kinds
        and key not in OWN
        and not access.operators
    )


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [one for one in GUARDED if _needs_a_role(str(one.values[0]), str(one.values[1]))],
)
async def test_route_asks_for_its_role(
    method: str, path: str, operation: dict[str, Any], grounds: Grounds
) -> None:
    key = get_route_key(method, path)
    await grounds.note_changes()
    least = find_least_role(key)
    assert least is not None, (
        f"{key} has no line in route_roles.py: add one by hand, so that its role is tested"
    )
    for role in list(Role)[: RANK[Role(least)]]:
        headers = grounds.people["house"].call_as(role.value).headers
        for bodies in (BODIES, BODIES | LEAST_BODIES)[: 1 + (key in LEAST_BODIES)]:
            answer = await call(
                grounds, method, path, operation, grounds.house.ids, headers, bodies=bodies
            )
            assert answer.status_code == 403, f"{role}: {answer.status_code} {answer.text}"
    await grounds.expect_unchanged()


def test_every_route_has_a_role_that_was_written_by_hand() -> None:
    """The access table cannot prove itself: the expected roles are listed independently."""
    keys = {get_route_key(str(one.values[0]), str(one.values[1])) for one in GUARDED}
    routes = {key: ACCESS[key] for key in keys}
    known = {key for key in routes if key in NO_ROLE or find_least_role(key) is not None}
    assert sorted(routes.keys() - known) == []
    differing = {
        key: (access.role.value, find_least_role(key))
        for key, access in routes.items()
        if key not in NO_ROLE and access.role.value != find_least_role(key)
    }
    assert differing == {}
    assert {key for key, access in routes.items() if access.operators} == parse_routes(
        OPERATOR
    ) & routes.keys()
    assert sorted((LEAST_ROLE.keys() | NO_ROLE) - routes.keys() - ACCESS.keys()) == []


@pytest.mark.asyncio(loop_scope="module")
async def test_an_archived_project_is_only_looked_at(grounds: Grounds) -> None:
    """Every route that changes something, by the owner: all but those of the table that go on."""
    at, owner = grounds.house.ids, grounds.people["house"].call_as(Role.OWNER.value).headers
    async with grounds.system.database.transaction(Scope.system()) as tx:
        await tx.execute(
            "update projects set archived_at = now() where id = %s", (at["project_id"],)
        )
    await grounds.note_changes()
    wrong, refused = [], 0
    for method, path, operation in operations():
        key = get_route_key(method, path)
        access = ACCESS[key]
        about_a_project = (
            access.kinds is not None and TokenKind.USER in access.kinds and not access.account
        )
        if method in SAFE or access.archived or access.operators or not about_a_project:
            continue
        if key in (*OWN, "POST /projects"):
            continue
        answer = await call(grounds, method, path, operation, at, owner)
        refused += 1
        if (answer.status_code, answer.json().get("title")) != (409, "The project is archived"):
            wrong.append(f"{key}: {answer.status_code} {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)
    assert refused > 50
    await grounds.expect_unchanged()
    async with grounds.system.database.transaction(Scope.system()) as tx:
        await tx.execute("update projects set archived_at = null")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_visitor_gets_only_what_is_public_of_a_public_project(grounds: Grounds) -> None:
    """Call every route without credentials, with the IDs of a public, a private and no project."""
    public, private, none = grounds.house.ids, grounds.stranger.ids, unknown_ids(grounds.house)
    await _publish(grounds, public)
    await grounds.note_changes()
    wrong = []
    for method, path, operation in operations():
        key = get_route_key(method, path)
        access = ACCESS[key]
        if access.kinds is None and not access.public_project:
            continue  # a key of another kind gives access, which has separate tests
        told = [
            await call(grounds, method, path, operation, ids, {}) for ids in (public, private, none)
        ]
        expected = [200, 404, 404] if access.public_project else [401, 401, 401]
        if [answer.status_code for answer in told] != expected or said(told[1]) != said(told[2]):
            wrong.append(f"{key}: {[answer.status_code for answer in told]} {told[0].text[:200]}")
        if access.public_project:
            wrong += await _call_with_nested_ids(grounds, method, path, operation)
    assert not wrong, "\n".join(wrong)
    await grounds.expect_unchanged()
    async with grounds.system.database.transaction(Scope.system()) as tx:
        await tx.execute("update projects set public = false")


async def _publish(grounds: Grounds, ids: dict[str, str]) -> None:
    """Publish a project with an image that visitors can see.

    The other project's would be visible too.
    """
    async with grounds.system.database.transaction(Scope.system()) as tx:
        await tx.execute("update projects set public = true where id = %s", (ids["project_id"],))
        for house in (ids, grounds.stranger.ids):
            await tx.execute(
                "update images set thumbnails_at = now() where id = %s", (house["image_id"],)
            )
            looked_at = AnalysisRow(
                project_id=int(house["project_id"]),
                image_id=UUID(house["image_id"]),
                model_name="m",
                model_version="1",
                state="completed",
            )
            tx.session.add(looked_at)
    for size in THUMBNAIL_SIZES:
        async with grounds.system.store.receive() as incoming:
            incoming.write(make_jpeg())
            await grounds.system.store.keep(
                incoming, build_thumbnail_key(UUID(ids["image_id"]), size)
            )


async def _call_with_nested_ids(
    grounds: Grounds, method: str, path: str, operation: dict[str, Any]
) -> list[str]:
    """Ids of the private project, or of none, inside of the public one."""
    wrong = []
    for position, held in positions_of(method, path, operation):
        for others in (grounds.stranger.ids, unknown_ids(grounds.house)):
            answer = await call(
                grounds,
                method,
                path,
                operation,
                grounds.house.ids,
                {},
                put=(position, held, others),
            )
            narrowed = (
                position.where == "query"
                and answer.status_code == 200
                and answer.json()["results"] == []
            )
            if not (answer.status_code == 404 or narrowed):
                wrong.append(
                    f"{method} {path} {position}: {answer.status_code} {answer.text[:200]}"
                )
    return wrong


def _when(method: str, path: str) -> tuple[int, int]:
    """Return the position of a call in an order that deletes nothing that later calls need."""
    key = get_route_key(method, path)
    if key == "DELETE /projects/{project_id}":
        return 3, 0
    if key == "DELETE /annotations/{annotation_id}":
        return 0, 0  # before the image of the box is deleted
    if key == "PUT /projects/{project_id}/sensitive-taxa/{taxon_id}":
        return -1, 0  # its sightings are read afterwards
    return 2 if key.startswith(LAST) else 1 if key.endswith(LATE) else 0, -path.count("/")


@pytest.mark.asyncio(loop_scope="module")
async def test_the_least_role_may_do_it(grounds: Grounds) -> None:
    """Proof that the tests above can fail: every request that they expect refused can succeed."""
    refused = []
    for method, path, operation in sorted(operations(), key=lambda one: _when(one[0], one[1])):
        access = ACCESS[key := get_route_key(method, path)]
        if access.kinds is None or key in ENDLESS:
            continue
        caller = grounds.pick_least(key)
        answer = await call(grounds, method, path, operation, grounds.spare.ids, caller.headers)
        if not (answer.status_code < 400 or answer.status_code == 409):
            refused.append(f"{key} as {caller.name}: {answer.status_code} {answer.text[:300]}")
    assert not refused, "\n".join(refused)
