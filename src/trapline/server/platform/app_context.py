"""The services of one process that actions use, and the limits that the settings give."""

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
from trapline.server.platform.map_tiles import MapTiles
from trapline.server.platform.network.email_sender import SmtpServer
from trapline.server.platform.network.nats_connection import NatsFiles
from trapline.server.platform.network.nats_credentials import NatsAccount
from trapline.server.platform.network.oidc_provider import OidcProvider
from trapline.server.platform.network.outbound_policy import OutboundPolicy
from trapline.server.platform.store.object_store import ObjectStore
from trapline.server.platform.vault import SecretKeys

Key = TypeVar("Key", bound=Hashable)
Part = TypeVar("Part")


@dataclass(frozen=True)
class LeaseSettings:
    """The length of leases, in seconds, and how often a task may fail or be lost."""

    lease_s: float = 300
    lease_max_s: float = 3600
    reaper_s: float = 5
    errors: int = 3
    losses: int = 5
    held_at_most: int = 500


@dataclass(frozen=True)
class IngestLimits:
    """Limits of what the server accepts: bytes and pixels of an image, bytes of a request's body.

    Deleted images can be restored for `deleted_kept_s` seconds, and files of exports are kept for
    `exports_kept_s` seconds. `streams` is the number of open streams of one caller in one process.
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
    """The rate of the background check of stored files, in bytes per second; 0 turns it off.

    `every_s` is the time between the starts of two passes, in seconds.
    """

    bytes_per_s: float = 4.0 * 1024 * 1024
    every_s: float = 7 * 86_400.0


class ByteBudget:
    """A number of bytes that all requests of a process share."""

    def __init__(self, size: int) -> None:
        self._left = size

    @contextmanager
    def share(self) -> Iterator[Callable[[bytes], None]]:
        """Yield a function that takes a piece from the budget; the end of the block returns all.

        Raises:
            ServiceUnavailable: by the function, if the piece is larger than the rest of the budget.
        """
        taken = 0

        def take(piece: bytes) -> None:
            nonlocal taken
            if len(piece) > self._left:
                raise ServiceUnavailable(
                    "The server is receiving too many large signed requests at the same time. "
                    "Nothing was stored. Send the request again."
                )
            self._left -= len(piece)
            taken += len(piece)

        try:
            yield take
        finally:
            self._left += taken


@dataclass
class TokenBuckets(Generic[Key]):
    """Token buckets of one process: `per_s` calls per second for each key, in bursts of `at_once`.

    At most `most_keys` buckets are kept; beyond that, the least recently used one is dropped, so
    its key starts again with a full bucket.
    """

    per_s: float
    at_once: float
    most_keys: int = 10_000
    _left: OrderedDict[Key, tuple[float, float]] = field(default_factory=OrderedDict)

    def take(self, key: Key) -> int:
        """Count a call and return 0, or return after how many seconds it is allowed."""
        left, now = self._fill(key)
        self._left.pop(key, None)
        wait = 0 if left >= 1 else math.ceil((1 - left) / self.per_s)
        self._left[key] = (left if wait else left - 1, now)
        if len(self._left) > self.most_keys:
            self._left.popitem(last=False)
        return wait

    def find_wait(self, key: Key) -> int:
        """Return after how many seconds a call is allowed, 0 for now, without counting one."""
        left, _ = self._fill(key)
        return 0 if left >= 1 else math.ceil((1 - left) / self.per_s)

    def __contains__(self, key: Key) -> bool:
        """Return whether the key has a bucket."""
        return key in self._left

    def _fill(self, key: Key) -> tuple[float, float]:
        now = time.monotonic()
        left, since = self._left.get(key, (self.at_once, now))
        return min(self.at_once, left + (now - since) * self.per_s), now


REST_S = 5.0
"""The size of a bucket, in seconds of calls at the full rate."""


def build_token_buckets(rate: float) -> TokenBuckets[Hashable]:
    """Build buckets that allow `rate` calls per second for each key."""
    return TokenBuckets(rate, max(1.0, rate * REST_S))


@dataclass(frozen=True)
class RateLimits:
    """Rate limits of workers, of other authenticated callers, and of unauthenticated IP addresses.

    Only a caller whose credentials were verified gets a separate bucket, so that requests with
    false credentials do not use memory.
    """

    workers: TokenBuckets[Hashable] = field(default_factory=lambda: build_token_buckets(2000))
    callers: TokenBuckets[Hashable] = field(default_factory=lambda: build_token_buckets(1000))
    strangers: TokenBuckets[Hashable] = field(default_factory=lambda: build_token_buckets(100))


@dataclass(frozen=True)
class CallbackSettings:
    """Rules for external pipelines: signatures and sizes. Times in seconds, sizes in bytes.

    The first of `shared_secrets` is the newest; an empty `allowed_models` allows any model.
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
    """The number of signatures that this process refused, by reason."""
    unverified: "ByteBudget" = field(default_factory=lambda: ByteBudget(256 * 1024 * 1024))
    """Memory for bodies whose signature can be verified only at their end, of all requests."""


class CountingSemaphore:
    """A semaphore that counts how many tasks wait for it."""

    def __init__(self, most: int) -> None:
        self._semaphore = asyncio.Semaphore(most)
        self.waiting = 0

    async def __aenter__(self) -> None:
        """Acquire the semaphore."""
        self.waiting += 1
        try:
            await self._semaphore.acquire()
        finally:
            self.waiting -= 1

    async def __aexit__(self, *_: object) -> None:
        """Release the semaphore."""
        self._semaphore.release()


@dataclass(frozen=True)
class AppContext:
    """The services and settings of one process; every action has it as its first parameter.

    Pull sources may read `source_folders`, and never `own_folders`. Unfinished files are in
    `work_folder`. Without a `mail_server` the server sends no e-mail, without an
    `identity_provider` it offers no OpenID sign-in, without a `nats_url` it publishes no events
    to NATS, and without `map_tiles` maps show coarse land.
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
    nats_files: NatsFiles | None = None
    nats_account: NatsAccount | None = None
    map_tiles: MapTiles | None = None
    events: TokenBuckets[UUID] = field(default_factory=lambda: TokenBuckets(20, 200))
    """The rate limit of signed events of each source."""
    rates: RateLimits = field(default_factory=RateLimits)
    metrics_token: str | None = field(default=None, repr=False)
    host_pace: HostRateLimit = field(default_factory=HostRateLimit)
    known: Caches = field(default_factory=Caches)
    large_bodies: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    visits: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    """Limits how many visitors of public projects use the database at the same time.

    The other connections remain free for members.
    """
    hashing: CountingSemaphore = field(default_factory=lambda: CountingSemaphore(2))
    """Limits how many passwords are hashed at the same time, because each takes 64 MiB."""

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
