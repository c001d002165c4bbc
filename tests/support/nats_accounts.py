"""A real NATS server with an operator, an account and users that sign in with a key."""

import asyncio
import base64
import json
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trapline.server.platform.network.nats_user import encode_nkey
from trapline.server.platform.postgres.postgres import find_free_port

OPERATOR, ACCOUNT, USER = 14 << 3, 0, 20 << 3


class Signer:
    """A key of an operator, an account or a user, and the JWTs that it signs."""

    def __init__(self, kind: int) -> None:
        self.kind, self.key = kind, Ed25519PrivateKey.generate()
        self.name = encode_nkey(bytes([kind]), self.key.public_key().public_bytes_raw())

    @property
    def seed(self) -> str:
        """The seed of the key."""
        first = bytes([18 << 3 | self.kind >> 5, (self.kind & 31) << 3])
        return encode_nkey(first, self.key.private_bytes_raw())

    def sign(self, subject: "Signer", **claims: object) -> str:
        """Sign the claims of a subject."""
        issued = {"jti": "1", "iat": int(time.time()), "iss": self.name, "sub": subject.name}
        parts = [{"typ": "JWT", "alg": "ed25519-nkey"}, issued | {"name": "test", "nats": claims}]
        text = ".".join(_encode(json.dumps(part).encode()) for part in parts)
        return f"{text}.{_encode(self.key.sign(text.encode()))}"


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@asynccontextmanager
async def running_nats_with(folder: Path, config: str) -> AsyncIterator[str]:
    """Run a NATS server with a configuration, and yield its URL."""
    port = find_free_port()
    (folder / "nats.conf").write_text(f"host: 127.0.0.1\nport: {port}\n{config}\n")
    program = Path(sys.executable).with_name("nats-server")
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        program, "-c", str(folder / "nats.conf"), stdout=quiet, stderr=quiet
    )
    try:
        async with asyncio.timeout(30):
            while not await asyncio.to_thread(_is_open, port):
                assert process.returncode is None, "the server does not accept its file"
                await asyncio.sleep(0.02)
        yield f"nats://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def build_config(operator: Signer, account: Signer) -> str:
    """Build the configuration of a server that has one account."""
    unlimited = dict.fromkeys(("subs", "data", "payload", "conn", "imports", "exports"), -1)
    limits = {"limits": {**unlimited, "wildcards": True}}
    return (
        f"operator: {operator.sign(operator, type='operator', version=2)}\nresolver: MEMORY\n"
        f"resolver_preload: {{ {account.name}: "
        f"{operator.sign(account, type='account', version=2, **limits)} }}"
    )


def build_credentials_file(jwt: str, user: Signer) -> str:
    """Build a credentials file as `nsc generate creds` writes it."""
    return (
        f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
        "************************* IMPORTANT *************************\n"
        f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"
    )
