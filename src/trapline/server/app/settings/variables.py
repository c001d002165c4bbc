"""The environment variables that parts of Trapline read, and the check for misspelt names."""

import difflib
import re
from collections.abc import Mapping

from trapline.server.app.settings.server_settings import get_variable_names

WORKER_NAMES = frozenset(
    f"TRAPLINE_{name}"
    for name in (
        "SERVER",
        "TOKEN",
        "SERVICE_NAME",
        "BATCH_SIZE",
        "LOADERS",
        "THREADS",
        "DEVICE",
        "ALLOW_CPU",
        "METRICS",
        "RETRY_MAX",
        "RETRY_BACKOFF",
        "READ_TIMEOUT",
        "POST_TIMEOUT",
        "MODEL_TIMEOUT",
        "MODEL_START_TIMEOUT",
        "STOP_TIMEOUT",
        "POLL",
        "PIXELS_IN_FLIGHT",
        "MODEL_CACHE",
        "ACCEPT_LICENCES",
        "OUTBOX",
        "CACHE",
        "SOURCE_PASSWORD",
    )
)
"""Variables of the worker and the command line; the server only accepts their names."""

HANDED_DOWN = frozenset({"TRAPLINE_LISTEN_SOCKET", "TRAPLINE_METRICS_SOCKET"})
"""Numbers of the listening sockets that an API process inherits from `trapline up`."""

TEST_NAMES = frozenset(
    f"TRAPLINE_{name}" for name in ("SAMPLES", "CHROMIUM", "FAILPOINTS", "FAULT_SEED", "SOAK")
)
"""Variables of the tests. A server reads only TRAPLINE_FAILPOINTS, see platform/failpoints.py."""

_TRAPLINE_NAME = re.compile(r"(TRAPLINE|ML|S3)_")

KUBERNETES_NAME = re.compile(r"_SERVICE_(HOST|PORT)(_|$)|_PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?$")
"""Variables that Kubernetes sets in each container for a service named trapline, ml or s3."""


class SettingsError(Exception):
    """The settings are invalid; the message names the variable and the correction."""


def list_known_variables() -> frozenset[str]:
    """List every variable that a part of Trapline reads, including the tests."""
    return frozenset(get_variable_names().values()) | WORKER_NAMES | TEST_NAMES | HANDED_DOWN


def validate_variables(environment: Mapping[str, str]) -> None:
    """Refuse unknown names with a prefix of Trapline: a misspelt setting would have no effect.

    Raises:
        SettingsError: no part of Trapline reads a variable.
    """
    known = list_known_variables()
    for name in sorted(environment):
        if not _TRAPLINE_NAME.match(name) or name in known or KUBERNETES_NAME.search(name):
            continue
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
        hint = (
            f"Did you mean {nearest[0]}?"
            if nearest
            else "Remove it, or see the list of settings in the docs."
        )
        raise SettingsError(f"{name} is set, but no part of Trapline reads it. {hint}")
