"""The deliveries of this process: many receivers side by side."""

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
    """Sends what is due. A receiver that is slow holds its own places and no others."""

    def __init__(self, system: AppContext) -> None:
        self._system = system
        self._way_out: OutboundClient | None = None
        self._subjects = NatsPublisher(system.nats_url) if system.nats_url is not None else None
        self._under_way: dict[asyncio.Task[None], ClaimedDelivery] = {}

    async def step(self) -> bool:
        """Begin what is due where there is room, and wait until there may be more."""
        room = CONNECTIONS - len(self._under_way)
        for taken in await claim_due(
            self._system, SCOPE, room, publishes=self._subjects is not None
        ):
            if self._way_out is None:
                self._way_out = build_client(self._system)
            task = asyncio.create_task(self._deliver(self._way_out, taken))
            self._under_way[task] = taken
            task.add_done_callback(lambda done: self._under_way.pop(done, None))
        if not self._under_way:
            return False
        await asyncio.wait(
            self._under_way, timeout=LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED
        )
        return True

    async def check_subjects(self) -> bool:
        """Record whether the NATS server answers, if one is set."""
        if self._subjects is not None:
            await check_server(self._system, SCOPE, self._subjects)
        return False

    async def close(self) -> None:
        """Wait for what is under way; what does not end in time is taken anew by another process."""
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=STOP_WITHIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._way_out is not None:
            await self._way_out.close()
        if self._subjects is not None:
            await self._subjects.close()

    async def _deliver(self, way_out: "OutboundClient", taken: ClaimedDelivery) -> None:
        try:
            await deliver(self._system, SCOPE, way_out, self._subjects, taken)
        except TraplineError as error:
            # The lease on it runs out, and it is sent again under the same id.
            log.warning(
                "how a delivery went could not be noted",
                delivery=str(taken.id),
                reason=error.detail,
            )
        except Exception:
            log.exception("a delivery broke and is attempted again", delivery=str(taken.id))
