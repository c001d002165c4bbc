"""Sign-in by OpenID with a real provider over HTTP: valid tokens, and each kind of invalid one."""

import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from fastapi import FastAPI
from jwt.algorithms import RSAAlgorithm
from tests.support.browser_clients import follow, invite, open_browser, remember
from tests.support.oidc_test_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    Provider,
    make_key,
    part,
    run_provider,
)

from trapline.server.accounts.actions.one_time_links import create_first_owner_link
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.network.oidc_provider import RELOAD_AFTER_S, OidcProvider
from trapline.server.platform.network.oidc_tokens import (
    SIGN_IN_WITHIN_S,
    create_oidc_state,
    parse_oidc_state,
)
from trapline.server.platform.network.outbound_policy import OutboundPolicy

ANNA = {"sub": "4711", "email": "Anna@Example.org", "email_verified": True}


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider that knows Anna."""
    with run_provider() as running:
        running.person = dict(ANNA)
        yield running


@pytest.fixture
async def operator(
    system: AppContext, app_client: httpx2.AsyncClient, application: FastAPI, provider: Provider
) -> AsyncIterator[httpx2.AsyncClient]:
    """Return the operator of a server with an OpenID provider and one invited user."""
    knows = OidcProvider(
        provider.issuer,
        CLIENT_ID,
        CLIENT_SECRET,
        "openid email profile",
        "the university",
        OutboundPolicy(),
    )
    application.state.system = replace(system, identity_provider=knows)
    async with open_browser(application) as browser:
        await follow(
            browser, f"#{await create_first_owner_link(system)}", email="owner@example.org"
        )
        await invite(browser, "anna@example.org")
        yield browser


@pytest.fixture
async def browser(
    operator: httpx2.AsyncClient, application: FastAPI
) -> AsyncIterator[httpx2.AsyncClient]:
    """Anna's browser."""
    async with open_browser(application, "192.0.2.7") as opened:
        yield opened


async def begin(browser: httpx2.AsyncClient) -> str:
    answer = await browser.post("/auth/oidc/begin")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["url"])


async def come_back(browser: httpx2.AsyncClient, provider: Provider) -> httpx2.Response:
    return await browser.post("/auth/oidc", json=provider.authorise(await begin(browser)))


async def list_audit(system: AppContext) -> list[str]:
    async with system.database.transaction(Scope.system()) as tx:
        cursor = await tx.execute("select action from audit order by at, id")
        return [action for (action,) in await cursor.fetchall()]


async def test_somebody_invited_signs_in_and_is_linked(
    system: AppContext,
    browser: httpx2.AsyncClient,
    operator: httpx2.AsyncClient,
    provider: Provider,
) -> None:
    assert (await browser.get("/auth/methods")).json() == {
        "oidc": {"name": "the university"},
        "password_reset": False,
    }
    answer = await come_back(browser, provider)
    assert remember(browser, answer)["email"] == "anna@example.org"
    assert (await browser.get("/auth/me")).json()["email"] == "anna@example.org"
    assert (await list_audit(system))[-2:] == ["link_oidc", "sign_in"]
    person = (await operator.get("/users")).json()["results"][1]
    assert (person["is_linked"], person["state"]) == (True, "active")
    # A linked account is found by its subject, even after the e-mail address has changed.
    provider.person["email"] = "anna.new@example.org"
    assert (await come_back(browser, provider)).json()["email"] == "anna@example.org"
    assert (
        await browser.post("/auth/sign-out", headers={"X-CSRF-Token": answer.json()["csrf_token"]})
    ).is_error
    browser.headers["X-CSRF-Token"] = (await browser.get("/auth/me")).json()["csrf_token"]
    assert (await browser.post("/auth/sign-out")).status_code == 204
    assert (await browser.get("/auth/me")).status_code == 401


