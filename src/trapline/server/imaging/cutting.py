"""Cuts pieces out of pictures, in one limited child process like those that decode them, for who is in a thread."""

import contextlib
import json
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from trapline.server.imaging.decoders import Limits

Piece = tuple[int, int, int, int]
"""Left, top, right and bottom in upright pixels."""


class Cutter:
    """A child that is started when it is first needed and again after a crash; used by one thread."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Cutter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def cut(self, picture: Path, pieces: Mapping[Path, Piece]) -> str | None:
        """Write pieces of a picture as JPEG files; None when all are written, else why none is, as a whole phrase."""
        asked: Sequence[Any] = [[str(path), *piece] for path, piece in pieces.items()]
        request = {"do": "cut", "path": str(picture), "pieces": asked, "max_pixels": self._limits.max_pixels}
        answer = self._ask(json.dumps(request).encode() + b"\n")
        if answer is None:
            self._end()
            return "decoding it crashed the decoder, or took more memory or time than is allowed"
        if answer.get("no_room"):
            raise OSError("the disk is full")
        return None if "cut" in answer else str(answer.get("broken", answer.get("skipped", "it cannot be decoded")))

    def _ask(self, line: bytes) -> dict[str, Any] | None:
        if self._child is None:
            # As in decoders.py: it learns no secret, and nothing around it changes what it loads.
            self._child = subprocess.Popen(
                [
                    sys.executable, "-I", "-m", "trapline.server.imaging.child",
                    str(self._limits.memory_bytes), str(self._limits.cpu_s),
                ],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"LANG": "C.UTF-8"}, cwd="/", bufsize=0,
                start_new_session=True,
            )  # fmt: skip
        child = self._child
        assert child.stdin is not None
        assert child.stdout is not None
        deadline, answer = time.monotonic() + self._limits.wall_s, b""
        try:
            child.stdin.write(line)
            while not answer.endswith(b"\n"):
                left = deadline - time.monotonic()
                if left <= 0 or not select.select([child.stdout], [], [], left)[0]:
                    return None
                part = child.stdout.read(1 << 16)
                if not part:
                    return None
                answer += part
        except BrokenPipeError:
            return None
        return dict(json.loads(answer))

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        child.wait()
