"""Users of a real NATS server that sign in with a key: NKEY, and a JWT of an account."""

import asyncio
import base64
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.integration.notifications.test_nats_subjects import is_open

from trapline.server.notifications.nats_publisher import NatsPublisher
from trapline.server.platform.errors import OutboundFailed
from trapline.server.platform.network.nats_connection import NatsFiles
from trapline.server.platform.network.nats_user import encode_nkey, load_nats_user
from trapline.server.platform.postgres.postgres import find_free_port

SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
PUBLIC = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
"""The pair of the documentation of NATS."""
OPERATOR, ACCOUNT, USER = 14 << 3, 0, 20 << 3


class Signer:
    """A key of an operator, an account or a user, and the JWTs that it signs."""

    def __init__(self, kind: int) -> None:
        self.kind, self.key = kind, Ed25519PrivateKey.generate()
        self.name = encode_nkey(bytes([kind]), self.key.public_key().public_bytes_raw())

    @property
    def seed(self) -> str:
        first = bytes([18 << 3 | self.kind >> 5, (self.kind & 31) << 3])
        return encode_nkey(first, self.key.private_bytes_raw())

    def sign(self, subject: "Signer", **claims: object) -> str:
        issued = {"jti": "1", "iat": int(time.time()), "iss": self.name, "sub": subject.name}
        parts = [{"typ": "JWT", "alg": "ed25519-nkey"}, issued | {"name": "test", "nats": claims}]
        text = ".".join(_encode(json.dumps(part).encode()) for part in parts)
        return f"{text}.{_encode(self.key.sign(text.encode()))}"


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@asynccontextmanager
async def _running(folder: Path, config: str) -> AsyncIterator[str]:
    port = find_free_port()
    (folder / "nats.conf").write_text(f"host: 127.0.0.1\nport: {port}\n{config}\n")
    program = Path(sys.executable).with_name("nats-server")
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        program, "-c", str(folder / "nats.conf"), stdout=quiet, stderr=quiet
    )
    try:
        async with asyncio.timeout(30):
            while not await asyncio.to_thread(is_open, port):
                assert process.returncode is None, "the server does not accept its file"
                await asyncio.sleep(0.02)
        yield f"nats://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _expect(url: str, known: Path, unknown: Path) -> None:
    """Expect that one user may publish, and that the other is refused."""
    for credentials, is_known in ((known, True), (unknown, False)):
        publisher = NatsPublisher(url, NatsFiles(credentials=credentials))
        try:
            if is_known:
                await publisher.publish("trapline.1.job.completed", "1", b"{}")
            else:
                with pytest.raises(OutboundFailed, match="does not accept the user"):
                    await publisher.check()
        finally:
            await publisher.close()


async def test_a_server_knows_the_user_by_its_nkey(tmp_path: Path) -> None:
    known, unknown = tmp_path / "known.nk", tmp_path / "unknown.nk"
    known.write_text(f"{SEED}\n")
    unknown.write_text(Signer(USER).seed)
    assert load_nats_user(known).public_key == PUBLIC
    config = f"authorization {{ users: [ {{ nkey: {PUBLIC} }} ] }}"
    async with _running(tmp_path, config) as url:
        await _expect(url, known, unknown)


async def test_a_server_knows_the_user_by_a_credentials_file(tmp_path: Path) -> None:
    operator, account, stranger = Signer(OPERATOR), Signer(ACCOUNT), Signer(ACCOUNT)
    unlimited = dict.fromkeys(("subs", "data", "payload", "conn", "imports", "exports"), -1)
    limits = {"limits": {**unlimited, "wildcards": True}}
    config = (
        f"operator: {operator.sign(operator, type='operator', version=2)}\nresolver: MEMORY\n"
        f"resolver_preload: {{ {account.name}: "
        f"{operator.sign(account, type='account', version=2, **limits)} }}"
    )
    files = []
    for number, signer in enumerate((account, stranger)):
        user = Signer(USER)
        jwt = signer.sign(user, type="user", version=2, subs=-1, data=-1, payload=-1)
        files.append(tmp_path / f"{number}.creds")
        files[-1].write_text(
            f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
            "************************* IMPORTANT *************************\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"
        )
    async with _running(tmp_path, config) as url:
        await _expect(url, *files)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nothing", "no seed of a user"),
        (SEED[:-1] + "A", "damaged"),
        (Signer(ACCOUNT).seed, "no seed of a user"),
    ],
    ids=["no_seed", "damaged", "account"],
)
def test_a_file_without_a_valid_seed_is_refused(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "user.creds"
    file.write_text(text)
    with pytest.raises(ValueError, match=why) as refused:
        load_nats_user(file)
    assert SEED[:12] not in str(refused.value)
