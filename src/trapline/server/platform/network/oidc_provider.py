"""The operator's OpenID provider: where its parts are, its keys, and the exchange of a code for what it says."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from pydantic import BaseModel, ValidationError

from trapline.server.platform.errors import OidcProviderUnavailable, OutboundFailed, Unauthenticated
from trapline.server.platform.network.oidc_tokens import (
    BEGIN_AGAIN,
    NOT_BELIEVED,
    OidcState,
    find_key,
    find_verified_email,
    parse_token_header,
    verify_id_token,
)
from trapline.server.platform.network.outbound_policy import AllowedNetwork, OutboundPolicy

if TYPE_CHECKING:
    from trapline.server.platform.network.outbound import OutboundClient

KEPT_S = 3600
"""How long what was found is good for; a token of an unknown key has the keys read anew before that."""
ANEW_AFTER_S = 10
"""The keys are read anew at most so often, whatever tokens name."""
FAILED_S = 5
"""What failed is asked for again after so long, and until then fails at once, however many want to sign in."""
PATIENCE_S = 10
MOST_BYTES = 1024 * 1024
AWAY = "Your organisation's sign-in is unavailable: {}. You are not signed in. Try again later, or use a password."


class ProviderMetadata(BaseModel):
    """What a provider says of itself (OpenID Connect Discovery 1.0, 3), as far as it is used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]


