"""Extra data of the isolation test: a second row of each list, and each kind of caller."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
from uuid_utils.compat import uuid7

from tests.support.image_factory import make_png
from tests.support.project_with_roles import House
from trapline.server.accounts.actions.auth import build_csrf_token
from trapline.server.accounts.actions.tokens import create_token
from trapline.server.accounts.queries.accounts import MemberRow, SessionRow, UserRow
from trapline.server.accounts.rules.tokens import generate_secret
from trapline.server.notifications.actions.deliveries import PLACE
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.secret_hash import hash_secret
from trapline.server.platform.signing_secrets import replace_secret
from trapline.wire.auth import NewToken, Role, TokenKind

SYSTEM = Scope.system()
HIGH = 500_000
"""Ids of second rows lie this far above those of the first."""


@dataclass(frozen=True)
class Caller:
    """A caller: its headers, and its kind in the access table."""

    name: str
    headers: dict[str, str]
    kind: TokenKind | None


@dataclass
class People:
    """A user in each role, and their credentials."""

    ids: dict[Role, UUID]
    tokens: dict[str, str]
    spare_token: UUID
    session: dict[str, str]
    in_browser: UUID
    spare_session: UUID

    def call_as(self, name: str) -> Caller:
        """Return a caller by name: a role, `worker`, `pipeline`, or `session`, another owner in a
        browser.
        """
        if name == "session":
            return Caller(name, self.session, None)
        kind = TokenKind(name) if name in ("worker", "pipeline") else TokenKind.USER
        return Caller(name, bearing(self.tokens[name]), kind)


def bearing(token: str) -> dict[str, str]:
    """Call with a token."""
    return {"Authorization": f"Bearer {token}"}


async def make_people(system: AppContext, name: str) -> People:
    """Create a user for each role; they are not yet members of a project."""
    secret = generate_secret()
    async with system.database.transaction(SYSTEM) as tx:
        rows = {role: UserRow(email=f"{role}@{name}.people") for role in Role}
        in_browser = UserRow(email=f"browser@{name}.people")
        tx.session.add_all([*rows.values(), in_browser])
        await tx.session.flush()
        ids = {role: row.id for role, row in rows.items()}
        until = datetime.now(UTC) + timedelta(days=1)
        spare_session = SessionRow(
            user_id=ids[Role.VIEWER], secret_hash=hash_secret(generate_secret()), expires_at=until
        )
        session_row = SessionRow(
            user_id=in_browser.id, secret_hash=hash_secret(secret), expires_at=until
        )
        tx.session.add_all([session_row, spare_session])
        await tx.session.flush()
    tokens = {}
    for role, user in ids.items():
        scope = Scope(actor=f"user:{user}", user_id=user)
        tokens[role.value] = (await create_token(system, scope, NewToken(name=role.value))).token
        if role == Role.OWNER:
            for kind in (TokenKind.WORKER, TokenKind.PIPELINE):
                tokens[kind.value] = (
                    await create_token(system, scope, NewToken(name=kind.value, kind=kind))
                ).token
    viewer = ids[Role.VIEWER]
    spare = await create_token(
        system, Scope(actor=f"user:{viewer}", user_id=viewer), NewToken(name="spare")
    )
    session = {
        "Cookie": f"trapline_session={secret}",
        "X-CSRF-Token": build_csrf_token(system, secret),
    }
    return People(ids, tokens, spare.id, session, in_browser.id, spare_session.id)


async def let_in(system: AppContext, people: People, house: House) -> None:
    """Make these people members of a house, each in their role."""
    project = int(house.ids["project_id"])
    async with system.database.transaction(SYSTEM) as tx:
        tx.session.add_all(
            [
                MemberRow(project_id=project, user_id=user, role=role.value)
                for role, user in people.ids.items()
            ]
        )
        tx.session.add(
            MemberRow(project_id=project, user_id=people.in_browser, role=Role.OWNER.value)
        )
    owner = people.ids[Role.OWNER]
    house.ids |= {
        "user_id": str(owner),
        "actor": f"user:{owner}",
        "token_id": str(people.spare_token),
        "session_id": str(people.spare_session),
    }


async def make_dead_tokens(system: AppContext, house: House) -> dict[str, dict[str, str]]:
    """Ways to call that are good for nothing: headers by what is wrong with them.

    All were an owner's of the house.
    """
    ways: dict[str, dict[str, str]] = {"nobody": {}}
    project = int(house.ids["project_id"])
    for name in ("revoked", "expired", "deactivated"):
        async with system.database.transaction(SYSTEM) as tx:
            user = UserRow(email=f"{name}@dead.example")
            tx.session.add(user)
            await tx.session.flush()
            tx.session.add(MemberRow(project_id=project, user_id=user.id, role="owner"))
        scope = Scope(actor="x", user_id=user.id, roles={project: Role.OWNER})
        made = await create_token(system, scope, NewToken(name=name))
        ways[name] = bearing(made.token)
        async with system.database.transaction(SYSTEM) as tx:
            if name == "revoked":
                await tx.execute("update tokens set revoked_at = now() where id = %s", (made.id,))
            elif name == "expired":
                await tx.execute(
                    "update tokens set expires_at = now() - interval '1 second' where id = %s",
                    (made.id,),
                )
            else:
                await tx.execute(
                    "update users set deactivated_at = now() where id = %s", (user.id,)
                )
    last = house.tokens["owner"][-1]
    ways["altered"] = bearing(house.tokens["owner"][:-1] + ("a" if last != "a" else "b"))
    return ways


async def make_restricted(system: AppContext, house: House, stranger: House) -> Caller:
    """Create a token for only the stranger's project, of a user who owns both projects."""
    both = [int(house.ids["project_id"]), int(stranger.ids["project_id"])]
    async with system.database.transaction(SYSTEM) as tx:
        user = UserRow(email="both@house.example")
        tx.session.add(user)
        await tx.session.flush()
        tx.session.add_all(
            [MemberRow(project_id=project, user_id=user.id, role="owner") for project in both]
        )
    scope = Scope(actor="x", user_id=user.id, roles=dict.fromkeys(both, Role.OWNER))
    made = await create_token(system, scope, NewToken(name="one of two", projects=[both[1]]))
    return Caller("restricted", bearing(made.token), TokenKind.USER)


