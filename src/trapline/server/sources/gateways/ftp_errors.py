"""Errors of an FTP server, with messages that repeat nothing that the server sent."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import aioftp

from trapline.server.platform.errors import FileGone, OutboundFailed, Unanswered
from trapline.server.platform.network.dialing import get_error_reason


class FtpCommandRefused(OutboundFailed):
    """The FTP server refused a command; `code` is its reply code."""

    def __init__(self, detail: str, code: str) -> None:
        super().__init__(detail)
        self.code = code


class FtpConnectionLost(Unanswered):
    """The FTP server closed a connection that it had accepted."""


def get_reply_code(error: aioftp.StatusCodeError) -> str:
    return str(error.received_codes[-1])[:3]


@contextmanager
def translate_ftp_errors(host: str, *, signing_in: bool = False) -> Iterator[None]:
    """Translate errors of an FTP connection to OutboundFailed with a message for users.

    The message contains no text of the server, because it could contain the credentials.
    """
    try:
        yield
    except aioftp.StatusCodeError as error:
        raise _build_refusal(host, error, signing_in=signing_in) from None
    except aioftp.errors.InvalidCommand:
        raise OutboundFailed(
            "a name or password with line breaks cannot be sent over FTP"
        ) from None
    except ssl.SSLCertVerificationError as error:
        raise OutboundFailed(
            f"the certificate of {host} is not trusted: {error.verify_message}"
        ) from error
    except ssl.SSLError as error:
        raise OutboundFailed(
            f"the TLS handshake with {host} failed on this port ({error.reason})"
        ) from error
    except TimeoutError as error:
        raise Unanswered(f"{host} did not answer in the time allowed") from error
    except ConnectionError as error:
        raise FtpConnectionLost(
            f"the connection to {host} broke: {get_error_reason(error)}"
        ) from error
    except OSError as error:
        raise OutboundFailed(
            f"the connection to {host} broke: {get_error_reason(error)}"
        ) from error
    except (ValueError, IndexError, KeyError) as error:
        raise OutboundFailed(f"{host} sent an invalid FTP reply") from error


def _build_refusal(host: str, error: aioftp.StatusCodeError, *, signing_in: bool) -> OutboundFailed:
    code, reply = get_reply_code(error), " ".join(error.info).lower()
    messages = {
        "421": f"{host} accepts no more connections, or is shutting down (421)",
        "425": f"{host} could not open a data connection (425)",
        "426": f"{host} aborted the transfer (426)",
        "450": f"{host} cannot send the file now (450): it may be in use",
        "451": f"{host} aborted the transfer because of a server error (451)",
        "530": f"{host} denied the login (530): check user name and password",
        "532": f"{host} requires an account besides the password (532), which is not supported",
        "534": f"{host} requires TLS (534): use a URL that starts with ftps://",
    }
    if (
        signing_in
        and code in ("421", "522", "530", "534", "550")
        and ("tls" in reply or "ssl" in reply)
    ):
        return FtpCommandRefused(
            f"{host} requires TLS ({code}): use a URL that starts with ftps://", code
        )
    if code == "550" and not signing_in:
        if any(word in reply for word in ("permission", "denied", "not allowed", "forbidden")):
            return FtpCommandRefused(
                f"{host} denied access (550): check that the user may list and read it", code
            )
        return FileGone("it does not exist (550)", is_empty="no file" in reply or "empty" in reply)
    if not code.isdigit():
        return OutboundFailed(f"{host} sent an invalid FTP reply")
    return FtpCommandRefused(messages.get(code, f"{host} refused the command ({code})"), code)
