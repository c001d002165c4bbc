"""The addresses of pictures that runs are asked for by: read as they will be fetched, and sealed at rest."""

from uuid_utils.compat import uuid7

from trapline.server.platform.app_context import System
from trapline.server.platform.errors import OutboundRefused
from trapline.server.platform.network.dialing import judge_literal
from trapline.server.platform.vault import seal, unseal
from trapline.server.queue.queries.job_downloads import Download, SealedAddress
from trapline.server.queue.rules.run_names import name_picture

TABLE, COLUMN = "job_downloads", "sealed_url"


def check_address(system: System, url: str) -> None:
    """Read an address as whoever fetches it does. Raises OutboundRefused for one that never may be."""
    from trapline.server.platform.network.outbound import origin_of, parse_url

    try:
        scheme, host, port = origin_of(parse_url(url))
    except OutboundRefused as error:
        raise OutboundRefused(f"{name_picture(url)}: {error.detail}. Nothing was changed.") from error
    judge_literal(system.outbound, scheme, host, port)


def host_of(url: str) -> str:
    """Tell the host of an address."""
    from trapline.server.platform.network.outbound import origin_of, parse_url

    return origin_of(parse_url(url))[1]


def seal_address(system: System, url: str) -> SealedAddress:
    """Seal an address for the row that it is going to be in."""
    row_id = uuid7()
    return SealedAddress(row_id, seal(system.secrets, url, TABLE, row_id, COLUMN))


def unseal_address(system: System, download: Download) -> str:
    """Open the address of a picture. Raises WrongKey."""
    return unseal(system.secrets, download.sealed_url, TABLE, download.id, COLUMN)
