"""Publisher of events to the configured NATS server, over one connection per process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import structlog

from trapline.server.platform.errors import EventRefused, OutboundFailed
from trapline.server.platform.network.nats_connection import (
    NatsFiles,
    describe_rejection,
    open_nats,
)

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.js import JetStreamContext

log = structlog.get_logger(__name__)

PREFIX = "trapline"
STREAM = "TRAPLINE_EVENTS"
KEPT_S = 86_400
"""How long the stream that Trapline creates keeps events, in seconds."""
WITHIN_S = 5.0
WITHOUT_STREAMS = (None, 10039, 10076)
"""Error codes of a server without JetStream, or without JetStream for this account."""


class NatsPublisher:
    """Publisher of events: to a stream if the server has JetStream, else to current subscribers."""

    def __init__(self, url: str, files: NatsFiles | None = None) -> None:
        self._url = url
        self._files = files
        self._opening = asyncio.Lock()
        self._client: Client | None = None
        self._stream: JetStreamContext | None = None
        self._is_away = self._is_refusing = False
        self._last_error: Exception | None = None

    async def publish(self, subject: str, message_id: str, body: bytes) -> None:
        """Publish an event and wait until the server confirms it.

        A stream drops an event whose ID it received within its duplicate window (2 minutes by
        default).

        Raises:
            EventRefused: the server is connected but did not accept the event.
            OutboundFailed: the server cannot be reached.
        """
        headers = {"Nats-Msg-Id": message_id}
        async with self._connection(publishing=True) as client:
            if self._stream is not None:
                await self._stream.publish(subject, body, timeout=WITHIN_S, headers=headers)
            else:
                await client.publish(subject, body, headers=headers)
                await client.flush(timeout=int(WITHIN_S))
        if self._is_refusing:
            self._is_refusing = False
            log.info("the NATS server accepts events again")

    async def check(self) -> None:
        """Connect and wait for a response of the server.

        Raises:
            OutboundFailed: the server cannot be reached.
        """
        async with self._connection() as client:
            await client.flush(timeout=int(WITHIN_S))

    @asynccontextmanager
    async def _connection(self, *, publishing: bool = False) -> "AsyncIterator[Client]":
        """Use the connection within the block, for 5 seconds at most.

        Raises:
            EventRefused: with `publishing`, the server rejected the event or did not confirm it.
            OutboundFailed: the server cannot be reached.
        """
        import nats.errors
        import nats.js.errors

        is_refusal = False
        try:
            async with asyncio.timeout(WITHIN_S):
                client = await self._open()
                is_refusal = publishing
                yield client
        except TimeoutError:
            raise await self._fail(
                f"the NATS server did not answer within {WITHIN_S:g} seconds", is_refusal
            ) from None
        except (nats.js.errors.Error, nats.errors.MaxPayloadError) as error:
            reason = getattr(error, "description", None) or type(error).__name__
            raise await self._fail(
                f"the NATS server did not accept the event ({reason})"
                if is_refusal
                else f"the NATS server provides no stream for events ({reason})",
                is_refusal,
            ) from None
        except (nats.errors.Error, OSError) as error:
            raise await self._fail(
                describe_rejection(error)
                or f"the connection to the NATS server failed ({type(error).__name__})"
            ) from None
        if self._is_away:
            self._is_away = False
            log.info("the NATS server answers again")

    async def _fail(self, reason: str, is_refusal: bool = False) -> OutboundFailed:
        """Close the connection and log the first of several failures of one kind."""
        await self.close()
        if is_refusal:
            if not self._is_refusing:
                self._is_refusing = True
                log.warning(
                    "the NATS server accepts no events; they wait and are published later",
                    reason=reason,
                )
            return EventRefused(reason)
        reason = describe_rejection(self._last_error) or reason
        self._last_error = None
        if not self._is_away:
            self._is_away = True
            log.warning(
                "the NATS server is unavailable; events wait and are published later", reason=reason
            )
        return OutboundFailed(reason)

    async def close(self) -> None:
        """Close the connection; the next event opens a new one."""
        client, self._client, self._stream = self._client, None, None
        if client is not None:
            with suppress(Exception):
                await client.close()

    async def _record_error(self, error: Exception) -> None:
        """Store the error of the library, which would otherwise log it with the URL."""
        self._last_error = error

    async def _open(self) -> "Client":
        async with self._opening:
            if self._client is None or not self._client.is_connected:
                client = await open_nats(self._url, self._files, error_cb=self._record_error)
                try:
                    self._stream = await _find_stream(client)
                except BaseException:
                    with suppress(Exception):
                        await client.close()
                    raise
                self._client = client
            return self._client


async def _find_stream(client: "Client") -> "JetStreamContext | None":
    """Get or create the stream of events; return None if the server has no JetStream."""
    from nats.js.api import StreamConfig
    from nats.js.errors import NotFoundError, ServiceUnavailableError

    streams = client.jetstream(timeout=WITHIN_S)
    everything = f"{PREFIX}.>"
    try:
        try:
            await streams.find_stream_name_by_subject(everything)
        except NotFoundError:
            await streams.add_stream(
                StreamConfig(name=STREAM, subjects=[everything], max_age=KEPT_S)
            )
    except ServiceUnavailableError as error:
        if error.err_code not in WITHOUT_STREAMS:
            raise
        return None
    return streams
