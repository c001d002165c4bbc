"""Open connections to the configured NATS server."""

import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from trapline.server.platform.network.nats_user import load_nats_user

if TYPE_CHECKING:
    from nats.aio.client import Client

NAME = "trapline"
WITHIN_S = 5.0


@dataclass(frozen=True)
class NatsFiles:
    """Files for connections: a private CA, a client certificate with its key, and credentials."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    credentials: Path | None = None

    def build_context(self) -> ssl.SSLContext | None:
        """Build the TLS context; None if no file is set.

        Raises:
            OSError, ssl.SSLError: a file cannot be read, or is not a certificate or its key.
        """
        if self.ca is None and self.certificate is None:
            return None
        context = ssl.create_default_context(cafile=self.ca)
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        return context


async def open_nats(url: str, files: NatsFiles | None = None, **options: Any) -> "Client":
    """Open a connection that does not reconnect; `options` are those of the library.

    The files are read again for each connection, so that they can be renewed.
    """
    from nats.aio.client import Client

    client = Client()
    options = _parse_urls(url) | options
    context = files.build_context() if files else None
    if context is not None:
        options["tls"] = context
    if files is not None and files.credentials is not None:
        user = load_nats_user(files.credentials)
        options["signature_cb"] = user.sign
        # The library authenticates only with a user name. It is not sent next to a signature.
        options.setdefault("user", NAME)
        if user.jwt is not None:
            options["user_jwt_cb"] = user.jwt.encode
        else:
            # The library sets it only with another package for keys.
            client._public_nkey = user.public_key  # noqa: SLF001
    try:
        await client.connect(
            name=NAME,
            allow_reconnect=False,
            # Otherwise the library retries the connection until the timeout.
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=int(WITHIN_S),
            **options,
        )
    except BaseException:
        with suppress(Exception):
            await client.close()
        raise
    return client


def describe_rejection(last: Exception | None) -> str | None:
    """Describe which side rejected the other, according to the last error of the library.

    None if the error is of another kind.
    """
    if isinstance(last, ssl.SSLCertVerificationError):
        return f"the certificate of the NATS server is not trusted ({last.verify_message})"
    if last is not None and "authorization violation" in str(last).lower():
        return "the NATS server does not accept the user"
    return None


def describe_nats_error(error: Exception, last: Exception | None) -> str:
    """Describe an error without the URL; `last` is the last one that the library reported."""
    if rejection := describe_rejection(last) or describe_rejection(error):
        return rejection
    if isinstance(error, TimeoutError):
        return f"the NATS server did not answer within {WITHIN_S:g} seconds"
    return f"the connection to the NATS server failed ({type(error).__name__})"


def _parse_urls(url: str) -> dict[str, Any]:
    """Parse server URLs and credentials; the library does not decode credentials in URLs."""
    parts = [urlsplit(one) for one in url.split(",")]
    options: dict[str, Any] = {
        "servers": [f"{one.scheme}://{one.netloc.rpartition('@')[2]}" for one in parts]
    }
    credentials = next((one for one in parts if one.username), None)
    if credentials is None or credentials.username is None:
        return options
    if credentials.password is None:
        return options | {"token": unquote(credentials.username)}
    return options | {
        "user": unquote(credentials.username),
        "password": unquote(credentials.password),
    }
