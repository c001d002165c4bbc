"""HTTP requests to URLs that users name."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from http.cookiejar import CookieJar
from importlib.metadata import version

import httpcore2
import httpx2

from trapline.server.platform.errors import AddressNotAllowed, OutboundFailed, Unanswered
from trapline.server.platform.network.dialing import (
    Dialer,
    Resolver,
    is_public_address,
    resolve_host,
)
from trapline.server.platform.network.outbound_policy import OutboundPolicy

MAX_REDIRECTS = 3
MAX_HEADER_BYTES = 4096
# The largest number that a source can configure; the pull itself applies the configured one.
MAX_CONNECTIONS = 16
SCHEMES = {"http": 80, "https": 443}
USER_AGENT = f"Trapline/{version('trapline')} (imports camera images; see the docs of Trapline)"


@dataclass(frozen=True)
class Timeouts:
    """Timeouts in seconds: to connect, for a whole listing, and for a download without progress."""

    connect_s: float = 10
    listing_s: float = 30
    download_s: float = 60


@dataclass(frozen=True)
class Credentials:
    """Secret headers, which are sent to one origin (scheme, host, port) and to no other."""

    origin: tuple[str, str, int]
    headers: Mapping[str, str] = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse values that are not valid in a header; a library's error would show the secret."""
        if not all(is_header_value(value) for value in self.headers.values()):
            raise AddressNotAllowed(
                "the password or header has characters that cannot be sent; enter it again"
            )

    @classmethod
    def basic(cls, url: str, username: str, password: str) -> "Credentials":
        """Build credentials for the origin of `url` from a user name and a password."""
        pair = base64.b64encode(f"{username}:{password}".encode()).decode()
        return cls(get_origin(httpx2.URL(url)), {"Authorization": f"Basic {pair}"})

    @classmethod
    def header(cls, url: str, name: str, value: str) -> "Credentials":
        """Build credentials for the origin of `url` from one header."""
        return cls(get_origin(httpx2.URL(url)), {name: value})


@dataclass
class OutboundResponse:
    """The response of an external server after redirects; `chunks` reads its undecoded body."""

    url: str
    status: int
    headers: httpx2.Headers
    _response: httpx2.Response = field(repr=False)

    @property
    def is_public(self) -> bool:
        """Return whether the response came from an address on the internet."""
        peer = self._response.extensions["network_stream"].get_extra_info("server_addr")
        return is_public_address(str(peer[0]))

    async def chunks(self) -> AsyncIterator[bytes]:
        """Read the body as it was sent.

        Raises:
            OutboundFailed: the body ends before its announced length, or the connection fails.
        """
        try:
            async for chunk in self._response.aiter_raw():
                yield chunk
        except httpx2.RemoteProtocolError:
            raise OutboundFailed(
                "the transfer ended before the length that the server had announced"
            ) from None
        except httpx2.TimeoutException as error:
            raise OutboundFailed("the server sent nothing for too long") from error
        except httpx2.HTTPError:
            raise OutboundFailed("the connection broke before the transfer was complete") from None