async def test_a_code_is_of_no_use_to_anyone_else(
    browser: httpx2.AsyncClient, provider: Provider
) -> None:
    address = await begin(browser)
    query = parse_qs(urlsplit(address).query)
    assert query["redirect_uri"] == ["http://trapline.test/sign-in/oidc"]
    cookie = browser.cookies["trapline_oidc"]
    for secret in (query["state"][0], query["nonce"][0], query["code_challenge"][0], CLIENT_SECRET):
        assert secret not in cookie
    assert CLIENT_SECRET not in address
    set_cookie = (await browser.post("/auth/oidc/begin")).headers["set-cookie"].lower()
    assert {"httponly", "samesite=lax", f"max-age={SIGN_IN_WITHIN_S}"} <= {
        part.strip() for part in set_cookie.split(";")
    }


async def test_nobody_is_let_in_without_an_invitation(
    system: AppContext,
    browser: httpx2.AsyncClient,
    operator: httpx2.AsyncClient,
    provider: Provider,
) -> None:
    provider.person = {"sub": "stranger", "email": "stranger@example.org", "email_verified": True}
    refused = await come_back(browser, provider)
    assert refused.status_code == 403
    assert "invite you first" in refused.json()["detail"]
    for unsure in (
        {"email_verified": False},
        {"email_verified": None},
        {"email": None},
        {"email": "anna\ud800@x.org"},
    ):
        provider.person = ANNA | unsure
        assert (refused := await come_back(browser, provider)).status_code == 403, unsure
        assert "verified e-mail address" in refused.json()["detail"]
    assert (await operator.get("/users")).json()["count"] == 2, "no account makes itself"
    assert "trapline_session" not in browser.cookies
    assert "link_oidc" not in await list_audit(system)


async def test_address_told_aside_is_taken_from_the_same_person_alone(
    browser: httpx2.AsyncClient, provider: Provider
) -> None:
    provider.person = {"sub": "4711"}
    provider.at_userinfo = ANNA | {"sub": "somebody else"}
    assert (await come_back(browser, provider)).status_code == 403
    # An address counts as verified only together with the claim of the provider that sent it.
    for token, aside in (
        ({"email": ANNA["email"]}, {"email": "mallory@example.org", "email_verified": True}),
        ({"email": ANNA["email"], "email_verified": False}, {"email_verified": True}),
        ({"email_verified": True}, {"email": ANNA["email"]}),
    ):
        provider.person, provider.at_userinfo = {"sub": "4711", **token}, {"sub": "4711", **aside}
        assert (await come_back(browser, provider)).status_code == 403, (token, aside)
    provider.person = {"sub": "4711"}
    provider.at_userinfo = dict(ANNA)
    assert (await come_back(browser, provider)).status_code == 200


async def test_one_account_is_not_handed_to_the_next_with_its_address(
    browser: httpx2.AsyncClient, operator: httpx2.AsyncClient, provider: Provider
) -> None:
    assert (await come_back(browser, provider)).status_code == 200
    provider.person["sub"] = "the next Anna"
    refused = await come_back(browser, provider)
    assert refused.status_code == 403
    assert "is linked to another account" in refused.json()["detail"]
    anna = (await operator.get("/users")).json()["results"][1]["id"]
    unlinked = await operator.patch(f"/users/{anna}", json={"is_linked": False})
    assert unlinked.json()["is_linked"] is False
    assert (await come_back(browser, provider)).status_code == 200
    await operator.patch(f"/users/{anna}", json={"deactivated": True})
    refused = await come_back(browser, provider)
    assert refused.status_code == 403
    assert "deactivated" in refused.json()["detail"]


async def test_keys_that_change_are_read_anew_but_not_for_ever(
    browser: httpx2.AsyncClient, provider: Provider, application: FastAPI
) -> None:
    assert (await come_back(browser, provider)).status_code == 200
    provider.key = make_key("second", "ES256")
    knows = application.state.system.identity_provider
    provider.asked.clear()
    refused = await come_back(browser, provider)
    assert "key that the provider does not publish" in refused.json()["detail"]
    assert "/jwks" not in provider.asked, "the keys were read a moment ago"
    provider.told_keys.append(provider.key[1])
    knows._keys = (knows._keys[0] - RELOAD_AFTER_S, knows._keys[1])
    assert (await come_back(browser, provider)).status_code == 200
    assert provider.asked.count("/jwks") == 1


