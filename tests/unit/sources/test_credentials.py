"""Credentials of one server are never sent to another one, whatever the first one answers."""

import base64
import datetime as dt
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.support.scripted_server import ToldServer, allow, say, told_server

from trapline.server.platform.errors import OutboundFailed
from trapline.server.platform.network.outbound import Credentials, OutboundClient
from trapline.server.platform.store.presign import S3Signer
from trapline.server.sources.gateways.gateway import Gateway
from trapline.server.sources.gateways.http_directory_gateway import HttpDirectoryGateway
from trapline.server.sources.gateways.rest_gateway import RestGateway
from trapline.server.sources.gateways.s3_gateway import S3Gateway
from trapline.wire.gateway_options import RestMapping

SECRET = "canary-4711"
HOST = "camera.test"
HTML = "text/html"


@dataclass
class Stage:
    """A TLS server with credentials, and others: without TLS, on another port, on another host."""

    own: ToldServer
    plain: ToldServer
    port: ToldServer
    elsewhere: ToldServer
    trusted: ssl.SSLContext

    @property
    def others(self) -> list[ToldServer]:
        return [self.plain, self.port, self.elsewhere]

    def outbound(self, credentials: Credentials | None) -> OutboundClient:
        async def resolve(host: str, port: int) -> list[str]:
            return ["127.0.0.1"]

        policy = allow(self.own, *self.others)
        return OutboundClient(policy, credentials=credentials, resolve=resolve, verify=self.trusted)


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Create the TLS contexts of a server on HOST and of its clients."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    path: Path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        pem
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=pem.decode())


