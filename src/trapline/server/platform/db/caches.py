"""Caches of one process: entries are kept for a short time and can be dropped at any moment."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from trapline.server.platform.access import Scope

Name = TypeVar("Name")
Thing = TypeVar("Thing")


@dataclass
class TtlCache(Generic[Name, Thing]):
    """A cache of at most `size` entries, each for at most `seconds`."""

    size: int
    seconds: float
    _kept: OrderedDict[Name, tuple[Thing, float]] = field(default_factory=OrderedDict)

    def get(self, name: Name) -> Thing | None:
        """Return the value of a key; None if the cache has no value or it is too old."""
        thing, since = self._kept.get(name, (None, 0.0))
        return thing if time.monotonic() - since < self.seconds else None

    def keep(self, name: Name, thing: Thing) -> None:
        """Store a value; evict the oldest entries when full."""
        self._kept.pop(name, None)
        self._kept[name] = (thing, time.monotonic())
        while len(self._kept) > self.size:
            self._kept.popitem(last=False)

    def delete(self, fits: Callable[[Thing], bool]) -> None:
        """Delete the entries whose value fits."""
        for name in [name for name, (thing, _) in self._kept.items() if fits(thing)]:
            del self._kept[name]


@dataclass
class VersionedCache(Generic[Name, Thing]):
    """A cache of values that are loaded again when their version differs.

    Callers that ask for the same value at the same time wait for one of them to load it.
    """

    size: int
    seconds: float
    _kept: TtlCache[Name, tuple[Hashable, Thing]] = field(init=False)
    _loading: dict[tuple[Name, Hashable], "_Load[Thing]"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._kept = TtlCache(self.size, self.seconds)

    async def get(
        self, name: Name, version: Hashable, load: Callable[[], Awaitable[Thing]]
    ) -> Thing:
        """Return the value of this version.

        All that wait for a load receive its error. If its caller is cancelled, another one loads.
        """
        while True:
            found = self._kept.get(name)
            if found is not None and found[0] == version:
                return found[1]
            loading = self._loading.get((name, version))
            if loading is None:
                break
            await loading.ended.wait()
            if loading.error is not None:
                raise loading.error
            if loading.things:
                return loading.things[0]
        loading = self._loading[name, version] = _Load()
        try:
            thing = await load()
            loading.things.append(thing)
            self._kept.keep(name, (version, thing))
        except Exception as error:
            loading.error = error
            raise
        finally:
            del self._loading[name, version]
            loading.ended.set()
        return thing


@dataclass
class _Load(Generic[Thing]):
    """A load that others wait for; `things` is empty if it failed or was cancelled."""

    ended: asyncio.Event = field(default_factory=asyncio.Event)
    things: list[Thing] = field(default_factory=list)
    error: Exception | None = None


@dataclass
class Caches:
    """The scopes of callers, and the downloads that the audit has an entry for.

    Another process refuses a revoked token within half a second, when its entry expires. The key of
    a download is the caller, the file and the address.
    """

    callers: TtlCache[tuple[str, bytes], Scope] = field(
        default_factory=lambda: TtlCache(10_000, 0.5)
    )
    downloads: TtlCache[tuple[str, str, str], bool] = field(
        default_factory=lambda: TtlCache(100_000, 300.0)
    )
