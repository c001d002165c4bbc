"""Progress of a worker, as a live line on a terminal or as entries of a log file."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
from rich.progress import Progress as Bar
from structlog.typing import FilteringBoundLogger

from trapline.worker.progress import Progress

EVERY_S = 0.5
LOG_EVERY_S = 30.0

_console = Console(stderr=True)
_bars: dict[str, tuple[Bar, int]] = {}


class _ConsoleLogger:
    """Logger that prints above the progress line."""

    def msg(self, message: str) -> None:
        _console.print(message, markup=False, highlight=False, soft_wrap=True)

    log = debug = info = warning = error = critical = exception = failure = fatal = msg


def configure_logging() -> FilteringBoundLogger:
    """Configure the worker's log on standard error: text on a terminal, JSON lines elsewhere."""
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if _console.is_terminal:
        render: list[structlog.typing.Processor] = [structlog.dev.ConsoleRenderer(colors=False)]
    else:
        render = [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
    logger: FilteringBoundLogger = structlog.wrap_logger(
        _ConsoleLogger() if _console.is_terminal else structlog.PrintLogger(sys.stderr),
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    return logger


@contextmanager
def display_progress(progress: Progress, log: FilteringBoundLogger) -> Iterator[None]:
    """Show the rate on a terminal; elsewhere log it at intervals, if it changed."""
    ended = threading.Event()
    shown = _show_on_terminal if _console.is_terminal else _show_in_log
    thread = threading.Thread(
        target=shown, args=(progress, log, ended), name="progress", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _show_on_terminal(
    progress: Progress, _log: FilteringBoundLogger, ended: threading.Event
) -> None:
    last = progress.read()
    rate = 0.0
    with _console.status("waiting for tasks") as status:
        while not ended.wait(EVERY_S):
            now = progress.read()
            done = _done(now) - _done(last)
            rate = 0.8 * rate + 0.2 * done / EVERY_S
            last = now
            status.update(format_progress(progress, rate))


def _show_in_log(progress: Progress, log: FilteringBoundLogger, ended: threading.Event) -> None:
    last = progress.read()
    while not ended.wait(LOG_EVERY_S):
        now = progress.read()
        if now != last:
            log.info(
                "progress", images_per_s=round((_done(now) - _done(last)) / LOG_EVERY_S, 2), **now
            )
        last = now


def format_progress(progress: Progress, rate: float) -> str:
    """Format the progress line; `rate` is in images per second."""
    counts = progress.read()
    busy_s, waiting_s = progress.times()
    in_hand = counts["leased"] - _done(counts)
    parts = [f"{_done(counts)} images", f"{rate:.1f} images/s", f"{in_hand} in progress"]
    unsent = _done(counts) - counts["posted"] - counts["refused"]
    if unsent:
        parts.append(f"{unsent} not sent yet")
    if counts["failed"]:
        parts.append(f"{counts['failed']} failed")
    if busy_s:
        parts.append(f"model busy {100 * busy_s / (busy_s + waiting_s):.0f} %")
    return (
        ", ".join(parts)
        if in_hand or unsent
        else "waiting for tasks; " + ", ".join(parts[:1] + parts[3:])
    )


def display_download(name: str, here: int, total: int) -> None:
    """Show how much of a model file is downloaded; on a terminal as a bar."""
    if not _console.is_terminal:
        if here in (0, total):
            _console.print(
                f"model file {name}: {here} of {total} bytes", highlight=False, soft_wrap=True
            )
        return
    if name not in _bars:
        bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=_console,
        )
        bar.start()
        _bars[name] = (bar, int(bar.add_task(name, total=total)))
    bar, task = _bars[name]
    bar.update(task, completed=here)  # type: ignore[arg-type]
    if here >= total:
        bar.stop()
        del _bars[name]


def _done(counts: dict[str, int]) -> int:
    return counts["inferred"] + counts["failed"]
