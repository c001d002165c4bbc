"""The object store on an S3 server: objects in one bucket, addressed by path."""

import asyncio
import base64
import re
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx2
import obstore
import structlog
from obstore.exceptions import BaseError, GenericError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store as ObstoreS3Store

from trapline.server.platform.errors import NotFound, ServiceUnavailable
from trapline.server.platform.network.outbound import load_trusted_certificates
from trapline.server.platform.store.incoming_folder import IncomingFolder
from trapline.server.platform.store.object_store import (
    IncomingFile,
    SignedPut,
    StoredObject,
    UploadedObject,
)
from trapline.server.platform.store.presign import NOTHING, S3Signer
from trapline.server.platform.store.signed_uploads import require_uploadable
from trapline.server.platform.store.storage_keys import parse_key

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import S3Credential

log = structlog.get_logger(__name__)

READ_BYTES = 256 * 1024
PART_BYTES = 5 * 1024 * 1024
SILENT_AT_MOST_S = 10
"""How long the S3 server may take for its next bytes, and for one part of what we upload to it."""
UNKNOWN_TYPE = "application/octet-stream"
CHECKSUM = "x-amz-checksum-sha256"
# What S3 calls a refusal, and what that means for whoever set it up.
REFUSALS = {
    "NoSuchBucket": "has no bucket of this name. Make it, or set S3_BUCKET to one that is there",
    "InvalidAccessKeyId": "does not know S3_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "finds that S3_SECRET_ACCESS_KEY does not belong to S3_ACCESS_KEY_ID",
    "RequestTimeTooSkewed": "has a clock that differs from ours by too much. Set both",
    "PermanentRedirect": "says that the bucket is elsewhere. Set S3_ENDPOINT and S3_REGION to where it is",
    "AuthorizationHeaderMalformed": "is in another region. Set S3_REGION",
}
_CODE = re.compile(r"<Code>(\w+)</Code>")


@dataclass(frozen=True)
class S3BucketConfig:
    """A bucket and where it is: `public_endpoint` is where those outside reach what `endpoint` is inside."""

    endpoint: str
    public_endpoint: str
    name: str
    signer: S3Signer


