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
"""How long the S3 server may send nothing, and how long the upload of one part may take."""
UNKNOWN_TYPE = "application/octet-stream"
CHECKSUM = "x-amz-checksum-sha256"
# The error codes of S3, and what they mean for the operator.
REFUSALS = {
    "NoSuchBucket": "has no bucket of this name. Create it, or set S3_BUCKET to an existing one",
    "InvalidAccessKeyId": "does not know S3_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": (
        "reports that S3_SECRET_ACCESS_KEY does not belong to S3_ACCESS_KEY_ID"
    ),
    "RequestTimeTooSkewed": "has a clock that differs too much from this machine's. Set both",
    "PermanentRedirect": (
        "reports that the bucket is on another server. Set S3_ENDPOINT and S3_REGION to it"
    ),
    "AuthorizationHeaderMalformed": "is in another region. Set S3_REGION",
}
_CODE = re.compile(r"<Code>(\w+)</Code>")


@dataclass(frozen=True)
class S3BucketConfig:
    """A bucket and its server: the server uses `endpoint`, and clients use `public_endpoint`."""

    endpoint: str
    public_endpoint: str
    name: str
    signer: S3Signer


class S3Store:
    """Stores files in a bucket.

    Files are received into a local folder first, because decoders need a path.
    """

    def __init__(
        self, bucket: S3BucketConfig, folder: Path, silent_at_most_s: float = SILENT_AT_MOST_S
    ) -> None:
        self._bucket = bucket
        self._silent_at_most_s = silent_at_most_s
        self._incoming = IncomingFolder(folder)
        self._objects = ObstoreS3Store(
            bucket.name,
            # Options that are not set here would be read from the variables AWS_*, which are not
            # settings of Trapline.
            config={
                "endpoint": bucket.endpoint,
                "aws_endpoint_url_s3": bucket.endpoint,
                "region": bucket.signer.region,
                "virtual_hosted_style_request": False,
                "skip_signature": False,
                "disable_bulk_delete": True,  # not every S3 server supports it
            },
            client_options={
                "allow_http": True,
                "connect_timeout": timedelta(seconds=3),
                "read_timeout": timedelta(seconds=silent_at_most_s),
                # A whole response may take long, because the client that reads it may be slow.
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
        """Create a local file to receive into."""
        return self._incoming.receive()

    async def keep(
        self, incoming: IncomingFile, key: str, media_type: str | None = None
    ) -> StoredObject:
        """Upload a received file, completely or not at all. Raises ServiceUnavailable."""
        parse_key(key)
        with self._translate_errors():
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
        """Read `length` bytes from `first` on, or all. Raises NotFound at the first read."""
        parse_key(key)
        with self._translate_errors():
            if length == 0:
                await obstore.head_async(self._objects, key)
                return
            try:
                found = await obstore.get_async(self._objects, key, options=_options(first, length))
            except GenericError:
                # For S3, a range that begins at or after the end is an error.
                if first < (await obstore.head_async(self._objects, key))["size"]:
                    raise
                return
            async for chunk in found.stream(min_chunk_size=READ_BYTES):
                yield chunk

    async def find_size(self, key: str) -> int | None:
        """Return the size of an object in bytes; None if it does not exist."""
        parse_key(key)
        try:
            with self._translate_errors():
                return (await obstore.head_async(self._objects, key))["size"]
        except NotFound:
            return None

    async def delete(self, key: str) -> None:
        """Delete an object, if it exists."""
        parse_key(key)
        with suppress(NotFound), self._translate_errors():
            await obstore.delete_async(self._objects, key)

    @asynccontextmanager
    async def local_path(self, key: str) -> AsyncIterator[Path]:
        """Download to a file that is deleted after the block. Raises NotFound."""
        async with self.receive() as copy:
            async for chunk in self.open(key):
                await asyncio.to_thread(copy.write, chunk)
            yield copy.path

    async def find_free_fraction(self) -> float | None:
        """Return None, because S3 does not report a limit of a bucket."""
        return None

    async def check(self) -> None:
        """Verify that the bucket can be written to. Raises ServiceUnavailable."""
        with self._translate_errors():
            await obstore.put_async(self._objects, "checks/ready", b"ready")

    async def check_rights(self) -> None:
        """Verify all required rights by using each of them once.

        Raises:
            ServiceUnavailable: a right is missing or a setting is wrong; the message names it.
        """
        key = f"checks/{secrets.token_hex(16)}"
        with self._translate_errors("store files (s3:PutObject)"):
            await obstore.put_async(self._objects, key, b"a check of rights")
        with self._translate_errors("read files (s3:GetObject)"):
            await obstore.get_async(self._objects, key)
        with self._translate_errors("delete files (s3:DeleteObject)"):
            await obstore.delete_async(self._objects, key)
        # Without that right, the server answers for a missing file as for one without access.
        with (
            suppress(NotFound),
            self._translate_errors("detect that a file is missing (s3:ListBucket)"),
        ):
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
        """Build a URL of the S3 server for one upload; without `size` it accepts any size."""
        require_uploadable(key, size, at_most)
        headers = {"Content-Type": media_type}
        if size is not None:
            headers["Content-Length"] = str(size)
        if sha256 is not None:
            headers[CHECKSUM] = base64.b64encode(bytes.fromhex(sha256)).decode()
        url = self._presign("PUT", key, self._bucket.public_endpoint, lifetime_s, headers=headers)
        return SignedPut(url, headers)

    async def sign_get(self, key: str, *, lifetime_s: int, filename: str | None = None) -> str:
        """Build a URL of the S3 server that returns a file."""
        parse_key(key)
        query = {}
        if filename is not None:
            query["response-content-disposition"] = (
                f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
            )
        return self._presign("GET", key, self._bucket.public_endpoint, lifetime_s, query=query)

    async def find_uploaded(self, key: str) -> UploadedObject | None:
        """Return the properties of an uploaded object; None if it does not exist.

        The SHA-256 is known if it was announced for the upload.
        """
        parse_key(key)
        headers = {"x-amz-checksum-mode": "ENABLED"}  # obstore returns no checksums
        address = self._presign("HEAD", key, self._bucket.endpoint, 60, headers=headers)
        with self._translate_errors():
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

    def _presign(
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
    def _translate_errors(self, action: str = "do this") -> Iterator[None]:
        """Turn errors of the S3 server into NotFound or ServiceUnavailable.

        `action` is what the access key must be allowed to do.
        """
        try:
            yield
        except (BaseError, OSError, httpx2.HTTPError) as error:
            message = str(error).partition("Debug source")[0].strip()
            found = _CODE.search(message)
            if isinstance(error, FileNotFoundError) and (
                found is None or found[1] != "NoSuchBucket"
            ):
                raise NotFound from error
            log.warning("the S3 server failed", bucket=self._bucket.name, reason=message[:500])
            raise ServiceUnavailable(
                self._describe_error(error, found[1] if found else "", action)
            ) from error

    def _describe_error(self, error: Exception, code: str, action: str) -> str:
        server = f"The S3 server with the bucket {self._bucket.name!r}"
        if code in REFUSALS:
            return f"{server} {REFUSALS[code]}. Nothing was stored."
        if isinstance(error, PermissionDeniedError | UnauthenticatedError):
            return f"{server} does not let S3_ACCESS_KEY_ID {action}. Nothing was stored."
        return f"{server} does not answer as expected. Nothing was stored. Try again later."


def _options(first: int, length: int | None) -> "GetOptions":
    if length is not None:
        return {"range": (first, first + length)}
    return {"range": {"offset": first}} if first else {}


def _read_checksum(value: str) -> str | None:
    """Parse a SHA-256 of S3; return None for a multipart upload, whose hash is not the file's."""
    try:
        checksum = base64.b64decode(value, validate=True)
    except ValueError:
        return None
    return checksum.hex() if len(checksum) == 32 else None
