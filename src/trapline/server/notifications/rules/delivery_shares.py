"""Which deliveries may begin now: few requests at once to each host, and one to a webhook that is failing."""

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import NamedTuple
from uuid import UUID

AT_ONCE = 4
"""To one host, from all processes together."""


class WaitingWebhook(NamedTuple):
    """A webhook that something waits for; one that `is_failing` is asked with less force.

    `busy` are the requests under way to it, `busy_host` those to any webhook of its host.
    """

    webhook_id: UUID
    host: str
    is_failing: bool
    busy: int
    busy_host: int


def allocate_deliveries(
    waiting: Sequence[WaitingWebhook], room: int, chance: Random
) -> list[tuple[UUID, int]]:
    """Say how many deliveries of each webhook may begin now, of at most so many; who is first is left to chance."""
    begun: Counter[str] = Counter()
    most = []
    for webhook in chance.sample(waiting, len(waiting)):
        of_webhook = 1 - webhook.busy if webhook.is_failing else AT_ONCE
        share = min(of_webhook, AT_ONCE - webhook.busy_host - begun[webhook.host], room)
        if share > 0:
            most.append((webhook.webhook_id, share))
            begun[webhook.host] += share
            room -= share
    return most