@pytest.fixture
async def stage(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> AsyncIterator[Stage]:
    server, client = contexts
    async with (
        told_server(server, HOST) as own,
        told_server(None, HOST) as plain,
        told_server(server, HOST) as port,
        told_server(None, "elsewhere.test") as elsewhere,
    ):
        yield Stage(own, plain, port, elsewhere, client)


SIGN_INS = {
    "basic": lambda url: Credentials.basic(url, "ranger", SECRET),
    "bearer": lambda url: Credentials.header(url, "Authorization", f"Bearer {SECRET}"),
    "header": lambda url: Credentials.header(url, "X-API-Key", SECRET),
}


async def take_all(gateway: Gateway) -> list[str]:
    """List and read all files, as a run does; returns the contents, `-` for each failure."""
    read: list[str] = []
    with suppress(OutboundFailed):
        paths = [entry.path async for entry in gateway.list_files()]
        for path in paths:
            try:
                async with gateway.open_file(path) as file:
                    assert file is not None
                    read.append(b"".join([chunk async for chunk in file.chunks]).decode())
            except OutboundFailed:
                read.append("-")
    await gateway.close()
    return read


def has_secret(heads: list[str]) -> bool:
    told = "".join(heads)
    forms = [SECRET, base64.b64encode(f"ranger:{SECRET}".encode()).decode()]
    return (
        any(form in told for form in forms)
        or "authorization:" in told.lower()
        or "x-api-key" in told.lower()
    )


def redirect(url: str, status: int = 302) -> bytes:
    return say("", status, Location=url)


@pytest.mark.parametrize("sign_in", SIGN_INS)
async def test_links_and_redirects_of_a_web_server(stage: Stage, sign_in: str) -> None:
    links = [
        "own.jpg",
        *(f"{other.url}linked.jpg" for other in stage.others),
        f"//{HOST}:{stage.port.port}/linked.jpg",
    ]
    for status, (number, other) in zip((301, 302, 307), enumerate(stage.others), strict=True):
        links.append(f"moved{number}.jpg")
        stage.own.answers[f"/moved{number}.jpg"] = redirect(f"{other.url}moved.jpg", status)
        other.answer = lambda _: say("theirs")
    stage.own.answers["/"] = say(
        "".join(f'<a href="{link}">x</a>\n' for link in links), Content_Type=HTML
    )
    stage.own.answers["/own.jpg"] = say("ours")
    credentials = SIGN_INS[sign_in](stage.own.url)
    assert await take_all(HttpDirectoryGateway(stage.outbound(credentials), stage.own.url)) == [
        "ours",
        *["theirs"] * 3,
    ]
    assert all(has_secret([head]) for head in stage.own.requests)
    for other in stage.others:
        assert other.asked() == ["/moved.jpg"], "links to it are not followed, but redirects are"
        assert not has_secret(other.requests)


@pytest.mark.parametrize("sign_in", SIGN_INS)
async def test_a_listing_that_moves(stage: Stage, sign_in: str) -> None:
    for other in stage.others:
        stage.own.answers["/"] = redirect(f"{other.url}there/")
        other.answers["/there/"] = say('<a href="a.jpg">x</a>\n', Content_Type=HTML)
        other.answers["/there/a.jpg"] = redirect(f"{stage.own.url}back.jpg")
        stage.own.answers["/back.jpg"] = say("ours")
        credentials = SIGN_INS[sign_in](stage.own.url)
        assert await take_all(HttpDirectoryGateway(stage.outbound(credentials), stage.own.url)) == [
            "ours"
        ]
        assert other.asked() == ["/there/", "/there/a.jpg"]
        assert not has_secret(other.requests)


@pytest.mark.parametrize("sign_in", SIGN_INS)
async def test_items_pages_and_redirects_of_a_json_interface(stage: Stage, sign_in: str) -> None:
    files = [
        "/own.jpg",
        *(f"{other.url}{number}.jpg" for number, other in enumerate(stage.others)),
        "/moved.jpg",
    ]
    page = {"files": [{"url": url} for url in files], "next": f"{stage.own.url}api/2"}
    stage.own.answers |= {
        "/api": say(json.dumps(page)),
        "/api/2": redirect(f"{stage.plain.url}api/2"),
        "/own.jpg": say("ours"),
        "/moved.jpg": redirect(f"{stage.elsewhere.url}moved.jpg"),
    }
    stage.plain.answers["/api/2"] = say('{"files": [{"url": "late.jpg"}]}')
    for other in stage.others:
        other.answer = lambda _: say("theirs")
    credentials, mapping = SIGN_INS[sign_in](stage.own.url), RestMapping(items="files", next="next")
    address = f"{stage.own.url}api"
    strict = RestGateway(stage.outbound(credentials), address, mapping)
    assert await take_all(strict) == ["ours", "-", "-", "-", "theirs", "-"]
    assert [other.asked() for other in stage.others] == [["/api/2"], [], ["/moved.jpg"]]
    origins = [other.url for other in stage.others]
    assert await take_all(RestGateway(stage.outbound(credentials), address, mapping,
    file_origins=origins)) == [
        "ours", *["theirs"] * 5
    ]  # fmt: skip
    assert all(has_secret([head]) for head in stage.own.requests)
    assert not any(has_secret(other.requests) for other in stage.others)
    for other in stage.others:
        stage.own.answers["/api"] = say(json.dumps({"files": [], "next": f"{other.url}next"}))
        await take_all(RestGateway(stage.outbound(credentials), address, mapping))
        assert "/next" not in other.asked()


async def test_keys_and_redirects_of_a_bucket(stage: Stage) -> None:
    """The secret is never sent, and a signature is sent only to the URL that it was created for."""
    keys = [f"{other.url}a.jpg" for other in stage.others] + ["moved.jpg", "/a.jpg", "a.jpg"]
    listing = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in keys)
    stage.own.answer = lambda path: (
        say(f"<ListBucketResult>{listing}</ListBucketResult>")
        if "list-type" in path
        else redirect(f"{stage.elsewhere.url}{path}")
        if "moved" in path
        else say("ours")
    )
    bucket = S3Gateway(
        stage.outbound(None), stage.own.url, "s3://bucket", S3Signer("key", SECRET, "us-east-1")
    )
    assert await take_all(bucket) == ["ours", "ours", "ours", "-", "ours", "ours"]
    stage.own.answer = lambda path: redirect(f"{stage.plain.url}{path}", 307)
    bucket = S3Gateway(
        stage.outbound(None), stage.own.url, "s3://bucket", S3Signer("key", SECRET, "us-east-1")
    )
    assert await take_all(bucket) == []
    assert [other.requests for other in stage.others] == [[], [], []]
    assert SECRET not in "".join(stage.own.requests)
    assert all("X-Amz-Signature=" in path for path in stage.own.asked())


async def test_a_certificate_that_is_not_trusted_is_called_that(stage: Stage) -> None:
    stage.trusted = ssl.create_default_context()
    outbound = stage.outbound(None)
    with pytest.raises(OutboundFailed, match="certificate is not trusted: self-signed"):
        async with outbound.get(stage.own.url):
            pass
    await outbound.close()
