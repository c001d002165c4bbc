"""Files of images at a deployment with a sensitive taxon."""

import io
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from PIL import Image
from tests.support.sensitive_project import Reserve, make_located_jpeg, make_reserve, read_position

from trapline.server.images.actions.stripped_files import StrippedFiles
from trapline.server.images.actions.thumbnails import generate_thumbnails
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.store.storage_keys import build_thumbnail_key, sha256_of

SYSTEM = Scope.system()


@pytest.fixture
async def reserve(system: AppContext) -> Reserve:
    return await make_reserve(system)


async def read(reserve: Reserve, url: str, status: int = 200) -> bytes:
    parts = urlsplit(url)
    answer = await reserve.field.client.get(f"{parts.path}?{parts.query}")
    assert answer.status_code == status, answer.text
    return answer.content


async def find_url(reserve: Reserve, role: str, field: str = "file_url") -> str:
    shown = await reserve.get(role, f"/images/{reserve.images[reserve.hidden]}")
    return str(shown[field])


async def overwrite(reserve: Reserve, key: str, content: bytes) -> None:
    store = reserve.field.system.store
    await store.delete(key)
    async with store.receive() as incoming:
        incoming.write(content)
        await store.keep(incoming, key)


async def test_thumbnails_have_no_comment_of_the_original(
    reserve: Reserve, system: AppContext
) -> None:
    await generate_thumbnails(system, SYSTEM)
    image = reserve.images[reserve.hidden]
    for size in (320, 1280):
        key = build_thumbnail_key(UUID(image), size)
        stored = b"".join([chunk async for chunk in system.store.open(key)])
        assert Image.open(io.BytesIO(stored)).size == (64, 48)
        assert b"fig tree" not in stored


async def test_a_thumbnail_of_an_earlier_version_is_served_without_its_comment(
    reserve: Reserve, system: AppContext
) -> None:
    await reserve.restrict(viewer="0.1")
    await generate_thumbnails(system, SYSTEM)
    key = build_thumbnail_key(UUID(reserve.images[reserve.hidden]), 320)
    await overwrite(reserve, key, make_located_jpeg("at the fig tree"))
    served = await read(reserve, await find_url(reserve, "viewer", "thumbnail_url"))
    assert read_position(served) == {}
    assert b"fig tree" not in served
    assert Image.open(io.BytesIO(served)).size == (64, 48)


async def test_a_file_that_cannot_be_stripped_is_encoded_again(
    reserve: Reserve, system: AppContext
) -> None:
    await reserve.restrict(viewer="0.1")
    url = await find_url(reserve, "viewer")
    key = urlsplit(url).path.partition("/files/")[2]
    assert sha256_of(key) is not None
    bitmap = io.BytesIO()
    Image.new("RGB", (64, 48), (90, 60, 60)).save(bitmap, "BMP")
    await overwrite(reserve, key, bitmap.getvalue() + b"at the fig tree")
    served = await read(reserve, url)
    with Image.open(io.BytesIO(served)) as shown:
        assert (shown.format, shown.size) == ("JPEG", (64, 48))
    assert b"fig tree" not in served
    system.parts.pop(StrippedFiles)
    await overwrite(reserve, key, b"no image at the fig tree")
    refused = await read(reserve, url, 422)
    assert b"An owner of the project can download the file" in refused


async def test_a_role_that_is_lost_counts_for_urls_from_before(reserve: Reserve) -> None:
    await reserve.restrict(viewer="0.1", reviewer="0.1", manager="exact")
    url = await find_url(reserve, "manager")
    assert read_position(await read(reserve, url)) != {}
    path = f"/projects/{reserve.field.project}/members"
    members = await reserve.get("owner", path)
    listed = members["results"] if isinstance(members, dict) else members
    [manager] = [one["user_id"] for one in listed if one["role"] == "manager"]
    await reserve.call("owner", "PATCH", f"{path}/{manager}", {"role": "viewer"})
    assert read_position(await read(reserve, url)) == {}


async def test_a_repeated_request_reads_no_content(reserve: Reserve, system: AppContext) -> None:
    await reserve.restrict(viewer="0.1")
    url = urlsplit(await find_url(reserve, "viewer"))
    path = f"{url.path}?{url.query}"
    tag = (await reserve.field.client.get(path)).headers["etag"]
    system.parts.pop(StrippedFiles)
    await overwrite(reserve, url.path.partition("/files/")[2], b"no image")
    assert (await reserve.field.client.get(path)).status_code == 422
    answer = await reserve.field.client.get(path, headers={"If-None-Match": tag})
    assert answer.status_code == 304
