"""Errors of an SSH server, with messages that repeat nothing that the server sent."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncssh

from trapline.server.platform.errors import FileGone, OutboundFailed, Unanswered
from trapline.server.platform.network.dialing import get_error_reason
from trapline.server.sources.gateways.ssh_credentials import HostKeyVerifier


class SftpPermissionDenied(OutboundFailed):
    """The server accepted the user, but denied access to a file or folder."""


@contextmanager
def translate_sftp_errors(host: str, verifier: HostKeyVerifier | None = None) -> Iterator[None]:
    """Translate errors of an SSH connection to OutboundFailed with a message for users.

    The message contains no text of the server.
    """
    try:
        yield
    except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed) as error:
        if verifier is not None and (verifier.shown is not None or verifier.algorithms):
            raise verifier.explain_refusal(host) from error
        raise OutboundFailed(
            f"{host} and Trapline have no encryption algorithm in common"
        ) from error
    except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath) as error:
        raise FileGone("it does not exist") from error
    except asyncssh.SFTPPermissionDenied as error:
        raise SftpPermissionDenied(
            f"{host} denied access: check that the user may list and read it"
        ) from error
    except asyncssh.Error as error:
        raise OutboundFailed(_explain(host, error)) from error
    except TimeoutError as error:
        raise Unanswered(f"{host} did not answer in the time allowed") from error
    except OSError as error:
        raise Unanswered(f"the connection to {host} broke: {get_error_reason(error)}") from error
    except ValueError as error:
        raise OutboundFailed(f"{host} sent an invalid SSH message") from error


def _explain(host: str, error: asyncssh.Error) -> str:
    match error:
        case asyncssh.PermissionDenied():
            return f"{host} denied the login: check user name, and password or key"
        case (
            asyncssh.ConnectionLost() | asyncssh.SFTPConnectionLost() | asyncssh.SFTPNoConnection()
        ):
            return f"the connection to {host} broke"
        case asyncssh.ChannelOpenError():
            return f"{host} accepted the login, but does not offer SFTP"
        case asyncssh.SFTPError():
            return f"{host} refused the request (SFTP status {error.code})"
        case asyncssh.DisconnectError():
            return f"{host} ended the connection (SSH reason {error.code})"
        case _:
            return f"{host} sent an invalid SSH message"
