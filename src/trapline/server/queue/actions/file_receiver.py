"""Receive a file from an external server in chunks, with bounded memory."""

import asyncio
from collections.abc import Callable

from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import OutboundFailed
from trapline.server.platform.imaging.file_types import HEAD_BYTES
from trapline.server.platform.network.open_file import OpenFile
from trapline.server.platform.network.timeouts import require_throughput
from trapline.server.platform.store.object_store import IncomingFile

WRITTEN_AT_ONCE = 256 * 1024


class TransferAborted(OutboundFailed):
    """The transfer of a file ended before the end of the file."""


async def receive_file(
    system: AppContext,
    opened: OpenFile,
    incoming: IncomingFile,
    window_s: float,
    find_reason: Callable[[bytes], str | None] = lambda _: None,
) -> str | None:
    """Receive a file; return the reason if it is not received to its end.

    The reason comes from `find_reason` for its first bytes, or from its size. A file that arrives
    too slowly over `window_s` seconds is given up.

    Raises:
        OutboundFailed: nothing was received.
        TransferAborted: the transfer ended before the end of the file.
    """
    # Starting a thread takes longer than writing a small chunk.
    held: list[bytes] = []
    holds = 0
    is_judged = False
    try:
        async for chunk in require_throughput(opened.chunks, window_s):
            held.append(chunk)
            holds += len(chunk)
            if not is_judged and holds >= HEAD_BYTES:
                is_judged = True
                if reason := find_reason(b"".join(held)[:HEAD_BYTES]):
                    return reason
            if incoming.size + holds > system.limits.image_bytes:
                limit = system.limits.image_bytes // 2**20
                return f"it is larger than the {limit} MiB that are allowed"
            if holds >= WRITTEN_AT_ONCE:
                await asyncio.to_thread(incoming.write, b"".join(held))
                held, holds = [], 0
    except OutboundFailed as error:
        if held or incoming.size:
            raise TransferAborted(error.detail, error.retry_after_s) from error
        raise
    if held and not is_judged and (reason := find_reason(b"".join(held))):
        return reason
    if held:
        await asyncio.to_thread(incoming.write, b"".join(held))
    if opened.size is not None and incoming.size != opened.size:
        raise TransferAborted("the transfer ended before the length that the server had announced")
    return None
