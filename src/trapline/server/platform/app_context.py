"""What every action stands on: the engines of one process, and the figures that settings give."""

import asyncio
import math
import tempfile
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Database
from trapline.server.platform.db.caches import Caches
from trapline.server.platform.db.host_rate_limits import HostRateLimit
from trapline.server.platform.errors import ServiceUnavailable
from trapline.server.platform.imaging.decoder_pool import DecoderPool
from trapline.server.platform.network.email_sender import SmtpServer
from trapline.server.platform.network.oidc_provider import OidcProvider
from trapline.server.platform.network.outbound_policy import OutboundPolicy
from trapline.server.platform.store.object_store import ObjectStore
from trapline.server.platform.vault import SecretKeys

Key = TypeVar("Key", bound=Hashable)
Part = TypeVar("Part")


@dataclass(frozen=True)
class LeaseSettings:
    """How long leases last, in seconds, and how often a task may fail or be lost."""

    lease_s: float = 300
    lease_max_s: float = 3600
    reaper_s: float = 5
    errors: int = 3
    losses: int = 5
    held_at_most: int = 500


@dataclass(frozen=True)
class IngestLimits:
    """How much is taken at once: bytes and pixels of an image, bytes of a request's body.

    `deleted_kept_s` is for how many seconds deleted images can be restored, `exports_kept_s` the
    same of the files of exports, `streams` are those of one caller that a process keeps open.
    """

    image_bytes: int = 200 * 1024 * 1024
    image_pixels: int = 150_000_000
    json_bytes: int = 32 * 1024 * 1024
    result_bytes: int = 512 * 1024 * 1024
    deleted_kept_s: float = 60 * 86_400.0
    exports_kept_s: float = 30 * 86_400.0
    streams: int = 100


@dataclass(frozen=True)
class FileChecks:
    """How the background checks stored files: bytes a second (0: never), and seconds between the starts of passes."""

    bytes_per_s: float = 4.0 * 1024 * 1024
    every_s: float = 7 * 86_400.0


class ByteBudget:
    """So many bytes that all requests of a process share."""

    def __init__(self, size: int) -> None:
        self._left = size

    @contextmanager
    def share(self) -> Iterator[Callable[[bytes], None]]:
        """Take from it piece by piece within the block, which gives all back.

        Raises Unavailable beyond it.
        """
        taken = 0

        def take(piece: bytes) -> None:
            nonlocal taken
            if len(piece) > self._left:
                raise ServiceUnavailable(
                    "Too many large signed requests come in at once. Nothing was stored; send it again."
                )
            self._left -= len(piece)
            taken += len(piece)

        try:
            yield take
        finally:
            self._left += taken


@dataclass
class TokenBuckets(Generic[Key]):
    """So many calls a second for each of many keys, and `at_once` of them after a rest; a process
    counts its own.

    At most `most_keys` are known; of those beyond, the one that called the longest ago begins anew.
    """

    per_s: float
    at_once: float
    most_keys: int = 10_000
    _left: OrderedDict[Key, tuple[float, float]] = field(default_factory=OrderedDict)

    def take(self, key: Key) -> int:
        """Count a call; answers after how many seconds it may be made again, 0 where it may be made now."""
        left, now = self._fill(key)
        self._left.pop(key, None)
        wait = 0 if left >= 1 else math.ceil((1 - left) / self.per_s)
        self._left[key] = (left if wait else left - 1, now)
        if len(self._left) > self.most_keys:
            self._left.popitem(last=False)
        return wait

    def find_wait(self, key: Key) -> int:
        """After how many seconds a call may be made, 0 for now; nothing is counted."""
        left, _ = self._fill(key)
        return 0 if left >= 1 else math.ceil((1 - left) / self.per_s)

    def __contains__(self, key: Key) -> bool:
        """Whether it called lately."""
        return key in self._left

    def _fill(self, key: Key) -> tuple[float, float]:
        now = time.monotonic()
        left, since = self._left.get(key, (self.at_once, now))
        return min(self.at_once, left + (now - since) * self.per_s), now


REST_S = 5.0
"""For so many seconds' worth of calls a key may save up while it rests."""


