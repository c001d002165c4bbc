"""Nobody reaches into another project, by any route: generated from the table of access and the OpenAPI document."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from tests.conftest import fresh_database, make_system
from tests.integration.houses import House, build_house, fingerprint, unknown_ids
from trapline.server.db.base import Database
from trapline.server.engines.postgres import Postgres
from trapline.server.imaging.decoders import Decoders
from trapline.server.routes.access import ACCESS, PEOPLE, access_key
from trapline.server.routes.application import dress, make_application
from trapline.server.rules.access import RANK
from trapline.server.system import Callbacks, System
from trapline.wire.auth import Role, TokenKind

DOCUMENT: dict[str, Any] = make_application(None).openapi()

# A body that the route would take, for each route that takes one: ids stand in braces.
BODIES: dict[str, Any] = {
    "POST /projects": None,
    "PATCH /projects/{project_id}": {"name": "taken over"},
    "POST /deployments": {"project": "{project_id}", "name": "intruder"},
    "PATCH /deployments/{deployment_id}": {"name": "taken over"},
    "POST /auth/tokens": {"name": "t", "kind": "worker", "projects": ["{project_id}"]},
    "POST /jobs": {"project": "{project_id}", "pipeline": "p"},
    "PATCH /jobs/{job_id}": {"name": "taken over"},
    "POST /jobs/{job_id}/retry": {"analyses": ["{analysis_id}"]},
    "POST /pipeline/run": {"pipeline": "p", "content": {"image": "{image_id}"}},
    "POST /pipeline/job/{job_id}/retry": {"analyses": ["{analysis_id}"]},
    "POST /jobs/{job_id}/tasks": {"batch_size": 1},
    "POST /jobs/{job_id}/result": {"results": []},
    "POST /projects/{project_id}/pipelines": {"processing_service_name": "s", "pipelines": []},
    "POST /presets": {"project": "{project_id}", "name": "intruder", "pipeline": "p"},
    "PATCH /presets/{preset_id}": {"description": "taken over"},
    "POST /image-pull-sources": {
        "project": "{project_id}",
        "deployment": "{deployment_id}",
        "name": "intruder",
        "base_url": "http://camera.example/",
    },
    "POST /image-pull-sources/test": {
        "source": {
            "project": "{project_id}",
            "deployment": "{deployment_id}",
            "name": "intruder",
            "base_url": "http://camera.example/",
        }
    },
    "PATCH /image-pull-sources/{source_id}": {"name": "taken over"},
    "POST /image-pull-sources/{source_id}/test": {"name": "taken over"},
    "POST /images/{image_id}/analyses": {"image_id": "{image_id}", "model_name": "intruder", "model_version": "1"},
    "PATCH /analyses/{analysis_id}/status": {"status": "canceled"},
    "POST /analyses/{analysis_id}/artifacts/presign": {"artifact_type": "log", "filename": "log.txt"},
    "POST /analyses/{analysis_id}/annotations:bulk": {"annotations": []},
    "POST /analyses/{analysis_id}/finalize": {"status": "failed"},
    "POST /callback_keys": {"projects": ["{project_id}"], "service": "intruder"},
    "POST /callback_keys/check": {"project": "{project_id}", "target": "/api/analyses/1", "headers": {}},
    "POST /webhooks": {"project": "{project_id}", "url": "https://intruder.example/"},
    "PATCH /webhooks/{webhook_id}": {"name": "taken over"},
    "POST /notices": {"project": "{project_id}", "kind": "job_failed"},
    "POST /workers/hello": {"service": "s", "name": "worker-1", "host": "h", "pid": 1, "pipelines": ["p"]},
    "POST /tasks/lease": {"pipelines": ["p"], "limit": 1},
    "POST /tasks/renew": {"leases": []},
    "POST /tasks/release": {"leases": []},
}
# What a route must be asked with beside the ids.
QUERIES: dict[str, dict[str, str]] = {"GET /analyses/{analysis_id}/export": {"format": "json"}}
# The same without what names a project: the role is asked for all the same.
LEAST_BODIES: dict[str, Any] = {"POST /auth/tokens": {"name": "t", "kind": "worker"}}
# Multipart routes: form fields that name a project.
FORMS: dict[str, dict[str, str]] = {"POST /images": {"project": "{project_id}"}}
# Routes of the caller's own account, which are about no project.
OWN = {
    "POST /auth/sign-out", "GET /auth/me", "GET /auth/tokens", "POST /projects", "GET /projects", "POST /notices/test",
    "POST /workers/hello", "POST /tasks/lease", "POST /tasks/renew", "POST /tasks/release",
}  # fmt: skip


def _operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


GUARDED = [
    pytest.param(method, path, operation, id=f"{method} {path}")
    for method, path, operation in _operations()
    if ACCESS[access_key(method, path)].kinds is not None
]


def _asks_for_a_role(method: str, path: str) -> bool:
    key = access_key(method, path)
    access = ACCESS[key]
    people = access.kinds is not None and access.kinds >= PEOPLE
    return people and RANK[access.role] > RANK[Role.VIEWER] and key not in OWN


ROLE_BOUND = [
    pytest.param(method, path, operation, id=f"{method} {path}")
    for method, path, operation in _operations()
    if _asks_for_a_role(method, path)
]


def _fill(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, str) and value.startswith("{"):
        found = ids[value.strip("{}")]
        return int(found) if found.isdigit() else found
    if isinstance(value, dict):
        return {key: _fill(inner, ids) for key, inner in value.items()}
    return [_fill(inner, ids) for inner in value] if isinstance(value, list) else value


async def _call(
    client: httpx2.AsyncClient,
    method: str,
    path: str,
    operation: dict[str, Any],
    ids: dict[str, str],
    token: str | None,
    bodies: dict[str, Any] = BODIES,
) -> httpx2.Response:
    key = access_key(method, path)
    query = QUERIES.get(key, {}) | {
        parameter["name"]: ids["project_id" if parameter["name"] == "project" else "deployment_id"]
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "query" and parameter["name"] in ("project", "deployment")
    }
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if key in FORMS:
        form = {name: str(_fill(value, ids)) for name, value in FORMS[key].items()}
        files = {"files": ("a.jpg", b"not a picture", "image/jpeg")}
        return await client.post(path.format(**ids), params=query, headers=headers, data=form, files=files)
    if "requestBody" in operation:
        assert key in BODIES, f"{key} takes a body: add one to BODIES, so that its isolation is tested"
        return await client.request(
            method, path.format(**ids), params=query, headers=headers, json=_fill(bodies[key], ids)
        )
    return await client.request(method, path.format(**ids), params=query, headers=headers)


def _without_request(answer: httpx2.Response) -> dict[str, Any]:
    return {key: value for key, value in answer.json().items() if key != "request_id"}


@dataclass
class Grounds:
    """What all tests here stand on: no call of a stranger changes anything, so one database is enough for them."""

    system: System
    app_client: httpx2.AsyncClient
    house: House
    stranger: House


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def grounds(
    postgres: Postgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Grounds]:
    """A server that takes tokens where only signatures count otherwise: then the projects are what keeps others out."""
    with fresh_database(postgres, template) as url:
        database, decoders = Database(url), Decoders(processes=1)
        made = make_system(database, decoders, tmp_path_factory.mktemp("store"))
        system = replace(made, callbacks=Callbacks(require_signature=False))
        transport = httpx2.ASGITransport(dress(make_application(system)))
        async with httpx2.AsyncClient(transport=transport, base_url="http://trapline.test") as client:
            yield Grounds(system, client, await build_house(system, "house"), await build_house(system, "stranger"))
        await decoders.close()
        await database.close()


@pytest.fixture
def system(grounds: Grounds) -> System:
    return grounds.system


@pytest.fixture
def app_client(grounds: Grounds) -> httpx2.AsyncClient:
    return grounds.app_client


@pytest.fixture
def house(grounds: Grounds) -> House:
    return grounds.house


@pytest.fixture
def stranger(grounds: Grounds) -> House:
    return grounds.stranger


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("method", "path", "operation"), GUARDED)
async def test_route_keeps_strangers_out(
    method: str,
    path: str,
    operation: dict[str, Any],
    system: System,
    app_client: httpx2.AsyncClient,
    house: House,
    stranger: House,
) -> None:
    key = access_key(method, path)
    access = ACCESS[key]
    before = await fingerprint(system.database)
    nobody = await _call(app_client, method, path, operation, house.ids, None)
    assert nobody.status_code == 401

    kinds: dict[str, TokenKind] = {"owner": TokenKind.USER, "worker": TokenKind.WORKER}
    for caller, kind in kinds.items():
        answer = await _call(app_client, method, path, operation, house.ids, stranger.tokens[caller])
        if access.kinds is not None and kind not in access.kinds:
            assert answer.status_code == 403, answer.text
        elif key in OWN:
            assert answer.status_code < 500
            assert house.ids["deployment_id"] not in answer.text
        else:
            assert answer.status_code == 404, f"{caller}: {answer.status_code} {answer.text}"
            missing = await _call(app_client, method, path, operation, unknown_ids(house), stranger.tokens[caller])
            assert missing.status_code == 404, missing.text
            assert _without_request(answer) == _without_request(missing)
    if key not in OWN:
        assert await fingerprint(system.database) == before


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("method", "path", "operation"), ROLE_BOUND)
async def test_route_asks_for_its_role(
    method: str, path: str, operation: dict[str, Any], system: System, app_client: httpx2.AsyncClient, house: House
) -> None:
    before = await fingerprint(system.database)
    answer = await _call(app_client, method, path, operation, house.ids, house.tokens["viewer"])
    assert answer.status_code == 403, answer.text
    if access_key(method, path) in LEAST_BODIES:
        viewer = house.tokens["viewer"]
        answer = await _call(app_client, method, path, operation, house.ids, viewer, LEAST_BODIES)
        assert answer.status_code == 403, answer.text
    assert await fingerprint(system.database) == before
