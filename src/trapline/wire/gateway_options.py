"""Options of gateways, in addition to URL and credentials: one class per gateway."""

from typing import Annotated, Any

from pydantic import Field

from trapline.wire.values import Name, Request, Text

Path = Annotated[Text, Field(min_length=1, max_length=300)]


class S3Options(Request):
    """An S3 service: `key` and `secret` sign in, `endpoint` is where it is reached (without it, AWS in `region`)."""

    endpoint: Annotated[Text, Field(max_length=2000)] | None = None
    region: Annotated[Text, Field(pattern=r"^[A-Za-z0-9-]{1,100}$")] = "us-east-1"
    key: Annotated[Text, Field(max_length=500)] | None = None
    secret: Annotated[Text, Field(max_length=500)] | None = None


class SftpOptions(Request):
    """An SSH server: `key` is a private key in OpenSSH's or PEM form, `host_key` the public key that it must show."""

    key: Annotated[Text, Field(max_length=10_000)] | None = None
    host_key: Annotated[Text, Field(max_length=2_000)] | None = None


class RestMapping(Request):
    """Where a JSON answer holds what: paths of names and indices with dots, such as `data.items`;
    `""` is the answer.

    `items` is the list; within an item `url` is where the file is, `name` its path, `time` and
    `size` what is known of it; `next` is the address or the cursor of the next page, sent as
    `next_parameter` if it is not a URL.
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
    """A JSON interface that lists files, page by page.

    Files are fetched from the interface's own server, and from those in `file_origins`, such as
    `https://cdn.example`, which never see the sign-in.
    """

    mapping: RestMapping = RestMapping()
    file_origins: Annotated[list[Annotated[Text, Field(max_length=300)]], Field(max_length=20)] = []


class WebsocketOptions(Request):
    """A server that pushes messages of new files.

    They lie under `files_url`, or where `listing_url` lists them. Without a listing nothing fills
    the gaps of a connection that broke; it is on the same host as the source's address, and shows
    the same paths as `files_url`.
    """

    listing_url: Annotated[Text, Field(pattern=r"(?i)^https?://", max_length=2000)] | None = None
    files_url: Annotated[Text, Field(pattern=r"(?i)^https?://", max_length=2000)] | None = None


FORMS: dict[str, type[Request]] = {
    "s3": S3Options,
    "sftp": SftpOptions,
    "rest": RestOptions,
    "websocket": WebsocketOptions,
}
"""The form of the options, by gateway; the others take none."""

SECRET: dict[str, tuple[str, ...]] = {"s3": ("secret",), "sftp": ("key",)}
"""Options that are kept encrypted and never come back."""

LISTED_BY: dict[str, tuple[str, ...]] = {
    "s3": ("endpoint",),
    "rest": ("mapping",),
    "websocket": ("listing_url", "files_url"),
}
"""Options that decide where the files are and which are listed, and so whether a ledger still is about them."""


def check_options(gateway: str, given: dict[str, Any]) -> dict[str, Any]:
    """Check options by their gateway's form. Raises ValueError for what it does not take."""
    form = FORMS.get(gateway)
    if form is None:
        if given:
            raise ValueError(f"the gateway {gateway} takes no options")
        return {}
    return form.model_validate(given).model_dump(exclude_none=True)
