"""Normalisation of the URL of a server."""

from urllib.parse import urlsplit, urlunsplit

API = "/api/v2"


def normalise_api_url(address: str) -> str:
    """Return the API URL of a server, without a trailing slash.

    The given URL may end with `/api` or `/api/v2`, and with a slash.

    Raises:
        ValueError: it is not an http or https URL.
    """
    parts = urlsplit(address.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{address!r} is not the URL of a server, such as http://localhost:8000")
    path = parts.path.rstrip("/").removesuffix("/api")
    if not path.endswith(API):
        path += API
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))
