"""Limits of concurrent deliveries: few per host, and one to a webhook that is failing."""

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import NamedTuple
from uuid import UUID

AT_ONCE = 4
"""Maximum number of concurrent requests to a host, from all processes."""


class WaitingWebhook(NamedTuple):
    """A webhook with due deliveries; one that `is_failing` gets one request at a time.

    `busy` is its number of current requests, `busy_host` that of all webhooks of its host.
    """

    webhook_id: UUID
    host: str
    is_failing: bool
    busy: int
    busy_host: int


def allocate_deliveries(
    waiting: Sequence[WaitingWebhook], room: int, chance: Random
) -> list[tuple[UUID, int]]:
    """Return how many deliveries of each webhook to start, at most `room` in all.

    The order of webhooks is random.
    """
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
