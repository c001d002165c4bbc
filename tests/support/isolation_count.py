"""Number of cases of the isolation tests: `python -m tests.support.isolation_count` prints it."""

import sys
from collections.abc import Iterator

from tests.support.isolation_projects import CALLERS
from tests.support.request_positions import operations, positions_of
from trapline.server.app.http.access_table import ACCESS
from trapline.server.platform.access import RANK
from trapline.server.platform.http.request_context import get_route_key
from trapline.wire.auth import TokenKind

DEAD = 5
"""Kinds of callers without access: no token, revoked, expired, deactivated, altered."""


def count() -> Iterator[tuple[str, int]]:
    """Count the requests of each test of isolation."""
    routes = [
        (method, path, operation, ACCESS[get_route_key(method, path)])
        for method, path, operation in operations()
    ]
    guarded = [route for route in routes if route[3].kinds is not None]
    public = [route for route in routes if route[3].public_project]
    positions = [
        (position, access) for method, path, operation, access in guarded
        for position in positions_of(method, path, operation)
    ]  # fmt: skip
    tried = [
        sum(
            kind in (access.kinds or ())
            for kind in (TokenKind.USER, TokenKind.WORKER, TokenKind.PIPELINE)
        )
        for _, access in positions
    ]
    yield "routes of the OpenAPI document", len(routes)
    yield "of them that need credentials", len(guarded)
    yield "of them for visitors of public projects", len(public)
    yield (
        "of them that ask for another key (a signature, a link, a password), or for none",
        (len(routes) - len(guarded) - len(public)),
    )
    yield "places that take an id", len(positions)
    yield (
        "calls of strangers, with all ids of another project",
        len(guarded) * (DEAD + len(CALLERS) + 1),
    )
    yield "calls with one foreign id, and with one that nothing has", 2 * sum(tried)
    yield (
        "calls of members whose role is too low",
        sum(
            RANK[access.role]
            for *_, access in guarded
            if TokenKind.USER in (access.kinds or ()) and not access.operators
        ),
    )
    yield (
        "calls of visitors, of a public project, a private one and none",
        3 * (len(guarded) + len(public)),
    )


if __name__ == "__main__":
    for words, number in count():
        sys.stdout.write(f"{number:6,} {words}\n")
