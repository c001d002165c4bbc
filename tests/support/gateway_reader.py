"""Listing and reading through a gateway, and what it says where that fails."""

import pytest

from trapline.server.platform.errors import OutboundFailed
from trapline.server.sources.gateways.gateway import Gateway


async def paths(gateway: Gateway) -> list[str]:
    """Every path that is listed, in order."""
    return sorted([entry.path async for entry in gateway.list_files()])


async def read(gateway: Gateway, path: str) -> bytes:
    """The bytes of one file."""
    async with gateway.open_file(path) as file:
        assert file is not None
        return b"".join([chunk async for chunk in file.chunks])


async def failure(gateway: Gateway, path: str | None = None, *, secret: str) -> str:
    """Return the error of listing, or of reading a file; it must not contain the secret."""
    with pytest.raises(OutboundFailed) as caught:
        await (paths(gateway) if path is None else read(gateway, path))
    assert secret not in caught.value.detail
    return caught.value.detail