class S3Store:
    """Keeps files in a bucket.

    Files are received into a folder of this machine first, because decoders need a path.
    """

    def __init__(
        self, bucket: S3BucketConfig, folder: Path, silent_at_most_s: float = SILENT_AT_MOST_S
    ) -> None:
        self._bucket = bucket
        self._silent_at_most_s = silent_at_most_s
        self._incoming = IncomingFolder(folder)
        self._objects = ObstoreS3Store(
            bucket.name,
            # What is not set here is taken from variables AWS_..., which are not ours: so all that
            # matters is set.
            config={
                "endpoint": bucket.endpoint,
                "aws_endpoint_url_s3": bucket.endpoint,
                "region": bucket.signer.region,
                "virtual_hosted_style_request": False,
                "skip_signature": False,
                "disable_bulk_delete": True,  # not every S3 server has it
            },
            client_options={
                "allow_http": True,
                "connect_timeout": timedelta(seconds=3),
                "read_timeout": timedelta(seconds=silent_at_most_s),
                # A whole answer may take long: whoever reads it through us may be slow.
                "timeout": timedelta(hours=6),
            },
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=silent_at_most_s)},
            credential_provider=self._give_credential,
        )

    def _give_credential(self) -> "S3Credential":
        signer = self._bucket.signer
        return {
            "access_key_id": signer.access_key_id,
            "secret_access_key": signer.secret_access_key,
            "token": None,
            "expires_at": None,
        }

    def receive(self) -> AbstractAsyncContextManager[IncomingFile]:
        """Open a file on this machine to receive into."""
        return self._incoming.receive()

    async def keep(
        self, incoming: IncomingFile, key: str, media_type: str | None = None
    ) -> StoredObject:
        """Upload a received file; it is there as a whole or not at all."""
        parse_key(key)
        with self._in_words():
            await obstore.put_async(
                self._objects,
                key,
                incoming.path,
                attributes={"Content-Type": media_type or UNKNOWN_TYPE},
                chunk_size=PART_BYTES,
                max_concurrency=4,
            )
        return StoredObject(key, incoming.size, incoming.sha256)

    async def open(
        self, key: str, first: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """Read bytes from `first` on, `length` of them or all; raises NotFound at the first read."""
        parse_key(key)
        with self._in_words():
            if length == 0:
                await obstore.head_async(self._objects, key)
                return
            try:
                found = await obstore.get_async(self._objects, key, options=_options(first, length))
            except GenericError:
                # A range that begins at the end or beyond it is an error to S3.
                if first < (await obstore.head_async(self._objects, key))["size"]:
                    raise
                return
            async for chunk in found.stream(min_chunk_size=READ_BYTES):
                yield chunk

    async def find_size(self, key: str) -> int | None:
        """Size in bytes, or None where nothing is kept."""
        parse_key(key)
        try:
            with self._in_words():
                return (await obstore.head_async(self._objects, key))["size"]
        except NotFound:
            return None

    async def delete(self, key: str) -> None:
        """Forget a key; one that is not there is fine."""
        parse_key(key)
        with suppress(NotFound), self._in_words():
            await obstore.delete_async(self._objects, key)

    @asynccontextmanager
    async def local_path(self, key: str) -> AsyncIterator[Path]:
        """Download into a file that vanishes with the block; raises NotFound."""
        async with self.receive() as copy:
            async for chunk in self.open(key):
                await asyncio.to_thread(copy.write, chunk)
            yield copy.path

    async def find_free_fraction(self) -> float | None:
        """A bucket has no end that could be asked for."""
        return None

    async def check(self) -> None:
        """Raise Unavailable where the bucket cannot be written to."""
        with self._in_words():
            await obstore.put_async(self._objects, "checks/ready", b"ready")

    async def check_rights(self) -> None:
        """Do once all that will be needed; raises Unavailable in words that name the right or setting that is wrong."""
        key = f"checks/{secrets.token_hex(16)}"
        with self._in_words("store files (s3:PutObject)"):
            await obstore.put_async(self._objects, key, b"a check of rights")
        with self._in_words("read files (s3:GetObject)"):
            await obstore.get_async(self._objects, key)
        with self._in_words("delete files (s3:DeleteObject)"):
            await obstore.delete_async(self._objects, key)
        # Without that right a file that is missing is answered like one that may not be read.
        with suppress(NotFound), self._in_words("hear that a file is missing (s3:ListBucket)"):
            await obstore.head_async(self._objects, key)

    async def sign_put(
        self,
        key: str,
        media_type: str,
        *,
        lifetime_s: int,
        size: int | None = None,
        sha256: str | None = None,
        at_most: int,
    ) -> SignedPut:
        """Make an address of the S3 server that takes one upload; without `size` it takes one of any size."""
        require_uploadable(key, size, at_most)
        headers = {"Content-Type": media_type}
        if size is not None:
            headers["Content-Length"] = str(size)
        if sha256 is not None:
            headers[CHECKSUM] = base64.b64encode(bytes.fromhex(sha256)).decode()
        url = self._address("PUT", key, self._bucket.public_endpoint, lifetime_s, headers=headers)
        return SignedPut(url, headers)

    async def sign_get(self, key: str, *, lifetime_s: int, filename: str | None = None) -> str:
        """Make an address of the S3 server that gives a file."""
        parse_key(key)
        query = {}
        if filename is not None:
            query["response-content-disposition"] = (
                f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
            )
        return self._address("GET", key, self._bucket.public_endpoint, lifetime_s, query=query)

    async def find_uploaded(self, key: str) -> UploadedObject | None:
        """Look what was uploaded to a key; None where nothing was.

        The SHA-256 is told where it was announced.
        """
        parse_key(key)
        headers = {"x-amz-checksum-mode": "ENABLED"}  # obstore tells no checksums
        address = self._address("HEAD", key, self._bucket.endpoint, 60, headers=headers)
        with self._in_words():
            async with httpx2.AsyncClient(
                timeout=self._silent_at_most_s, trust_env=False, verify=load_trusted_certificates()
            ) as client:
                answer = await client.head(address, headers=headers)
            if answer.status_code == 404:
                return None
            if answer.status_code == 403:
                raise PermissionDeniedError("HEAD was answered with 403")
            if answer.status_code != 200:
                raise GenericError(f"HEAD was answered with {answer.status_code}")
        return UploadedObject(
            int(answer.headers["content-length"]),
            answer.headers.get("content-type", UNKNOWN_TYPE),
            _read_checksum(answer.headers.get(CHECKSUM, "")),
        )

    def _address(
        self,
        method: str,
        key: str,
        endpoint: str,
        lifetime_s: int,
        headers: Mapping[str, str] = NOTHING,
        query: Mapping[str, str] = NOTHING,
    ) -> str:
        url = f"{endpoint}/{self._bucket.name}/{key}"
        now = datetime.now(UTC)
        return self._bucket.signer.presign(
            method, url, lifetime_s=lifetime_s, now=now, headers=headers, query=query
        )

    @contextmanager
    def _in_words(self, may: str = "do this") -> Iterator[None]:
        """Tell a failure of the S3 server in words; `may` is what the access key should be allowed to."""
        try:
            yield
        except (BaseError, OSError, httpx2.HTTPError) as error:
            told = str(error).partition("Debug source")[0].strip()
            found = _CODE.search(told)
            if isinstance(error, FileNotFoundError) and (
                found is None or found[1] != "NoSuchBucket"
            ):
                raise NotFound from error
            log.warning("the S3 server failed", bucket=self._bucket.name, reason=told[:500])
            raise ServiceUnavailable(
                self._explain(error, found[1] if found else "", may)
            ) from error

    def _explain(self, error: Exception, code: str, may: str) -> str:
        where = f"The S3 server with the bucket {self._bucket.name!r}"
        if code in REFUSALS:
            return f"{where} {REFUSALS[code]}. Nothing was stored."
        if isinstance(error, PermissionDeniedError | UnauthenticatedError):
            return f"{where} does not let S3_ACCESS_KEY_ID {may}. Nothing was stored."
        return f"{where} does not answer as it should. Nothing was stored; try again."


def _options(first: int, length: int | None) -> "GetOptions":
    if length is not None:
        return {"range": (first, first + length)}
    return {"range": {"offset": first}} if first else {}


def _read_checksum(value: str) -> str | None:
    """Read a SHA-256 as S3 writes it; that of an upload in parts, which ends with their number, is none of the file."""
    try:
        checksum = base64.b64decode(value, validate=True)
    except ValueError:
        return None
    return checksum.hex() if len(checksum) == 32 else None
