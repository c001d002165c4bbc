"""Send e-mail through the mail server of the settings, with one connection per message."""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage as MimeMessage
from email.policy import SMTP
from email.utils import format_datetime, getaddresses, parseaddr
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

from trapline.server.platform.errors import OutboundFailed

if TYPE_CHECKING:
    import aiosmtplib

WITHIN_S = 20.0
"""How long one e-mail may take, from resolving the host to the server's last response."""
QUIT_WITHIN_S = 2.0
LONGEST_ERROR = 200

Protection = Literal["none", "starttls", "tls"]
_KINDS: dict[str, tuple[Protection, int]] = {
    "smtp": ("none", 25),
    "smtp+starttls": ("starttls", 587),
    "smtps": ("tls", 465),
}


@dataclass(frozen=True)
class SmtpServer:
    """The mail server, its credentials and the sender; `introduced_as` is the name sent in EHLO."""

    host: str
    port: int
    protection: Protection
    sender: str
    introduced_as: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class EmailMessage:
    """An e-mail; `id` identifies it, so that mail programs recognise a second copy."""

    id: str
    to: str
    subject: str
    text: str
    at: datetime


def parse_smtp_url(url: str, sender: str, introduced_as: str) -> SmtpServer:
    """Parse the URL of a mail server, such as smtp+starttls://user:password@mail.example.org.

    Raises:
        ValueError: the URL is invalid; the message repeats nothing of it.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(
            "is not a valid URL; write : @ / [ ] in a password as %3A %40 %2F %5B %5D"
        ) from None
    if (
        parts.scheme not in _KINDS
        or not parts.hostname
        or parts.path.strip("/")
        or parts.query
        or parts.fragment
    ):
        raise ValueError(
            "must be a URL such as smtp+starttls://user:password@mail.example.org:587 "
            "(or smtps://, smtp://)"
        )
    if (parts.username is None) != (parts.password is None):
        raise ValueError("has a user without a password, or a password without a user")
    protection, port = _KINDS[parts.scheme]
    try:
        given = parts.port
    except ValueError:
        raise ValueError(
            "has a port that is not a number; write : @ / in a password as %3A %40 %2F"
        ) from None
    if (
        parts.password is not None
        and protection == "none"
        and parts.hostname not in ("localhost", "127.0.0.1", "::1")
    ):
        raise ValueError("would send its password unencrypted: use smtp+starttls:// or smtps://")
    return SmtpServer(
        host=parts.hostname,
        port=given or port,
        protection=protection,
        sender=parse_sender(sender),
        introduced_as=introduced_as,
        user=unquote(parts.username) if parts.username is not None else None,
        password=unquote(parts.password) if parts.password is not None else None,
    )


def parse_sender(text: str) -> str:
    """Parse the sender of e-mails: `Name <a@b.example>` or only the address. Raises ValueError."""
    try:
        # Several addresses or lines are invalid.
        [(name, address)] = getaddresses([text]) if text.isprintable() else []
        return str(Address(name, addr_spec=address))
    except (ValueError, HeaderParseError, IndexError):
        raise ValueError(
            "must be one e-mail address, such as Trapline <trapline@example.org>"
        ) from None


def render_message(server: SmtpServer, letter: EmailMessage) -> MimeMessage:
    """Render an e-mail as a MIME message.

    Raises:
        OutboundFailed: the recipient's address is invalid.
    """
    message = MimeMessage(policy=SMTP)
    message["From"] = server.sender
    try:
        message["To"] = Address(addr_spec=letter.to)
    except (ValueError, HeaderParseError, IndexError) as error:
        raise OutboundFailed("the recipient's e-mail address is not valid") from error
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(letter.at)
    message["Message-ID"] = f"<{letter.id}@{parseaddr(server.sender)[1].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    return message


async def send_email(server: SmtpServer, letter: EmailMessage) -> None:
    """Send an e-mail; return when the mail server has accepted it.

    Raises:
        OutboundFailed: the server cannot be reached or refuses it; the message has no secrets.
    """
    import aiosmtplib

    message = render_message(server, letter)
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        local_hostname=server.introduced_as,
        username=server.user,
        password=server.password,
        use_tls=server.protection == "tls",
        start_tls=server.protection == "starttls",
        timeout=WITHIN_S,
    )
    try:
        async with asyncio.timeout(WITHIN_S):
            await client.connect()
            await client.send_message(message)
        with suppress(aiosmtplib.SMTPException, OSError):
            await client.quit(timeout=QUIT_WITHIN_S)
    except aiosmtplib.SMTPAuthenticationError as error:
        # The server's response may repeat the credentials.
        raise OutboundFailed(
            f"the mail server refused Trapline's sign-in (status {error.code})"
        ) from None
    except aiosmtplib.SMTPRecipientsRefused as error:
        raise OutboundFailed(
            f"the mail server refused the recipient: {_format_error(server, error.recipients[0])}"
        ) from None
    except aiosmtplib.SMTPResponseException as error:
        raise OutboundFailed(
            f"the mail server refused the e-mail: {_format_error(server, error)}"
        ) from None
    except TimeoutError:
        raise OutboundFailed(
            f"the mail server did not answer within {WITHIN_S:g} seconds"
        ) from None
    except OSError as error:
        if _is_tls_error(error):
            raise OutboundFailed(
                "the mail server has no valid certificate, or it does not support TLS"
            ) from None
        raise OutboundFailed("the mail server could not be reached") from None
    except aiosmtplib.SMTPException:
        raise OutboundFailed(
            "the mail server does not support TLS or the sign-in that the settings require"
        ) from None
    finally:
        client.close()


def _is_tls_error(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error is not None


def _format_error(server: SmtpServer, error: "aiosmtplib.SMTPResponseException") -> str:
    message = error.message
    for secret in filter(None, (server.password, server.user)):
        message = message.replace(secret, "…")
    return " ".join(f"{error.code} {message}".split())[:LONGEST_ERROR]
