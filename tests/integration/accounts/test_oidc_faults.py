"""Faults of an OpenID provider and of its settings, and limits of sign-ins with it."""

import json

import httpx2
import pytest
from fastapi import FastAPI
from tests.integration.accounts.test_oidc import begin, browser, operator, provider
from tests.support.oidc_test_provider import (
    CLIENT_SECRET,
    Provider,
)

from trapline.server.accounts.actions.oidc import list_sign_in_methods
from trapline.server.accounts.rules.login_backoff import ADDRESS
from trapline.server.app.app_startup import open_app_context
from trapline.server.app.settings import SettingsError, load_settings
from trapline.server.platform.app_context import AppContext, build_token_buckets

__all__ = ["browser", "operator", "provider"]


async def test_repeated_sign_in_failures_wait(
    system: AppContext, browser: httpx2.AsyncClient, provider: Provider
) -> None:
    given = {"state": "guessed", "code": "guessed"}
    statuses = [
        (await browser.post("/auth/oidc", json=given)).status_code for _ in range(ADDRESS.free + 2)
    ]
    assert statuses == [401] * (ADDRESS.free + 1) + [429]


async def test_provider_that_is_away_or_wrong_is_told_in_words(
    browser: httpx2.AsyncClient, provider: Provider, application: FastAPI
) -> None:
    knows = application.state.system.identity_provider
    back = provider.authorise(await begin(browser))
    knows.client_secret = "another secret"
    refused = await browser.post("/auth/oidc", json=back)
    assert (refused.status_code, "TRAPLINE_OIDC_" in refused.json()["detail"]) == (503, True)
    assert int(refused.headers["Retry-After"]) >= 1
    knows.client_secret = CLIENT_SECRET
    for wrong in (
        {"issuer": "https://elsewhere.example"},
        {"token_endpoint": "file:///etc/passwd"},
        {"jwks_uri": 7},
    ):
        provider.changes, knows._discovered = wrong, None
        knows._failed.clear()
        provider.asked.clear()
        for _ in range(2):
            assert (await browser.post("/auth/oidc/begin")).status_code == 503, wrong
        assert len(provider.asked) == 1, "what failed a moment ago is not asked for again"
    knows._failed.clear()
    # Endpoints in the discovery document follow the same rules as every URL.
    provider.changes, knows._discovered = {"token_endpoint": "http://127.0.0.1:45999/token"}, None
    refused = await browser.post("/auth/oidc", json=provider.authorise(await begin(browser)))
    assert refused.status_code == 503
    assert "may not connect to" in refused.json()["detail"]
    assert "another secret" not in json.dumps(refused.json())


async def test_sign_in_starts_and_methods_are_counted_by_address(
    browser: httpx2.AsyncClient, application: FastAPI, provider: Provider
) -> None:
    await begin(browser)
    object.__setattr__(application.state.system.rates, "strangers", build_token_buckets(0.001))
    for method, path in (("POST", "/auth/oidc/begin"), ("GET", "/auth/methods")):
        answers = [
            await browser.request(method, path, headers={"Cookie": "trapline_session=no"})
            for _ in range(2)
        ]
        assert answers[-1].status_code == 429, path
        assert answers[-1].headers["Retry-After"]
    assert provider.asked.count("/.well-known/openid-configuration") == 1


async def test_without_a_provider_there_is_nothing(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    assert list_sign_in_methods(system).oidc is None
    assert (await app_client.post("/api/v2/auth/oidc/begin")).status_code == 404
    assert (
        await app_client.post("/api/v2/auth/oidc", json={"state": "s", "code": "c"})
    ).status_code == 404


@pytest.mark.parametrize(
    "given",
    [
        {"ISSUER": "http://login.example.org", "CLIENT_ID": "x"},
        {"ISSUER": "login.example.org", "CLIENT_ID": "x"},
        {"ISSUER": "https://login.example.org"},
        {"CLIENT_ID": "x"},
        {"ISSUER": "https://login.example.org", "CLIENT_ID": "x", "SCOPES": "profile"},
    ],
)
async def test_settings_that_cannot_work_are_refused_at_the_start(
    given: dict[str, str], database_url: str
) -> None:
    named = {f"TRAPLINE_OIDC_{name}": value for name, value in given.items()}
    with pytest.raises(SettingsError, match="OIDC"):
        async with open_app_context(
            load_settings(named | {"DATABASE_URL": database_url, "TRAPLINE_SECRET_KEY": "x" * 32})
        ):
            pass
