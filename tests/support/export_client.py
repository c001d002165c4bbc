"""A desk at which exports are asked for, made, looked at and downloaded."""

import csv
import io
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tests.support.api_project import SYSTEM, Field, make_field, success
from trapline.server.exports.actions.export_build import build_export
from trapline.server.platform.app_context import AppContext


@dataclass
class Desk:
    """A field whose images were analysed: a box with a classification on each."""

    field: Field

    async def ask(self, form: str = "csv", expect: int = 202, **more: Any) -> dict[str, Any]:
        answer = await self.field.call(
            "POST", "/exports", {"project": self.field.project, "format": form} | more
        )
        assert answer.status_code == expect, answer.text
        return dict(answer.json())

    async def build(self, export: str) -> dict[str, Any]:
        await build_export(self.field.system, SYSTEM, UUID(export))
        return await self.show(export)

    async def make(self, form: str = "csv", **more: Any) -> dict[str, Any]:
        return await self.build((await self.ask(form, **more))["id"])

    async def show(self, export: str) -> dict[str, Any]:
        answer = await self.field.call("GET", f"/exports/{export}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def download(self, export: str, expect: int = 200, **headers: str) -> Any:
        headers |= {"Authorization": f"Token {self.field.owner}"}
        answer = await self.field.client.get(f"/api/v2/exports/{export}/download", headers=headers)
        assert answer.status_code == expect, answer.text
        return answer

    async def read(self, export: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO((await self.download(export)).text, newline="")))


async def make_desk(system: AppContext) -> Desk:
    """Make a desk in a field of three images."""
    field = await make_field(system)
    job = await field.run_job()
    await field.post(job, [success(task) for task in await field.lease_all(job)])
    return Desk(field)