class OutboundClient:
    """An HTTP client that connects only to addresses that the policy allows.

    It uses no proxy and no netrc of the environment, and stores no cookies. Its errors do not quote
    responses, because a response may contain the credentials.
    """

    def __init__(
        self,
        policy: OutboundPolicy,
        *,
        credentials: Credentials | None = None,
        timeouts: Timeouts | None = None,
        resolve: Resolver | None = None,
        verify: ssl.SSLContext | None = None,
        connections: int = MAX_CONNECTIONS,
    ) -> None:
        self._credentials = credentials
        self._timeouts = timeouts or Timeouts()
        self._client = httpx2.AsyncClient(
            transport=_GuardedTransport(policy, resolve or resolve_host, verify, connections),
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            cookies=_NoCookies(),
            follow_redirects=False,
            trust_env=False,
        )

    @asynccontextmanager
    async def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        patience_s: float | None = None,
        max_redirects: int = MAX_REDIRECTS,
    ) -> AsyncIterator[OutboundResponse]:
        """Open a URL and follow up to `max_redirects` redirects; with 0, return the redirect.

        The server may send nothing for `patience_s` seconds, by default the timeout of downloads.
        Credentials are sent only to their origin. Every HTTP status is returned without an error.

        Raises:
            AddressNotAllowed: the policy does not allow the address.
            OutboundFailed: the request failed, or there were too many redirects.
        """
        current = parse_url(url)
        for _ in range(max_redirects + 1):
            sent = dict(headers or {})
            if self._credentials is not None and self._credentials.origin == get_origin(current):
                sent.update(self._credentials.headers)
            response = await self._send(self._build(current, sent, patience_s))
            try:
                if (
                    not max_redirects
                    or not response.is_redirect
                    or "location" not in response.headers
                ):
                    yield OutboundResponse(
                        str(current), response.status_code, response.headers, response
                    )
                    return
                current = parse_url(str(current.join(response.headers["location"])))
            except httpx2.InvalidURL as error:
                raise OutboundFailed("the server redirects to an invalid URL") from error
            finally:
                await response.aclose()
        raise OutboundFailed(f"the server redirected more than {max_redirects} times")

    @asynccontextmanager
    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], patience_s: float
    ) -> AsyncIterator[OutboundResponse]:
        """Send a body to a URL once, without following redirects. Raises as `get` does."""
        connect_s = self._timeouts.connect_s
        timeout = httpx2.Timeout(patience_s, connect=connect_s, pool=connect_s)
        response = await self._send(
            self._client.build_request(
                "POST", parse_url(url), content=body, headers=headers, timeout=timeout
            )
        )
        try:
            yield OutboundResponse(url, response.status_code, response.headers, response)
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    def _build(
        self, url: httpx2.URL, headers: Mapping[str, str], patience_s: float | None
    ) -> httpx2.Request:
        connect_s = self._timeouts.connect_s
        timeout = httpx2.Timeout(
            patience_s or self._timeouts.download_s, connect=connect_s, pool=connect_s
        )
        return self._client.build_request("GET", url, headers=headers, timeout=timeout)

    async def _send(self, request: httpx2.Request) -> httpx2.Response:
        host = request.url.host
        # The library's timeout starts again with each piece of the response's head.
        within = asyncio.timeout(sum(request.extensions["timeout"].values()))
        try:
            async with within:
                return await self._client.send(request, stream=True)
        except httpx2.ConnectTimeout as error:
            raise Unanswered(f"no connection to {host} within the time allowed") from error
        except httpx2.TimeoutException as error:
            raise Unanswered(
                f"{host} accepted the request and sent no response within the time allowed"
            ) from error
        except TimeoutError as error:
            if not within.expired():
                raise
            raise Unanswered(
                f"{host} did not complete the head of its response within the time allowed"
            ) from error
        except httpx2.ConnectError as error:
            raise OutboundFailed(f"no connection to {host}: {_describe_failure(error)}") from None
        # The library's following errors quote the request or the response with their secrets, and
        # logs show the causes of errors.
        except httpx2.LocalProtocolError:
            raise OutboundFailed(
                f"these settings do not result in a valid request to {host}"
            ) from None
        except httpx2.NetworkError:
            raise Unanswered(f"the connection to {host} broke before it answered") from None
        except httpx2.HTTPError:
            raise OutboundFailed(f"{host} did not answer with valid HTTP") from None


def parse_url(url: str) -> httpx2.URL:
    """Parse a URL that a user or a server gave.

    Raises:
        AddressNotAllowed: the URL is invalid; the message says how to correct it.
    """
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, TypeError, ValueError) as error:
        raise AddressNotAllowed(
            "this is not a complete URL, such as https://camera.example/images/"
        ) from error
    if parsed.scheme not in SCHEMES:
        raise AddressNotAllowed("URLs must begin with http:// or https://")
    if not parsed.host:
        raise AddressNotAllowed("this URL has no host")
    if parsed.port is not None and not 0 < parsed.port < 65_536:
        raise AddressNotAllowed("the port of this URL is not from 1 to 65535")
    if parsed.userinfo:
        raise AddressNotAllowed(
            "a URL must not contain a user name or password; use auth_username and auth_password"
        )
    return parsed


def get_origin(url: httpx2.URL) -> tuple[str, str, int]:
    """Return the scheme, host and port of a URL."""
    return url.scheme, url.host.rstrip(".").lower(), url.port or SCHEMES.get(url.scheme, 0)


def is_header_value(value: str) -> bool:
    """Return whether a text is valid as the value of a header."""
    return value.isascii() and value.isprintable()


class _GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to an address that the dialer checked.

    TLS and the Host header still use the host name, because only the connection is made here.
    """

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        async def connect(address: str) -> httpcore2.AsyncNetworkStream:
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except httpcore2.ConnectTimeout as error:
                raise TimeoutError from error
            except httpcore2.ConnectError as error:
                raise ConnectionError(str(error)) from error

        return await self._dialer.dial("http", host, port, timeout, connect)

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - the interface is httpcore's
        timeout: float | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore2.AsyncNetworkStream:
        raise AddressNotAllowed("connections to socket files are not allowed")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _GuardedTransport(httpx2.AsyncHTTPTransport):
    """The transport of httpx with the guarded backend."""

    def __init__(
        self,
        policy: OutboundPolicy,
        resolve: Resolver,
        verify: ssl.SSLContext | None,
        connections: int,
    ) -> None:
        context = verify or load_trusted_certificates()
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=15,
            network_backend=_GuardedBackend(Dialer(policy, resolve)),
        )


class _NoCookies(CookieJar):
    """Stores no cookies: one would also be sent to other ports of its host, and without TLS."""

    def extract_cookies(self, response: object, request: object) -> None:
        """Ignore the cookies of a response."""


@cache
def load_trusted_certificates() -> ssl.SSLContext:
    """Load the system's certificates once, because it takes tens of milliseconds."""
    return httpx2.create_ssl_context(trust_env=False)


def _describe_failure(error: httpx2.ConnectError) -> str:
    """Describe why TLS failed, with OpenSSL's message; the dialer reports all other failures."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"it does not support TLS on this port ({cause.reason})"
        cause = cause.__cause__ or cause.__context__
    return "it was closed before it was used"
