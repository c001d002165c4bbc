"""Rules of every store, local and S3: store, serve, and accept only uploads as they were signed."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from tests.support.project_with_roles import build_house
from tests.support.s3_server import S3Server
from tests.support.store_clients import MOST, Scene, new_key, open_scene, serve_local, speak

from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import NotFound, PayloadTooLarge
from trapline.server.platform.store.object_store import UploadedObject
from trapline.server.platform.store.s3_store import S3Store

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
SHA256 = hashlib.sha256(PNG).hexdigest()
ODD_KEYS = [
    "../secret",
    "/etc/passwd",
    "a/../../secret",
    "a//b",
    "a/.",
    "a\x00b",
    "",
    "a\\..\\b",
    "a/%2e%2e/b",
    "a/",
]


@pytest.fixture
async def local_scene(system: AppContext, tmp_path: Path) -> AsyncIterator[Scene]:
    analysis = (await build_house(system, "house")).ids["analysis_id"]
    async with (
        serve_local(system, tmp_path) as store,
        open_scene(store, tmp_path, analysis) as opened,
    ):
        yield opened


@pytest.fixture
async def s3_scene(s3: S3Server, tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(S3Store(s3.bucket(), tmp_path), tmp_path) as opened:
        yield opened


@pytest.fixture(params=["local", "s3"])
def scene(request: pytest.FixtureRequest) -> Scene:
    opened: Scene = request.getfixturevalue(f"{request.param}_scene")
    return opened


async def test_a_stored_file_is_read_whole_and_in_parts(scene: Scene) -> None:
    data = bytes(range(256)) * 30_000
    key = new_key()
    async with scene.store.receive() as incoming:
        incoming.write(data)
        stored = await scene.store.keep(incoming, key)
    assert (stored.size, stored.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert await scene.store.find_size(key) == len(data)
    assert await scene.read(key) == data
    for first, length in (
        (0, 10),
        (1000, 300_000),
        (len(data) - 5, 100),
        (len(data) - 5, None),
        (17, None),
    ):
        assert await scene.read(key, first, length) == data[first:][:length], (first, length)
    for first, length in ((0, 0), (len(data), None), (len(data), 5), (len(data) + 9, 5)):
        assert await scene.read(key, first, length) == b"", (first, length)
    assert scene.list_incoming() == []


async def test_the_same_key_again_replaces_the_whole(scene: Scene) -> None:
    key = new_key()
    await scene.keep(key, b"long " * 1000, "text/plain")
    await scene.keep(key, b"short")
    assert await scene.read(key) == b"short"
    found = await scene.store.find_uploaded(key)
    assert found is not None
    assert found.size == 5
    assert found.media_type != "text/plain", "what was known of the first is forgotten"


async def test_an_empty_file_is_a_file(scene: Scene) -> None:
    key = new_key()
    await scene.keep(key, b"")
    assert await scene.store.find_size(key) == 0
    assert await scene.read(key) == b""
    assert await scene.read(key, 0, 1024) == b""
    async with scene.store.local_path(key) as path:
        assert path.read_bytes() == b""


async def test_deleted_and_unknown_objects_are_not_found(scene: Scene) -> None:
    key = new_key()
    await scene.keep(key, b"here", "text/plain")
    await scene.store.delete(key)
    await scene.store.delete(key)
    for missing in (key, key.rpartition("/")[0], f"{key}/below", "originals/1/ab/none"):
        assert await scene.store.find_size(missing) is None, missing
        assert await scene.store.find_uploaded(missing) is None, missing
        for first, length in ((0, None), (0, 0), (3, 4)):
            with pytest.raises(NotFound):
                await scene.read(missing, first, length)
        with pytest.raises(NotFound):
            async with scene.store.local_path(missing):
                pass
    assert scene.list_incoming() == []


async def test_a_child_process_can_read_a_path(scene: Scene) -> None:
    key = new_key()
    await scene.keep(key, PNG)
    async with scene.store.local_path(key) as path:
        assert path.read_bytes() == PNG
    assert scene.list_incoming() == []


async def test_an_odd_key_reaches_nothing(scene: Scene) -> None:
    store = scene.store
    for key in ODD_KEYS:
        for reach in (
            scene.keep(key, b"x"),
            scene.read(key),
            store.find_size(key),
            store.find_uploaded(key),
            store.delete(key),
            store.sign_get(key, lifetime_s=60),
        ):
            with pytest.raises(NotFound):
                await reach
    assert scene.list_incoming() == []


async def test_nobody_is_let_in_but_to_artifacts(scene: Scene) -> None:
    for key in (
        *ODD_KEYS,
        "originals/1/ab/x",
        "ml_outputs/x",
        "ml_outputs/a/b/c",
        "ml_outputs/../x",
    ):
        with pytest.raises(NotFound):
            await scene.store.sign_put(key, "image/png", lifetime_s=60, at_most=MOST)


async def test_more_than_the_limit_is_never_signed(scene: Scene) -> None:
    with pytest.raises(PayloadTooLarge):
        await scene.store.sign_put(
            new_key(), "image/png", lifetime_s=60, size=MOST + 1, at_most=MOST
        )


@pytest.mark.parametrize(
    ("media_type", "name", "data"),
    [
        ("image/png", "heat.png", PNG),
        ("text/plain", ".log", b"line 1\nline 2\n"),
        ("application/json", "-meta_1.json", b'{"a": 1}'),
        ("text/plain", "empty.txt", b""),
    ],
)
@pytest.mark.parametrize("announced", [True, False])
async def test_a_signed_upload_arrives(
    scene: Scene, media_type: str, name: str, data: bytes, announced: bool
) -> None:
    key, sha256 = scene.new_key(name), hashlib.sha256(data).hexdigest()
    assert await scene.store.find_uploaded(key) is None
    told = {"size": len(data), "sha256": sha256} if announced else {}
    signed = await scene.store.sign_put(
        key,
        media_type,
        lifetime_s=60,
        at_most=MOST,
        **told,  # type: ignore[arg-type]
    )
    for _ in range(2):
        answer = await scene.client.put(signed.url, content=data, headers=signed.headers)
        assert answer.status_code == 200, answer.text
    found = await scene.store.find_uploaded(key)
    assert found is not None
    assert replace(found, sha256=None) == UploadedObject(len(data), media_type, None)
    assert found.sha256 == sha256 or (found.sha256 is None and not announced)
    assert await scene.read(key) == data
    given = await scene.client.get(await scene.store.sign_get(key, lifetime_s=60))
    assert (given.status_code, given.content) == (200, data)
    assert given.headers["content-type"] == media_type
    assert scene.list_incoming() == []


def change_query(url: str, **changes: str | None) -> str:
    """Change or take away parameters of an address."""
    query = dict(parse_qsl(urlsplit(url).query)) | changes
    kept = {name: value for name, value in query.items() if value is not None}
    return f"{url.partition('?')[0]}?{urlencode(kept)}"


async def test_a_signed_upload_takes_nothing_else(scene: Scene) -> None:
    key, other = new_key(), new_key()
    signed = await scene.store.sign_put(
        key, "image/png", lifetime_s=60, size=len(PNG), sha256=SHA256, at_most=MOST
    )

    async def refuse(what: str, answer_status: int) -> None:
        assert 400 <= answer_status < 500, f"{what}: {answer_status}"
        for place in (key, other):
            assert await scene.store.find_uploaded(place) is None, f"{what} was stored"

    for what, answer in (
        ("a longer body", await scene.put(signed, PNG + b"x")),
        ("a shorter body", await scene.put(signed, PNG[:-1])),
        ("an empty body", await scene.put(signed, b"")),
        ("another body", await scene.put(signed, PNG[:-1] + b"x")),
        ("another type", await scene.put(signed, PNG, Content_Type="text/html")),
        ("a type with more", await scene.put(signed, PNG, Content_Type="image/png; charset=utf-8")),
        ("no address", await scene.put(replace(signed, url=signed.url.partition("?")[0]), PNG)),
        ("another key", await scene.put(replace(signed, url=signed.url.replace(key, other)), PNG)),
        (
            "a key beneath",
            await scene.put(replace(signed, url=signed.url.replace(key, f"{key}/x")), PNG),
        ),
    ):
        await refuse(what, answer.status_code)
    for name, value in parse_qsl(urlsplit(signed.url).query):
        altered = value[:-1] + ("1" if value[-1] != "1" else "2")
        for changed in (None, altered, ""):
            url = change_query(signed.url, **{name: changed})
            await refuse(
                f"{name}={changed}", (await scene.put(replace(signed, url=url), PNG)).status_code
            )
    for method in ("GET", "HEAD", "POST", "DELETE", "PATCH"):
        answer = await scene.client.request(method, signed.url, headers=signed.headers, content=PNG)
        await refuse(method, answer.status_code)
    assert (await scene.put(signed, PNG)).status_code == 200, "the same without any change"
    for method in ("GET", "HEAD", "DELETE"):
        answer = await scene.client.request(
            method, signed.url, headers={"Content-Type": "image/png"}
        )
        assert 400 <= answer.status_code < 500, method
    assert await scene.read(key) == PNG


async def test_a_size_alone_holds_the_upload_to_it(scene: Scene) -> None:
    key = new_key()
    signed = await scene.store.sign_put(
        key, "image/png", lifetime_s=60, size=len(PNG), at_most=MOST
    )
    for data in (PNG + b"x", PNG[:-1], b""):
        answer = await scene.put(signed, data)
        assert 400 <= answer.status_code < 500, len(data)
        assert await scene.store.find_uploaded(key) is None, len(data)
    assert (await scene.put(signed, PNG)).status_code == 200


async def test_a_signed_upload_goes_to_no_other_path(scene: Scene) -> None:
    key = new_key()
    folder = key.rpartition("/")[0]
    signed = await scene.store.sign_put(key, "image/png", lifetime_s=60, at_most=MOST)
    for path in (
        f"{folder}/..%2f..%2fescaped",
        f"{folder}/%2e%2e/escaped",
        f"{folder}/../escaped",
        f"{key}%00",
        "%2f",
    ):
        sent = signed.headers | {"Content-Length": "3", "Connection": "close"}
        answer = await speak(signed.url.replace(key, path), "PUT", sent, b"out")
        assert re.match(rb"HTTP/1.1 [34]\d\d ", answer), (path, answer)
    assert await scene.store.find_uploaded(key) is None
    assert not list(scene.folder.parent.rglob("escaped"))


async def test_a_signed_upload_goes_to_no_other_key(scene: Scene) -> None:
    key, other = new_key(), new_key()
    signed = await scene.store.sign_put(key, "image/png", lifetime_s=60, at_most=MOST)
    sent = signed.headers | {"Content-Length": str(len(PNG)), "Connection": "close"}
    answer = await speak(signed.url.replace(key, other), "PUT", sent, PNG)
    assert re.match(rb"HTTP/1.1 403 ", answer), answer
    assert await scene.store.find_uploaded(other) is None
    answer = await speak(signed.url, "PUT", sent, PNG)
    assert re.match(rb"HTTP/1.1 200 ", answer), answer


async def test_an_address_is_over_in_time(scene: Scene) -> None:
    key = new_key()
    signed = await scene.store.sign_put(key, "text/plain", lifetime_s=2, at_most=MOST)
    address = await scene.store.sign_get(key, lifetime_s=2)
    last = None
    for number in range(600):
        answer = await scene.put(signed, b"%d" % number)
        if answer.status_code != 200:
            assert answer.status_code == 403, answer.text
            break
        last = b"%d" % number
        await asyncio.sleep(0.1)
    assert last is not None
    assert number < 599, "the address never ended"
    assert await scene.read(key) == last
    for _ in range(100):
        if (await scene.client.get(address)).status_code == 403:
            return
        await asyncio.sleep(0.1)
    pytest.fail("the address to read from never ended")


async def test_a_signed_address_to_read_opens_one_file_and_names_it(scene: Scene) -> None:
    key, other = scene.new_key(), new_key()
    for place in (key, other):
        await scene.keep(place, PNG, "image/png")
    address = await scene.store.sign_get(key, lifetime_s=60, filename="Füchse & Co.png")
    answer = await scene.client.get(address)
    assert (answer.status_code, answer.content) == (200, PNG)
    assert (
        answer.headers["content-disposition"]
        == "attachment; filename*=UTF-8''F%C3%BCchse%20%26%20Co.png"
    )
    part = await scene.client.get(address, headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.content) == (206, PNG[2:6])
    assert (await scene.client.get(address.replace(key, other))).status_code == 403
    assert (await scene.client.put(address, content=b"x")).status_code in (403, 415)
    assert (await scene.client.delete(address)).status_code in (403, 405)
    assert await scene.read(key) == PNG
    for name, value in parse_qsl(urlsplit(address).query):
        for changed in (None, value[:-1] + ("1" if value[-1] != "1" else "2")):
            answer = await scene.client.get(change_query(address, **{name: changed}))
            assert 400 <= answer.status_code < 500, (name, changed)
    missing = await scene.client.get(await scene.store.sign_get(new_key(), lifetime_s=60))
    assert missing.status_code == 404


@pytest.mark.parametrize("before", [None, b"what was there"])
async def test_an_upload_that_is_cut_leaves_nothing(scene: Scene, before: bytes | None) -> None:
    key = new_key()
    if before is not None:
        await scene.keep(key, before)
    signed = await scene.store.sign_put(key, "image/png", lifetime_s=60, size=900_000, at_most=MOST)
    answer = await speak(signed.url, "PUT", signed.headers, b"x" * 450_000, cut=True)
    assert b" 200 " not in answer.partition(b"\r\n")[0]
    chunked = await scene.store.sign_put(key, "image/png", lifetime_s=60, at_most=MOST)
    sent = chunked.headers | {"Transfer-Encoding": "chunked"}
    answer = await speak(
        chunked.url, "PUT", sent, b"1000\r\n" + b"x" * 4096 + b"\r\n1000\r\nx", cut=True
    )
    assert b" 200 " not in answer.partition(b"\r\n")[0]
    if before is None:
        assert await scene.store.find_uploaded(key) is None
    else:
        assert await scene.read(key) == before
    assert scene.list_incoming() == []


async def test_the_store_says_that_it_is_well(scene: Scene) -> None:
    await scene.store.check()
    free = await scene.store.find_free_fraction()
    assert free is None or 0 <= free <= 1
