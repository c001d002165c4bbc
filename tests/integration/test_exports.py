"""Exports: asked for, gathered, written, downloaded; canceled, deleted, expired; what was deleted since is told."""

import csv
import io
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from tests.integration.fields import SYSTEM, Field, make_field, success
from trapline.server.actions.export_building import build_export
from trapline.server.system import System


@dataclass
class Desk:
    """A field whose images were analysed: a box with a classification on each."""

    field: Field

    async def ask(self, form: str = "csv", expect: int = 202, **more: Any) -> dict[str, Any]:
        answer = await self.field.call("POST", "/exports", {"project": self.field.project, "format": form} | more)
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


@pytest.fixture
async def desk(system: System) -> Desk:
    field = await make_field(system)
    job = await field.run_job()
    await field.post(job, [success(task) for task in await field.lease_all(job)])
    return Desk(field)


async def test_an_export_is_made_and_downloaded_whole_and_in_parts(desk: Desk) -> None:
    asked = await desk.ask()
    assert (asked["state"], asked["images"], asked["size_bytes"]) == ("queued", 0, None)
    refused = await desk.download(asked["id"], expect=409)
    assert "wait until it is ready" in refused.json()["detail"]
    made = await desk.build(asked["id"])
    assert (made["state"], made["images"], made["expected"], made["annotations"]) == ("ready", 3, 3, 6)
    rows = await desk.read(made["id"])
    assert len(rows) == made["written"] == 3
    assert {row["image_id"] for row in rows} == {str(image) for image in desk.field.images}
    whole = await desk.download(made["id"])
    assert (len(whole.content), whole.headers["content-type"]) == (made["size_bytes"], "text/csv; charset=utf-8")
    assert made["filename"] in whole.headers["content-disposition"]
    begun = await desk.download(made["id"], expect=206, Range="bytes=0-9")
    rest = await desk.download(made["id"], 206, **{"Range": "bytes=10-", "If-Range": begun.headers["etag"]})
    assert begun.content + rest.content == whole.content
    other = await desk.download(made["id"], 200, **{"Range": "bytes=10-", "If-Range": '"another"'})
    assert other.content == whole.content
    await desk.download(made["id"], 416, Range=f"bytes={made['size_bytes']}-")
    told = await desk.field.ask("select action, count(*) from audit where subject_type = 'export' group by 1")
    assert dict(told) == {"export": 1, "download": 1}
