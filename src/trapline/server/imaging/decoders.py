"""The pool of limited processes that decode pictures for the server."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from trapline.server.errors import Unavailable

log = structlog.get_logger(__name__)

MAX_ANSWER_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """What decoding one picture may cost; a child that is not asked for `idle_s` seconds is ended."""

    max_pixels: int = 150_000_000
    memory_bytes: int = 2 * 1024**3
    cpu_s: int = 60
    wall_s: float = 90
    idle_s: float = 120


@dataclass(frozen=True)
class Picture:
    """A picture that was decoded to its last pixel; width and height are upright."""

    width: int
    height: int
    media_type: str
    mode: str
    orientation: int
    exif: dict[str, Any]
    upright_made: bool
    thumbnails_made: bool


@dataclass(frozen=True)
class Skipped:
    """A file that is not taken, such as a video; `reason` is a whole phrase."""

    reason: str


@dataclass(frozen=True)
class Broken:
    """A file that cannot be taken as a picture; `reason` is a whole phrase."""

    reason: str


class _Dead(Exception):
    """The child ended or fell silent; `reason` says so in words about the picture."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Decoders:
    """Up to `processes` children, started when first needed and again after each crash."""

    def __init__(self, processes: int = 2, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._free = asyncio.Semaphore(processes)
        self._idle: list[asyncio.subprocess.Process] = []
        self._endings: dict[int, asyncio.TimerHandle] = {}
        self._all: set[asyncio.subprocess.Process] = set()

    async def inspect(
        self, path: Path, *, upright: Path | None = None, thumbnails: Mapping[int, Path] | None = None
    ) -> Picture | Skipped | Broken:
        """Decode a picture wholly and tell what it is.

        `upright` is where an upright JPEG copy is written if the original is turned, CMYK, or a format that browsers
        do not show; `upright_made` tells whether it was. `thumbnails` are written as by `make_thumbnails`, of what is
        decoded already; `thumbnails_made` tells whether they were.
        """
        request = {
            "do": "inspect",
            "path": str(path),
            "upright": str(upright) if upright else None,
            "outputs": _as_text(thumbnails or {}),
        }
        answer = await self._ask(request)
        if "picture" in answer:
            return Picture(**answer["picture"])
        return _refusal(answer)

    async def make_thumbnails(self, path: Path, outputs: Mapping[int, Path]) -> Skipped | Broken | None:
        """Write upright JPEG thumbnails, each to fit a square of its size in pixels; None when all are written."""
        request = {"do": "thumbnails", "path": str(path), "outputs": _as_text(outputs)}
        answer = await self._ask(request)
        return None if "thumbnails" in answer else _refusal(answer)

    async def close(self) -> None:
        """End every child."""
        for child in list(self._all):
            await self._end(child)

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        line = json.dumps({**request, "max_pixels": self.limits.max_pixels}).encode() + b"\n"
        async with self._free:
            child = await self._take()
            try:
                answer = await self._exchange(child, line)
            except _Dead as dead:
                await self._end(child)
                log.warning("a decoder ended", reason=dead.reason, path=request["path"])
                return {"broken": dead.reason}
            except BaseException:
                await self._end(child)
                raise
            self._give_back(child)
            if "no_room" in answer:
                raise Unavailable("The disk of the server is full. Nothing was stored; send it again later.")
            return answer

    async def _exchange(self, child: asyncio.subprocess.Process, line: bytes) -> dict[str, Any]:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            async with asyncio.timeout(self.limits.wall_s):
                child.stdin.write(line)
                await child.stdin.drain()
                answer = await child.stdout.readline()
        except TimeoutError:
            raise _Dead(f"decoding it took longer than {self.limits.wall_s:g} seconds") from None
        except (ConnectionError, ValueError) as error:
            raise _Dead("decoding it crashed the decoder") from error
        if not answer.endswith(b"\n"):
            raise _Dead("decoding it crashed the decoder, or took more memory or time than is allowed")
        return dict(json.loads(answer))

    async def _take(self) -> asyncio.subprocess.Process:
        while self._idle:
            child = self._idle.pop()
            self._endings.pop(child.pid).cancel()
            if child.returncode is None:
                return child
            self._all.discard(child)
        # -I and an empty environment: a decoder learns no secret, and nothing around it changes what it loads.
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-m", "trapline.server.imaging.child",
            str(self.limits.memory_bytes), str(self.limits.cpu_s),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env={"LANG": "C.UTF-8"}, cwd="/", limit=MAX_ANSWER_BYTES, start_new_session=True,
        )  # fmt: skip
        self._all.add(child)
        return child

    def _give_back(self, child: asyncio.subprocess.Process) -> None:
        self._idle.append(child)
        loop = asyncio.get_running_loop()
        self._endings[child.pid] = loop.call_later(self.limits.idle_s, self._retire, child)

    def _retire(self, child: asyncio.subprocess.Process) -> None:
        self._endings.pop(child.pid, None)
        if child in self._idle:
            self._idle.remove(child)
            self._all.discard(child)
            if child.stdin is not None:
                child.stdin.close()

    async def _end(self, child: asyncio.subprocess.Process) -> None:
        self._all.discard(child)
        if child in self._idle:
            self._idle.remove(child)
        if child.pid in self._endings:
            self._endings.pop(child.pid).cancel()
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        if child.stdin is not None:
            child.stdin.close()
        await child.wait()


def _as_text(outputs: Mapping[int, Path]) -> dict[str, str]:
    return {str(size): str(path) for size, path in outputs.items()}


def _refusal(answer: dict[str, Any]) -> Skipped | Broken:
    if "skipped" in answer:
        return Skipped(str(answer["skipped"]))
    return Broken(str(answer.get("broken", "it cannot be decoded")))
