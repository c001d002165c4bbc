"""A public project with private data, a visitor without credentials, and its owner."""

import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
from PIL import Image

from tests.support.project_with_roles import House, build_house
from trapline.server.findings.queries.analyses import AnalysisRow
from trapline.server.findings.queries.annotations import AnnotationRow
from trapline.server.images.actions.thumbnails import generate_thumbnails
from trapline.server.images.queries.images import ImageTagRow
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.store.storage_keys import build_thumbnail_key
from trapline.server.public.queries.public_caches import PublicCaches
from trapline.server.review.queries.derivation import refresh_observations

SYSTEM = Scope.system()


TAKEN = datetime(2026, 5, 1, 6, 0, tzinfo=UTC)


CANARIES = (
    "Ottoline Canary", "ottoline@canary.example", "Canary Gate", "canary by the den",
    "CANARY_0042.JPG", "canary-feed",
    "Canary Artist", "canary comment", "canary xmp", "46.98765", "7.45678", "46.987", "7.456",
    "canary-serial",
    "canary-tag", "canary deletion",
)  # fmt: skip


@dataclass
class Visit:
    """A public project, a visitor without credentials, and its owner."""

    system: AppContext
    client: httpx2.AsyncClient
    house: House
    images: list[str]

    @property
    def path(self) -> str:
        return f"/api/v2/public/projects/{self.house.ids['project_id']}"

    @property
    def owner(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.house.tokens['owner']}"}

    async def publish(self, is_public: bool, **headers: str) -> httpx2.Response:
        path = f"/api/v2/projects/{self.house.ids['project_id']}"
        return await self.client.patch(
            path, json={"public": is_public}, headers=self.owner | headers
        )

    async def shown(self, **query: str) -> list[str]:
        self.system.part(PublicCaches).figures.delete(
            lambda _: True
        )  # they are some seconds old otherwise
        answer = await self.client.get(f"{self.path}/images", params=query)
        assert answer.status_code == 200, answer.text
        assert answer.json()["count"] == len(answer.json()["results"])
        return [image["id"] for image in answer.json()["results"]]

    async def execute(self, query: str, *parameters: Any) -> None:
        async with self.system.database.transaction(SYSTEM) as tx:
            await tx.execute(query, parameters)

    async def derive(self, image: str) -> None:
        """Derive the observations of an image again."""
        async with self.system.database.transaction(SYSTEM) as tx:
            project = int(self.house.ids["project_id"])
            await refresh_observations(SYSTEM, tx, project, [UUID(image)])

    async def find(self, image: str, class_name: str | None, *, state: str = "completed") -> UUID:
        """An analysis of an image, with what it found."""
        async with self.system.database.transaction(SYSTEM) as tx:
            project = int(self.house.ids["project_id"])
            analysis = AnalysisRow(
                project_id=project,
                image_id=UUID(image),
                model_name="m",
                model_version="1",
                state=state,
            )
            tx.session.add(analysis)
            await tx.session.flush()
            if class_name is not None:
                corners = {"x_min": 1, "y_min": 2, "x_max": 30, "y_max": 40}
                found = AnnotationRow(
                    project_id=project, analysis_id=analysis.id, image_id=UUID(image),
                    class_name=class_name,
                    annotation_type="bounding_box", stored_data=corners, confidence=0.5,
                    fingerprint=analysis.id,
                )  # fmt: skip
                tx.session.add(found)
                await tx.session.flush()
            await refresh_observations(SYSTEM, tx, project, [UUID(image)])
            return analysis.id


def told_by_camera(seed: int) -> bytes:
    """Draw an image whose file contains all metadata that a camera and its owner may add."""
    exif = Image.Exif()
    exif[0x013B], exif[0x8298], exif[0x010E] = (
        "Canary Artist",
        "Ottoline Canary",
        f"canary by the den {seed}",
    )
    exif.get_ifd(0x8769)[0xA431] = "canary-serial"
    exif.get_ifd(0x8825)[2] = (46.0, 59.0, 15.54)
    buffer = io.BytesIO()
    Image.new("RGB", (640, 480), (seed, 90, 90)).save(
        buffer, "JPEG", exif=exif, comment=b"canary comment", xmp=b"<x>canary xmp</x>"
    )
    return buffer.getvalue()


async def make_visit(system: AppContext, app_client: httpx2.AsyncClient) -> Visit:
    """Create a project with three images of foxes, private data, and one image without analysis."""
    house = await build_house(system, "public")
    made = Visit(system, app_client, house, [])
    place = {"project": house.ids["project_id"], "deployment": house.ids["deployment_id"]}
    files = [
        ("files", ("CANARY_0042.JPG", told_by_camera(seed), "image/jpeg")) for seed in range(3)
    ]
    sent = await app_client.post("/api/v2/images", data=place, files=files, headers=made.owner)
    made.images = [file["image_id"] for file in sent.json()["files"]]
    while await generate_thumbnails(system, SYSTEM):
        pass
    # An image made by another version may contain more metadata than this one.
    exif = Image.Exif()
    exif[0x013B] = "Canary Artist"
    buffer = io.BytesIO()
    Image.new("RGB", (320, 240)).save(
        buffer, "JPEG", exif=exif, comment=b"canary comment", icc_profile=b"canary xmp"
    )
    async with system.store.receive() as incoming:
        incoming.write(buffer.getvalue())
        await system.store.keep(incoming, build_thumbnail_key(UUID(made.images[0]), 320))
    for number, image in enumerate(made.images):
        await made.find(image, "red fox")
        moment = TAKEN + timedelta(hours=number)
        await made.execute("update images set captured_at = %s where id = %s", moment, image)
        await made.execute(
            "update observed_classes set captured_at = %s where image_id = %s", moment, image
        )
    await made.execute(
        "update images set source_id = %s, source_path = 'canary-feed/CANARY_0042.JPG', "
        "captured_at_raw = 'canary xmp'",
        house.ids["source_id"],
    )
    await made.execute(
        "update deployments set name = 'Canary Gate', latitude = 46.98765, longitude = 7.45678"
        ", camera = 'canary-serial', notes = 'canary by the den', habitat = 'canary by the den'"
    )
    await made.execute("update users set name = 'Ottoline Canary', email = "
                       "'ottoline@canary.example' where id = %s",
                       house.ids["member_id"])  # fmt: skip
    await made.execute("update pull_sources set name = 'canary-feed'")
    async with system.database.transaction(SYSTEM) as tx:
        tag = ImageTagRow(
            image_id=UUID(made.images[0]), tag="canary-tag", project_id=int(house.ids["project_id"])
        )
        tx.session.add(tag)
    assert (await made.publish(True)).json()["public"] is True
    return made
