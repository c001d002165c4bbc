"""Headers of all responses, errors included, and the proxies that are trusted for the origin."""

import re
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI
from tests.support.api_application import application_of
from tests.support.api_project import make_field
from tests.support.external_pipeline import begin

from trapline.server.accounts.actions.one_time_links import create_first_owner_link
from trapline.server.app.http.application import build_application, wrap_middleware
from trapline.server.app.http_server import build_server_config
from trapline.server.app.settings import Settings
from trapline.server.images.routes.files import POLICY
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.http.protocol import HttpProtocol, HttpsProtocol
from trapline.server.platform.http.security_headers import NOTHING, SAFE_HEADERS, build_page_policy

DOCUMENT: dict[str, Any] = build_application(None).openapi()


def expect_safe(
    answer: httpx2.Response, policy: str = NOTHING, resource: str = "same-origin"
) -> None:
    """Fail for an answer that a browser could make more of than was meant."""
    own = {"Content-Security-Policy": policy, "Cross-Origin-Resource-Policy": resource}
    about = f"{answer.request.method} {answer.request.url} {answer.status_code}"
    for name, value in SAFE_HEADERS.items():
        assert answer.headers.get_list(name) == [own.get(name, value)], f"{about}: {name}"


async def test_every_route_answers_with_them(app_client: httpx2.AsyncClient) -> None:
    seen = set()
    for path, methods in DOCUMENT["paths"].items():
        address = re.sub(r"\{[^}]*\}", str(uuid4()), path)
        for method in methods:
            answer = await app_client.request(method.upper(), address)
            expect_safe(answer)
            assert "strict-transport-security" not in answer.headers, (
                "said over http, where anybody could have said it"
            )
            seen.add(answer.status_code)
    assert {200, 401, 422} <= seen


async def test_browsers_guess_no_type_and_frame_nothing(app_client: httpx2.AsyncClient) -> None:
    for path in (
        "/",
        "/healthz",
        "/api/v2/projects",
        "/api/v2/nothing",
        "/files/originals/1/aa/aa",
    ):
        headers = (await app_client.get(path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["X-Frame-Options"] == "DENY", path
        assert headers["Referrer-Policy"] == "no-referrer", path
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin", path
        assert "default-src 'none'" in headers["Content-Security-Policy"] or path == "/", path


async def test_errors_of_every_kind_answer_with_them(app_client: httpx2.AsyncClient) -> None:
    headers = {"Authorization": "Bearer none"}
    for method, path, status in (
        ("GET", "/api/v2/nothing", 404),
        ("DELETE", "/healthz", 405),
        ("GET", "/files/originals/1/aa/aa", 403),
        ("GET", "/assets/none.js", 404),
        ("GET", "/metrics", 404),
    ):
        answer = await app_client.request(method, path, headers=headers)
        assert answer.status_code == status, path
        expect_safe(answer)
    too_large = await app_client.post("/api/v2/auth/sign-in", content=b"a" * 100_000)
    assert too_large.status_code == 413
    expect_safe(too_large)


async def test_files_and_what_leads_to_them_answer_with_them(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    field = await make_field(system, images=1)
    outside = await begin(field)
    artifact = await outside.add_file("log.txt", "log", b"<html><script>alert(1)</script>")
    await outside.call("POST", "/finalize", {"status": "completed"})
    listed = (await field.call("GET", f"/analyses/{outside.id}/artifacts")).json()["results"]
    path = f"/api/v2/artifacts/{listed[0]['id']}/download"
    led = await app_client.get(path, headers={"Authorization": f"Bearer {field.owner}"})
    assert led.status_code == 302
    expect_safe(led)
    file = led.headers["location"].removeprefix("http://trapline.test")
    seen = []
    for method, headers in (
        ("GET", {}),
        ("HEAD", {}),
        ("GET", {"Range": "bytes=1-3"}),
        ("GET", {"Range": "bytes=999-"}),
        ("PUT", {}),
    ):
        answer = await app_client.request(method, file, headers=headers)
        is_file = method != "PUT"
        expect_safe(
            answer, POLICY if is_file else NOTHING, "same-site" if is_file else "same-origin"
        )
        seen.append(answer.status_code)
    assert seen[:4] == [200, 200, 206, 416]
    assert artifact


async def test_refusals_before_the_application_tell_of_https() -> None:
    secure = Settings(public_url="https://trapline.test")
    assert build_server_config(application_of(None), secure).http is HttpsProtocol
    assert HttpsProtocol.safe_headers["Strict-Transport-Security"]
    assert build_server_config(application_of(None), Settings()).http is HttpProtocol


async def test_a_fault_of_ours_answers_with_them() -> None:
    app = application_of(None)
    transport = httpx2.ASGITransport(wrap_middleware(app), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://trapline.test") as client:
        broken = await client.get("/readyz")  # it has no engines at all
    assert broken.status_code == 500
    expect_safe(broken)


async def test_pages_for_people_run_no_script_or_style_but_their_own(
    app_client: httpx2.AsyncClient,
) -> None:
    page = await app_client.get("/projects/1", headers={"Accept": "text/html"})
    policy = build_page_policy()
    expect_safe(page, policy)
    assert "unsafe" not in policy
    assert "://" not in policy
    assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=", page.text)
    docs = await app_client.get("/api/v2/docs")
    assert re.fullmatch(
        rf"{NOTHING}; style-src 'sha256-[\w+/]+='", docs.headers["content-security-policy"]
    )
    for asset in re.findall(r"/assets/[^\"]+", page.text):
        expect_safe(await app_client.get(asset))


async def test_https_is_for_good_where_people_use_it(system: AppContext) -> None:
    secure = replace(system, public_url="https://trapline.test")
    transport = httpx2.ASGITransport(wrap_middleware(application_of(secure)))
    async with httpx2.AsyncClient(transport=transport, base_url="https://trapline.test") as client:
        for path in ("/healthz", "/api/v2/nothing", "/"):
            assert (await client.get(path)).headers[
                "strict-transport-security"
            ] == "max-age=31536000"


FORWARDED = {"X-Forwarded-For": "192.0.2.66, 203.0.113.7, 10.1.1.1", "X-Forwarded-Proto": "https"}


@pytest.mark.parametrize(
    ("trusted", "peer", "known_as"),
    [
        (
            ("10.0.0.0/8",),
            "10.0.0.9",
            "203.0.113.7",
        ),  # two proxies of ours; earlier entries are supplied by the caller
        (("10.0.0.9",), "10.0.0.9", "10.1.1.1"),
        (("10.0.0.0/8",), "198.51.100.1", "198.51.100.1"),
        ((), "127.0.0.1", "127.0.0.1"),
    ],
)
async def test_only_proxies_that_are_trusted_say_who_calls(
    system: AppContext, application: FastAPI, trusted: tuple[str, ...], peer: str, known_as: str
) -> None:
    application.state.system = system
    config = build_server_config(application, Settings(trusted_proxies=trusted))
    config.load()
    transport = httpx2.ASGITransport(config.loaded_app, client=(peer, 4711))
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://trapline.test", headers=FORWARDED
    ) as client:
        body = {
            "link": await create_first_owner_link(system),
            "email": "o@example.org",
            "password": "a long enough password",
        }
        assert (await client.post("/api/v2/auth/link", json=body)).status_code == 200
    async with system.database.transaction(Scope.system()) as tx:
        noted = await (
            await tx.execute("select distinct address from audit where address <> ''")
        ).fetchall()
        sessions = await (await tx.execute("select address from sessions")).fetchall()
    assert noted == sessions == [(known_as,)]
