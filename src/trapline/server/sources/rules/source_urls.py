"""Addresses of pull sources: which gateway speaks to one, and whom it speaks to."""

from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from trapline.server.platform.errors import Unprocessable

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21, "ftps": 990, "sftp": 22}
BY_SCHEME = {
    "http": ("http", "rest"),
    "https": ("http", "rest"),
    "file": ("folder",),
    "s3": ("s3",),
    "ftp": ("ftp",),
    "ftps": ("ftp",),
    "sftp": ("sftp",),
    "ws": ("websocket",),
    "wss": ("websocket",),
}
"""The gateways that speak to addresses of a scheme, the usual one first."""

SIGN_INS = {"ftp": ("none", "basic"), "sftp": ("basic",)}
"""The ways to sign in that a gateway knows, where it does not know all."""

# In one line of a command, a line break would begin another one.
_NAMED_IN_COMMANDS = ("ftp", "sftp")
_BASIC_OVER_HTTP = ("http", "rest", "websocket")


class SourceServer(NamedTuple):
    """Whom an address speaks to.

    Every local folder is on the one machine; a bucket is named as a host would be.
    """

    scheme: str
    host: str
    port: int


def get_gateway(base_url: str) -> str:
    """Name the gateway that an address usually is spoken to by.

    Raises Unprocessable for one that none speaks to.
    """
    return list_gateways(base_url)[0]


def list_gateways(base_url: str) -> tuple[str, ...]:
    """Name every gateway that speaks to such addresses.

    Raises Unprocessable where there is none.
    """
    scheme = base_url.partition(":")[0].strip().lower()
    if scheme not in BY_SCHEME:
        known = ", ".join(f"{name}://" for name in BY_SCHEME)
        raise Unprocessable(
            f"No gateway speaks {scheme[:20]!r}; addresses begin with one of {known}."
        )
    return BY_SCHEME[scheme]


def parse_source_url(base_url: str) -> SplitResult:
    """Split an address that names a host (or bucket), with nothing secret in it.

    Raises Unprocessable with a hint.
    """
    try:
        split = urlsplit(base_url.strip())
        host, port = split.hostname, split.port
    except ValueError as error:
        raise Unprocessable(
            "This is not a complete address, such as ftp://camera.example/pictures/."
        ) from error
    if not host:
        raise Unprocessable("This address names no host.")
    if port == 0:
        raise Unprocessable("The port of this address is not from 1 to 65535.")
    if split.username is not None or split.password is not None:
        raise Unprocessable(
            "A name and password must not stand in the address; give them as auth_username and auth_password."
        )
    return split


def validate_source_url(
    gateway: str, base_url: str, auth_type: str, auth_username: str | None
) -> None:
    """Refuse an address or a sign-in that a gateway cannot send as it is meant.

    Raises Unprocessable.
    """
    if auth_type not in SIGN_INS.get(gateway, (auth_type,)):
        raise Unprocessable(
            f"Over {gateway} the auth_type can be {' or '.join(SIGN_INS[gateway])} only."
        )
    if gateway in _NAMED_IN_COMMANDS and any(
        sign < " " or "\x7f" <= sign < "\xa0" for sign in unquote(base_url)
    ):
        wrong = (
            "must have no line break and no other control character, not as %0D or the like either"
        )
        raise Unprocessable("The path of this address cannot be asked for.", [("base_url", wrong)])
    if gateway in _BASIC_OVER_HTTP and auth_type == "basic" and ":" in (auth_username or ""):
        wrong = "must have no colon: over HTTP, what follows it would be taken for the password"
        raise Unprocessable(
            "With auth_type basic, auth_username can have no colon.", [("auth_username", wrong)]
        )


def get_server(base_url: str) -> SourceServer:
    """Tell whom an address speaks to. Raises Unprocessable."""
    scheme = base_url.partition(":")[0].strip().lower()
    if scheme == "file":
        return SourceServer("file", "", 0)
    split = parse_source_url(base_url)
    return SourceServer(
        scheme,
        (split.hostname or "").rstrip(".").lower(),
        split.port or DEFAULT_PORTS.get(scheme, 0),
    )


def get_http_url(base_url: str) -> str:
    """Name the address of the same server over HTTP: ws is http, wss is https."""
    split = urlsplit(base_url)
    return f"{'https' if split.scheme.lower() == 'wss' else 'http'}://{split.netloc}{split.path}"
