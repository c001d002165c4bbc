"""A member of a house at work with pull sources, over HTTP, and all that is answered on the way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import httpx2
from fastapi import FastAPI

from tests.support.api_application import application_of
from tests.support.loopback_policy import allow_origins
from tests.support.project_with_roles import House, build_house
from trapline.server.app.http.application import wrap_middleware
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.network.outbound_policy import OutboundPolicy
from trapline.server.sources.actions import pull_runs

SYSTEM = Scope.system()
PATH = "/api/v2/image-pull-sources"


@dataclass
class Desk:
    """A member of a project who calls the API, the system behind it, and all its responses."""

    system: AppContext
    client: httpx2.AsyncClient
    house: House
    answers: list[str]
    application: FastAPI

    def reach(self, port: int) -> None:
        """Let a server of the test on loopback be named, and reached by runs."""
        self.system = replace(self.system, outbound=allow_origins(("127.0.0.1", port)))
        self.application.state.system = self.system

    async def make(self, base_url: str, **settings: Any) -> httpx2.Response:
        """Ask for a source whose images belong to the house's deployment."""
        body = {
            "name": base_url,
            "base_url": base_url,
            "location_id": self.house.ids["deployment_id"],
            **settings,
        }
        return await self.client.post(PATH, json=body)

    async def run(self, source_id: str) -> dict[str, Any]:
        """Run a source to its end; return the run as the API shows it."""
        accepted = await self.client.post(f"{PATH}/{source_id}/process?max_files=0")
        assert accepted.status_code == 202, accepted.text
        await pull_runs.run_pull(self.system, SYSTEM, UUID(accepted.json()["run_id"]))
        run: dict[str, Any] = (await self.client.get(accepted.headers["location"])).json()
        return run

    async def images(self) -> set[str]:
        """Return the names of the images, without the image that the project has from the start."""
        answer = await self.client.get(
            "/api/v2/images", params={"project": self.house.ids["project_id"]}
        )
        return {image["filename"] for image in answer.json()["results"]} - {"a.jpg"}

    async def all_told(self) -> str:
        """Everything that was answered, and all that the database holds of sources."""
        told = "".join(self.answers)
        async with self.system.database.transaction(SYSTEM) as tx:
            for table in ("pull_sources", "audit", "pull_runs", "pulled_files"):
                told += str(await (await tx.execute(f"select t::text from {table} t")).fetchall())
        return told


@asynccontextmanager
async def open_desk(system: AppContext) -> AsyncIterator[Desk]:
    """Seat the owner of a new house; no server of loopback is within reach yet."""
    house = await build_house(system, "house")
    answers: list[str] = []

    async def keep(response: httpx2.Response) -> None:
        answers.append((await response.aread()).decode(errors="replace"))

    system = replace(system, outbound=OutboundPolicy())
    application = application_of(system)
    transport = httpx2.ASGITransport(wrap_middleware(application))
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://trapline.test", event_hooks={"response": [keep]}
    ) as client:
        client.headers["Authorization"] = f"Bearer {house.tokens['owner']}"
        yield Desk(system, client, house, answers, application)
