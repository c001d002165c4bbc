"""URLs of pull sources: the gateway and the server of each."""

from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from trapline.server.platform.errors import Unprocessable
from trapline.server.platform.network.url_ports import get_default_port
from trapline.wire.gateway_options import GATEWAYS


class SourceServer(NamedTuple):
    """The server that a URL refers to.

    All local folders have the same server. For a bucket, `host` is the name of the bucket.
    """

    scheme: str
    host: str
    port: int


def get_gateway(base_url: str) -> str:
    """Return the default gateway for a URL.

    Raises:
        Unprocessable: no gateway supports the scheme of the URL.
    """
    return list_gateways(base_url)[0]


def list_gateways(base_url: str) -> tuple[str, ...]:
    """List the gateways that support the scheme of a URL.

    Raises:
        Unprocessable: no gateway supports the scheme of the URL.
    """
    scheme = base_url.partition(":")[0].strip().lower()
    found = tuple(name for name, info in GATEWAYS.items() if scheme in info.schemes)
    if not found:
        schemes = dict.fromkeys(name for info in GATEWAYS.values() for name in info.schemes)
        known = ", ".join(f"{name}://" for name in schemes)
        raise Unprocessable(
            f"No gateway supports {scheme[:20]!r}; the URL must start with one of {known}."
        )
    return found


def parse_source_url(base_url: str) -> SplitResult:
    """Split a URL with a host (or bucket).

    Raises:
        Unprocessable: the URL is not valid, has no host, or contains a user name or password.
    """
    try:
        split = urlsplit(base_url.strip())
        host, port = split.hostname, split.port
    except ValueError as error:
        raise Unprocessable(
            "This is not a complete URL, such as ftp://camera.example/images/."
        ) from error
    if not host:
        raise Unprocessable("This URL has no host.")
    if port == 0:
        raise Unprocessable("The port of this URL is not from 1 to 65535.")
    if split.username is not None or split.password is not None:
        raise Unprocessable(
            "The URL must not contain a user name or password; "
            "set auth_username and auth_password instead."
        )
    return split


def validate_source_url(
    gateway: str, base_url: str, auth_type: str, auth_username: str | None
) -> None:
    """Validate that a gateway can send a URL and credentials unchanged.

    Raises:
        Unprocessable: the gateway does not support the auth type, or cannot send the path or name.
    """
    info = GATEWAYS[gateway]
    if auth_type not in info.auth_types:
        accepted = " or ".join(info.auth_types)
        raise Unprocessable(f"For {gateway}, auth_type must be {accepted}.")
    if info.sends_commands and any(
        sign < " " or "\x7f" <= sign < "\xa0" for sign in unquote(base_url)
    ):
        wrong = "must not contain line breaks or other control characters, nor encoded ones (%0D)"
        raise Unprocessable("The path of this URL cannot be requested.", [("base_url", wrong)])
    if info.is_http and auth_type == "basic" and ":" in (auth_username or ""):
        wrong = "must not contain a colon: HTTP treats the text after it as the password"
        raise Unprocessable(
            "With auth_type basic, auth_username must not contain a colon.",
            [("auth_username", wrong)],
        )


def get_server(base_url: str) -> SourceServer:
    """Return the server that a URL refers to. Raises Unprocessable."""
    scheme = base_url.partition(":")[0].strip().lower()
    if scheme == "file":
        return SourceServer("file", "", 0)
    split = parse_source_url(base_url)
    return SourceServer(
        scheme,
        (split.hostname or "").rstrip(".").lower(),
        split.port or get_default_port(scheme),
    )


def get_http_url(base_url: str) -> str:
    """Convert a WebSocket URL to HTTP: ws becomes http, wss becomes https."""
    split = urlsplit(base_url)
    return f"{'https' if split.scheme.lower() == 'wss' else 'http'}://{split.netloc}{split.path}"
