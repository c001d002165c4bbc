"""Images on which people draw boxes through the API."""

from dataclasses import dataclass
from typing import Any

from uuid_utils.compat import uuid7

from tests.support.api_project import SYSTEM, Field, make_field, success
from trapline.server.accounts.actions.tokens import create_token
from trapline.server.accounts.queries.accounts import MemberRow, UserRow
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.wire.auth import NewToken, Role

BOX = {"x_min": 10, "y_min": 20, "x_max": 110.5, "y_max": 90}


@dataclass
class Easel:
    """Three images of 200 by 100 pixels; a model found an insect in a box on each."""

    field: Field
    found: list[str]

    @property
    def images(self) -> list[str]:
        return [str(image) for image in self.field.images]

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        status: int = 200,
        token: str | None = None,
        **headers: str,
    ) -> Any:
        given = {"Authorization": f"Token {token or self.field.owner}"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await self.field.client.request(method, f"/api/v2{path}", json=body, headers=given)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def draw(self, *boxes: dict[str, Any], status: int = 201, **more: Any) -> Any:
        new = [{"image": self.images[0], "box": BOX, "label": "hare"} | one for one in boxes]
        told = await self.call("POST", "/annotations", {"annotations": new}, status, **more)
        return told["annotations"] if status == 201 else told

    async def observe(self, image: str | None = None) -> list[tuple[str, str | None, str]]:
        """Return name, box and source of the observations of the first, or another, image."""
        found = await self.call("GET", f"/observations?image={image or self.images[0]}")
        return sorted(
            ((one["name"], one["annotation_id"], one["source"]) for one in found["results"]),
            key=str,
        )

    async def find(self, query: str = "", **more: Any) -> list[dict[str, Any]]:
        path = f"/annotations?project={self.field.project}&{query}"
        page = await self.call("GET", path, **more)
        assert page["count"] == len(page["results"])
        return list(page["results"])

    async def store(self) -> list[tuple[Any, ...]]:
        """Return the stored observations and the class index."""
        rows = await self.field.ask("select o.*::text from observations o order by 1")
        return rows + await self.field.ask("select c.*::text from observed_classes c order by 1")

    async def join(self, role: Role) -> str:
        """Add a user to the project and return a token of theirs."""
        async with self.field.system.database.transaction(SYSTEM) as tx:
            user = UserRow(email=f"{uuid7()}@field.example", name=f"a {role.value}")
            tx.session.add(user)
            await tx.session.flush()
            member = MemberRow(project_id=self.field.project, user_id=user.id, role=role.value)
            tx.session.add(member)
        scope = Scope(actor=f"user:{user.id}", user_id=user.id, roles={self.field.project: role})
        return (await create_token(self.field.system, scope, NewToken(name="t"))).token


async def make_easel(system: AppContext) -> Easel:
    """Create a project with three images and the boxes of a model."""
    made = Easel(await make_field(system), [])
    job = await made.field.run_job()
    tasks = {task["image_id"]: task for task in await made.field.lease_all(job)}
    await made.field.post(job, [success(tasks[image]) for image in made.images])
    found = await made.find("type=bounding_box&order=captured_at")
    made.found = [one["id"] for one in found]
    return made