@dataclass
class OidcProvider:
    """An OpenID provider, which is asked when somebody signs in; a provider that is away keeps nobody else out."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    scopes: str
    name: str
    policy: OutboundPolicy
    _discovered: tuple[float, ProviderMetadata] | None = None
    _keys: tuple[float, list[Any]] | None = None
    _failed: dict[str, tuple[float, str]] = field(default_factory=dict)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        """Let the issuer be wherever its operator says; what it names elsewhere is under the rules of all addresses."""
        parts = urlsplit(self.issuer)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        own = AllowedNetwork(host=(parts.hostname or "").rstrip("."), port=port, reaches_here=True)
        self.policy = replace(self.policy, allowed_networks=(*self.policy.allowed_networks, own))

    async def make_address(self, journey: OidcState, redirect_uri: str) -> str:
        """Where a browser goes to sign in. Raises ProviderAway."""
        found = await self._discover()
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self.client_id,
                "redirect_uri": redirect_uri,
                "scope": self.scopes,
                "state": journey.state,
                "nonce": journey.nonce,
                "code_challenge": journey.challenge,
                "code_challenge_method": "S256",
            }
        )
        return f"{found.authorization_endpoint}{'&' if '?' in found.authorization_endpoint else '?'}{query}"

    async def exchange(self, code: str, journey: OidcState, redirect_uri: str) -> dict[str, Any]:
        """What the provider claims of the person who brought this code.

        Raises Unauthenticated, ProviderAway.
        """
        found = await self._discover()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": journey.verifier,
        }
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        methods = found.token_endpoint_auth_methods_supported
        if self.client_secret is None or (
            "client_secret_basic" not in methods and "client_secret_post" in methods
        ):
            form["client_id"] = self.client_id
            if self.client_secret is not None:
                form["client_secret"] = self.client_secret
        else:
            # RFC 6749, 2.3.1: both are encoded as a form's fields before they are put together.
            pair = f"{quote(self.client_id, safe='')}:{quote(self.client_secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        status, told = await self._post(found.token_endpoint, urlencode(form).encode(), headers)
        if status == 400 and isinstance(told, Mapping) and told.get("error") == "invalid_grant":
            raise Unauthenticated(f"This sign-in was used already, or took too long. {BEGIN_AGAIN}")
        if status in (400, 401):
            raise OidcProviderUnavailable(
                AWAY.format(
                    "it refuses this Trapline, whose operator should look at TRAPLINE_OIDC_*"
                )
            )
        if (
            status != 200
            or not isinstance(told, Mapping)
            or not isinstance(told.get("id_token"), str)
        ):
            raise OidcProviderUnavailable(
                AWAY.format("it answered with something else than a token")
            )
        claims = await self._believe(told["id_token"], found, journey)
        if (
            find_verified_email(claims) is None
            and found.userinfo_endpoint
            and told.get("access_token")
        ):
            aside = await self._ask_about(
                found.userinfo_endpoint, str(told["access_token"]), claims
            )
            # Both from one place: an address of the one is not verified because the other says so
            # of its own.
            claims = {
                name: value
                for name, value in claims.items()
                if name not in ("email", "email_verified")
            }
            claims = {**aside, **claims}
        return {**claims, "iss": found.issuer}

    async def _believe(
        self, token: str, found: ProviderMetadata, journey: OidcState
    ) -> dict[str, Any]:
        algorithm, kid = parse_token_header(token)
        key = find_key(await self._read_keys(found, KEPT_S), algorithm, kid)
        if key is None:
            # It may have changed its keys since they were read.
            key = find_key(await self._read_keys(found, ANEW_AFTER_S), algorithm, kid)
        if key is None:
            raise Unauthenticated(
                NOT_BELIEVED.format("it is signed with a key that the provider does not name")
            )
        return verify_id_token(
            token,
            key,
            issuer=found.issuer,
            client_id=self.client_id,
            nonce=journey.nonce,
            now=time.time(),
        )

    async def _ask_about(
        self, address: str, access_token: str, claims: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What else the provider says of a person: many tell the e-mail address here alone (Core, 5.3.2)."""
        if not (access_token.isascii() and access_token.isprintable()):
            raise OidcProviderUnavailable(
                AWAY.format("it answered with something else than a token")
            )
        told = await self._get(address, {"Authorization": f"Bearer {access_token}"})
        return dict(told) if isinstance(told, Mapping) and told.get("sub") == claims["sub"] else {}

    @asynccontextmanager
    async def _turn(self, what: str) -> AsyncIterator[None]:
        """Let one at a time ask for something, and nobody for what failed a moment ago.

        Raises ProviderAway.
        """
        try:
            async with asyncio.timeout(PATIENCE_S * 2):
                await self._reading.acquire()
        except TimeoutError:
            raise OidcProviderUnavailable(AWAY.format("it takes too long")) from None
        try:
            failed = self._failed.get(what)
            if failed is not None and time.monotonic() < failed[0] + FAILED_S:
                raise OidcProviderUnavailable(failed[1])
            try:
                yield
            except OidcProviderUnavailable as error:
                self._failed[what] = (time.monotonic(), error.detail)
                raise
        finally:
            self._reading.release()

    async def _discover(self) -> ProviderMetadata:
        async with self._turn("parts"):
            if self._discovered is not None and time.monotonic() < self._discovered[0] + KEPT_S:
                return self._discovered[1]
            told = await self._get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            try:
                found = ProviderMetadata.model_validate(told)
            except ValidationError:
                raise OidcProviderUnavailable(
                    AWAY.format("what it says of itself is no OpenID configuration")
                ) from None
            if found.issuer.rstrip("/") != self.issuer.rstrip("/"):
                raise OidcProviderUnavailable(
                    AWAY.format("it calls itself something else than TRAPLINE_OIDC_ISSUER")
                )
            parts = (
                found.authorization_endpoint,
                found.token_endpoint,
                found.jwks_uri,
                found.userinfo_endpoint,
            )
            secure = (
                ("https://",) if self.issuer.startswith("https://") else ("https://", "http://")
            )
            if not all(part.startswith(secure) for part in parts if part is not None):
                raise OidcProviderUnavailable(
                    AWAY.format("a part of it has no address that begins with https://")
                )
            self._discovered = (time.monotonic(), found)
            return found

    async def _read_keys(self, found: ProviderMetadata, kept_s: float) -> list[Any]:
        async with self._turn("keys"):
            if self._keys is not None and time.monotonic() < self._keys[0] + kept_s:
                return self._keys[1]
            told = await self._get(found.jwks_uri)
            keys = told.get("keys") if isinstance(told, Mapping) else None
            if not isinstance(keys, list):
                raise OidcProviderUnavailable(AWAY.format("it does not tell its keys"))
            self._keys = (time.monotonic(), keys)
            return keys

    async def _get(self, address: str, headers: Mapping[str, str] | None = None) -> Any:
        status, told = await self._call(
            "GET", address, b"", {"Accept": "application/json", **(headers or {})}
        )
        if status != 200:
            raise OidcProviderUnavailable(AWAY.format(f"it answered {status}"))
        return told

    async def _post(self, address: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, Any]:
        return await self._call("POST", address, body, headers)

    async def _call(
        self, method: str, address: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, Any]:
        """Ask once, following no redirect; what is no JSON is None. Raises ProviderAway."""
        outbound = _open_outbound(self.policy)
        try:
            asked = (
                outbound.get(address, headers, patience_s=PATIENCE_S, max_redirects=0)
                if method == "GET"
                else outbound.post(address, body, headers, PATIENCE_S)
            )
            async with asyncio.timeout(PATIENCE_S * 2), asked as answer:
                read = bytearray()
                async for chunk in answer.chunks():
                    read += chunk
                    if len(read) > MOST_BYTES:
                        raise OutboundFailed("it answered far too much")
                return answer.status, _read_json(bytes(read))
        except TimeoutError:
            raise OidcProviderUnavailable(AWAY.format("it takes too long")) from None
        except OutboundFailed as error:
            raise OidcProviderUnavailable(AWAY.format(error.detail)) from None
        finally:
            await outbound.close()


def _open_outbound(policy: OutboundPolicy) -> "OutboundClient":
    # The HTTP client takes long to load, and most sign in by password.
    from trapline.server.platform.network.outbound import OutboundClient

    return OutboundClient(policy)


def _read_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