def build_token_buckets(rate: float) -> TokenBuckets[Hashable]:
    """Make buckets that allow so many calls a second."""
    return TokenBuckets(rate, max(1.0, rate * REST_S))


@dataclass(frozen=True)
class RateLimits:
    """How often may be called: with a worker's token, as any other caller, and from an address
    without being known.

    Only who was found to be known gets a bucket of their own, so false credentials fill no memory.
    """

    workers: TokenBuckets[Hashable] = field(default_factory=lambda: build_token_buckets(2000))
    callers: TokenBuckets[Hashable] = field(default_factory=lambda: build_token_buckets(1000))
    strangers: TokenBuckets[Hashable] = field(default_factory=lambda: build_token_buckets(100))


@dataclass(frozen=True)
class CallbackSettings:
    """What outside pipelines may do: how they sign, and how much they may send. Times in seconds,
    sizes in bytes.

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
    unverified: "ByteBudget" = field(default_factory=lambda: ByteBudget(256 * 1024 * 1024))
    """Room for bodies whose signatures cannot be judged before their end, in bytes over all requests of a process."""


class CountingSemaphore:
    """A door that lets so many through at once, and tells how many wait before it."""

    def __init__(self, most: int) -> None:
        self._door = asyncio.Semaphore(most)
        self.waiting = 0

    async def __aenter__(self) -> None:
        """Wait for one's turn."""
        self.waiting += 1
        try:
            await self._door.acquire()
        finally:
            self.waiting -= 1

    async def __aexit__(self, *_: object) -> None:
        """Let the next one through."""
        self._door.release()


@dataclass(frozen=True)
class AppContext:
    """The engines of one process. Actions take it first; what is set in it stays after the start.

    `source_folders` are the local folders that pull sources may be in, `own_folders` those that
    none may read, in `work_folder` is what is half done; without a `mail_server` no e-mail is sent,
    without an `identity_provider` nobody signs in by OpenID, without a `nats_url` no event is a
    subject.
    """

    database: Database
    store: ObjectStore
    decoders: DecoderPool
    outbound: OutboundPolicy
    secrets: SecretKeys
    public_url: str
    source_folders: tuple[Path, ...] = ()
    own_folders: tuple[Path, ...] = ()
    operators_create_projects: bool = False
    work_folder: Path = field(default_factory=lambda: Path(tempfile.gettempdir()) / "trapline-work")
    leases: LeaseSettings = field(default_factory=LeaseSettings)
    file_checks: FileChecks = field(default_factory=FileChecks)
    limits: IngestLimits = field(default_factory=IngestLimits)
    callbacks: CallbackSettings = field(default_factory=CallbackSettings)
    mail_server: SmtpServer | None = None
    identity_provider: OidcProvider | None = None
    nats_url: str | None = field(default=None, repr=False)
    events: TokenBuckets[UUID] = field(default_factory=lambda: TokenBuckets(20, 200))
    """How many signed events are taken for one source."""
    rates: RateLimits = field(default_factory=RateLimits)
    metrics_token: str | None = field(default=None, repr=False)
    host_pace: HostRateLimit = field(default_factory=HostRateLimit)
    known: Caches = field(default_factory=Caches)
    large_bodies: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    visits: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    """Visitors of public projects that use the database at once, so that its connections are left to members."""
    counting: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Who counts what a public project has to show: one at a time, for all that ask."""
    hashing: CountingSemaphore = field(default_factory=lambda: CountingSemaphore(2))
    """Passwords that are hashed at once: each takes 64 MiB."""

    parts: dict[type, object] = field(default_factory=dict, repr=False)

    def part(self, kind: type[Part]) -> Part:
        """Return this process's object of a type that a higher domain defines; create it once.

        The type must have a constructor without arguments, such as a class of caches.
        """
        found = self.parts.get(kind)
        if found is None:
            found = self.parts[kind] = kind()
        assert isinstance(found, kind)
        return found

    def may_create_projects(self, scope: Scope) -> bool:
        """Return whether the settings let this caller create projects."""
        return scope.everything or scope.is_operator or not self.operators_create_projects
