"""Each route that changes something writes an audit entry, or is listed here with a reason.

The entry belongs to the project; entries about accounts belong to the installation.
"""

import hashlib
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from tests.integration.projects.test_isolation import grounds
from tests.support.adc_client import PIPELINE
from tests.support.image_factory import make_jpeg
from tests.support.isolation_projects import Grounds
from tests.support.isolation_requests import BODIES, QUERIES, fill
from tests.support.project_with_roles import House, build_house

from trapline.server.app.http.access_table import ACCESS
from trapline.server.platform.access import Scope
from trapline.server.platform.http.route_access import SAFE

__all__ = ["grounds"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

LEDGER = (
    "what workers lease, report and give back stands in the ledger of the job, attempt by attempt"
)
CHANGING = {key.split()[0] for key in ACCESS} - SAFE
CLAIMS = "claims end after ten minutes; decisions have entries of their own"
KEEPS_NOTHING = "it looks, and keeps nothing"
SIGNED_IN = "of no project: test_audit.py looks at them as the owner of the installation"
UNTOLD = {
    "POST /jobs/{job_id}/tasks": LEDGER,
    "POST /jobs/{job_id}/result": LEDGER,
    "POST /tasks/lease": LEDGER,
    "POST /tasks/renew": LEDGER,
    "POST /tasks/release": LEDGER,
    "PUT /files/{key:path}": "the URL was created by `presign`, which wrote the entry",
    "POST /image-pull-sources/{source_id}/events": "its files are recorded in the files and runs "
    "of the source",
    "POST /projects/{project_id}/review-sets/{set_id}/claims": CLAIMS,
    "POST /projects/{project_id}/review-sets/{set_id}/release": CLAIMS,
    "POST /image-pull-sources/test": KEEPS_NOTHING,
    "POST /image-pull-sources/{source_id}/test": KEEPS_NOTHING,
    "POST /callback_keys/check": KEEPS_NOTHING,
    "POST /notification-subscriptions/test": "an e-mail to the caller, tested in "
    "test_notice_routes.py",
    "POST /auth/sign-in": SIGNED_IN,
    "POST /auth/sign-out": SIGNED_IN,
    "POST /auth/link": SIGNED_IN,
    "POST /auth/oidc": "its audit entry is tested in test_oidc.py",
    "POST /auth/oidc/begin": KEEPS_NOTHING,
    "POST /auth/link/state": KEEPS_NOTHING,
    "POST /auth/password-reset": "the link is recorded, tested in test_password_resets.py",
    "POST /deployments/{deployment_id}/clock/preview": KEEPS_NOTHING,
    "POST /projects/{project_id}/observation-settings/preview": KEEPS_NOTHING,
    "POST /notification-subscriptions": "writes an entry if a mail server is configured, tested in "
    "test_notice_routes.py",
    **{
        f"{method} /analyses/{{analysis_id}}/{{rest:path}}": "nothing is there"
        for method in sorted(CHANGING)
    },
}

DRAWN = (
    "insert into human_boxes (id, project_id, image_id, x_min, y_min, x_max, y_max, label, made_by,"
    " updated_by) values ('{annotation_id}', {project_id}, '{image_id}', 0, 0, 5, 5, 'hare', 'x',"
    " 'x') on conflict do nothing"
)
BEFORE = {
    "POST /sequences/split": """
        insert into images select (jsonb_populate_record(i, jsonb_build_object('id',
            gen_random_uuid(), 'filename', 'before.jpg', 'sha256', '\\x00',
            'captured_at', i.captured_at - interval '1 second'))).*
        from images i where id = '{image_id}'
    """,
    "DELETE /projects/{project_id}/sensitive-taxa/{taxon_id}": "insert into sensitive_taxa "
    "(project_id, taxon_id, visitor, viewer, reviewer, manager) values "
    "({project_id}, '{taxon_id}', 3, 2, 2, 0) on conflict do nothing",
    "DELETE /projects/{project_id}/review-sets/{set_id}/controls/{image_id}": "update "
    "review_set_items set answer = array['blank'] where set_id = '{set_id}'",
    "PATCH /annotations/{annotation_id}": DRAWN,
    "DELETE /annotations/{annotation_id}": DRAWN,
    "POST /jobs/{job_id}/retry": "update analyses set state = 'failed' where id = '{analysis_id}'",
    "POST /pipeline/job/{job_id}/retry": "update analyses set state = 'failed' where id = "
    "'{analysis_id}'",
    "POST /image-pull-sources/{source_id}/process": "update pull_sources set is_active = true "
    "where id = '{source_id}'",
    "POST /images/delete": "update analyses set state = 'completed' where image_id = '{image_id}'",
    "POST /images/restore": "update images set deleted_at = now(), deleted_by = 'x' where id = "
    "'{image_id}'",
    "POST /projects/{project_id}/restore": "update projects set deleted_at = now() where id = "
    "{project_id}",
    "POST /deployments/{deployment_id}/clock/undo": "update deployments set "
    "previous_clock_offset_s = 60 "
    "where id = '{deployment_id}'",
    "POST /imports/{import_id}/folders": "update imports set state = 'completed', deployment_id = "
    "null, unknown = 1, "
    "ended_at = now() where id = '{import_id}'",
    "POST /webhooks/{webhook_id}/deliveries/replay": "update webhooks set is_active = true where "
    "id = '{webhook_id}'",
}
BEFORE["POST /webhooks/{webhook_id}/deliveries/{delivery_id}/replay"] = BEFORE[
    "POST /webhooks/{webhook_id}/deliveries/replay"
]
"""Data that a test project lacks, and that a route requires."""

OWN_BODIES: dict[str, Any] = {
    "POST /sequences/merge": {"sequences": ["{sequence_id}", "{next_sequence_id}"]},
    "POST /projects": {"name": "a new one"},
    "POST /users": {"email": "{email}"},
    "POST /projects/{project_id}/members": {"email": "owner@stranger.people", "role": "viewer"},
    "POST /projects/{project_id}/pipelines": {
        "processing_service_name": "s",
        "pipelines": [PIPELINE],
    },
    "POST /callback_keys": {"projects": ["{project_id}"], "service": "{service_name}"},
}
SHEETS = {
    "POST /deployments/csv": b"name\nby sheet\n",
    "POST /taxa/import": b"scientific_name\nMeles meles\n",
    "POST /imports": b"{}",
}
_numbers = count()


async def ask(grounds: Grounds, house: House, key: str, body: Any = None) -> Any:
    method, _, path = key.partition(" ")
    headers = {"Authorization": f"Bearer {house.tokens['owner']}"}
    if ACCESS[key].operators:
        headers = grounds.operator.headers
    where = "/api/v2" + path.format(**house.ids)
    params = fill(QUERIES.get(key, {}), house.ids)
    if key in SHEETS:
        params = params | {"project": house.ids["project_id"]}
        return await grounds.app_client.post(
            where, headers=headers, params=params, content=SHEETS[key]
        )
    if key == "POST /images":
        files = {"files": ("a.jpg", make_jpeg(1), "image/jpeg")}
        return await grounds.app_client.post(
            where, headers=headers, data=fill(body, house.ids), files=files
        )
    return await grounds.app_client.request(
        method, where, headers=headers, params=params, json=fill(body, house.ids)
    )


async def make(grounds: Grounds, house: House, key: str, **more: Any) -> str:
    return str((await ask(grounds, house, key, BODIES[key] | more)).json()["id"])


async def prepare(grounds: Grounds, house: House, key: str) -> None:
    """Make what the route changes, where the house has only a likeness of it."""
    if "/analyses/{analysis_id}" in key:
        house.ids["analysis_id"] = await make(grounds, house, "POST /images/{image_id}/analyses")
    if key == "DELETE /deployments/{deployment_id}":
        house.ids["deployment_id"] = await make(grounds, house, "POST /deployments")
    if key.endswith(("/{job_id}/cancel", "/{job_id}/run")):
        house.ids["job_id"] = await make(grounds, house, "POST /jobs", start="later")
    if "event-secret" in key:
        await ask(grounds, house, "POST /image-pull-sources/{source_id}/event-secret")
    if "rotate-secret" in key:
        house.ids["webhook_id"] = await make(grounds, house, "POST /webhooks")
    if key == "POST /images/import":
        sent = make_jpeg(1)
        told = {"filename": "a.jpg", "size": len(sent), "sha256": hashlib.sha256(sent).hexdigest()}
        announced = {"project": "{project_id}", "files": [told]}
        [staged] = (await ask(grounds, house, "POST /images/presign", announced)).json()["files"]
        await grounds.app_client.put(staged["upload_url"], content=sent, headers=staged["headers"])
        house.ids["staged_id"] = staged["file_id"]
    if "{bulk_id}" in key:
        house.ids["bulk_id"] = await make(grounds, house, "POST /bulk-identifications")
    if "{user_id}" in key:
        house.ids["user_id"] = house.ids["member_id"]
    if key == "POST /sequences/merge" or "{change_id}" in key:
        await prepare(grounds, house, "POST /sequences/split")
        split = {"image_id": "{image_id}"}
        change = (await ask(grounds, house, "POST /sequences/split", split)).json()
        house.ids["change_id"] = str(change["id"])
        house.ids["sequence_id"], house.ids["next_sequence_id"] = change["sequences"]
    if key in BEFORE:
        async with grounds.system.database.transaction(Scope.system()) as tx:
            await tx.execute(BEFORE[key].format(**house.ids))


async def list_lines(grounds: Grounds) -> set[tuple[UUID, int | None]]:
    async with grounds.system.database.transaction(Scope.system()) as tx:
        return set(await (await tx.execute("select id, project_id from audit")).fetchall())


@pytest.mark.parametrize(
    "key", [key for key in ACCESS if key.split()[0] not in SAFE and key not in UNTOLD]
)
async def test_a_change_leaves_a_line_in_the_audit_of_its_project(
    grounds: Grounds, key: str
) -> None:
    name = f"audited-{next(_numbers)}"
    house = await build_house(grounds.system, name)
    house.ids |= {"service_name": f"service {name}", "email": f"new@{name}.example"}
    await prepare(grounds, house, key)
    before = await list_lines(grounds)
    body = OWN_BODIES.get(
        key, BODIES.get(key, {"project": "{project_id}"} if key == "POST /images" else None)
    )
    answer = await ask(grounds, house, key, body)
    assert answer.status_code < 300, answer.text
    projects = {project for _, project in await list_lines(grounds) - before}
    own = None if ACCESS[key].account else int(house.ids["project_id"])
    assert projects == ({answer.json()["id"]} if key == "POST /projects" else {own})


async def test_exceptions_are_of_routes_that_are_there() -> None:
    assert set(UNTOLD) <= set(ACCESS)
    assert all(UNTOLD.values())
