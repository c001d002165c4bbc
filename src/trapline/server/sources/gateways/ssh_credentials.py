"""Credentials for an SSH server, and the verification of the host key that it shows."""

from dataclasses import dataclass, field

import asyncssh

from trapline.server.platform.errors import OutboundFailed


@dataclass(frozen=True)
class SshCredentials:
    """Credentials for an SSH server: a password, a private key or both, and the expected host key.

    `host_key` is a public key as in known_hosts or a .pub file, or its fingerprint `SHA256:...`.
    """

    host: str
    port: int
    username: str
    password: str | None = field(default=None, repr=False)
    key: asyncssh.SSHKey | None = field(default=None, repr=False)
    host_key: str | None = None


def parse_private_key(text: str) -> asyncssh.SSHKey:
    """Parse a private key. Raises ValueError with a message that does not contain the key."""
    try:
        return asyncssh.import_private_key(text if text.endswith("\n") else f"{text}\n")
    except asyncssh.KeyEncryptionError:
        pass
    except asyncssh.KeyImportError as error:
        if "assphrase" not in str(error):
            raise ValueError("it is not a private key in OpenSSH or PEM format") from None
    raise ValueError(
        "it is protected by a passphrase, which the server cannot enter; remove it with "
        "ssh-keygen -p, or create a key for this source only (it is stored encrypted)"
    )


def parse_host_key(text: str) -> str:
    """Parse a public key, with or without a preceding host name, or a fingerprint.

    Raises ValueError.
    """
    words = text.split()
    if len(words) == 1 and words[0].startswith("SHA256:") and len(words[0]) == 50:
        return words[0]
    for at, kind in enumerate(words[:-1]):
        if kind.startswith(("ssh-", "ecdsa-", "sk-")):
            try:
                asyncssh.import_public_key(f"{kind} {words[at + 1]}")
            except (asyncssh.KeyImportError, ValueError):
                continue
            return f"{kind} {words[at + 1]}"
    raise ValueError(
        "it is neither a public key such as `ssh-ed25519 AAAA...` "
        "nor a fingerprint such as `SHA256:...`"
    )


class HostKeyVerifier(asyncssh.SSHClient):
    """Verifies the host key of a server before credentials are sent."""

    def __init__(self, login: SshCredentials) -> None:
        self._expected = login.host_key
        self.shown: asyncssh.SSHKey | None = None
        self.algorithms: list[str] = []
        if login.host_key and not login.host_key.startswith("SHA256:"):
            key = asyncssh.import_public_key(login.host_key)
            self.algorithms = [name.decode() for name in key.sig_algorithms]

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        """Return whether the host key is the expected one."""
        del host, addr, port
        self.shown = key
        return self._expected in (key.get_fingerprint(), _format_key(key))

    def explain_refusal(self, host: str) -> OutboundFailed:
        """Build the error for an unexpected host key, with the key that the server has."""
        shown = (
            ""
            if self.shown is None
            else f"{_format_key(self.shown)} ({self.shown.get_fingerprint()})"
        )
        if self._expected is None:
            return OutboundFailed(
                f"the host key of {host} is not known yet. The server has the key {shown}. Compare "
                "it with the key on the server (run ssh-keyscan localhost there, or ask its "
                "operator), then set it as the option host_key. No credentials were sent"
            )
        what = (
            f"has a different key than the option host_key: {shown}"
            if shown
            else "has no key of the type of the option host_key"
        )
        return OutboundFailed(
            f"{host} {what}. Either the server was reinstalled, or the connection is intercepted; "
            "ask its operator before you change host_key. No credentials were sent"
        )


def _format_key(key: asyncssh.SSHKey) -> str:
    return " ".join(key.export_public_key().decode().split()[:2])
