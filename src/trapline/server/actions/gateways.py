"""A gateway for a pull source, with its secrets opened and the operator's policy around it."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import ValidationError

from trapline.server.db.sources import SourceRow
from trapline.server.errors import Unprocessable
from trapline.server.gateways.folder import FolderGateway, folder_of
from trapline.server.gateways.pace import Pace
from trapline.server.gateways.port import Gateway
from trapline.server.rules.source_addresses import split_address
from trapline.server.system import System
from trapline.server.vault import seal, unseal
from trapline.wire.gateway_options import SECRET, RestOptions, S3Options, check_options

if TYPE_CHECKING:
    from trapline.server.outbound import Credentials, Timeouts

TABLE = "pull_sources"
COLUMN = "secrets"
OPTION = "option."
"""Before the name of a secret option among the secrets of a source."""


def apply_options(row: SourceRow, given: Mapping[str, Any] | None, secrets: dict[str, str]) -> None:
    """Put a gateway's options onto a row, the secret ones among `secrets`; what is secret and left out stays.

    Without any, those of another gateway go. Raises Unprocessable naming what the gateway does not take.
    """
    secret = SECRET.get(row.gateway, ())
    for name in [name for name in secrets if name.startswith(OPTION) and name.removeprefix(OPTION) not in secret]:
        del secrets[name]
    wanted = dict(row.options if given is None else given)
    try:
        checked = check_options(row.gateway, {name: value for name, value in wanted.items() if value is not None})
    except ValueError as error:
        checked = {}
        if isinstance(error, ValidationError) and given is not None:
            problems = [(".".join(["options", *map(str, one["loc"])]), one["msg"]) for one in error.errors()]
            raise Unprocessable(f"{problems[0][0]}: {problems[0][1]}. Nothing was changed.", problems) from error
        if given is not None:
            raise Unprocessable(f"options: {error}. Nothing was changed.", [("options", str(error))]) from error
    for name in secret:
        if name in wanted:
            secrets.pop(OPTION + name, None)
            if wanted[name]:
                secrets[OPTION + name] = wanted[name]
    row.options = {name: value for name, value in checked.items() if name not in secret}
    row.secret_options = [name for name in secret if OPTION + name in secrets]


def seal_secrets(system: System, source_id: UUID, secrets: Mapping[str, str]) -> bytes | None:
    """Encrypt a source's secrets, bound to its row; None where there are none."""
    return seal(system.secrets, json.dumps(dict(secrets)), TABLE, source_id, COLUMN) if secrets else None


def open_secrets(system: System, row: SourceRow) -> dict[str, str]:
    """Open a source's secrets. Raises WrongKey."""
    if row.secrets is None:
        return {}
    opened: dict[str, str] = json.loads(unseal(system.secrets, row.secrets, TABLE, row.id, COLUMN))
    return opened


def open_gateway(system: System, row: SourceRow) -> Gateway:
    """Open the gateway of a source; nothing is connected yet. Raises OutboundRefused where the policy forbids it."""
    if row.gateway == "folder":
        return FolderGateway(folder_of(row.base_url, system.source_folders))
    # Each gateway is loaded with its first source: together they would take a tenth of a process's start.
    from trapline.server.outbound import Timeouts

    if row.gateway not in OPENERS:
        raise Unprocessable(f"The gateway {row.gateway!r} cannot be spoken to by this version.")
    timeouts = Timeouts(**{name: float(value) for name, value in row.timeouts.items()})
    return OPENERS[row.gateway](system, row, timeouts)


def _open_http(system: System, row: SourceRow, timeouts: "Timeouts") -> Gateway:
    from trapline.server.gateways.http_directory import HttpDirectory
    from trapline.server.outbound import Outbound

    outbound = Outbound(system.outbound, credentials=_credentials(system, row), timeouts=timeouts)
    return HttpDirectory(outbound, row.base_url, listing_s=timeouts.listing_s, pace=Pace(row.rate_limit_per_s))


def _open_rest(system: System, row: SourceRow, timeouts: "Timeouts") -> Gateway:
    from trapline.server.gateways.rest_listing import RestListing
    from trapline.server.outbound import Outbound

    outbound = Outbound(system.outbound, credentials=_credentials(system, row), timeouts=timeouts)
    options = RestOptions.model_validate(row.options)
    return RestListing(
        outbound,
        row.base_url,
        options.mapping,
        file_origins=options.file_origins,
        listing_s=timeouts.listing_s,
        pace=Pace(row.rate_limit_per_s),
    )


def _open_s3(system: System, row: SourceRow, timeouts: "Timeouts") -> Gateway:
    from trapline.server.gateways.s3_bucket import S3Bucket
    from trapline.server.outbound import Outbound
    from trapline.server.rules.presign import Signer

    split_address(row.base_url)
    options = S3Options.model_validate(row.options)
    secret = open_secrets(system, row).get(f"{OPTION}secret")
    if row.auth_type != "none":
        raise Unprocessable("An S3 source signs in by its options `key` and `secret`; leave auth_type out.")
    if (options.key is None) != (secret is None):
        raise Unprocessable("An S3 source needs both options, `key` and `secret`, or none of them for a public bucket.")
    signer = None if options.key is None or secret is None else Signer(options.key, secret, options.region)
    endpoint = options.endpoint or f"https://s3.{options.region}.amazonaws.com"
    outbound = Outbound(system.outbound, timeouts=timeouts)
    pace = Pace(row.rate_limit_per_s)
    return S3Bucket(outbound, endpoint, row.base_url, signer, listing_s=timeouts.listing_s, pace=pace)


OPENERS: dict[str, Callable[[System, SourceRow, "Timeouts"], Gateway]] = {
    "http": _open_http,
    "rest": _open_rest,
    "s3": _open_s3,
}
"""How the gateway of a source is opened, by its name; a folder needs no way out."""


def _credentials(system: System, row: SourceRow) -> "Credentials | None":
    from trapline.server.outbound import Credentials

    secrets = open_secrets(system, row)
    match row.auth_type:
        case "basic":
            return Credentials.basic(row.base_url, row.auth_username or "", secrets.get("password", ""))
        case "bearer":
            value = secrets.get("header") or secrets.get("password", "")
            return Credentials.header(row.base_url, "Authorization", f"Bearer {value.removeprefix('Bearer ')}")
        case "header":
            name, value = split_header(secrets.get("header", ""))
            return Credentials.header(row.base_url, name, value)
        case _:
            return None


def split_header(text: str) -> tuple[str, str]:
    """Split `Name: value`; text without a name is the value of Authorization."""
    name, colon, value = text.partition(":")
    if colon and name and all(sign.isascii() and (sign.isalnum() or sign in "-_") for sign in name):
        return name, value.strip()
    return "Authorization", text.strip()
