"""Validate the image URLs of runs, and encrypt them for storage."""

from uuid_utils.compat import uuid7

from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import AddressNotAllowed
from trapline.server.platform.network.dialing import validate_literal
from trapline.server.platform.vault import decrypt_secret, encrypt_secret
from trapline.server.queue.queries.job_downloads import EncryptedUrl, PendingDownload
from trapline.server.queue.rules.run_names import get_image_name

TABLE, COLUMN = "job_downloads", "sealed_url"


def validate_url(system: AppContext, url: str) -> None:
    """Parse a URL as the download does.

    Raises:
        OutboundRefused: requests to this URL are never allowed.
    """
    from trapline.server.platform.network.outbound import get_origin, parse_url

    try:
        scheme, host, port = get_origin(parse_url(url))
    except AddressNotAllowed as error:
        raise AddressNotAllowed(
            f"{get_image_name(url)}: {error.detail}. Nothing was changed."
        ) from error
    validate_literal(system.outbound, scheme, host, port)


def get_host(url: str) -> str:
    """Return the host of a URL."""
    from trapline.server.platform.network.outbound import get_origin, parse_url

    return get_origin(parse_url(url))[1]


def encrypt_url(system: AppContext, url: str) -> EncryptedUrl:
    """Encrypt a URL for the row that stores it."""
    row_id = uuid7()
    return EncryptedUrl(row_id, encrypt_secret(system.secrets, url, TABLE, row_id, COLUMN))


def decrypt_url(system: AppContext, download: PendingDownload) -> str:
    """Decrypt the URL of an image.

    Raises:
        DecryptionError: it was encrypted with another key.
    """
    return decrypt_secret(system.secrets, download.sealed_url, TABLE, download.id, COLUMN)
