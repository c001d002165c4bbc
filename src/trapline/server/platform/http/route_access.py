"""Access rules of a route: the callers, roles and token scopes that it accepts."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request

from trapline.server.platform.http.request_context import get_route_key
from trapline.wire.auth import Role, TokenKind, TokenScope

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PERSON = None
"""The kind of a caller who signed in on the page; the other kinds are those of API tokens."""

Kinds = frozenset[TokenKind | None]
PEOPLE: Kinds = frozenset({PERSON, TokenKind.USER})
PEOPLE_AND_WORKERS: Kinds = PEOPLE | {TokenKind.WORKER}
PEOPLE_AND_PIPELINES: Kinds = PEOPLE | {TokenKind.PIPELINE}
TOKENS_THAT_WORK: Kinds = frozenset({TokenKind.USER, TokenKind.WORKER})
ANY_TOKEN: Kinds = PEOPLE | {TokenKind.WORKER, TokenKind.PIPELINE}


@dataclass(frozen=True)
class RouteAccess:
    """The access rule of a route: the kinds of caller and the lowest role in its project.

    `account`: the route concerns user accounts; limited API tokens are refused.
    `operators`: only operators may call it. `operators_too`: operators count as owners of every
    project. `public_project`: no sign-in is needed, for data of public projects.
    `often`: the caller can come from the cache, up to half a second old; `authorise_uncached` looks
    it up again before a refusal.
    `archived`: a route that changes data is also allowed in an archived project.
    """

    kinds: Kinds | None
    role: Role = Role.VIEWER
    account: bool = False
    operators: bool = False
    operators_too: bool = False
    public_project: bool = False
    often: bool = False
    archived: bool = False

    def get_token_scope(self, method: str) -> TokenScope:
        """Return the token scope that an API token needs for the route."""
        if self.account:
            return TokenScope.ACCOUNT
        if self.role == Role.OWNER:
            return TokenScope.OWN
        return TokenScope.READ if method in SAFE else TokenScope.WRITE


NO_SIGN_IN = RouteAccess(None)
"""No sign-in is needed; the route decides what it returns."""


def get_route_access(request: Request) -> RouteAccess:
    """Return the access rule of the route that handles a request, from the application's table."""
    table: Mapping[str, RouteAccess] = request.app.state.access
    return table[get_route_key(request.method, request.scope["route"].path)]
