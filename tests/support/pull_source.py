"""A source that pulls from a camera, and what its ledger says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import text

from tests.support.camera_server import Camera, running_camera
from tests.support.image_factory import make_jpeg
from tests.support.loopback_policy import allow_origins
from tests.support.project_with_roles import House, build_house
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.sources.actions import pull_run_starts, pull_runs, sources
from trapline.wire.sources import NewSource, PullRun, Source, SourceSettings

SYSTEM = Scope.system()


@dataclass
class Feed:
    """A source that pulls from a camera."""

    system: AppContext
    camera: Camera
    source_id: UUID
    house: House

    async def run(self, max_files: int | None = None) -> PullRun:
        """Begin a run and do it here and now."""
        accepted = await pull_run_starts.start_run(self.system, SYSTEM, self.source_id, max_files)
        await pull_runs.run_pull(self.system, SYSTEM, accepted.run_id)
        return await sources.get_run(self.system, SYSTEM, self.source_id, accepted.run_id)

    async def change(self, **settings: Any) -> Source:
        """Change settings of the source."""
        change = SourceSettings.model_validate(settings)
        return await sources.update_source(self.system, SYSTEM, self.source_id, change)

    async def show(self) -> Source:
        """Show the source."""
        return await sources.get_source(self.system, SYSTEM, self.source_id)

    async def states(self) -> dict[str, str]:
        page = await sources.list_files(self.system, SYSTEM, self.source_id, None, 1000, None)
        return {file.path: file.state.value for file in page.results}

    async def errors(self) -> dict[str, str | None]:
        page = await sources.list_files(self.system, SYSTEM, self.source_id, None, 1000, None)
        return {file.path: file.error for file in page.results}

    async def images(self) -> list[str]:
        query = "select filename from images where source_id = :id order by filename"
        return [name for (name,) in await self.sql(query)]

    async def sql(self, query: str) -> list[Any]:
        async with self.system.database.transaction(SYSTEM) as tx:
            result = await tx.session.execute(
                text(query), {"id": self.source_id} if ":id" in query else {}
            )
            return list(result.all()) if result.returns_rows else []  # type: ignore[attr-defined]

    async def until_imported(self, *paths: str) -> None:
        """Wait until the ledger says that these files are imported."""
        async with asyncio.timeout(30):
            while not set(paths) <= {
                path for path, state in (await self.states()).items() if state == "imported"
            }:
                await asyncio.sleep(0.02)

    async def make_due(self) -> None:
        await self.sql(
            "update pulled_files set next_attempt_at = now() where next_attempt_at is not null"
        )


@asynccontextmanager
async def make_feed(system: AppContext) -> AsyncIterator[Feed]:
    """Create a source that pulls from a new camera."""
    async with running_camera() as camera:
        policy = allow_origins(("127.0.0.1", camera.port))
        system = replace(system, outbound=policy)
        house = await build_house(system, "house")
        new = NewSource(
            name="camera", base_url=camera.url, deployment=UUID(house.ids["deployment_id"])
        )
        source = await sources.create_source(system, SYSTEM, new)
        yield Feed(system, camera, source.id, house)


def fill(camera: Camera, *names: str) -> None:
    """Add a different image under each of these names."""
    for name in names:
        camera.files[name] = make_jpeg(len(camera.files) + 1)
