"""Expensive files of one project do not stop the imports of another."""

import asyncio
import io

import httpx2
from PIL import Image
from tests.support.image_factory import make_jpeg
from tests.support.project_with_roles import House, build_house

from trapline.server.platform.app_context import AppContext

EXPENSIVE_FILES = 8


def make_expensive(seed: int) -> bytes:
    """Encode a small file of many pixels that takes about half a second to decode."""
    buffer = io.BytesIO()
    Image.new("RGB", (4000 + seed, 4000), (seed, 90, 90)).save(buffer, "JPEG", progressive=True)
    return buffer.getvalue()


async def test_an_import_is_not_behind_the_expensive_files_of_another_project(
    app_client: httpx2.AsyncClient, system: AppContext
) -> None:
    hostile, other = await build_house(system, "hostile"), await build_house(system, "other")
    done: list[str] = []
    first = asyncio.Event()

    async def upload(house: House, name: str, data: bytes) -> None:
        answer = await app_client.post(
            "/api/v2/images",
            data={"project": house.ids["project_id"]},
            files=[("files", (name, data, "image/jpeg"))],
            headers={"Authorization": f"Bearer {house.tokens['owner']}"},
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["imported"] == 1, answer.text
        done.append(name)
        first.set()

    files = [make_expensive(seed) for seed in range(EXPENSIVE_FILES)]
    async with asyncio.TaskGroup() as group:
        for data in files:
            group.create_task(upload(hostile, "expensive", data))
        await first.wait()
        await upload(other, "other", make_jpeg(1))
        before = done.index("other")
    assert len(done) == EXPENSIVE_FILES + 1
    # The first one was awaited; one holds the decoder, and one can be granted while the other
    # upload is received.
    assert before <= 4, f"{before} expensive files of the other project came first"