def claims_with(**changes: Any) -> Callable[[Provider], None]:
    def twist(provider: Provider) -> None:
        provider.twist = lambda claims: {
            k: v for k, v in (claims | changes).items() if v is not None
        }

    return twist


def signed_by(sign: Callable[[Provider, dict[str, Any]], str]) -> Callable[[Provider], None]:
    def twist(provider: Provider) -> None:
        provider.sign = sign

    return twist


def sign_with_public_key(provider: Provider, claims: dict[str, Any]) -> str:
    """As if the public key were a shared secret."""
    public = provider.key[0].public_key()
    secret = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signed = f"{part({'alg': 'HS256', 'kid': 'first'})}.{part(claims)}"
    digest = hmac.digest(secret, signed.encode(), hashlib.sha256)
    return f"{signed}.{jwt.utils.base64url_encode(digest).decode()}"


def sign_with_another_key(provider: Provider, claims: dict[str, Any]) -> str:
    return jwt.encode(claims, make_key("another")[0], "RS256", headers={"kid": "first"})


def change_afterwards(provider: Provider, claims: dict[str, Any]) -> str:
    head, _, signature = jwt.encode(
        claims, provider.key[0], "RS256", headers={"kid": "first"}
    ).split(".")
    return f"{head}.{part(claims | {'sub': 'another'})}.{signature}"


def carry_own_key(provider: Provider, claims: dict[str, Any]) -> str:
    private, told = make_key("another")
    return jwt.encode(claims, private, "RS256", headers={"kid": "another", "jwk": told})


def sign_nothing(provider: Provider, claims: dict[str, Any]) -> str:
    return f"{part({'alg': 'none', 'kid': 'first'})}.{part(claims)}."


