"""What every action stands on: the engines of one process, and the figures that settings give."""

import asyncio
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from trapline.server.db.base import Database
from trapline.server.db.known import Known
from trapline.server.db.line.remembered import Remembered
from trapline.server.errors import Unavailable
from trapline.server.gateways.pace import HostTurns
from trapline.server.imaging.decoders import Decoders
from trapline.server.mailing import MailServer
from trapline.server.rules.addresses import OutboundPolicy
from trapline.server.store.port import Store
from trapline.server.vault import SecretKeys


@dataclass(frozen=True)
class Leases:
    """How long leases last, in seconds, and how often a task may fail or be lost."""

    lease_s: float = 300
    lease_max_s: float = 3600
    reaper_s: float = 5
    errors: int = 3
    losses: int = 5
    held_at_most: int = 500


@dataclass(frozen=True)
class Limits:
    """How much is taken at once: bytes and pixels of an image, bytes of a request's body."""

    image_bytes: int = 200 * 1024 * 1024
    image_pixels: int = 150_000_000
    json_bytes: int = 32 * 1024 * 1024
    result_bytes: int = 512 * 1024 * 1024


class Allowance:
    """So many bytes that all requests of a process share."""

    def __init__(self, size: int) -> None:
        self._left = size

    @contextmanager
    def share(self) -> Iterator[Callable[[bytes], None]]:
        """Take from it piece by piece within the block, which gives all back. Raises Unavailable beyond it."""
        taken = 0

        def take(piece: bytes) -> None:
            nonlocal taken
            if len(piece) > self._left:
                raise Unavailable("Too many large signed requests come in at once. Nothing was stored; send it again.")
            self._left -= len(piece)
            taken += len(piece)

        try:
            yield take
        finally:
            self._left += taken


@dataclass
class EventRates:
    """How many signed events a process takes for one source: so many a second, and so many at once."""

    per_s: float = 20
    at_once: int = 200
    most_sources: int = 10_000
    _left: OrderedDict[UUID, tuple[float, float]] = field(default_factory=OrderedDict)

    def take(self, source_id: UUID) -> int:
        """Count an event; answers after how many seconds it may be sent again, 0 where it is taken."""
        now = time.monotonic()
        left, since = self._left.pop(source_id, (float(self.at_once), now))
        left = min(float(self.at_once), left + (now - since) * self.per_s)
        is_taken = left >= 1
        self._left[source_id] = (left - is_taken, now)
        if len(self._left) > self.most_sources:
            self._left.popitem(last=False)
        return 0 if is_taken else math.ceil((1 - left) / self.per_s)


@dataclass(frozen=True)
class Callbacks:
    """What outside pipelines may do: how they sign, and how much they may send. Times in seconds, sizes in bytes.

    The first of `shared_secrets` is the newest; `allowed_models` empty allows any.
    """

    shared_secrets: tuple[str, ...] = field(default=(), repr=False)
    allow_shared: bool = True
    min_version: int = 1
    require_signature: bool = True
    skew_s: int = 300
    body_bytes: int = 32 * 1024 * 1024
    allowed_models: tuple[str, ...] = ()
    analyses_per_image: int = 50
    bulk_annotations: int = 5000
    artifact_bytes: int = 256 * 1024 * 1024
    address_lifetime_s: int = 900
    stale_after_s: int = 3600
    clock: Callable[[], float] = time.time
    refused: Counter[str] = field(default_factory=Counter)
    """How many signatures this process refused, by reason."""
    unverified: "Allowance" = field(default_factory=lambda: Allowance(256 * 1024 * 1024))
    """Room for bodies whose signatures cannot be judged before their end, in bytes over all requests of a process."""


@dataclass(frozen=True)
class System:
    """The engines of one process. Actions take it first; what is set in it stays after the start.

    `source_folders` are the local folders that pull sources may be in; without a `mail_server` no e-mail is sent,
    without a `nats_url` no event is a subject.
    """

    database: Database
    store: Store
    decoders: Decoders
    outbound: OutboundPolicy
    secrets: SecretKeys
    public_url: str
    source_folders: tuple[Path, ...] = ()
    leases: Leases = field(default_factory=Leases)
    limits: Limits = field(default_factory=Limits)
    callbacks: Callbacks = field(default_factory=Callbacks)
    mail_server: MailServer | None = None
    nats_url: str | None = field(default=None, repr=False)
    events: EventRates = field(default_factory=EventRates)
    host_turns: HostTurns = field(default_factory=HostTurns)
    known: Known = field(default_factory=Known)
    large_bodies: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    remembered: Remembered = field(default_factory=Remembered)
