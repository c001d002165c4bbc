"""A project with a rhinoceros at one of its two deployments, and a member of each role."""

import dataclasses
import io
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from PIL import Image
from uuid_utils.compat import uuid7

from tests.support.api_project import SYSTEM, Field, make_field
from trapline.server.accounts.actions.tokens import create_token
from trapline.server.accounts.queries.accounts import MemberRow, UserRow
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.wire.auth import NewToken, Role

NAME, NOTES, CAMERA, HABITAT = "Old fig waterhole", "left of the fig", "fig-cam-7", "fig forest"
FOLDER, FILE = "Old fig waterhole", "fig_0001.jpg"
LATITUDE, LONGITUDE, UNCERTAINTY = -19.0154, 29.1563, 12.0
FREE = {
    "camera_model": "Reconyx of the fig", "setup_by": "warden of the fig",
    "pickup_by": "porter of the fig", "groups": ["group:by the fig"], "tags": ["path to the fig"],
    "feature_type": "nestSite", "camera_heading_deg": 287,
    "inactive_periods": [
        {"start": "2026-02-01T00:00:00Z", "end": "2026-02-02T00:00:00Z", "reason": "the fig fell"}
    ],
}  # fmt: skip
"""Further fields that can reveal the place."""
SECRETS = (
    NAME, NOTES, CAMERA, HABITAT, FILE, "19.015", "29.156", "fig tree", "Reconyx of the fig",
    "warden of the fig", "porter of the fig", "group:by the fig", "path to the fig", "nestSite",
    "the fig fell",
)  # fmt: skip
"""Texts that reveal the place."""
OPEN_NAME = "Gate"


@dataclass
class Reserve:
    """A project; `hidden` is the deployment with the rhinoceros, and `open` the other one."""

    field: Field
    tokens: dict[str, str]
    family: str
    species: str
    hidden: str = ""
    open: str = ""
    images: dict[str, str] = dataclasses.field(default_factory=dict)

    async def call(
        self, role: str, method: str, path: str, body: Any = None, status: int = 200
    ) -> Any:
        answer = await self.field.call(method, path, body, self.tokens[role])
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def get(self, role: str, path: str, status: int = 200) -> Any:
        return await self.call(role, "GET", path, status=status)

    async def restrict(self, taxon: str | None = None, **levels: str) -> None:
        path = f"/projects/{self.field.project}/sensitive-taxa/{taxon or self.family}"
        await self.call("owner", "PUT", path, levels)

    async def identify(self, image: str, **said: Any) -> str:
        body = {"identifications": [{"kind": "correct", "images": [image]} | said]}
        made = await self.call("owner", "POST", "/identifications", body, 201)
        return str(made["identifications"][0]["id"])

    async def download(self, role: str, image: str) -> bytes:
        """Download the file of an image by the URL that the role gets."""
        url = urlsplit((await self.get(role, f"/images/{image}"))["file_url"])
        answer = await self.field.client.get(f"{url.path}?{url.query}")
        assert answer.status_code == 200, answer.text
        assert int(answer.headers["content-length"]) == len(answer.content)
        return answer.content


def make_located_jpeg(comment: str) -> bytes:
    """Make a JPEG with a comment; its EXIF has a position, a text, a time and a camera model."""
    image = Image.new("RGB", (64, 48), (60, 90, 60))
    exif = Image.Exif()
    exif[0x0110] = "TrailCam 3"
    exif[0x010E] = comment
    exif.get_ifd(0x8769)[0x9003] = "2026:01:02 03:04:05"
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "S", (19.0, 0.0, 55.44), "E", (29.0, 9.0, 22.68)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif, comment=comment.encode())
    return buffer.getvalue()


def read_position(content: bytes) -> dict[int, Any]:
    """Read the GPS block of an image, as any program would."""
    with Image.open(io.BytesIO(content)) as image:
        return dict(image.getexif().get_ifd(0x8825))


async def make_reserve(system: AppContext) -> Reserve:
    """Make the project; no taxon is sensitive yet."""
    made = await make_field(system, images=0)
    tokens = {"owner": made.owner, "worker": made.worker}
    for role in (Role.VIEWER, Role.REVIEWER, Role.MANAGER):
        tokens[role.value] = await _let_in(made, role)
    reserve = Reserve(made, tokens, "", "")
    family = {"project": made.project, "scientific_name": "Rhinocerotidae", "rank": "family"}
    species = {
        "project": made.project,
        "scientific_name": "Diceros bicornis",
        "rank": "species",
        "higher_ranks": {"family": "Rhinocerotidae"},
    }
    reserve.family = (await reserve.call("owner", "POST", "/taxa", family, 201))["id"]
    reserve.species = (await reserve.call("owner", "POST", "/taxa", species, 201))["id"]
    place = {
        "project": made.project, "name": NAME, "latitude": LATITUDE, "longitude": LONGITUDE,
        "coordinate_uncertainty_m": UNCERTAINTY, "notes": NOTES, "camera": CAMERA,
        "habitat": HABITAT, **FREE, "started_at": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    reserve.hidden = (await reserve.call("owner", "POST", "/deployments", place, 201))["id"]
    gate = {
        "project": made.project, "name": OPEN_NAME, "latitude": -20.25, "longitude": 30.75,
        "coordinate_uncertainty_m": UNCERTAINTY, "habitat": "grass",
    }  # fmt: skip
    reserve.open = (await reserve.call("owner", "POST", "/deployments", gate, 201))["id"]
    reserve.images = {
        reserve.hidden: await _upload(made, reserve.hidden, f"{FOLDER}/{FILE}", "at the fig tree"),
        reserve.open: await _upload(made, reserve.open, "gate/1.jpg", "at the gate"),
    }
    await reserve.identify(reserve.images[reserve.hidden], taxon=reserve.species, count=2)
    await reserve.identify(reserve.images[reserve.open], label="hare")
    return reserve


async def _upload(made: Field, deployment: str, path: str, comment: str) -> str:
    answer = await made.client.post(
        "/api/v2/images",
        data={"project": str(made.project), "deployment": deployment},
        files=[("files", (path, make_located_jpeg(comment), "image/jpeg"))],
        headers={"Authorization": f"Token {made.owner}"},
    )
    assert answer.status_code == 200, answer.text
    [file] = answer.json()["files"]
    assert file["outcome"] == "imported", file
    return str(file["image_id"])


async def _let_in(made: Field, role: Role) -> str:
    async with made.system.database.transaction(SYSTEM) as tx:
        user = UserRow(email=f"{uuid7()}@field.example", name=f"a {role.value}")
        tx.session.add(user)
        await tx.session.flush()
        tx.session.add(MemberRow(project_id=made.project, user_id=user.id, role=role.value))
    scope = Scope(actor=f"user:{user.id}", user_id=user.id, roles={made.project: role})
    return (await create_token(made.system, scope, NewToken(name="t"))).token
