"""Hooks that print the figures of the fault tests, also those of a parallel run."""

import os
from dataclasses import astuple
from typing import Any

import pytest

from tests.support.fault_run import FULL, SEED, Figures

FIGURES = Figures()
"""The figures of the tests of this process."""


def pytest_configure() -> None:
    """Use the same printed seed in each process of a run."""
    os.environ["TRAPLINE_FAULT_SEED"] = str(SEED)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send the figures of a process of a parallel run to the one that prints them."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["figures"] = [astuple(row) for row in FIGURES.rows]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Receive the figures of another process."""
    for row in getattr(node, "workeroutput", {}).get("figures", ()):
        FIGURES.add(*row)


def pytest_report_header() -> str:
    """Say the seed before anything can hang."""
    return f"faults: TRAPLINE_FAULT_SEED={SEED}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was seen, and how to see it again."""
    broken = any(
        "tests/faults" in str(report.nodeid)
        for kind in ("failed", "error")
        for report in terminalreporter.stats.get(kind, ())
    )
    if broken and not FIGURES.rows:
        terminalreporter.write_line(f"The same again: TRAPLINE_FAULT_SEED={SEED}")
    if FIGURES.rows:
        terminalreporter.section("promises, full form" if FULL else "promises, short form")
        for line in FIGURES.describe():
            terminalreporter.write_line(line)
        terminalreporter.write_line(f"The same again: TRAPLINE_FAULT_SEED={SEED}")
