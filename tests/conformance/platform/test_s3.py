"""Faults of S3 servers: not available, slow, or badly configured; they are reported."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpcore2
import httpx2
import pytest
from tests.support.api_application import application_of
from tests.support.image_factory import make_jpeg
from tests.support.project_with_roles import build_house
from tests.support.s3_server import READER, WRITER, S3Server
from tests.support.store_clients import MOST, new_key

from trapline.server.app.app_startup import validate_store
from trapline.server.app.http.application import wrap_middleware
from trapline.server.app.settings import Settings, SettingsError
from trapline.server.images.actions.thumbnails import generate_thumbnails
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import ServiceUnavailable
from trapline.server.platform.store.presign import S3Signer
from trapline.server.platform.store.s3_store import S3BucketConfig, S3Store

NOWHERE = "http://127.0.0.1:9"


async def keep(store: S3Store, key: str, data: bytes) -> None:
    async with store.receive() as incoming:
        incoming.write(data)
        await store.keep(incoming, key)


async def read(store: S3Store, key: str) -> bytes:
    return b"".join([chunk async for chunk in store.open(key, 0, 4)])


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


async def test_settings_that_are_there_by_half_are_named(tmp_path: Path) -> None:
    half = Settings(data=tmp_path, s3_bucket="trapline", s3_access_key_id="trapline")
    with pytest.raises(SettingsError, match="but S3_ENDPOINT, S3_SECRET_ACCESS_KEY is missing"):
        await validate_store(half)
    with pytest.raises(SettingsError, match="S3_BUCKET"):
        await validate_store(Settings(data=tmp_path, s3_public_endpoint=NOWHERE))
    await validate_store(Settings(data=tmp_path))


async def test_all_rights_are_tried_and_leave_nothing(s3: S3Server, tmp_path: Path) -> None:
    await S3Store(s3.bucket(), tmp_path).check_rights()


@pytest.mark.parametrize(
    ("signer", "name", "said"),
    [
        (WRITER, "other", r"'other' has no bucket of this name. Create it, or set S3_BUCKET"),
        (READER, "trapline", r"does not let S3_ACCESS_KEY_ID store files \(s3:PutObject\)"),
        (
            replace(WRITER, secret_access_key="wrong"),
            "trapline",
            "S3_SECRET_ACCESS_KEY does not belong to",
        ),
        (S3Signer("nobody", "x", "us-east-1"), "trapline", "does not know S3_ACCESS_KEY_ID"),
    ],
)
async def test_wrong_configuration_is_named(
    s3: S3Server, tmp_path: Path, signer: S3Signer, name: str, said: str
) -> None:
    store = S3Store(s3.bucket(signer, name), tmp_path)
    for check in (store.check_rights, store.check):
        with pytest.raises(
            ServiceUnavailable, match=said if check == store.check_rights else "S3_"
        ) as caught:
            await check()
        assert signer.secret_access_key not in str(caught.value)


@pytest.mark.parametrize("how", ["refused", "silent"])
async def test_a_server_that_is_away_is_said_and_nothing_waits_for_ever(
    tmp_path: Path, how: str
) -> None:
    async with silent_server() as address:
        endpoint = NOWHERE if how == "refused" else address
        store = S3Store(
            S3BucketConfig(endpoint, endpoint, "trapline", WRITER), tmp_path, silent_at_most_s=0.3
        )
        key = new_key()
        for ask in (
            keep(store, key, b"x"),
            keep(store, key, b"x" * 11_000_000),
            read(store, key),
            store.find_size(key),
            store.find_uploaded(key),
            store.delete(key),
            store.check(),
            store.check_rights(),
        ):
            with pytest.raises(ServiceUnavailable, match="does not answer as expected"):
                async with asyncio.timeout(20):
                    await ask
        assert list((tmp_path / "incoming").iterdir()) == []


async def test_addresses_name_the_public_endpoint(s3: S3Server, tmp_path: Path) -> None:
    store, key = S3Store(s3.bucket(), tmp_path), new_key()
    signed = await store.sign_put(key, "image/png", lifetime_s=60, at_most=MOST)
    address = await store.sign_get(key, lifetime_s=60)
    assert {urlsplit(url).hostname for url in (signed.url, address)} == {"localhost"}
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
        assert (
            await client.put(signed.url, content=b"x" * (MOST + 1), headers=signed.headers)
        ).status_code == 200
        assert len((await client.get(address)).content) == MOST + 1
    found = await store.find_uploaded(key)
    assert found is not None
    assert found.size == MOST + 1, "S3 has no limit: who asks sees that it is too large"


async def test_images_wait_for_a_server_that_is_away(
    s3: S3Server, system: AppContext, tmp_path: Path
) -> None:
    house = await build_house(system, "house")
    there = replace(system, store=S3Store(s3.bucket(), tmp_path))
    away = replace(
        system, store=S3Store(S3BucketConfig(NOWHERE, NOWHERE, "trapline", WRITER), tmp_path)
    )
    form = {"project": house.ids["project_id"]}
    files = [("files", ("a.jpg", make_jpeg(977), "image/jpeg"))]

    @asynccontextmanager
    async def open_client(system: AppContext) -> AsyncIterator[httpx2.AsyncClient]:
        transport = httpx2.ASGITransport(wrap_middleware(application_of(system)))
        headers = {"Authorization": f"Bearer {house.tokens['owner']}"}
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://trapline.test", headers=headers
        ) as client:
            yield client

    async with open_client(away) as without, open_client(there) as client:
        refused = await without.post("/api/v2/images", data=form, files=files)
        assert refused.status_code == 503, refused.text
        assert refused.headers["retry-after"]
        assert "Nothing was stored" in refused.json()["detail"]
        ready = await without.get("/readyz")
        assert (ready.status_code, "S3 server" in ready.text) == (503, True)
        before = (await client.get("/api/v2/images")).json()["count"]
        sent = await client.post("/api/v2/images", data=form, files=files)
        image_id = sent.json()["files"][0]["image_id"]
        assert sent.json()["imported"] == 1
        assert (await client.get("/api/v2/images")).json()["count"] == before + 1
        with pytest.raises(ServiceUnavailable):
            await generate_thumbnails(away, Scope.system())
        image = (await client.get(f"/api/v2/images/{image_id}")).json()
        assert (await without.get(image["file_url"])).status_code == 503
        whole = await client.get(image["file_url"])
        assert (whole.status_code, whole.headers["content-type"]) == (200, "image/jpeg")
        assert whole.content == files[0][1][1]
        part = await client.get(image["file_url"], headers={"Range": "bytes=-9"})
        assert (part.status_code, part.content) == (206, whole.content[-9:])
    assert list((tmp_path / "incoming").iterdir()) == []


async def test_looking_for_many_files_loads_certificates_once(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[bool] = []
    load = httpcore2.default_ssl_context

    def count(**options: bool) -> ssl.SSLContext:
        loaded.append(True)
        return load(**options)

    monkeypatch.setattr("httpcore2.default_ssl_context", count)
    store = S3Store(s3.bucket(), tmp_path)
    await asyncio.gather(*[store.find_uploaded(new_key()) for _ in range(8)])
    assert len(loaded) <= 1
