"""The operator's OpenID provider: its endpoints and keys, and the exchange of codes for claims."""

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
    INVALID_RESPONSE,
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
"""How long metadata and keys are cached; a token with an unknown key reloads the keys earlier."""
RELOAD_AFTER_S = 10
"""The shortest time between two loads of the keys, whatever keys tokens name."""
FAILED_S = 5
"""How long a failed request is not repeated; sign-ins in that time fail immediately."""
PATIENCE_S = 10
MOST_BYTES = 1024 * 1024
UNAVAILABLE = (
    "Your organisation's sign-in is unavailable: {}. You are not signed in. "
    "Try again later, or use a password."
)


class ProviderMetadata(BaseModel):
    """The metadata of a provider that Trapline uses (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]


@dataclass
class OidcProvider:
    """An OpenID provider, which is called only for sign-ins that use it."""

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
        """Allow connections to the issuer, which the operator set, at any address.

        Other URLs that the provider names are subject to the general policy.
        """
        parts = urlsplit(self.issuer)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        own = AllowedNetwork(host=(parts.hostname or "").rstrip("."), port=port, reaches_here=True)
        self.policy = replace(self.policy, allowed_networks=(*self.policy.allowed_networks, own))

    async def build_authorization_url(self, sign_in: OidcState, redirect_uri: str) -> str:
        """Build the URL at which the browser signs in.

        Raises:
            OidcProviderUnavailable: the metadata cannot be loaded.
        """
        found = await self._discover()
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self.client_id,
                "redirect_uri": redirect_uri,
                "scope": self.scopes,
                "state": sign_in.state,
                "nonce": sign_in.nonce,
                "code_challenge": sign_in.challenge,
                "code_challenge_method": "S256",
            }
        )
        endpoint = found.authorization_endpoint
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"

    async def exchange(self, code: str, sign_in: OidcState, redirect_uri: str) -> dict[str, Any]:
        """Exchange a code for the provider's claims about the user.

        Raises:
            Unauthenticated: the code or the ID token is invalid.
            OidcProviderUnavailable: the provider does not answer, or not as specified.
        """
        found = await self._discover()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": sign_in.verifier,
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
            # RFC 6749, section 2.3.1: both are encoded like form fields before they are joined.
            pair = f"{quote(self.client_id, safe='')}:{quote(self.client_secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        status, tokens = await self._post(found.token_endpoint, urlencode(form).encode(), headers)
        if status == 400 and isinstance(tokens, Mapping) and tokens.get("error") == "invalid_grant":
            raise Unauthenticated(f"This sign-in was used already, or took too long. {BEGIN_AGAIN}")
        if status in (400, 401):
            raise OidcProviderUnavailable(
                UNAVAILABLE.format(
                    "it refuses the requests of Trapline, and the operator should check "
                    "TRAPLINE_OIDC_*"
                )
            )
        if (
            status != 200
            or not isinstance(tokens, Mapping)
            or not isinstance(tokens.get("id_token"), str)
        ):
            raise OidcProviderUnavailable(UNAVAILABLE.format("its response has no token"))
        claims = await self._verify(tokens["id_token"], found, sign_in)
        if (
            find_verified_email(claims) is None
            and found.userinfo_endpoint
            and tokens.get("access_token")
        ):
            user_info = await self._fetch_user_info(
                found.userinfo_endpoint, str(tokens["access_token"]), claims
            )
            # The address and `email_verified` must come from one response: each response verifies
            # only the address that it contains.
            claims = {
                name: value
                for name, value in claims.items()
                if name not in ("email", "email_verified")
            }
            claims = {**user_info, **claims}
        return {**claims, "iss": found.issuer}

    async def _verify(
        self, token: str, found: ProviderMetadata, sign_in: OidcState
    ) -> dict[str, Any]:
        algorithm, kid = parse_token_header(token)
        key = find_key(await self._read_keys(found, KEPT_S), algorithm, kid)
        if key is None:
            # The provider may have changed its keys since they were loaded.
            key = find_key(await self._read_keys(found, RELOAD_AFTER_S), algorithm, kid)
        if key is None:
            raise Unauthenticated(
                INVALID_RESPONSE.format(
                    "it is signed with a key that the provider does not publish"
                )
            )
        return verify_id_token(
            token,
            key,
            issuer=found.issuer,
            client_id=self.client_id,
            nonce=sign_in.nonce,
            now=time.time(),
        )

    async def _fetch_user_info(
        self, url: str, access_token: str, claims: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Fetch further claims; many providers send the e-mail address only here (Core, 5.3.2)."""
        if not (access_token.isascii() and access_token.isprintable()):
            raise OidcProviderUnavailable(UNAVAILABLE.format("its response has no token"))
        found = await self._get(url, {"Authorization": f"Bearer {access_token}"})
        is_same_user = isinstance(found, Mapping) and found.get("sub") == claims["sub"]
        return dict(found) if is_same_user else {}

    @asynccontextmanager
    async def _turn(self, what: str) -> AsyncIterator[None]:
        """Allow one request at a time, and none within FAILED_S after a failure of the same kind.

        Raises:
            OidcProviderUnavailable: the request failed a moment ago, or the wait is too long.
        """
        try:
            async with asyncio.timeout(PATIENCE_S * 2):
                await self._reading.acquire()
        except TimeoutError:
            raise OidcProviderUnavailable(UNAVAILABLE.format("it takes too long")) from None
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
            content = await self._get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            try:
                found = ProviderMetadata.model_validate(content)
            except ValidationError:
                raise OidcProviderUnavailable(
                    UNAVAILABLE.format("its metadata is not an OpenID configuration")
                ) from None
            if found.issuer.rstrip("/") != self.issuer.rstrip("/"):
                raise OidcProviderUnavailable(
                    UNAVAILABLE.format(
                        "the issuer in its metadata differs from TRAPLINE_OIDC_ISSUER"
                    )
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
                    UNAVAILABLE.format("one of its endpoints has no URL that begins with https://")
                )
            self._discovered = (time.monotonic(), found)
            return found

    async def _read_keys(self, found: ProviderMetadata, kept_s: float) -> list[Any]:
        async with self._turn("keys"):
            if self._keys is not None and time.monotonic() < self._keys[0] + kept_s:
                return self._keys[1]
            content = await self._get(found.jwks_uri)
            keys = content.get("keys") if isinstance(content, Mapping) else None
            if not isinstance(keys, list):
                raise OidcProviderUnavailable(UNAVAILABLE.format("it does not publish its keys"))
            self._keys = (time.monotonic(), keys)
            return keys

    async def _get(self, url: str, headers: Mapping[str, str] | None = None) -> Any:
        status, content = await self._call(
            "GET", url, b"", {"Accept": "application/json", **(headers or {})}
        )
        if status != 200:
            raise OidcProviderUnavailable(UNAVAILABLE.format(f"it answered with status {status}"))
        return content

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, Any]:
        return await self._call("POST", url, body, headers)

    async def _call(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, Any]:
        """Send one request without following redirects; return its status and JSON.

        Content that is not JSON is returned as None.

        Raises:
            OidcProviderUnavailable: the provider does not answer.
        """
        outbound = _open_outbound(self.policy)
        try:
            request = (
                outbound.get(url, headers, patience_s=PATIENCE_S, max_redirects=0)
                if method == "GET"
                else outbound.post(url, body, headers, PATIENCE_S)
            )
            async with asyncio.timeout(PATIENCE_S * 2), request as answer:
                read = bytearray()
                async for chunk in answer.chunks():
                    read += chunk
                    if len(read) > MOST_BYTES:
                        raise OutboundFailed("its response is too large")
                return answer.status, _read_json(bytes(read))
        except TimeoutError:
            raise OidcProviderUnavailable(UNAVAILABLE.format("it takes too long")) from None
        except OutboundFailed as error:
            raise OidcProviderUnavailable(UNAVAILABLE.format(error.detail)) from None
        finally:
            await outbound.close()


def _open_outbound(policy: OutboundPolicy) -> "OutboundClient":
    # The HTTP client takes long to import, and most users sign in with a password.
    from trapline.server.platform.network.outbound import OutboundClient

    return OutboundClient(policy)


def _read_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
