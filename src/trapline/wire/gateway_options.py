"""The gateways of pull sources: the URLs, the authentication and the options of each.

The page builds its form from these descriptions. An option is a property of a JSON schema, with
title, description and example. A secret option is `writeOnly`. The format `uri` means a URL, and
`multi-line` a text of several lines, such as a key.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import Field
from pydantic.config import JsonDict

from trapline.wire.sources import AuthType, GatewayDescription
from trapline.wire.values import Name, Request, Text

Path = Annotated[Text, Field(min_length=1, max_length=300)]
Url = Annotated[
    Text, Field(pattern=r"(?i)^https?://", max_length=2000, json_schema_extra={"format": "uri"})
]
SECRET: Final[JsonDict] = {"writeOnly": True}
LINES: Final[JsonDict] = {"format": "multi-line"}


class NoOptions(Request):
    """The options of a gateway that has none."""


class S3Options(Request):
    """Options of an S3 source: `key` and `secret` are the credentials.

    `endpoint` is the URL of the service; the default is AWS in `region`.
    """

    endpoint: Annotated[Text, Field(max_length=2000)] | None = Field(
        None,
        title="Endpoint",
        description="Where the service is. Empty for AWS.",
        examples=["https://s3.example"],
    )
    region: Annotated[Text, Field(pattern=r"^[A-Za-z0-9-]{1,100}$")] = Field(
        "us-east-1", title="Region"
    )
    key: Annotated[Text, Field(max_length=500)] | None = Field(
        None, title="Access key", description="Empty for a public bucket."
    )
    secret: Annotated[Text, Field(max_length=500)] | None = Field(
        None, title="Secret key", json_schema_extra=SECRET
    )


class SftpOptions(Request):
    """Options of an SFTP source.

    `key` is a private key in OpenSSH or PEM form. `host_key` is the expected public key of the
    server.
    """

    key: Annotated[Text, Field(max_length=10_000)] | None = Field(
        None,
        title="Private key",
        description="In OpenSSH's or PEM form, without a passphrase. Instead of a password.",
        json_schema_extra={**SECRET, **LINES},
    )
    host_key: Annotated[Text, Field(max_length=2_000)] | None = Field(
        None,
        title="Host key",
        description="The public key of the server, which proves its identity. Leave it empty and "
        "test: the key that the server sends is offered to you.",
        examples=["ssh-ed25519 AAAA…"],
        json_schema_extra=LINES,
    )


class RestMapping(Request):
    """The positions of values in a JSON response.

    Each is a path of names and indices with dots, such as `data.items`; `""` is the response
    itself. `items` is the list. Within an item, `url` is the URL of the file and `name` its path;
    `time` and `size` are optional. `next` is the URL or the cursor of the next page; a cursor is
    sent as `next_parameter`.
    """

    items: Annotated[Text, Field(max_length=300)] = Field(
        "",
        title="List of files",
        description="Empty: the response is the list.",
        examples=["data.items"],
    )
    url: Path = Field("url", title="Link to the file")
    name: Path | None = Field(None, title="File name", examples=["filename"])
    time: Path | None = Field(None, title="Time", examples=["taken_at"])
    size: Path | None = Field(None, title="Size in bytes", examples=["bytes"])
    etag: Path | None = Field(None, title="Version", examples=["etag"])
    next: Path | None = Field(
        None, title="Next page", description="A link or a cursor.", examples=["links.next"]
    )
    next_parameter: Name | None = Field(
        None,
        title="Parameter for the cursor",
        description="Query parameter of the next page; leave it empty for a link.",
        examples=["cursor"],
    )


class RestOptions(Request):
    """A JSON API that lists files, page by page.

    Files are downloaded from the server of the API, and from those in `file_origins`, such as
    `https://cdn.example`, which never receive the credentials.
    """

    mapping: RestMapping = Field(
        RestMapping(),
        title="Fields of the response",
        description="Names with dots, such as data.items; a number is an index in a list.",
    )
    file_origins: Annotated[list[Annotated[Text, Field(max_length=300)]], Field(max_length=20)] = (
        Field(
            [],
            title="Additional hosts of files",
            description="Other servers, such as https://cdn.example, separated by commas. "
            "They do not receive the credentials.",
        )
    )


class WebsocketOptions(Request):
    """A server that pushes messages of new files.

    The files are below `files_url`, or listed at `listing_url`. Without a listing, files of
    messages that were lost while the connection was interrupted are not imported. The listing is on
    the same host as the source and has the same paths as `files_url`.
    """

    listing_url: Url | None = Field(
        None,
        title="Web folder that lists them",
        description="Polled on schedule, so that files missed while the connection was down are "
        "imported too.",
        examples=["https://hub.example/images/"],
    )
    files_url: Url | None = Field(
        None,
        title="Base URL of files",
        description="If it is not that folder.",
        examples=["https://hub.example/images/"],
    )


@dataclass(frozen=True)
class GatewayInfo:
    """The description of a gateway.

    `schemes` are those of its URLs, and `example` is one. `listing` options determine which files
    are listed, and so whether a file ledger stays valid. If `lists_per_account`, each account can
    see another folder at the same URL. If `sends_commands`, paths are sent in command lines, where
    a line break would start another command. If `is_http`, user names are sent as HTTP sends them.
    If `has_encoded_paths`, paths are those of URLs, which can be percent-encoded. If
    `accepts_events`, servers can announce files by pushed events.
    """

    title: str
    description: str
    schemes: tuple[str, ...]
    example: str
    options: type[Request] = NoOptions
    listing: tuple[str, ...] = ()
    auth_types: tuple[AuthType, ...] = tuple(AuthType)
    lists_per_account: bool = False
    sends_commands: bool = False
    is_http: bool = False
    has_encoded_paths: bool = False
    accepts_events: bool = True

    @property
    def secret(self) -> tuple[str, ...]:
        """The options that are stored encrypted and never returned."""
        return tuple(
            name
            for name, field in self.options.model_fields.items()
            if isinstance(field.json_schema_extra, dict)
            and field.json_schema_extra.get("writeOnly")
        )


GATEWAYS: dict[str, GatewayInfo] = {
    "http": GatewayInfo(
        "Web folder",
        "A folder that a web server lists, with its sub-folders: nginx, Apache, Caddy, lighttpd, "
        "IIS and others.",
        ("http", "https"),
        "https://camera.example/DCIM/",
        is_http=True,
        has_encoded_paths=True,
    ),
    "ftp": GatewayInfo(
        "FTP",
        "A folder of an FTP server; with ftps:// or explicit TLS where the server has it.",
        ("ftp", "ftps"),
        "ftp://camera.example/DCIM/",
        auth_types=(AuthType.NONE, AuthType.BASIC),
        lists_per_account=True,
        sends_commands=True,
    ),
    "sftp": GatewayInfo(
        "SFTP",
        "A folder of a machine that is accessible over SSH, by password or by key.",
        ("sftp",),
        "sftp://nas.example/images/",
        SftpOptions,
        auth_types=(AuthType.BASIC,),
        lists_per_account=True,
        sends_commands=True,
    ),
    "s3": GatewayInfo(
        "S3",
        "A bucket of AWS or of any other S3 service, or what begins with a prefix in it.",
        ("s3",),
        "s3://bucket/prefix/",
        S3Options,
        listing=("endpoint",),
        auth_types=(AuthType.NONE,),
    ),
    "folder": GatewayInfo(
        "Folder or card",
        "A disk, a network share or an SD card of the machine that Trapline runs on, where its "
        "operator allows it.",
        ("file",),
        "file:///media/card/DCIM",
        auth_types=(AuthType.NONE,),
    ),
    "rest": GatewayInfo(
        "JSON",
        "A web interface that lists files as JSON, page by page. You specify where the fields are "
        "in its response.",
        ("http", "https"),
        "https://portal.example/api/photos",
        RestOptions,
        listing=("mapping",),
        is_http=True,
        accepts_events=False,
    ),
    "websocket": GatewayInfo(
        "WebSocket",
        "A server that sends a message over a WebSocket when there is a new file.",
        ("ws", "wss"),
        "wss://hub.example/events",
        WebsocketOptions,
        listing=("listing_url", "files_url"),
        is_http=True,
        has_encoded_paths=True,
    ),
}
"""The gateways by name; the first one of a URL scheme is its default."""


def list_gateways() -> list[GatewayDescription]:
    """Describe each gateway for clients."""
    return [
        GatewayDescription(
            name=name,
            title=info.title,
            description=info.description,
            schemes=list(info.schemes),
            example=info.example,
            auth_types=list(info.auth_types),
            accepts_events=info.accepts_events,
            options=info.options.model_json_schema(),
        )
        for name, info in GATEWAYS.items()
    ]


def get_gateway_info(gateway: str) -> GatewayInfo:
    """Return the description of a gateway; one without traits if this version does not have it."""
    return GATEWAYS.get(gateway) or GatewayInfo(gateway, "", (), "")


def validate_options(gateway: str, given: dict[str, Any]) -> dict[str, Any]:
    """Validate the options of a gateway. Raises ValueError for invalid or unknown options."""
    info = GATEWAYS.get(gateway)
    if info is None or info.options is NoOptions:
        if given:
            raise ValueError(f"the gateway {gateway} takes no options")
        return {}
    return info.options.model_validate(given).model_dump(exclude_none=True)
