"""Logs: one structured line per event, as text on a terminal and as JSON otherwise."""

import logging
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import structlog

# The value of a key whose name contains one of these is never logged.
_SECRET_WORDS = (
    "password",
    "secret",
    "token",
    "authorization",
    "cookie",
    "credential",
    "signature",
)
_PLAIN = frozenset({"token_id", "token_kind", "tokens"})
_CONCERNED = (
    "project",
    "deployment",
    "job",
    "analysis",
    "image",
    "source",
    "run",
    "worker",
    "webhook",
    "key",
)


def build_log_context(ids: Mapping[str, Any]) -> dict[str, Any]:
    """Return the IDs of the objects that a log line is about: job_id=12 becomes job=12."""
    named = ((name.removesuffix("_id"), value) for name, value in ids.items())
    return {name: value for name, value in named if name in _CONCERNED}


def configure_logging(
    form: str = "auto", level: str = "info", stream: TextIO | None = None
) -> None:
    """Send structlog's and the standard library's logs to a stream (standard error) in one form.

    `form` is `text`, `json`, or `auto`: text where the stream is a terminal.
    """
    stream = stream or sys.stderr
    as_text = form == "text" or (form == "auto" and stream.isatty())
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        redact_secrets,
    ]
    last: list[structlog.types.Processor] = (
        [
            structlog.dev.ConsoleRenderer(
                colors=stream.isatty(),
                pad_event_to=0,
                # The default formatter prints local variables, such as tokens.
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
        if as_text
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared[:4],
            redact_secrets,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # These log every request, connection or background task at info; the middleware logs requests.
    for name in (
        "uvicorn.access",
        "uvicorn.error",
        "httpx2",
        "httpcore2",
        "alembic",
        "procrastinate.worker.worker",
        "asyncio",
        # These log their traffic with servers, including passwords.
        "aioftp",
        "asyncssh",
        "websockets",
    ):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
    logging.captureWarnings(capture=True)


def redact_secrets(
    _logger: Any, _method: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Replace the values of keys that name a secret."""
    for key in event:
        lowered = key.lower()
        if lowered not in _PLAIN and any(word in lowered for word in _SECRET_WORDS):
            event[key] = "(hidden)"
    return event