async def make_operator(system: AppContext) -> Caller:
    """Create an operator of the installation who is a member of no project."""
    async with system.database.transaction(SYSTEM) as tx:
        user = UserRow(email="operator@the.example", is_operator=True)
        tx.session.add(user)
    scope = Scope(actor=f"user:{user.id}", user_id=user.id, is_operator=True)
    return Caller(
        "operator",
        bearing((await create_token(system, scope, NewToken(name="o"))).token),
        TokenKind.USER,
    )


async def furnish(
    system: AppContext, client: httpx2.AsyncClient, house: House, people: People, name: str
) -> None:
    """Add a second row of every list, expired objects, a lease, and an external analysis."""
    ids = house.ids
    async with system.database.transaction(SYSTEM) as tx:
        sealed = replace_secret(
            system, PLACE, UUID(ids["webhook_id"]), None, datetime.now(UTC)
        ).sealed
        await tx.execute(
            "update webhooks set secrets = %s, is_active = true where id = %s",
            (sealed, ids["webhook_id"]),
        )
        await _add_second_rows(tx, ids, people, name)
    worker, owner = bearing(people.tokens["worker"]), bearing(people.tokens["owner"])

    async def ask(method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        answer = await client.request(method, f"/api/v2{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()

    hello = {
        "service": f"service of {name}",
        "name": "w",
        "host": "h",
        "pid": 1,
        "pipelines": ["p"],
    }
    ids["greeted_id"] = (await ask("POST", "/workers/hello", hello, worker))["worker_id"]
    greeted = worker | {"X-Trapline-Worker": ids["greeted_id"]}
    leased = await ask("POST", f"/jobs/{ids['job_id']}/tasks", {"batch_size": 1}, greeted)
    ids["lease"] = leased["tasks"][0]["reply_subject"]
    image = ids["image_id"]
    for number in ("1", "2"):
        wanted = {"image_id": image, "model_name": "lynx", "model_version": number}
        made = await ask("POST", f"/images/{image}/analyses", wanted, owner)
        ids["outside_id"] = made["id"]
    said = {"identifications": [{"kind": "blank", "images": [image]}]}
    made = await ask("POST", "/identifications", said, bearing(people.tokens["reviewer"]))
    ids["identification_id"] = made["identifications"][0]["id"]
    bulk = {"kind": "unsure", "images": [image]}
    by = bearing(people.tokens["reviewer"])
    ids["bulk_id"] = (await ask("POST", "/bulk-identifications", bulk, by))["id"]
    view = {"project": int(ids["project_id"]), "name": "of a reviewer"}
    ids["view_id"] = (await ask("POST", "/saved-views", view, by))["id"]
    drawn = {
        "image": image,
        "box": {"x_min": 0, "y_min": 0, "x_max": 5, "y_max": 5},
        "label": "hare",
    }
    made = await ask("POST", "/annotations", {"annotations": [drawn]}, by)
    ids["box_id"] = made["annotations"][0]["id"]
    outside = ids["outside_id"]
    await ask("PATCH", f"/analyses/{outside}/status", {"status": "processing"}, owner)
    for filename in ("heat.png", "mask.png"):
        wanted = {"artifact_type": "heatmap", "filename": filename}
        signed = await ask("POST", f"/analyses/{outside}/artifacts/presign", wanted, owner)
        ids["upload"] = signed["upload_url"]
        put = await client.put(
            signed["upload_url"], content=make_png(), headers={"Content-Type": "image/png"}
        )
        assert put.status_code == 200, put.text
        ids["artifact_path"], ids["artifact_id"] = signed["storage_path"], signed["artifact_id"]
    corners = {
        "x_min": 1,
        "y_min": 1,
        "x_max": 5,
        "y_max": 5,
        "image_width": 10,
        "image_height": 10,
    }
    boxes = [
        {"annotation_type": "bounding_box", "class_name": one, "data": corners}
        for one in ("lynx", "wolf")
    ]
    made = await ask("POST", f"/analyses/{outside}/annotations:bulk", {"annotations": boxes}, owner)
    ids["parent_id"] = made["annotations"][0]["id"]
    ids["target"] = f"/api/analyses/{outside}"


async def _add_second_rows(tx: Transaction, ids: dict[str, str], people: People, name: str) -> None:
    async def again(table: str, key: str, **changes: Any) -> str:
        new = str(int(key) + HIGH) if key.isdigit() else str(uuid7())
        await tx.execute(
            f"insert into {table} overriding system value "
            f"select (jsonb_populate_record(t, %s)).* from {table} t where id::text = %s",
            (json.dumps({"id": new, **changes}), key),
        )
        return new

    ids["slug"], ids["preset"], ids["service"] = (
        f"{name}-pipeline",
        f"{name}-named",
        f"second of {name}",
    )
    await again("pipelines", ids["pipeline_id"], slug=ids["slug"])
    await again("presets", ids["preset_id"], name=ids["preset"], pipeline_slug=ids["slug"])
    ids["accepted_id"] = await again(
        "taxa", ids["taxon_id"], scientific_name="Vulpes", name_key="vulpes"
    )
    await tx.execute(
        "insert into taxon_labels (project_id, taxon_id, label) select %s, %s, "
        "unnest(array['lynx', 'wolf'])",
        (ids["project_id"], ids["accepted_id"]),
    )
    service = await again("processing_services", ids["service_id"], name=ids["service"])
    await tx.execute(
        "insert into service_projects (service_id, project_id) values (%s, %s)",
        (service, ids["project_id"]),
    )
    await again("deployments", ids["deployment_id"], name="second", is_default=False)
    failed_images = [
        await again("images", ids["image_id"], sha256=f"\\x{uuid7().hex}", filename=f"{number}.jpg")
        for number in range(2)
    ]
    await tx.execute("update jobs set last_move = 2 where id = %s", (ids["job_id"],))
    ids["over_id"] = await again("jobs", ids["job_id"], status="completed", open=0, failed=2)
    for job, last in ((ids["job_id"], "processing"), (ids["over_id"], "completed")):
        for number, move in enumerate([("new", "queued"), ("queued", last)], start=1):
            await tx.execute(
                "insert into job_moves (job_id, number, project_id, from_state, to_state, actor) "
                "values (%s, %s, %s, %s, %s, 'test')",
                (job, number, ids["project_id"], *move),
            )
    ids["event_id"] = f"{ids['over_id']}:1"
    for image in failed_images:
        failed = await again(
            "analyses", ids["analysis_id"], image_id=image, job_id=ids["over_id"], state="failed"
        )
        await tx.execute(
            "insert into analysis_details (analysis_id, project_id, parameters, provenance, "
            "error_message, reason) "
            "values (%s, %s, '{}', '{}', 'broke', 'broke')",
            (failed, ids["project_id"]),
        )
        ids["failed_id"], ids["failed_image_id"] = failed, image
    await again("pull_sources", ids["source_id"], name="second")
    await again("source_folders", ids["folder_id"], path="/media/second")
    await again("pull_runs", ids["run_id"])
    await tx.execute(
        'insert into pulled_files select (jsonb_populate_record(f, \'{"path": "b.jpg"}\')).* from '
        "pulled_files f "
        "where source_id = %s",
        (ids["source_id"],),
    )
    for role, kind in (
        (Role.OWNER, "job_failed"),
        (Role.OWNER, "source_silent"),
        (Role.VIEWER, "job_failed"),
    ):
        hours = 24 if kind == "source_silent" else None
        notice = await again(
            "notices",
            ids["notice_id"],
            user_id=str(people.ids[role]),
            kind=kind,
            silent_for_h=hours,
        )
    ids["notice_id"] = notice
    await again("algorithms", ids["algorithm_id"], version=2)
    await again("exports", ids["export_id"], format="megadetector")
    await again("sequences", ids["sequence_id"])
    cursor = await tx.execute(
        "insert into sequence_changes (project_id, deployment_id, kind, sequences, images, made_by)"
        " select project_id, deployment_id, 'merge', array[id], 1, %s from sequences"
        " where id::text = %s returning id",
        (f"user:{people.ids[Role.REVIEWER]}", ids["sequence_id"]),
    )
    [(change,)] = await cursor.fetchall()
    ids["change_id"] = str(change)
    await again("sequence_changes", ids["change_id"])
    await again("webhooks", ids["webhook_id"])
    await again("webhook_deliveries", ids["delivery_id"])
    annex = await again("projects", ids["project_id"], name=f"annex of {name}")
    await tx.execute(
        "insert into members (project_id, user_id, role) select %s, user_id, role from members "
        "where project_id = %s and role = 'owner'",
        (annex, ids["project_id"]),
    )
