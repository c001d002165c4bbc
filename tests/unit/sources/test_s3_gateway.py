"""Unusual responses of S3 services; the conformance tests use a real server."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.support.scripted_server import ToldServer, allow, say, told_server

from trapline.server.platform.errors import AddressNotAllowed, FileGone, OutboundFailed
from trapline.server.platform.network.outbound import OutboundClient
from trapline.server.platform.store.presign import S3Signer
from trapline.server.sources.gateways import s3_gateway
from trapline.server.sources.gateways.gateway import RemoteFile
from trapline.server.sources.gateways.s3_gateway import S3Gateway

SIGNER = S3Signer("key", "canary-secret", "us-east-1")
NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def contents(key: str, size: str = "5") -> str:
    return (
        f"<Contents><Key>{key}</Key><LastModified>2026-11-21T04:39:26.000Z</LastModified>"
        "<ETag>&quot;e&quot;</ETag>"
        f"<Size>{size}</Size></Contents>"
    )


def listing(*inner: str, token: str = "") -> bytes:
    more = (
        f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>"
        if token
        else ""
    )
    return say(
        f'<?xml version="1.0"?><ListBucketResult {NAMESPACE}>{more}'
        f"{''.join(inner)}</ListBucketResult>"
    )


def error(status: int, code: str, inner: str = "", **headers: str) -> bytes:
    return say(f"<Error><Code>{code}</Code>{inner}</Error>", status, **headers)


@pytest.fixture
async def server() -> AsyncIterator[ToldServer]:
    async with told_server() as told:
        yield told


def open_bucket(
    server: ToldServer, url: str = "s3://bucket/camera", signer: S3Signer | None = SIGNER
) -> S3Gateway:
    return S3Gateway(OutboundClient(allow(server)), server.url, url, signer)


async def list_bucket(server: ToldServer, url: str = "s3://bucket/camera") -> list[RemoteFile]:
    bucket = open_bucket(server, url)
    try:
        return [entry async for entry in bucket.list_files()]
    finally:
        await bucket.close()


async def fails(server: ToldServer) -> OutboundFailed:
    with pytest.raises(OutboundFailed) as failed:
        await list_bucket(server)
    assert "canary-secret" not in failed.value.detail
    return failed.value


async def test_keys_are_read_as_the_service_wrote_them(server: ToldServer) -> None:
    """Keys are decoded only if the response confirms the encoding that was requested."""
    server.answer = lambda _: listing(contents("camera/a+b%20c.jpg"))
    assert [entry.path for entry in await list_bucket(server)] == ["a+b%20c.jpg"]
    encoded = "<EncodingType>url</EncodingType>"
    server.answer = lambda _: listing(encoded, contents("camera/a%2Bb+%25.jpg"))
    assert [entry.path for entry in await list_bucket(server)] == ["a+b %.jpg"]


async def test_keys_that_cannot_be_asked_for_are_left_out(server: ToldServer) -> None:
    odd = [
        "other/a.jpg",
        "camera/",
        "camera/b/",
        "camera/../a.jpg",
        "camera/./a.jpg",
        "camera/" + "x" * 1001,
    ]
    odd += ["camera/%E4.jpg", "camera/a%00.jpg", "camera/a%0A.jpg"]
    keys = [contents(key) for key in [*odd, "camera/good.jpg"]]
    server.answer = lambda _: listing(
        "<EncodingType>url</EncodingType>", *keys, "<Contents/>", "<Other>x</Other>"
    )
    assert [entry.path for entry in await list_bucket(server)] == [
        r"a\x00.jpg",
        r"a\x0a.jpg",
        "good.jpg",
    ]


@pytest.mark.parametrize("size", ["-1", "", "1e3", "²", "9" * 30])
async def test_an_odd_size_is_none(server: ToldServer, size: str) -> None:
    server.answer = lambda _: listing(contents("camera/a.jpg", size))
    [entry] = await list_bucket(server)
    assert entry.size is None


async def test_a_prefix_is_taken_as_it_stands(server: ToldServer) -> None:
    server.answer = lambda _: listing()
    await list_bucket(server, "s3://bucket/what? #1/50%25")
    [asked] = server.asked()
    split = urlsplit(asked)
    assert split.path == "/bucket"
    assert parse_qs(split.query)["prefix"] == ["what? #1/50%25/"]


async def test_no_path_leads_out_of_the_bucket(server: ToldServer) -> None:
    bucket = open_bucket(server, signer=None)
    for path in ("../../other/a.jpg", "a/../b.jpg", "."):
        with pytest.raises(OutboundFailed, match="cannot be requested"):
            async with bucket.open_file(path):
                pass
    await bucket.close()
    assert server.requests == []


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("s3://", "http://a.example"), ("s3:///camera", "http://a.example"),
        ("s3://../x", "http://a.example"),
        ("s3://bucket", "http://user:pw@a.example"), ("s3://bucket", "a.example"),
        ("s3://bucket", "http://a.example?x"),
    ],
)  # fmt: skip
async def test_addresses_that_cannot_be_are_refused(
    url: str, endpoint: str, server: ToldServer
) -> None:
    outbound = OutboundClient(allow(server))
    with pytest.raises(AddressNotAllowed) as refused:
        S3Gateway(outbound, endpoint, url, None)
    assert "pw" not in refused.value.detail
    await outbound.close()


async def test_pages_that_loop_or_never_end_are_left(
    server: ToldServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer = lambda _: listing(token="same")
    assert "same page again" in (await fails(server)).detail
    monkeypatch.setattr(s3_gateway, "MAX_FOLDERS", 5)
    tokens = iter(range(1000))
    server.answer = lambda _: listing(contents("camera/a.jpg"), token=f"t{next(tokens)}")
    assert "more than 5 pages" in (await fails(server)).detail
    monkeypatch.setattr(s3_gateway, "MAX_ENTRIES", 3)
    assert "more than 3 entries" in (await fails(server)).detail


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (say("<html>Sign in</html>"), "not a bucket listing"),
        (say("<ListBucketResult>"), "not a bucket listing"),
        (say(b"<ListBucketResult>\xff</ListBucketResult>"), "not a bucket listing"),
        (say('<?xml version="1.0"?><ListBucketResult/>'.encode("utf-16")), "not a bucket listing"),
        (say('<!DOCTYPE a [<!ENTITY b "c">]><ListBucketResult>&b;</ListBucketResult>'), "entities"),
        (say("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"),
         "continuation token"),
        (say("<a>" * 100_000), "not a bucket listing"),
        (error(403, "AccessDenied"), "denies access"),
        (error(403, "AccessDenied", "<Message>Request has expired</Message>"),
        "clock of this machine"),
        (error(403, "SignatureDoesNotMatch"), "signature"),
        (error(400, "AuthorizationQueryParametersError", "<Region>eu-west-1</Region>"),
        "the region eu-west-1"),
        (error(301, "PermanentRedirect", x_amz_bucket_region="eu-west-1"),
        "another region.*the region eu-west-1"),
        (error(301, "PermanentRedirect", x_amz_bucket_region="<b>"),
        "another region: set `region` and `endpoint`$"),
        (error(500, "<script>"), r"status 500$"),
        (say("no", 404), "status 404"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
async def test_an_answer_that_is_no_listing_is_said_in_words(
    server: ToldServer, answer: bytes, words: str
) -> None:
    server.answer = lambda _: answer
    with pytest.raises(OutboundFailed, match=words):
        await list_bucket(server)


async def test_an_object_that_is_gone_is_told_from_a_bucket_that_is(server: ToldServer) -> None:
    bucket = open_bucket(server)
    for code, is_gone in (("NoSuchKey", True), ("NoSuchBucket", False)):
        answer = error(404, code)
        server.answer = lambda _, answer=answer: answer  # type: ignore[misc]
        with pytest.raises(OutboundFailed) as failed:
            async with bucket.open_file("a.jpg"):
                pass
        assert isinstance(failed.value, FileGone) is is_gone
    await bucket.close()


async def test_patience_that_is_asked_for_is_told(server: ToldServer) -> None:
    server.answer = lambda _: error(503, "SlowDown", Retry_After="77")
    failed = await fails(server)
    assert (failed.retry_after_s, "too many requests" in failed.detail) == (77, True)


async def test_a_page_has_a_limit(server: ToldServer) -> None:
    server.answer = lambda _: say(b" " * (s3_gateway.PAGE_BYTES + 1))
    assert "longer than 4 MiB" in (await fails(server)).detail


async def test_no_redirect_is_followed(server: ToldServer) -> None:
    async with told_server() as other:
        server.answer = lambda path: error(307, "TemporaryRedirect", Location=f"{other.url}{path}")
        bucket = S3Gateway(OutboundClient(allow(server, other)), server.url, "s3://bucket", SIGNER)
        with pytest.raises(OutboundFailed, match="different endpoint"):
            await anext(bucket.list_files())
        with pytest.raises(OutboundFailed, match="different endpoint"):
            async with bucket.open_file("a.jpg"):
                pass
        await bucket.close()
        assert other.requests == []
        assert len(server.requests) == 2
        assert "canary-secret" not in "".join(server.requests)
