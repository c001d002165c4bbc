"""The deliveries of this process, to many receivers concurrently."""

import asyncio
from typing import TYPE_CHECKING

import structlog

from trapline.server.notifications.actions.deliveries import (
    CONNECTIONS,
    build_client,
    claim_due,
    deliver,
)
from trapline.server.notifications.actions.nats_subjects import check_server
from trapline.server.notifications.nats_publisher import NatsPublisher
from trapline.server.notifications.queries.deliveries import ClaimedDelivery
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import TraplineError

if TYPE_CHECKING:
    from trapline.server.platform.network.outbound import OutboundClient

log = structlog.get_logger(__name__)

SCOPE = Scope.system()
LOOK_EVERY_S = 1.0
STOP_WITHIN_S = 3.0


class DeliverySender:
    """Sends due deliveries; a slow receiver does not delay the others."""

    def __init__(self, system: AppContext) -> None:
        self._system = system
        self._client: OutboundClient | None = None
        self._subjects = (
            NatsPublisher(system.nats_url, system.nats_files)
            if system.nats_url is not None
            else None
        )
        self._current: dict[asyncio.Task[None], ClaimedDelivery] = {}

    async def step(self) -> bool:
        """Start due deliveries up to the limit, and wait until there may be more."""
        room = CONNECTIONS - len(self._current)
        for claimed in await claim_due(
            self._system, SCOPE, room, publishes=self._subjects is not None
        ):
            if self._client is None:
                self._client = build_client(self._system)
            task = asyncio.create_task(self._deliver(self._client, claimed))
            self._current[task] = claimed
            task.add_done_callback(lambda done: self._current.pop(done, None))
        if not self._current:
            return False
        await asyncio.wait(self._current, timeout=LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
        return True

    async def check_subjects(self) -> bool:
        """Record whether the NATS server answers, if one is set."""
        if self._subjects is not None:
            await check_server(self._system, SCOPE, self._subjects)
        return False

    async def close(self) -> None:
        """Wait for current deliveries; another process repeats those that do not finish in time."""
        if self._current:
            _, late = await asyncio.wait(self._current, timeout=STOP_WITHIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._client is not None:
            await self._client.close()
        if self._subjects is not None:
            await self._subjects.close()

    async def _deliver(self, client: "OutboundClient", claimed: ClaimedDelivery) -> None:
        try:
            await deliver(self._system, SCOPE, client, self._subjects, claimed)
        except TraplineError as error:
            # The claim expires, and the delivery is sent again with the same ID.
            log.warning(
                "the result of a delivery could not be recorded",
                delivery=str(claimed.id),
                reason=error.detail,
            )
        except Exception:
            log.exception("a delivery failed and is repeated", delivery=str(claimed.id))
