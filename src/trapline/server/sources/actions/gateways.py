"""Open the gateway of a pull source with its decrypted secrets, under the outbound policy."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import ValidationError

from trapline.extras import describe_install
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import Unprocessable
from trapline.server.platform.network.dialing import validate_literal
from trapline.server.platform.network.url_ports import SCHEME_PORTS, get_default_port
from trapline.server.platform.vault import decrypt_secret, encrypt_secret
from trapline.server.sources.gateways.folder_gateway import FolderGateway, resolve_folder
from trapline.server.sources.gateways.gateway import Gateway
from trapline.server.sources.gateways.own_folders import identify_own_folders
from trapline.server.sources.gateways.rate_limiter import RateLimiter
from trapline.server.sources.queries.sources import SourceRow
from trapline.server.sources.rules.pushed_events import get_folder_url
from trapline.server.sources.rules.source_urls import (
    get_http_url,
    get_server,
    parse_source_url,
)
from trapline.wire.gateway_options import (
    RestOptions,
    S3Options,
    SftpOptions,
    WebsocketOptions,
    get_gateway_info,
    validate_options,
)

if TYPE_CHECKING:
    from trapline.server.platform.network.outbound import Credentials, Timeouts
    from trapline.server.sources.gateways.websocket_gateway import MessageBuffer

TABLE = "pull_sources"
COLUMN = "secrets"
OPTION = "option."
"""Prefix of secret options among the secrets of a source."""


def apply_options(row: SourceRow, given: Mapping[str, Any] | None, secrets: dict[str, str]) -> None:
    """Set the gateway options of a row, and move the secret ones to `secrets`.

    Omitted secret options keep their values. If `given` is None, options that the gateway does not
    have are removed.

    Raises:
        Unprocessable: the gateway does not accept an option or its value.
    """
    secret = get_gateway_info(row.gateway).secret
    for name in [
        name
        for name in secrets
        if name.startswith(OPTION) and name.removeprefix(OPTION) not in secret
    ]:
        del secrets[name]
    wanted = dict(row.options if given is None else given)
    try:
        checked = validate_options(
            row.gateway, {name: value for name, value in wanted.items() if value is not None}
        )
    except ValueError as error:
        checked = {}
        if isinstance(error, ValidationError) and given is not None:
            problems = [
                (".".join(["options", *map(str, one["loc"])]), one["msg"]) for one in error.errors()
            ]
            raise Unprocessable(
                f"{problems[0][0]}: {problems[0][1]}. Nothing was changed.", problems
            ) from error
        if given is not None:
            raise Unprocessable(
                f"options: {error}. Nothing was changed.", [("options", str(error))]
            ) from error
    for name in secret:
        if name in wanted:
            secrets.pop(OPTION + name, None)
            if wanted[name]:
                secrets[OPTION + name] = wanted[name]
    row.options = {name: value for name, value in checked.items() if name not in secret}
    row.secret_options = [name for name in secret if OPTION + name in secrets]


def encrypt_secrets(
    system: AppContext, source_id: UUID, secrets: Mapping[str, str]
) -> bytes | None:
    """Encrypt the secrets of a source, bound to its row; None if there are no secrets."""
    return (
        encrypt_secret(system.secrets, json.dumps(dict(secrets)), TABLE, source_id, COLUMN)
        if secrets
        else None
    )


def decrypt_secrets(system: AppContext, row: SourceRow) -> dict[str, str]:
    """Decrypt the secrets of a source. Raises DecryptionError."""
    if row.secrets is None:
        return {}
    opened: dict[str, str] = json.loads(
        decrypt_secret(system.secrets, row.secrets, TABLE, row.id, COLUMN)
    )
    return opened


def build_location_key(row: SourceRow) -> tuple[Any, ...]:
    """Return all settings that decide which files a source lists.

    The file records of a source are valid for one location. FTP and SFTP servers can show a
    different folder to each account. Over HTTP, all accounts usually see the same files.
    """
    info = get_gateway_info(row.gateway)
    account = row.auth_username if info.lists_per_account else None
    return (
        row.gateway,
        row.base_url,
        account,
        *(row.options.get(name) for name in info.listing),
    )


def open_gateway(system: AppContext, row: SourceRow, folder: Path | None = None) -> Gateway:
    """Create the gateway of a source without connecting.

    `folder` is the resolved folder that was compared with the granted folders. Resolving the path
    again could lead to a different folder.

    Raises:
        AddressNotAllowed: the policy forbids the address.
        Unprocessable: the settings are not valid for the gateway.
    """
    if row.gateway == "folder":
        own = system.own_folders
        resolved = folder or resolve_folder(row.base_url, system.source_folders, own)
        return FolderGateway(resolved, identify_own_folders(own))
    # Each gateway is imported with its first source, because importing all takes a tenth of the
    # startup time.
    if row.gateway not in OPENERS:
        raise Unprocessable(f"This version does not support the gateway {row.gateway!r}.")
    return OPENERS[row.gateway](system, row, get_timeouts(row))


def validate_addresses(system: AppContext, row: SourceRow) -> None:
    """Validate the addresses of a source against the outbound policy, without DNS lookups.

    Raises:
        AddressNotAllowed: the policy forbids an address.
    """
    named = [
        row.base_url,
        *(row.options.get(name) for name in ("endpoint", "listing_url", "files_url")),
    ]
    for url in (*named, *row.options.get("file_origins", ())):
        if url is not None and (server := get_server(url)).scheme in SCHEME_PORTS:
            validate_literal(system.outbound, server.scheme, server.host, server.port)


def get_timeouts(row: SourceRow) -> "Timeouts":
    """Return the timeouts of a source; unset ones have their defaults."""
    from trapline.server.platform.network.outbound import Timeouts

    return Timeouts(**{name: float(value) for name, value in row.timeouts.items()})


def _open_http(system: AppContext, row: SourceRow, timeouts: "Timeouts") -> Gateway:
    from trapline.server.platform.network.outbound import OutboundClient
    from trapline.server.sources.gateways.http_directory_gateway import HttpDirectoryGateway

    outbound = OutboundClient(
        system.outbound, credentials=_credentials(system, row), timeouts=timeouts
    )
    return HttpDirectoryGateway(
        outbound, row.base_url, listing_s=timeouts.listing_s, pace=RateLimiter(row.rate_limit_per_s)
    )


def _open_rest(system: AppContext, row: SourceRow, timeouts: "Timeouts") -> Gateway:
    from trapline.server.platform.network.outbound import OutboundClient
    from trapline.server.sources.gateways.rest_gateway import RestGateway

    outbound = OutboundClient(
        system.outbound, credentials=_credentials(system, row), timeouts=timeouts
    )
    options = RestOptions.model_validate(row.options)
    return RestGateway(
        outbound,
        row.base_url,
        options.mapping,
        file_origins=options.file_origins,
        listing_s=timeouts.listing_s,
        pace=RateLimiter(row.rate_limit_per_s),
    )


def _open_s3(system: AppContext, row: SourceRow, timeouts: "Timeouts") -> Gateway:
    from trapline.server.platform.network.outbound import OutboundClient
    from trapline.server.platform.store.presign import S3Signer
    from trapline.server.sources.gateways.s3_gateway import S3Gateway

    parse_source_url(row.base_url)
    options = S3Options.model_validate(row.options)
    secret = decrypt_secrets(system, row).get(f"{OPTION}secret")
    if (options.key is None) != (secret is None):
        raise Unprocessable(
            "An S3 source requires both options, `key` and `secret`; "
            "for a public bucket, omit both."
        )
    signer = (
        None
        if options.key is None or secret is None
        else S3Signer(options.key, secret, options.region)
    )
    endpoint = options.endpoint or f"https://s3.{options.region}.amazonaws.com"
    outbound = OutboundClient(system.outbound, timeouts=timeouts)
    pace = RateLimiter(row.rate_limit_per_s)
    return S3Gateway(
        outbound, endpoint, row.base_url, signer, listing_s=timeouts.listing_s, pace=pace
    )


def _open_ftp(system: AppContext, row: SourceRow, timeouts: "Timeouts") -> Gateway:
    from trapline.server.platform.network.dialing import Dialer
    from trapline.server.platform.network.outbound import load_trusted_certificates
    from trapline.server.sources.gateways.ftp_connection import FtpAddress, FtpCredentials
    from trapline.server.sources.gateways.ftp_connection_pool import FtpConnectionPool
    from trapline.server.sources.gateways.ftp_gateway import FtpGateway

    server = get_server(row.base_url)
    tls = load_trusted_certificates() if server.scheme == "ftps" else None
    # On port 990, TLS starts immediately; on other ports it is requested with AUTH TLS.
    address = FtpAddress(
        server.host, server.port, tls, tls_at_once=server.port == get_default_port("ftps")
    )
    login = FtpCredentials()
    if row.auth_type == "basic":
        login = FtpCredentials(
            row.auth_username or "", decrypt_secrets(system, row).get("password", "")
        )
        if any(sign in login.username + login.password for sign in "\r\n"):
            raise Unprocessable("auth_username and auth_password must each be a single line.")
    connections = FtpConnectionPool(Dialer(system.outbound), address, login, timeouts)
    return FtpGateway(connections, row.base_url, timeouts, RateLimiter(row.rate_limit_per_s))


def _open_sftp(system: AppContext, row: SourceRow, timeouts: "Timeouts") -> Gateway:
    from trapline.server.platform.network.dialing import Dialer

    try:
        from trapline.server.sources.gateways.sftp_gateway import SftpGateway
        from trapline.server.sources.gateways.ssh_credentials import (
            SshCredentials,
            parse_host_key,
            parse_private_key,
        )
    except ModuleNotFoundError as error:
        raise Unprocessable(
            f"SFTP is an optional extra that is not installed: {describe_install('server', 'sftp')}"
        ) from error

    options = SftpOptions.model_validate(row.options)
    secrets = decrypt_secrets(system, row)
    server = get_server(row.base_url)
    try:
        login = SshCredentials(
            server.host,
            server.port,
            row.auth_username or "",
            secrets.get("password"),
            parse_private_key(secrets[f"{OPTION}key"]) if f"{OPTION}key" in secrets else None,
            parse_host_key(options.host_key) if options.host_key else None,
        )
    except ValueError as error:
        raise Unprocessable(f"The option host_key or key is not valid: {error}.") from error
    return SftpGateway(
        Dialer(system.outbound), login, row.base_url, timeouts, RateLimiter(row.rate_limit_per_s)
    )


def _open_websocket(system: AppContext, row: SourceRow, timeouts: "Timeouts") -> Gateway:
    from trapline.server.platform.network.outbound import OutboundClient
    from trapline.server.sources.gateways.http_directory_gateway import HttpDirectoryGateway
    from trapline.server.sources.gateways.websocket_gateway import WebsocketGateway

    parse_source_url(row.base_url)
    options = WebsocketOptions.model_validate(row.options)
    if options.listing_url is None and options.files_url is None:
        raise Unprocessable(
            "A WebSocket source requires the option `listing_url`, "
            "or `files_url` if the server has no listing."
        )
    if (
        options.listing_url
        and get_server(options.listing_url).host != get_server(row.base_url).host
    ):
        raise Unprocessable("listing_url must be on the same host as the URL of the source.")

    def directory(url: str) -> HttpDirectoryGateway:
        credentials = _credentials(system, row, get_http_url(row.base_url))
        outbound = OutboundClient(system.outbound, credentials=credentials, timeouts=timeouts)
        return HttpDirectoryGateway(
            outbound, url, listing_s=timeouts.listing_s, pace=RateLimiter(row.rate_limit_per_s)
        )

    listing = directory(options.listing_url) if options.listing_url else None
    return WebsocketGateway(
        listing, directory(get_folder_url(options.files_url or options.listing_url or ""))
    )


def open_source_feed(
    system: AppContext, row: SourceRow
) -> "AbstractAsyncContextManager[MessageBuffer]":
    """Connect to a WebSocket source; see gateways/websocket_gateway.

    Raises:
        AddressNotAllowed: the policy forbids the address.
        OutboundFailed: the connection cannot be opened, or ends.
    """
    from trapline.server.platform.network.dialing import Dialer
    from trapline.server.platform.network.outbound import load_trusted_certificates
    from trapline.server.sources.gateways.websocket_gateway import open_feed

    timeouts = get_timeouts(row)
    credentials = _credentials(system, row)
    headers = credentials.headers if credentials is not None else {}
    return open_feed(
        Dialer(system.outbound),
        row.base_url,
        headers,
        load_trusted_certificates(),
        timeouts.connect_s,
    )


OPENERS: dict[str, Callable[[AppContext, SourceRow, "Timeouts"], Gateway]] = {
    "ftp": _open_ftp,
    "http": _open_http,
    "rest": _open_rest,
    "s3": _open_s3,
    "sftp": _open_sftp,
    "websocket": _open_websocket,
}
"""The functions that create gateways, by gateway name; a folder needs no connection."""


def _credentials(
    system: AppContext, row: SourceRow, url: str | None = None
) -> "Credentials | None":
    from trapline.server.platform.network.outbound import Credentials

    secrets = decrypt_secrets(system, row)
    url = url or row.base_url
    match row.auth_type:
        case "basic":
            return Credentials.basic(url, row.auth_username or "", secrets.get("password", ""))
        case "bearer":
            value = secrets.get("header") or secrets.get("password", "")
            return Credentials.header(
                url, "Authorization", f"Bearer {value.removeprefix('Bearer ')}"
            )
        case "header":
            name, value = parse_header(secrets.get("header", ""))
            return Credentials.header(url, name, value)
        case _:
            return None


def parse_header(text: str) -> tuple[str, str]:
    """Split `Name: value`; without a name, the text is the value of Authorization."""
    name, colon, value = text.partition(":")
    if colon and name and all(sign.isascii() and (sign.isalnum() or sign in "-_") for sign in name):
        return name, value.strip()
    return "Authorization", text.strip()
