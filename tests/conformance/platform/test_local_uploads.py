"""Rules of uploads to Trapline's own server: limits before the first byte, safe responses."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx2
import pytest
from tests.support.api_application import application_of
from tests.support.project_with_roles import build_house
from tests.support.store_clients import MOST, Scene, new_key, open_scene, serve_local, speak

from trapline.server.app.http.application import wrap_middleware
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.http.middleware import UNAUTHENTICATED_BYTES
from trapline.server.platform.store.local_store import LocalStore
from trapline.server.platform.store.object_store import SignedPut
from trapline.server.platform.store.url_signatures import FILES

HTML = b"<!doctype html><script>alert(1)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture
async def scene(system: AppContext, tmp_path: Path) -> AsyncIterator[Scene]:
    analysis = (await build_house(system, "house")).ids["analysis_id"]
    async with (
        serve_local(system, tmp_path) as store,
        open_scene(store, tmp_path, analysis) as opened,
    ):
        yield opened


async def ask(scene: Scene, signed: SignedPut, **headers: str) -> bytes:
    """Send the head of an upload and not one byte of it; answers the head of the answer."""
    sent = signed.headers | {name.replace("_", "-"): value for name, value in headers.items()}
    return await speak(signed.url, "PUT", sent, b"")


async def test_forbidden_uploads_are_refused_before_their_first_byte(scene: Scene) -> None:
    key = new_key()
    signed = await scene.store.sign_put(key, "image/png", lifetime_s=60, at_most=MOST)
    sized = await scene.store.sign_put(key, "image/png", lifetime_s=60, size=900_000, at_most=MOST)
    forged = replace(signed, url=signed.url.replace(key, new_key()))
    for status, head in (
        (413, await ask(scene, signed, Content_Length=str(MOST + 1))),
        (413, await ask(scene, sized, Content_Length="900001")),
        (413, await ask(scene, signed, Content_Length="9" * 18)),
        (400, await ask(scene, sized, Content_Length="899999")),
        (415, await ask(scene, signed, Content_Length="900000", Content_Type="text/html")),
        (403, await ask(scene, forged, Content_Length="900000")),
        (403, await ask(scene, forged, Transfer_Encoding="chunked")),
    ):
        assert head.startswith(b"HTTP/1.1 %d " % status), head
        assert b"application/problem+json" in head
    assert scene.list_incoming() == []
    assert await scene.store.find_uploaded(key) is None


async def test_an_uploader_that_vanishes_is_no_breakage_of_ours(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    signed = await scene.store.sign_put(
        new_key(), "image/png", lifetime_s=60, size=900_000, at_most=MOST
    )
    await speak(signed.url, "PUT", signed.headers, b"x" * 4096, cut=True)
    assert (await scene.put(signed, b"x" * 900_000)).status_code == 200, (
        "it may send the whole again"
    )
    told = capsys.readouterr()
    assert "a request failed" not in told.out + told.err


async def test_without_a_length_the_limit_holds_while_it_streams(scene: Scene) -> None:
    key = new_key()

    async def stream(size: int) -> AsyncIterator[bytes]:
        for _ in range(size // 8192):
            yield b"x" * 8192

    signed = await scene.store.sign_put(key, "text/plain", lifetime_s=60, at_most=MOST)
    answer = await scene.client.put(signed.url, content=stream(MOST + 8192), headers=signed.headers)
    assert answer.status_code == 413, answer.text
    assert await scene.store.find_uploaded(key) is None
    answer = await scene.client.put(signed.url, content=stream(MOST), headers=signed.headers)
    assert answer.status_code == 200, answer.text
    found = await scene.store.find_uploaded(key)
    assert found is not None
    assert (found.size, found.sha256) == (MOST, hashlib.sha256(b"x" * MOST).hexdigest())
    sized = await scene.store.sign_put(
        key, "text/plain", lifetime_s=60, size=8192 * 3, at_most=MOST
    )
    del sized.headers["Content-Length"]
    for size, status in ((8192 * 2, 400), (8192 * 4, 413), (8192 * 3, 200)):
        answer = await scene.client.put(sized.url, content=stream(size), headers=sized.headers)
        assert answer.status_code == status, answer.text
    assert scene.list_incoming() == []


async def test_no_credentials_are_asked_for_and_no_other_route_takes_more_for_it(
    scene: Scene,
) -> None:
    key, data = new_key(), b"x" * (UNAUTHENTICATED_BYTES + 1)
    signed = await scene.store.sign_put(key, "text/plain", lifetime_s=60, at_most=MOST)
    for prefix in ("", "/api/v2"):
        url = signed.url.replace("/files/", f"{prefix}/files/")
        assert (
            await scene.client.put(url, content=data, headers=signed.headers)
        ).status_code == 200
    host = urlsplit(signed.url).netloc
    answer = await scene.client.post(f"http://{host}/api/v2/auth/sign-in", content=data)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("media_type", "name", "data", "given", "inline"),
    [
        ("image/png", "a.png", b"\x89PNG\r\n\x1a\n....", "image/png", True),
        ("image/png", "a.html", HTML, "application/octet-stream", False),
        ("image/png", "a.svg", SVG, "application/octet-stream", False),
        ("text/plain", "a.html", HTML, "text/plain", False),
        ("application/json", "a.json", b"{}", "application/json", False),
        ("text/html", "a.html", HTML, "application/octet-stream", False),
        ("image/svg+xml", "a.svg", SVG, "application/octet-stream", False),
    ],
)
async def test_nothing_that_could_run_is_shown_in_place(
    scene: Scene, media_type: str, name: str, data: bytes, given: str, inline: bool
) -> None:
    key = scene.new_key(name)
    signed = await scene.store.sign_put(key, media_type, lifetime_s=60, at_most=MOST)
    assert (await scene.put(signed, data)).status_code == 200
    for filename in (None, name):
        answer = await scene.client.get(
            await scene.store.sign_get(key, lifetime_s=60, filename=filename)
        )
        headers = answer.headers
        assert (headers["content-type"], headers["x-content-type-options"]) == (given, "nosniff")
        assert headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert headers["content-disposition"].startswith(
            "inline" if inline and filename is None else "attachment"
        )
        assert headers["cache-control"] == "no-store", "it may be uploaded again"


async def test_a_note_of_another_file_counts_for_nothing(scene: Scene) -> None:
    key = new_key("a.txt")
    await scene.keep(key, b"first", "text/plain")
    # As if a process had died after the note of the second file and before the file.
    await scene.keep(new_key(), b"second", "application/json")
    [mine] = scene.folder.glob(f"notes/{key}")
    [other] = [path for path in scene.folder.glob("notes/ml_outputs/*/*") if path != mine]
    other.rename(mine)
    found = await scene.store.find_uploaded(key)
    assert found is not None
    assert (found.size, found.media_type) == (5, "application/octet-stream")
    assert found.sha256 == hashlib.sha256(b"first").hexdigest()


class FullDisk(LocalStore):
    """A store on a disk that has one part in a hundred left."""

    async def find_free_fraction(self) -> float | None:
        """Return the free fraction."""
        return 0.01


async def test_no_upload_is_taken_onto_a_full_disk(system: AppContext, tmp_path: Path) -> None:
    full = FullDisk(tmp_path, system.secrets.derive_all(FILES), system.public_url)
    key = new_key()
    signed = await full.sign_put(key, "text/plain", lifetime_s=60, at_most=MOST)
    transport = httpx2.ASGITransport(wrap_middleware(application_of(replace(system, store=full))))
    async with httpx2.AsyncClient(transport=transport) as client:
        answer = await client.put(signed.url, content=b"x", headers=signed.headers)
        ready = await client.get(urljoin(signed.url, "/readyz"))
    assert answer.status_code == 503
    assert "1.0% of the disk is free" in answer.json()["detail"]
    # Nothing else waits for room.
    assert (ready.status_code, ready.json()["status"], ready.json()["parts"]["store"]) == (
        200,
        "ready",
        "ok",
    )
    assert ready.json()["parts"]["room"] == (
        "Only 1.0% of the disk is free; no file is stored below 5%. "
        "Free disk space, or move the data folder to a larger disk."
    )
    assert answer.headers["retry-after"]
    assert await full.find_uploaded(key) is None
