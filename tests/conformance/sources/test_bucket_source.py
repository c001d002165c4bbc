"""A bucket as a pull source, against a real S3 server."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import httpx2
import pytest
from tests.support.loopback_policy import allow_origins
from tests.support.s3_server import BUCKET, READER, WRITER, S3Server

from trapline.server.platform.errors import FileGone, OutboundFailed
from trapline.server.platform.network.outbound import OutboundClient
from trapline.server.platform.store.presign import S3Signer
from trapline.server.sources.gateways.gateway import RemoteFile
from trapline.server.sources.gateways.s3_gateway import S3Gateway

NAMES = [
    "IMG_0001.JPG",
    "with space.jpg",
    "Füchse & Dachse #1.jpg",
    "100%25 wild.jpg",
    "what?.jpg",
    "quote\"d 'name'.jpg",
    "a+b=c.jpg",
    "100MEDIA/deep er/IMG_9999.JPG",
    ".hidden",
]


@dataclass
class Bucketful:
    """A prefix of a bucket, with methods to store objects below it."""

    server: S3Server
    prefix: str

    async def put(self, name: str, data: bytes) -> None:
        address = f"{self.server.endpoint}/{BUCKET}/{self.prefix}{name}"
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
            signed = WRITER.presign("PUT", address, lifetime_s=60, now=datetime.now(UTC))
            answer = await client.put(signed, content=data)
            assert answer.is_success, answer.text

    def open(
        self, signer: S3Signer | None = READER, bucket: str = BUCKET, page_entries: int = 1000
    ) -> S3Gateway:
        policy = allow_origins(("127.0.0.1", self.server.port))
        url = f"s3://{bucket}/{self.prefix.rstrip('/')}"
        return S3Gateway(
            OutboundClient(policy), self.server.endpoint, url, signer, page_entries=page_entries
        )


@pytest.fixture
async def bucketful(s3: S3Server) -> Bucketful:
    return Bucketful(s3, f"camera {uuid4()}/")


async def _list(bucket: S3Gateway) -> list[RemoteFile]:
    return [entry async for entry in bucket.list_files()]


async def _read(bucket: S3Gateway, path: str) -> bytes:
    async with bucket.open_file(path) as file:
        assert file is not None
        return b"".join([chunk async for chunk in file.chunks])


@pytest.fixture
async def bucket(bucketful: Bucketful) -> AsyncIterator[S3Gateway]:
    opened = bucketful.open()
    yield opened
    await opened.close()


async def test_every_object_is_listed_once_and_opened_under_that_name(
    bucketful: Bucketful, bucket: S3Gateway
) -> None:
    for name in NAMES:
        await bucketful.put(name, name.encode() * 50)
    await bucketful.put("folder/", b"")
    listed = await _list(bucket)
    assert sorted(entry.path for entry in listed) == sorted(NAMES)
    for entry in listed:
        assert entry.size == len(entry.path.encode() * 50)
        assert entry.is_exact
        assert entry.modified_at is not None
        assert abs((datetime.now(UTC) - entry.modified_at).total_seconds()) < 600
        assert await _read(bucket, entry.path) == entry.path.encode() * 50


async def test_new_bytes_are_noticed_and_the_old_are_not_sent_again(
    bucketful: Bucketful, bucket: S3Gateway
) -> None:
    await bucketful.put("a.jpg", b"first")
    [before] = await _list(bucket)
    async with bucket.open_file("a.jpg") as file:
        assert file is not None
        etag = file.etag
    async with bucket.open_file("a.jpg", etag) as again:
        assert again is None
    await bucketful.put("a.jpg", b"second")
    [after] = await _list(bucket)
    assert before.fingerprint != after.fingerprint
    async with bucket.open_file("a.jpg", etag) as changed:
        assert changed is not None


@pytest.mark.parametrize("page_entries", [1, 2, 5])
async def test_a_listing_goes_on_over_its_pages(bucketful: Bucketful, page_entries: int) -> None:
    names = [f"10{number}MEDIA/IMG {number} &+.JPG" for number in range(5)]
    for name in names:
        await bucketful.put(name, b"x")
    bucket = bucketful.open(page_entries=page_entries)
    assert [entry.path for entry in await _list(bucket)] == names
    await bucket.close()


async def test_errors_have_messages(bucketful: Bucketful) -> None:
    await bucketful.put("a.jpg", b"x")
    wrong = S3Signer(READER.access_key_id, "wrong", READER.region)
    for signer, name, words in (
        (wrong, BUCKET, "secret"),
        (S3Signer("nobody", "x", "us-east-1"), BUCKET, "key"),
        (READER, "no-such-bucket", "does not exist|denies"),
        (None, BUCKET, "denies"),
    ):
        opened = bucketful.open(signer, name)
        with pytest.raises(OutboundFailed, match=words) as failed:
            await _list(opened)
        assert "wrong" not in failed.value.detail
        await opened.close()
    opened = bucketful.open()
    with pytest.raises(FileGone):
        await _read(opened, "gone.jpg")
    await opened.close()
