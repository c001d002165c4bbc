"""People at browsers of their own: each has its cookies and its address."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from fastapi import FastAPI

from trapline.server.app.http.application import wrap_middleware

PASSWORD = "a long enough password"


@asynccontextmanager
async def open_browser(
    application: FastAPI, address: str = "192.0.2.1"
) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser that is signed in nowhere, at this address."""
    transport = httpx2.ASGITransport(wrap_middleware(application), client=(address, 50_000))
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://trapline.test/api/v2"
    ) as browser:
        yield browser


def remember(browser: httpx2.AsyncClient, answer: httpx2.Response) -> dict[str, Any]:
    """Store the CSRF token of a response that signed a user in."""
    assert answer.status_code == 200, answer.text
    caller: dict[str, Any] = answer.json()
    browser.headers["X-CSRF-Token"] = caller["csrf_token"]
    return caller


async def sign_in(
    browser: httpx2.AsyncClient, email: str, password: str = PASSWORD
) -> dict[str, Any]:
    """Sign in by password."""
    return remember(
        browser, await browser.post("/auth/sign-in", json={"email": email, "password": password})
    )


async def follow(browser: httpx2.AsyncClient, url: str, **given: Any) -> dict[str, Any]:
    """Follow a one-time link and choose a password."""
    body = {"link": url.partition("#")[2], "password": PASSWORD} | given
    return remember(browser, await browser.post("/auth/link", json=body))


async def invite(operator: httpx2.AsyncClient, email: str, **given: Any) -> dict[str, Any]:
    """Invite a user."""
    answer = await operator.post("/users", json={"email": email} | given)
    assert answer.status_code == 201, answer.text
    user: dict[str, Any] = answer.json()
    return user
