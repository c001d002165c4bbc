"""Logs: both forms, one line an event, and no secret in any."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from trapline.server.platform.telemetry import configure_logging


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_secret_is_logged(form: str) -> None:
    stream = io.StringIO()
    configure_logging(form, "info", stream)
    structlog.get_logger("one").info(
        "signed in", password="swordfish", api_token="swordfish", job=7
    )
    logging.getLogger("two").info("old style", extra={"authorization": "swordfish", "job": 7})
    assert "swordfish" not in stream.getvalue()
    assert stream.getvalue().count("(hidden)") == 3


def test_json_is_one_object_a_line_with_what_is_bound() -> None:
    stream = io.StringIO()
    configure_logging("json", "info", stream)
    with structlog.contextvars.bound_contextvars(request="abc"):
        structlog.get_logger("one").warning("slow", ms=12)
        logging.getLogger("two").warning("from elsewhere %s", 5)
    structlog.get_logger("one").debug("not told")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["event"], first["ms"], first["request"], first["level"]) == (
        "slow",
        12,
        "abc",
        "warning",
    )
    assert (second["event"], second["request"], second["logger"]) == (
        "from elsewhere 5",
        "abc",
        "two",
    )
