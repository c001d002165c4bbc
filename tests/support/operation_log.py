"""The log of each client's operations: each one is ok, failed, or its outcome is unknown.

A line is written before an operation is sent and another one when its response arrives. If the
second line is missing, the client was killed, and the outcome is unknown. Times are of the
machine's monotonic clock, in seconds; `wall` is the date of the client. It uses only the standard
library, because the light worker, which must start quickly, also writes it.
"""

import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OK, FAILED, UNKNOWN = "ok", "failed", "unknown"


def judge_status(status: int | None) -> str:
    """Return the outcome of an operation from its HTTP status; None if no response arrived."""
    if status is None or status >= 500:
        return UNKNOWN
    return OK if status < 300 else FAILED


class Recorder:
    """Writes the log of one client. A client that is started again appends to the same file."""

    def __init__(self, file: Path, client: str) -> None:
        self._log = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.client = client
        self._number = time.monotonic_ns()
        os.write(self._log, b"\n")  # ends a line that a kill cut off

    def begin(self, operation: str, **details: Any) -> int:
        """An operation is about to be sent; answers its number."""
        self._number += 1
        self._write(
            {
                "n": self._number,
                "op": operation,
                "at": time.monotonic(),
                "wall": time.time(),
                **details,
            }
        )
        return self._number

    def end(self, number: int, state: str, **details: Any) -> None:
        """An operation's answer is there."""
        self._write({"n": number, "end": state, "at": time.monotonic(), **details})

    def _write(self, line: dict[str, Any]) -> None:
        os.write(self._log, json.dumps(line).encode() + b"\n")


@dataclass
class Operation:
    """One operation of one client; `ended` is None where no answer came to it."""

    client: str
    name: str
    begun: float
    said: dict[str, Any]
    ended: float | None = None
    state: str = UNKNOWN
    heard: dict[str, Any] = field(default_factory=dict)

    def was_in_flight(self, at: float) -> bool:
        """Whether it was sent and not answered at this time."""
        return self.begun <= at and (self.ended is None or self.ended >= at)


def read_operations(folder: Path) -> list[Operation]:
    """Read every log of a folder, in the order in which the operations began."""
    found: list[Operation] = []
    for file in sorted(folder.glob("*.jsonl")):
        open_ones: dict[int, Operation] = {}
        for line in _read_lines(file):
            number = line.pop("n")
            at = line.pop("at")
            if "op" in line:
                open_ones[number] = Operation(file.stem, line.pop("op"), at, line)
                found.append(open_ones[number])
            else:
                operation = open_ones[number]
                operation.ended, operation.state, operation.heard = at, line.pop("end"), line
    return sorted(found, key=lambda operation: operation.begun)


def _read_lines(file: Path) -> Iterable[dict[str, Any]]:
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.endswith("}"):
            try:
                yield json.loads(line)
            except ValueError:
                continue


@dataclass(frozen=True)
class Answered:
    """One element of a result call: task, attempt, mark of its content, and status."""

    task: str
    attempt: int
    mark: float
    is_error: bool
    status: str | None
    at: float


def list_answers(operations: Iterable[Operation]) -> list[Answered]:
    """Every result that was sent, with the status that was heard; None where none was."""
    found = []
    for operation in operations:
        if operation.name != "result":
            continue
        statuses = operation.heard.get("statuses") or [None] * len(operation.said["elements"])
        for (task, attempt, mark, is_error), status in zip(
            operation.said["elements"], statuses, strict=True
        ):
            found.append(
                Answered(task, attempt, mark, is_error, status, operation.ended or operation.begun)
            )
    return found


def was_busy(operations: list[Operation], at: float) -> bool:
    """Return whether an operation was in progress at this time: an open request or lease."""
    if any(operation.was_in_flight(at) for operation in operations):
        return True
    held: set[tuple[str, int]] = set()
    for operation in operations:
        if operation.ended is None or operation.ended > at:
            continue
        if operation.name == "lease" and operation.state == OK:
            held.update((task, attempt) for task, attempt in operation.heard["tasks"])
        elif operation.name == "result" and operation.state == OK:
            held.difference_update(
                (task, attempt) for task, attempt, *_ in operation.said["elements"]
            )
    return bool(held)
