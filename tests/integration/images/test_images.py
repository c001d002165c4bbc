"""Uploads, lists and files, through HTTP on a real database and a real store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from starlette.requests import Request
from starlette.types import Message, Receive
from tests.support.image_factory import make_jpeg
from tests.support.project_with_roles import House, build_house

from trapline.server.images.actions.thumbnails import generate_thumbnails
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import ServiceUnavailable
from trapline.server.platform.http.multipart import MultipartForm
from trapline.server.platform.store.local_store import LocalStore


@pytest.fixture
async def house(system: AppContext) -> House:
    return await build_house(system, "house")


@pytest.fixture
async def client(app_client: httpx2.AsyncClient, house: House) -> httpx2.AsyncClient:
    app_client.headers["Authorization"] = f"Bearer {house.tokens['owner']}"
    return app_client


async def upload(
    client: httpx2.AsyncClient, house: House, *files: tuple[str, bytes], **fields: str
) -> dict[str, Any]:
    parts = [("files", (name, data, "application/octet-stream")) for name, data in files]
    answer = await client.post(
        "/api/v2/images", data={"project": house.ids["project_id"], **fields}, files=parts
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_an_upload_tells_of_each_file_and_takes_the_same_bytes_once(
    client: httpx2.AsyncClient, house: House
) -> None:
    taken = datetime(2026, 7, 1, 14, 0)  # noqa: DTZ001 - a camera's clock has no zone
    picture = make_jpeg(1, taken=taken)
    first = await upload(
        client,
        house,
        ("a.jpg", picture),
        ("b.jpg", b"<html>sign in</html>"),
        ("c.gif", b"GIF89a......"),
        ("d.jpg", picture),
    )
    assert (first["imported"], first["duplicate"], first["refused"]) == (1, 1, 2)
    assert [file["outcome"] for file in first["files"]] == [
        "imported",
        "refused",
        "refused",
        "duplicate",
    ]
    assert "HTML page" in first["files"][1]["detail"]
    assert first["files"][0]["image_id"] == first["files"][3]["image_id"]
    again = await upload(client, house, ("renamed.jpg", picture))
    assert (again["imported"], again["duplicate"]) == (0, 1)
    image = (await client.get(f"/api/v2/images/{first['files'][0]['image_id']}")).json()
    assert image["captured_at"] == "2026-07-01T14:00:00Z"
    assert image["captured_at_source"] == "exif"
    assert image["captured_at_raw"] == "2026:07:01 14:00:00"
    assert image["exif"]["ImageDescription"] == "picture 1"
    assert image["analysis_state"] is None


async def test_orientation_6_is_stored_and_served_upright(
    client: httpx2.AsyncClient, house: House
) -> None:
    sent = make_jpeg(2, orientation=6, size=(64, 48))
    found = await upload(client, house, ("turned.jpg", sent))
    image = (await client.get(f"/api/v2/images/{found['files'][0]['image_id']}")).json()
    assert (image["width"], image["height"]) == (48, 64)
    served = await client.get(local(image["file_url"]))
    assert served.content != sent
    assert served.headers["content-type"] == "image/jpeg"


async def test_a_list_goes_by_time_in_pages_and_by_deployment(
    client: httpx2.AsyncClient, house: House
) -> None:
    files = [
        (f"{day}.jpg", make_jpeg(day, taken=datetime(2026, 7, day)))  # noqa: DTZ001
        for day in range(1, 8)
    ]
    await upload(client, house, *files)
    names: list[str] = []
    cursor = None
    while True:
        query: dict[str, str] = {
            "project": house.ids["project_id"],
            "limit": "3",
            "order": "captured_at",
        } | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/api/v2/images", params=query)).json()
        names += [image["filename"] for image in page["results"]]
        assert page["count"] == 8
        cursor = page["next"]
        if cursor is None:
            break
    assert names == [f"{day}.jpg" for day in range(1, 8)] + ["a.jpg"]
    query = {"captured_after": "2026-07-03T00:00:00Z", "captured_before": "2026-07-05T00:00:00Z"}
    assert (await client.get("/api/v2/images", params=query)).json()["count"] == 2
    assert (await client.get("/api/v2/images", params={"analysis_state": "none"})).json()[
        "count"
    ] == 7
    assert (await client.get("/api/v2/images", params={"analysis_state": "queued"})).json()[
        "count"
    ] == 1
    assert (await client.get("/api/v2/images", params={"class": "fox"})).json()["count"] == 0
    assert (
        await client.get("/api/v2/images/classes", params={"project": house.ids["project_id"]})
    ).json() == {"results": []}
    first = (await client.get("/api/v2/images", params={"order": "captured_at"})).json()["results"][
        1
    ]
    shown = (await client.get(f"/api/v2/images/{first['id']}")).json()
    assert shown["previous_id"] is not None
    assert shown["next_id"] is not None


async def test_thumbnails_come_in_a_batch(
    client: httpx2.AsyncClient, house: House, system: AppContext
) -> None:
    found = await upload(
        client, house, ("a.jpg", make_jpeg(1, size=(2000, 1000))), ("b.jpg", make_jpeg(2))
    )
    path = f"/api/v2/images/{found['files'][0]['image_id']}"
    assert (await client.get(path)).json()["thumbnail_url"] is None
    # The file of the third image, which the project has from the start, does not exist. It delays
    # no other image and is tried three times.
    assert [await generate_thumbnails(system, Scope.system()) for _ in range(4)] == [3, 1, 1, 0]
    image = (await client.get(path)).json()
    sizes = []
    for name in ("thumbnail_url", "preview_url"):
        served = await client.get(local(image[name]), headers={"Authorization": ""})
        assert served.status_code == 200
        sizes.append(len(served.content))
    assert sizes[0] < sizes[1]


async def test_thumbnails_are_made_outside_of_any_transaction_and_each_by_itself(
    client: httpx2.AsyncClient, house: House, system: AppContext
) -> None:
    await upload(client, house, *[(f"{number}.jpg", make_jpeg(number)) for number in range(1, 4)])
    assert isinstance(system.store, LocalStore)
    first = asyncio.Lock()
    open_ones: list[int] = []

    class AwayForOne(LocalStore):
        @asynccontextmanager
        async def local_path(self, key: str) -> AsyncIterator[Path]:
            async with first:
                if not open_ones:
                    open_ones.append(await count_other_transactions(system))
                    raise ServiceUnavailable("the store is away for this one")
            async with super().local_path(key) as path:
                yield path

    store = AwayForOne(system.store.root, [b"secret"], "http://trapline.test")
    with pytest.raises(ServiceUnavailable):
        await generate_thumbnails(replace(system, store=store), Scope.system())
    assert open_ones == [0]
    async with system.database.transaction(Scope.system()) as tx:
        cursor = await tx.execute("select count(*) from images where thumbnails_at is not null")
        assert await cursor.fetchone() in ((2,), (3,)), (
            "all but that one, and the house's own that has no file"
        )


async def count_other_transactions(system: AppContext) -> int:
    query = (
        "select count(*) from pg_stat_activity "
        "where xact_start is not null and datname = current_database() and pid <> pg_backend_pid()"
    )
    async with system.database.transaction(Scope.system()) as tx:
        [(count,)] = await (await tx.execute(query)).fetchall()
    return int(count)


async def test_files_are_given_only_by_their_signature_and_in_parts(
    client: httpx2.AsyncClient, house: House
) -> None:
    data = make_jpeg(1)
    found = await upload(client, house, ("a.jpg", data))
    url = local(
        (await client.get(f"/api/v2/images/{found['files'][0]['image_id']}")).json()["file_url"]
    )
    whole = await client.get(url)
    assert whole.content == data
    assert whole.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert whole.headers["content-disposition"] == "inline"
    part = await client.get(url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, data[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(data)}"
    assert (await client.get(url, headers={"Range": "bytes=-5"})).content == data[-5:]
    assert (await client.get(url, headers={"Range": "bytes=999999-"})).status_code == 416
    assert (
        await client.get(url, headers={"If-None-Match": whole.headers["etag"]})
    ).status_code == 304
    head = await client.head(url)
    assert (head.status_code, head.content, head.headers["content-length"]) == (
        200,
        b"",
        str(len(data)),
    )
    assert (await client.get(url.replace("signature=", "signature=0"))).status_code == 403
    assert (await client.get(url.partition("?")[0])).status_code == 403
    assert (await client.get("/files/%2e%2e/secret")).status_code == 404


async def test_active_content_is_never_shown_inline(
    client: httpx2.AsyncClient, system: AppContext
) -> None:
    from trapline.server.images.actions.signed_urls import sign_file_url

    async with system.store.receive() as incoming:
        incoming.write(b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
        await system.store.keep(incoming, "imports/1/abc")
    served = await client.get(local(sign_file_url(system, "imports/1/abc")))
    assert served.headers["content-type"] == "application/octet-stream"
    assert served.headers["content-disposition"].startswith("attachment")


FIELD = b"--x\r\nContent-Disposition: form-data; name="


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"--x"),
        ("multipart/form-data; boundary=x", b"nothing of a form"),
        ("multipart/form-data; boundary=x", FIELD + b'"project"\r\n\r\n1'),
        ("multipart/form-data; boundary=x", b"--x--\r\n"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\n" + b"A" * 20_000 + b": b\r\n\r\n\r\n--x--\r\n",
        ),
        ("multipart/form-data; boundary=x", FIELD + b'"project"\r\n\r\nabc\r\n--x--\r\n'),
        (
            "multipart/form-data; boundary=x",
            FIELD + b'"files"; filename="a"\r\n\r\nabc\r\n--x--\r\n',
        ),
    ],
)
async def test_a_broken_form_is_said_in_words(
    client: httpx2.AsyncClient, content_type: str, body: bytes
) -> None:
    answer = await client.post(
        "/api/v2/images", content=body, headers={"Content-Type": content_type}
    )
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_names_lose_what_could_harm(client: httpx2.AsyncClient, house: House) -> None:
    found = await upload(client, house, ("../../etc/passwd\u202e.jpg", make_jpeg(5)))
    image = (await client.get(f"/api/v2/images/{found['files'][0]['image_id']}")).json()
    assert image["filename"] == "passwd.jpg"


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("it's %22quoted%22.jpg", 'it\'s "quoted".jpg'),
        ("two%0D%0Alines.jpg", "twolines.jpg"),
        ("100%25 sure%2f.jpg", "100%25 sure%2f.jpg"),
        ("zero\u200bwidth.jpg", "zero\u200bwidth.jpg"),
    ],
)
async def test_names_of_a_form_are_decoded_as_the_standard_encodes_them(
    client: httpx2.AsyncClient, house: House, sent: str, stored: str
) -> None:
    head = '--x\r\nContent-Disposition: form-data; name="project"\r\n\r\n'
    head += f"{house.ids['project_id']}\r\n"
    head += f'--x\r\nContent-Disposition: form-data; name="files"; filename="{sent}"\r\n\r\n'
    body = head.encode() + make_jpeg(5) + b"\r\n--x--\r\n"
    answer = await client.post(
        "/api/v2/images", content=body, headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert [file["filename"] for file in answer.json()["files"]] == [stored], answer.text


async def test_a_file_that_is_too_large_is_refused_and_the_rest_is_taken(
    client: httpx2.AsyncClient, house: House, system: AppContext
) -> None:
    object.__setattr__(system.limits, "image_bytes", 100_000)
    found = await upload(client, house, ("big.jpg", bytes(3_000_000)), ("a.jpg", make_jpeg(5)))
    assert [file["outcome"] for file in found["files"]] == ["refused", "imported"]
    assert not list((system.store.root / "incoming").iterdir())  # type: ignore[attr-defined]


def local(url: str) -> str:
    split = urlsplit(url)
    return f"{split.path}?{split.query}"


async def test_form_of_fields_alone_is_read_past(client: httpx2.AsyncClient) -> None:
    boundary = "multipart/form-data; boundary="
    fields = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nv\r\n' % n for n in range(100)
    )
    request = Request(
        {"type": "http", "headers": [(b"content-type", boundary.encode() + b"x")]},
        _body(fields + b"--x--"),
    )
    form = MultipartForm(request)
    assert [file async for file in form.files()] == []
    assert form.fields == {}
    answer = await client.post(
        "/api/v2/images", content=b"", headers={"Content-Type": boundary + "x" * 400}
    )
    assert answer.status_code == 400, answer.text


def _body(sent: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": sent, "more_body": False}

    return receive