def sign_with_short_key(provider: Provider, claims: dict[str, Any]) -> str:
    """With a key that the provider publishes, and that is too short to be believed."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    told = {**RSAAlgorithm.to_jwk(private.public_key(), as_dict=True), "kid": "short", "use": "sig"}
    provider.told_keys = [told]
    signed = f"{part({'alg': 'RS256', 'kid': 'short'})}.{part(claims)}"
    signature = private.sign(signed.encode(), PKCS1v15(), SHA256())
    return f"{signed}.{jwt.utils.base64url_encode(signature).decode()}"


UNBELIEVABLE: dict[str, tuple[Callable[[Provider], None], str]] = {
    "nonce of another": (claims_with(nonce="another"), "another sign-in"),
    "no nonce": (claims_with(nonce=None), "a required claim is missing"),
    "audience": (claims_with(aud="another program"), "another program"),
    "two audiences, for neither": (claims_with(aud=[CLIENT_ID, "another"]), "another program"),
    "party": (claims_with(azp="another"), "another program"),
    "issuer": (claims_with(iss="https://elsewhere.example"), "another issuer"),
    "no issuer": (claims_with(iss=None), "a required claim is missing"),
    "expired": (claims_with(exp=int(time.time()) - 3600), "has expired"),
    "no end": (claims_with(exp=None), "a required claim is missing"),
    "of the future": (claims_with(iat=int(time.time()) + 3600), "in the future"),
    "old": (claims_with(iat=int(time.time()) - 3600), "too long ago"),
    "time that is none": (claims_with(iat="now"), "not a valid token"),
    "time that is a text": (claims_with(iat=str(int(time.time()))), "not a valid token"),
    "half a character as the nonce": (claims_with(nonce="\ud800"), "another sign-in"),
    "half a character as the subject": (claims_with(sub="\ud800"), "no valid user ID"),
    "algorithm that is a list": (
        signed_by(lambda _, claims: f"{part({'alg': ['RS256']})}.{part(claims)}.eA"),
        "not signed",
    ),
    "nobody": (claims_with(sub=""), "no valid user ID"),
    "no subject": (claims_with(sub=None), "a required claim is missing"),
    "none": (signed_by(sign_nothing), "not signed with"),
    "HS256 with the public key": (signed_by(sign_with_public_key), "not signed with"),
    "another key": (signed_by(sign_with_another_key), "signature is wrong"),
    "changed": (signed_by(change_afterwards), "signature is wrong"),
    "brings its own key": (signed_by(carry_own_key), "does not publish"),
    "no token": (signed_by(lambda *_: "no.token"), "not a signed token"),
}


async def test_untrusted_tokens_sign_in_no_user(
    system: AppContext, browser: httpx2.AsyncClient, provider: Provider
) -> None:
    for name, (twist, words) in UNBELIEVABLE.items():
        provider.twist, provider.sign = dict, None
        twist(provider)
        refused = await come_back(browser, provider)
        assert refused.status_code == 401, name
        assert words in refused.json()["detail"], name
        async with system.database.transaction(Scope.system()) as tx:
            await tx.execute("delete from sign_in_failures")
    assert "trapline_session" not in browser.cookies
    assert "link_oidc" not in await list_audit(system)
    provider.twist, provider.sign = dict, None
    assert (await come_back(browser, provider)).status_code == 200, "and what can be believed does"


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits")
async def test_a_short_key_of_the_provider_signs_nobody_in(
    browser: httpx2.AsyncClient, provider: Provider
) -> None:
    provider.sign = sign_with_short_key
    refused = await come_back(browser, provider)
    assert (refused.status_code, "trapline_session" in browser.cookies) == (401, False), (
        refused.text
    )


async def test_code_and_state_are_of_one_browser_and_one_time(
    browser: httpx2.AsyncClient, operator: httpx2.AsyncClient, provider: Provider
) -> None:
    cookie_before = await begin(browser)
    first = provider.authorise(cookie_before)
    kept = browser.cookies["trapline_oidc"]
    assert (await operator.post("/auth/oidc", json=first)).status_code == 401, (
        "begun in another browser"
    )
    other = await browser.post("/auth/oidc", json=first | {"state": "another"})
    assert "started last in this browser" in other.json()["detail"]
    assert (
        await browser.post("/auth/oidc", json={"state": first["state"], "error": "denied"})
    ).status_code == 401
    foreign = await browser.post(
        "/auth/oidc", json=first, headers={"Origin": "https://evil.example"}
    )
    assert foreign.status_code == 403
    assert (await browser.post("/auth/oidc", json=first)).status_code == 200
    browser.cookies.set("trapline_oidc", kept, domain="trapline.test", path="/")
    again = await browser.post("/auth/oidc", json=first)
    assert again.status_code == 401
    assert "used already" in again.json()["detail"]
    # A code that was stolen is of no use with another browser's verifier.
    stolen = provider.authorise(await begin(operator))
    mine = provider.authorise(await begin(browser))
    assert (
        await browser.post("/auth/oidc", json=mine | {"code": stolen["code"]})
    ).status_code == 401


def test_journey_ends() -> None:
    journey, cookie = create_oidc_state(b"key", 1000.0)
    assert (
        parse_oidc_state(b"key", cookie, journey.state, 1000.0 + SIGN_IN_WITHIN_S).nonce
        == journey.nonce
    )
    for key, given, now in (
        (b"key", cookie, 1001.0 + SIGN_IN_WITHIN_S),
        (b"other", cookie, 1000.0),
        (b"key", None, 1000.0),
    ):
        with pytest.raises(Exception, match="Start again"):
            parse_oidc_state(key, given, journey.state, now)


def test_a_cookie_of_a_journey_is_believed_by_its_signature() -> None:
    journey, cookie = create_oidc_state(b"key", 1000.0)
    seed, _, signature = cookie.rpartition(".")
    changed = signature[:-1] + ("a" if signature[-1] != "a" else "b")
    for given in (f"{seed}.{changed}", f"{seed}.", f"{seed}.{journey.state}", seed):
        with pytest.raises(Exception, match="not started in this browser"):
            parse_oidc_state(b"key", given, journey.state, 1000.0)
