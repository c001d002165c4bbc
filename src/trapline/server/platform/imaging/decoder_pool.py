"""The pool of confined processes that decode images for the server."""

import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from trapline.server.platform.errors import ServiceUnavailable
from trapline.server.platform.imaging.decoder_turns import DecoderTurns
from trapline.server.platform.imaging.requests import (
    ENVIRONMENT,
    build_command,
    open_files,
    refuse,
    send_without_blocking,
)
from trapline.server.platform.imaging.tile_files import TILE_SIDE

log = structlog.get_logger(__name__)

MAX_ANSWER_BYTES = 1024 * 1024


@dataclass(frozen=True)
class DecodeLimits:
    """Limits of decoding one image; a child without a request for `idle_s` seconds is ended.

    The processor time of an image is limited to `cpu_base_s` and `cpu_s_per_megapixel`, and to
    `cpu_s` in any case: a JPEG of 12 megapixels takes about 0.3 s, HEIC and PNG four times as long,
    and a small board five times as long. `output_bytes` is the limit of each file that a child
    writes.
    """

    max_pixels: int = 150_000_000
    memory_bytes: int = 2 * 1024**3
    cpu_s: int = 60
    cpu_base_s: float = 3
    cpu_s_per_megapixel: float = 0.25
    output_bytes: int = 512 * 1024**2
    wall_s: float = 90
    idle_s: float = 120


@dataclass(frozen=True)
class DecodedImage:
    """An image that was decoded completely; width and height are upright.

    `is_truncated` means that it is a JPEG of which only a part was decoded, at least half of its
    rows.
    """

    width: int
    height: int
    media_type: str
    mode: str
    orientation: int
    exif: dict[str, Any]
    upright_made: bool
    thumbnails_made: bool
    is_truncated: bool = False


@dataclass(frozen=True)
class SkippedFile:
    """A file of an unsupported type, such as a video; `reason` is a clause for the user."""

    reason: str


@dataclass(frozen=True)
class UndecodableFile:
    """A file that cannot be decoded as an image; `reason` is a clause for the user."""

    reason: str


@dataclass(frozen=True, eq=False)
class _Child:
    """A decoder process, and the socket on which it receives requests."""

    process: asyncio.subprocess.Process
    connection: socket.socket


