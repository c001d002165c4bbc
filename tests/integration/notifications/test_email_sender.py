"""E-mail to real mail servers: TLS, sign-in, and exactly one recipient address."""

import ssl
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.file_servers import make_certificate
from tests.support.mail_server import PASSWORD, USER, running_mail_server, spoken_to

from trapline.server.platform.errors import OutboundFailed
from trapline.server.platform.network.email_sender import EmailMessage, Protection, send_email

LETTER = EmailMessage("1", "ada@house.example", "Hello", "Text\n", datetime(2026, 3, 1, tzinfo=UTC))


@pytest.mark.parametrize("protection", ["starttls", "tls"])
async def test_the_sign_in_is_sent_only_to_a_server_that_shows_who_it_is(
    protection: Protection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.path)
    own = {"starttls": context} if protection == "starttls" else {"tls": context}
    async with running_mail_server(**own, asks=True) as box:
        server = spoken_to(box.port, protection, user=USER, password=PASSWORD)
        with pytest.raises(OutboundFailed, match="has no valid certificate"):
            await send_email(server, LETTER)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
        await send_email(server, LETTER)
        assert [one.subject for one in box.handed] == ["Hello"]
        with pytest.raises(OutboundFailed) as refused:
            await send_email(replace(server, password="wrong"), LETTER)
    assert refused.value.detail == "the mail server refused Trapline's sign-in (status 535)"
    assert PASSWORD not in f"{server!r}"


async def test_a_server_that_has_no_tls_is_told_no_password() -> None:
    async with running_mail_server() as box:
        with pytest.raises(
            OutboundFailed, match="does not support TLS or the sign-in that the settings require"
        ):
            await send_email(spoken_to(box.port, "starttls", user=USER, password=PASSWORD), LETTER)
        assert box.handed == []


@pytest.mark.parametrize(
    "address", ["a@b.example, c@d.example", "a@b.example\r\nBcc: c@d.example", "nobody", "<>"]
)
async def test_an_address_that_is_none_reaches_nobody(address: str) -> None:
    async with running_mail_server() as box:
        with pytest.raises(OutboundFailed, match="e-mail address is not valid"):
            await send_email(spoken_to(box.port), replace(LETTER, to=address))
        assert box.handed == []
