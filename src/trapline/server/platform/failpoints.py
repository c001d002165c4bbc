"""Points at which a test can kill or delay a running server, around every commit and reply.

They are off, and refused outside tests: they work only if TRAPLINE_FAILPOINTS names a plan and the
data folder contains a file that only tests write. A plan is a text file with one rule per line,
which is read again whenever it changes:

    NUMBER POINT|OPERATION|AT|ACT       7 before commit|POST /api/v2/jobs/*/result|3|kill

The rule applies once over all processes: to the process that reaches the point for the AT-th time
after it read the rule. OPERATION is a pattern of the operation in progress: a request without its
IDs, `loop NAME` or `chore NAME`. ACT is `kill`, `sleep SECONDS`, `fail` (as if the connection
broke) or `note`, which records each time the point is reached and never ends. Each rule that was
applied is recorded in `PLAN.struck`, which the test reads.
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
    """Failpoints are configured for a data folder that was not created by a test."""


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
            number, _, fields = line.partition(" ")
            point, operation, at, act = fields.split("|")
            rules[int(number)] = self.rules.get(int(number)) or _Rule(
                int(number), point, operation, int(at), act
            )
        self.rules = rules

    def find(self, point: str, doing: str) -> _Rule | None:
        """Return the rule to apply at this point; no other process has applied it."""
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
        entry = {
            "rule": rule.number,
            "act": rule.act,
            "point": point,
            "doing": doing,
            "at": time.monotonic(),
            "pid": os.getpid(),
        }
        with Path(f"{self.file}.struck").open("a", encoding="utf-8") as struck:
            struck.write(json.dumps(entry) + "\n")


_armed: _Plan | None = None


def validate_plan(plan: str | None, data: Path) -> None:
    """Refuse a plan for a data folder that was not created by a test.

    Raises:
        FailpointsNotAllowed: the folder has no mark of a test.
    """
    if plan and not (data / MARK).exists():
        raise FailpointsNotAllowed(
            "TRAPLINE_FAILPOINTS is set, which lets a test kill the server's processes during "
            f"their work. The data folder {data} was not created by a test, so nothing was "
            "started. Unset TRAPLINE_FAILPOINTS."
        )


def enable(plan: str | None, data: Path) -> None:
    """Follow a plan from now on, if one is given.

    Raises:
        FailpointsNotAllowed: the data folder was not created by a test.
    """
    global _armed
    validate_plan(plan, data)
    _armed = _Plan(Path(plan)) if plan else None


def is_enabled() -> bool:
    """Return whether this process follows a plan."""
    return _armed is not None


@contextmanager
def operation(what: str) -> Iterator[None]:
    """Set the name of the operation for the points that are reached within the block."""
    token = _doing.set(what)
    try:
        yield
    finally:
        _doing.reset(token)


async def hit(point: str) -> None:
    """Apply the rule of the plan for this point, if there is a plan and it has one."""
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
    """Wrap an ASGI application with the points before and after each reply, if there is a plan."""
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
