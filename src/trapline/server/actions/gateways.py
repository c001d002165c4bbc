"""A gateway for a pull source, with its secrets opened and the operator's policy around it."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from trapline.server.db.sources import SourceRow
from trapline.server.errors import Unprocessable
from trapline.server.gateways.folder import FolderGateway, folder_of
from trapline.server.gateways.port import Gateway
from trapline.server.system import System
from trapline.server.vault import seal, unseal

if TYPE_CHECKING:
    from trapline.server.outbound import Credentials

BY_SCHEME = {"http": "http", "https": "http", "file": "folder"}
TABLE = "pull_sources"
COLUMN = "secrets"
LATER = frozenset({"s3", "ftp", "ftps", "sftp", "rest", "websocket"})


def gateway_for(base_url: str) -> str:
    """Name the gateway that an address speaks to. Raises Unprocessable for one that none does."""
    scheme = base_url.partition(":")[0].strip().lower()
    if scheme not in BY_SCHEME:
        later = " It will come with a later version." if scheme in LATER else ""
        raise Unprocessable(
            f"No gateway speaks {scheme[:20]!r}; addresses begin with http://, https:// or file:///.{later}"
        )
    return BY_SCHEME[scheme]


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
    # Loaded with the first source: it would take a tenth of a process's start.
    from trapline.server.gateways.http_directory import HttpDirectory
    from trapline.server.outbound import Outbound, Timeouts

    timeouts = Timeouts(**{name: float(value) for name, value in row.timeouts.items()})
    outbound = Outbound(system.outbound, credentials=_credentials(system, row), timeouts=timeouts)
    return HttpDirectory(outbound, row.base_url, listing_s=timeouts.listing_s, rate_limit_per_s=row.rate_limit_per_s)


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