class _ChildEnded(Exception):
    """The child ended or did not answer in time; `reason` is a clause about the image."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DecoderPool:
    """Up to `processes` decoder processes, which are started when needed and after each crash."""

    def __init__(self, processes: int = 2, limits: DecodeLimits | None = None) -> None:
        self.limits = limits or DecodeLimits()
        self._turns = DecoderTurns(processes)
        self._idle: list[_Child] = []
        self._endings: dict[int, asyncio.TimerHandle] = {}
        self._all: set[_Child] = set()
        self._given_up = "No decoder has started yet."
        self._describing: asyncio.Task[None] | None = None

    async def inspect(
        self,
        path: Path,
        *,
        upright: Path | None = None,
        thumbnails: Mapping[int, Path] | None = None,
        project_id: int | None = None,
    ) -> DecodedImage | SkippedFile | UndecodableFile:
        """Decode an image completely and return its properties.

        An upright JPEG copy is written to `upright` if the original is rotated, CMYK, or in a
        format that browsers do not show; `upright_made` is set if it was. `thumbnails` are written
        as by `generate_thumbnails`; `thumbnails_made` is set if they were. The time counts for the
        project: if several projects wait for a decoder, the one that has used the least time is
        next.

        Raises:
            ServiceUnavailable: the disk is full.
        """
        answer = await self._ask("inspect", path, upright, thumbnails or {}, project_id)
        if "image" in answer:
            return DecodedImage(**answer["image"])
        return _refusal(answer)

    async def generate_thumbnails(
        self, path: Path, outputs: Mapping[int, Path], project_id: int | None = None
    ) -> SkippedFile | UndecodableFile | None:
        """Write upright JPEG thumbnails that fit squares of these sizes in pixels.

        Returns None when all are written.

        Raises:
            ServiceUnavailable: the disk is full.
        """
        answer = await self._ask("thumbnails", path, None, outputs, project_id)
        return None if "thumbnails" in answer else _refusal(answer)

    async def generate_tiles(
        self, path: Path, output: Path, project_id: int | None = None
    ) -> SkippedFile | UndecodableFile | None:
        """Write the tiles of an image to one file, in the format of `tile_files`.

        Returns None when all are written.

        Raises:
            ServiceUnavailable: the disk is full.
        """
        answer = await self._ask("tiles", path, None, {TILE_SIDE: output}, project_id)
        return None if "tiles" in answer else _refusal(answer)

    async def close(self) -> None:
        """End every decoder process."""
        if self._describing is not None:
            self._describing.cancel()
            await asyncio.gather(self._describing, return_exceptions=True)
        for child in list(self._all):
            await self._end(child)

    def describe(self) -> str:
        """Describe how decoders are confined; the first call starts one without waiting for it."""
        if self._describing is None:
            self._describing = asyncio.create_task(self._find_given_up())
        return self._given_up

    async def _find_given_up(self) -> None:
        try:
            answer = await self._ask_child({"do": "describe"}, ())
        except (OSError, ServiceUnavailable) as error:
            answer = {"broken": str(error)}
            self._describing = None  # The next call tries again.
        self._given_up = describe_given_up(answer)

    async def _ask(
        self,
        do: str,
        path: Path,
        upright: Path | None,
        outputs: Mapping[int, Path],
        project_id: int | None,
    ) -> dict[str, Any]:
        with open_files() as files:
            try:
                files.read(path)
                request = {
                    "do": do,
                    "upright": None if upright is None else files.write(upright),
                    "outputs": {str(size): files.write(output) for size, output in outputs.items()},
                    "max_pixels": self.limits.max_pixels,
                    "cpu_base_s": self.limits.cpu_base_s,
                    "cpu_s_per_megapixel": self.limits.cpu_s_per_megapixel,
                }
            except OSError as error:
                answer = refuse(error)
            else:
                answer = await self._ask_child(request, files.descriptors, path, project_id)
        if "no_room" in answer:
            raise ServiceUnavailable(
                "The disk of the server is full. Nothing was stored. Send the request again later."
            )
        return answer

    async def _ask_child(
        self,
        request: Mapping[str, Any],
        files: Sequence[int],
        path: Path | None = None,
        project_id: int | None = None,
    ) -> dict[str, Any]:
        async with self._turns.turn(project_id):
            child = await self._take()
            try:
                answer = await self._exchange(child, request, files)
            except _ChildEnded as ended:
                await self._end(child)
                log.warning("a decoder ended", reason=ended.reason, path=str(path))
                return {"broken": ended.reason}
            except BaseException:
                await self._end(child)
                raise
            self._give_back(child)
            return answer

    async def _exchange(
        self, child: _Child, request: Mapping[str, Any], files: Sequence[int]
    ) -> dict[str, Any]:
        assert child.process.stdout is not None
        try:
            async with asyncio.timeout(self.limits.wall_s):
                await send_without_blocking(child.connection, request, files)
                answer = await child.process.stdout.readline()
        except TimeoutError:
            raise _ChildEnded(
                f"decoding it took longer than {self.limits.wall_s:g} seconds"
            ) from None
        except (ConnectionError, ValueError) as error:
            raise _ChildEnded("decoding it crashed the decoder") from error
        if not answer.endswith(b"\n"):
            if await self._has_exceeded_cpu_time(child):
                raise _ChildEnded(
                    "decoding it took more processor time than is allowed for an image of its size"
                )
            raise _ChildEnded(
                "decoding it crashed the decoder, or took more memory or time than is allowed"
            )
        return dict(json.loads(answer))

    async def _has_exceeded_cpu_time(self, child: _Child) -> bool:
        """Return whether the kernel ended a child because of its processor time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                return await child.process.wait() == -signal.SIGXCPU
        return False

    async def _take(self) -> _Child:
        while self._idle:
            child = self._idle.pop()
            self._endings.pop(child.process.pid).cancel()
            if child.process.returncode is None:
                return child
            self._all.discard(child)
            child.connection.close()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        limits = self.limits
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *build_command(limits.memory_bytes, limits.cpu_s, limits.output_bytes),
                stdin=theirs.fileno(),
                stdout=asyncio.subprocess.PIPE,
                env=ENVIRONMENT,
                cwd="/",
                limit=MAX_ANSWER_BYTES,
                start_new_session=True,
            )
        child = _Child(process, ours)
        self._all.add(child)
        return child

    def _give_back(self, child: _Child) -> None:
        self._idle.append(child)
        loop = asyncio.get_running_loop()
        self._endings[child.process.pid] = loop.call_later(self.limits.idle_s, self._retire, child)

    def _retire(self, child: _Child) -> None:
        self._endings.pop(child.process.pid, None)
        if child in self._idle:
            self._idle.remove(child)
            self._all.discard(child)
            child.connection.close()

    async def _end(self, child: _Child) -> None:
        self._all.discard(child)
        if child in self._idle:
            self._idle.remove(child)
        if child.process.pid in self._endings:
            self._endings.pop(child.process.pid).cancel()
        with contextlib.suppress(ProcessLookupError):
            child.process.kill()
        child.connection.close()
        await child.process.wait()


def describe_given_up(answer: Mapping[str, Any]) -> str:
    """Describe in one line how a decoder is confined, and what this system does not support."""
    found = answer.get("given_up")
    if found is None:
        return f"Decoders do not start: {answer.get('broken', 'no reason was given')}."
    given_up = {
        "no new privileges": found["no_new_privileges"],
        "no capabilities": found["no_capabilities"],
        "no network": found["no_network"],
        "no writing": found["no_writing"],
        "seccomp": found["seccomp"],
        "Landlock": found["landlock"],
    }
    has = [f"user {found['user']}", *(what for what, is_so in given_up.items() if is_so)]
    missing = [what for what, is_so in given_up.items() if not is_so]
    return f"Limited: {', '.join(has)}." + (
        f" Not available here: {', '.join(missing)}." if missing else ""
    )


def _refusal(answer: dict[str, Any]) -> SkippedFile | UndecodableFile:
    if "skipped" in answer:
        return SkippedFile(str(answer["skipped"]))
    return UndecodableFile(str(answer.get("broken", "it cannot be decoded")))
