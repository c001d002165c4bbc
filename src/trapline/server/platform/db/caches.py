"""Caches of one process: entries are kept for a short time and can be dropped at any moment."""

import time
from collections import OrderedDict
from collections.abc import Callable
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
