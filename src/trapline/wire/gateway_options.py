"""Options of gateways, in addition to URL and credentials: one class per gateway."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from trapline.wire.values import Name, Request, Text

Path = Annotated[Text, Field(min_length=1, max_length=300)]


class S3Options(Request):
    """Options of an S3 source: `key` and `secret` are the credentials.

    `endpoint` is the URL of the service; the default is AWS in `region`.
    """

    endpoint: Annotated[Text, Field(max_length=2000)] | None = None
    region: Annotated[Text, Field(pattern=r"^[A-Za-z0-9-]{1,100}$")] = "us-east-1"
    key: Annotated[Text, Field(max_length=500)] | None = None
    secret: Annotated[Text, Field(max_length=500)] | None = None


class SftpOptions(Request):
    """Options of an SFTP source.

    `key` is a private key in OpenSSH or PEM form. `host_key` is the expected public key of the
    server.
    """

    key: Annotated[Text, Field(max_length=10_000)] | None = None
    host_key: Annotated[Text, Field(max_length=2_000)] | None = None


class RestMapping(Request):
    """The positions of values in a JSON response.

    Each is a path of names and indices with dots, such as `data.items`; `""` is the response
    itself. `items` is the list. Within an item, `url` is the URL of the file and `name` its path;
    `time` and `size` are optional. `next` is the URL or the cursor of the next page; a cursor is
    sent as `next_parameter`.
    """

    items: Annotated[Text, Field(max_length=300)] = ""
    url: Path = "url"
    name: Path | None = None
    time: Path | None = None
    size: Path | None = None
    etag: Path | None = None
    next: Path | None = None
    next_parameter: Name | None = None


class RestOptions(Request):
    """A JSON API that lists files, page by page.

    Files are downloaded from the server of the API, and from those in `file_origins`, such as
    `https://cdn.example`, which never receive the credentials.
    """

    mapping: RestMapping = RestMapping()
    file_origins: Annotated[list[Annotated[Text, Field(max_length=300)]], Field(max_length=20)] = []


class WebsocketOptions(Request):
    """A server that pushes messages of new files.

    The files are below `files_url`, or listed at `listing_url`. Without a listing, files of
    messages that were lost while the connection was interrupted are not imported. The listing is on
    the same host as the source and has the same paths as `files_url`.
    """

    listing_url: Annotated[Text, Field(pattern=r"(?i)^https?://", max_length=2000)] | None = None
    files_url: Annotated[Text, Field(pattern=r"(?i)^https?://", max_length=2000)] | None = None


@dataclass(frozen=True)
class GatewayOptions:
    """The options of a gateway.

    `secret` options are stored encrypted and never returned. `listing` options determine which
    files are listed, and so whether a file ledger stays valid.
    """

    form: type[Request]
    secret: tuple[str, ...] = ()
    listing: tuple[str, ...] = ()


GATEWAY_OPTIONS: dict[str, GatewayOptions] = {
    "s3": GatewayOptions(S3Options, secret=("secret",), listing=("endpoint",)),
    "sftp": GatewayOptions(SftpOptions, secret=("key",)),
    "rest": GatewayOptions(RestOptions, listing=("mapping",)),
    "websocket": GatewayOptions(WebsocketOptions, listing=("listing_url", "files_url")),
}
"""The options of each gateway; other gateways have none."""


def list_secret_options(gateway: str) -> tuple[str, ...]:
    """List the options of a gateway that are stored encrypted."""
    options = GATEWAY_OPTIONS.get(gateway)
    return () if options is None else options.secret


def list_listing_options(gateway: str) -> tuple[str, ...]:
    """List the options of a gateway that determine which files are listed."""
    options = GATEWAY_OPTIONS.get(gateway)
    return () if options is None else options.listing


def validate_options(gateway: str, given: dict[str, Any]) -> dict[str, Any]:
    """Validate the options of a gateway. Raises ValueError for invalid or unknown options."""
    options = GATEWAY_OPTIONS.get(gateway)
    if options is None:
        if given:
            raise ValueError(f"the gateway {gateway} takes no options")
        return {}
    return options.form.model_validate(given).model_dump(exclude_none=True)
