"""Users of a real NATS server that sign in with a key: NKEY, and a JWT of an account."""

from pathlib import Path

import pytest
from tests.support.nats_accounts import (
    ACCOUNT,
    OPERATOR,
    USER,
    Signer,
    build_config,
    build_credentials_file,
    running_nats_with,
)

from trapline.server.notifications.nats_publisher import NatsPublisher
from trapline.server.platform.errors import OutboundFailed
from trapline.server.platform.network.nats_connection import NatsFiles
from trapline.server.platform.network.nats_user import load_nats_user

SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
PUBLIC = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
"""The pair of the documentation of NATS."""


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
    async with running_nats_with(tmp_path, config) as url:
        await _expect(url, known, unknown)


async def test_a_server_knows_the_user_by_a_credentials_file(tmp_path: Path) -> None:
    operator, account, stranger = Signer(OPERATOR), Signer(ACCOUNT), Signer(ACCOUNT)
    config = build_config(operator, account)
    files = []
    for number, signer in enumerate((account, stranger)):
        user = Signer(USER)
        jwt = signer.sign(user, type="user", version=2, subs=-1, data=-1, payload=-1)
        files.append(tmp_path / f"{number}.creds")
        files[-1].write_text(build_credentials_file(jwt, user))
    async with running_nats_with(tmp_path, config) as url:
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
