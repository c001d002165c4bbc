"""Points at which a test strikes a running server: before and after every commit and every reply.

Off, and refused outside tests: they work only where TRAPLINE_FAILPOINTS names a plan and the data
folder is marked by a file that nothing but a test writes. A plan is a text file of rules, one a
line, read anew whenever it changes:

    NUMBER POINT|DOING|AT|ACT       7 before commit|POST /api/v2/jobs/*/result|3|kill

The rule strikes once, over all processes: in the one that passes that point for the AT-th time
since it knows the rule. DOING is a pattern of what the process does there: a request without its
ids, `loop NAME`, `chore NAME`. ACT is `kill`, `sleep SECONDS`, `fail` (as if the connection broke)
or `note`, which writes down every passing and never ends. What struck is written to PLAN.struck,
which is how a test knows that it was.
"""

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

MARK = "for-tests-only"
_IDS = re.compile(r"(?<=/)([0-9a-f]{8}-[0-9a-f-]{27}|\d+)(?=/|$)")
_doing: ContextVar[str] = ContextVar("doing", default="")

App = Callable[[Any, Any, Any], Awaitable[None]]


class FailpointsNotAllowed(Exception):
    """Failpoints are asked for on a data folder that no test made."""


@dataclass
class _Rule:
    number: int
    point: str
    operation: str
    at: int
    act: str
    passed: int = 0


@dataclass
class _Plan:
    file: Path
    rules: dict[int, _Rule] = field(default_factory=dict)
    read_at: int = 0

    def refresh(self) -> None:
        try:
            changed = self.file.stat().st_mtime_ns
        except FileNotFoundError:
            changed = -1
        if changed == self.read_at:
            return
        self.read_at = changed
        lines = self.file.read_text(encoding="utf-8").splitlines() if changed >= 0 else []
        rules = {}
        for line in lines:
            number, _, told = line.partition(" ")
            point, doing, at, act = told.split("|")
            rules[int(number)] = self.rules.get(int(number)) or _Rule(
                int(number), point, doing, int(at), act
            )
        self.rules = rules

    def find(self, point: str, doing: str) -> _Rule | None:
        """The rule that strikes here and now; nobody else has struck by it."""
        self.refresh()
        for rule in self.rules.values():
            if not fnmatchcase(point, rule.point) or not fnmatchcase(doing, rule.operation):
                continue
            rule.passed += 1
            if rule.act == "note" or (rule.passed == rule.at and self._claim(rule)):
                return rule
        return None

    def _claim(self, rule: _Rule) -> bool:
        try:
            os.close(
                os.open(f"{self.file}.{rule.number}", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            )
        except FileExistsError:
            return False
        return True

    def write(self, rule: _Rule, point: str, doing: str) -> None:
        told = {
            "rule": rule.number,
            "act": rule.act,
            "point": point,
            "doing": doing,
            "at": time.monotonic(),
            "pid": os.getpid(),
        }
        with Path(f"{self.file}.struck").open("a", encoding="utf-8") as struck:
            struck.write(json.dumps(told) + "\n")


_armed: _Plan | None = None


def validate_plan(plan: str | None, data: Path) -> None:
    """Refuse a plan on a data folder that is not marked as a test's. Raises FailpointsRefused."""
    if plan and not (data / MARK).exists():
        raise FailpointsNotAllowed(
            f"TRAPLINE_FAILPOINTS is set: with it a test kills the server's processes in the middle of their work. "
            f"The data folder {data} was not made by a test, so nothing starts. Unset TRAPLINE_FAILPOINTS."
        )


def enable(plan: str | None, data: Path) -> None:
    """Follow a plan from now on, if there is one. Raises FailpointsRefused."""
    global _armed
    validate_plan(plan, data)
    _armed = _Plan(Path(plan)) if plan else None


def is_enabled() -> bool:
    """Whether this process follows a plan."""
    return _armed is not None


@contextmanager
def operation(what: str) -> Iterator[None]:
    """Name what is being done for the points that are passed within the block."""
    token = _doing.set(what)
    try:
        yield
    finally:
        _doing.reset(token)


async def hit(point: str) -> None:
    """Pass a point: nothing happens, unless a test wants it."""
    if _armed is None:
        return
    what = _doing.get()
    rule = _armed.find(point, what)
    if rule is None:
        return
    _armed.write(rule, point, what)
    act, _, argument = rule.act.partition(" ")
    if act == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif act == "sleep":
        await asyncio.sleep(float(argument))
    elif act == "fail":
        raise ConnectionResetError("a test broke the connection here")


def wrap_replies(app: App) -> App:
    """Wrap an ASGI application with the points before and after each reply; unarmed, it is the application itself."""
    if _armed is None:
        return app

    async def watched(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return

        async def send_watched(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                await hit("before reply")
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                await hit("after reply")

        with operation(f"{scope['method']} {_IDS.sub('*', scope['path']).rstrip('/')}"):
            await app(scope, receive, send_watched)

    return watched
