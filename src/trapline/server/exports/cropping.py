"""Cut regions out of images in a child process with limits, for use from a thread."""

import contextlib
import json
import select
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from trapline.server.platform.imaging.decoder_pool import DecodeLimits
from trapline.server.platform.imaging.requests import (
    ENVIRONMENT,
    MAX_FILES,
    Piece,
    build_command,
    open_files,
    refuse,
    send,
)


class Cropper:
    """A child process that is started on first use and again after a crash; used by one thread."""

    def __init__(self, limits: DecodeLimits | None = None) -> None:
        self._limits = limits or DecodeLimits()
        self._child: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None

    def __enter__(self) -> "Cropper":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def crop(self, source: Path, pieces: Mapping[Path, Piece]) -> str | None:
        """Write regions of an image as JPEG files; return None, or the reason why none is written.

        The reason is a clause such as "it cannot be decoded".
        """
        wanted = list(pieces.items())
        for first in range(0, len(wanted), MAX_FILES - 1):
            trouble = self._cut_some(source, wanted[first : first + MAX_FILES - 1])
            if trouble is not None:
                return trouble
        return None

    def _cut_some(self, source: Path, pieces: Sequence[tuple[Path, Piece]]) -> str | None:
        with open_files() as files:
            try:
                files.read(source)
                asked = [[files.write(path), *piece] for path, piece in pieces]
            except OSError as error:
                answer: dict[str, Any] | None = refuse(error)
            else:
                request = {"do": "cut", "pieces": asked, "max_pixels": self._limits.max_pixels}
                answer = self._ask(request, files.descriptors)
        if answer is None:
            self._end()
            return "decoding it crashed the decoder, or took more memory or time than is allowed"
        if answer.get("no_room"):
            raise OSError("the disk is full")
        return (
            None
            if "cut" in answer
            else str(answer.get("broken", answer.get("skipped", "it cannot be decoded")))
        )

    def _ask(self, request: dict[str, Any], files: Sequence[int]) -> dict[str, Any] | None:
        if self._child is None:
            self._connection, theirs = socket.socketpair()
            with theirs:
                self._child = subprocess.Popen(
                    build_command(
                        self._limits.memory_bytes, self._limits.cpu_s, self._limits.output_bytes
                    ),
                    stdin=theirs.fileno(), stdout=subprocess.PIPE, env=ENVIRONMENT, cwd="/",
                    bufsize=0, start_new_session=True,
                )  # fmt: skip
        child = self._child
        assert self._connection is not None
        assert child.stdout is not None
        deadline, answer = time.monotonic() + self._limits.wall_s, b""
        try:
            self._connection.settimeout(self._limits.wall_s)
            send(self._connection, request, files)
            while not answer.endswith(b"\n"):
                left = deadline - time.monotonic()
                if left <= 0 or not select.select([child.stdout], [], [], left)[0]:
                    return None
                part = child.stdout.read(1 << 16)
                if not part:
                    return None
                answer += part
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            return None
        return dict(json.loads(answer))

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        for pipe in (self._connection, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        child.wait()
