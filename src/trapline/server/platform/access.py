"""Roles, and the scope that limits every query to the projects of its caller."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from trapline.server.platform.errors import Forbidden, NotFound, PreconditionFailed, ProjectArchived
from trapline.wire.auth import Role, TokenKind, TokenScope

RANK: dict[Role, int] = {role: rank for rank, role in enumerate(Role)}
ENTRUSTS = Role.MANAGER
"""The role that is required to give a worker or an external pipeline access to a project."""


IMPLIED: dict[TokenScope, frozenset[TokenScope]] = {
    TokenScope.READ: frozenset({TokenScope.READ}),
    TokenScope.WRITE: frozenset({TokenScope.READ, TokenScope.WRITE}),
    TokenScope.OWN: frozenset({TokenScope.READ, TokenScope.WRITE, TokenScope.OWN}),
    TokenScope.ACCOUNT: frozenset({TokenScope.READ, TokenScope.ACCOUNT}),
}
"""The token scopes that each token scope includes."""


MACHINES = frozenset({TokenKind.WORKER, TokenKind.PIPELINE})
"""The kinds of tokens that are stored on machines; they cannot read e-mail addresses."""


def expand_token_scopes(scopes: Iterable[TokenScope] | None) -> frozenset[TokenScope]:
    """Return all token scopes that these include; None includes every one."""
    return (
        frozenset(TokenScope)
        if scopes is None
        else frozenset().union(*(IMPLIED[scope] for scope in scopes))
    )


def list_token_projects(kind: TokenKind, roles: Mapping[int, Role]) -> dict[int, Role]:
    """Return the projects that a token of this kind can access, from those of its creator."""
    if kind == TokenKind.USER:
        return dict(roles)
    return {project: role for project, role in roles.items() if RANK[role] >= RANK[ENTRUSTS]}


@dataclass(frozen=True)
class IdempotencyRequest:
    """The Idempotency-Key, route and body hash of a request that has such a key."""

    key: str
    route: str
    body_sha256: bytes


@dataclass(frozen=True)
class RequestOrigin:
    """The origin of a request, for the audit, and the conditions in its headers.

    `connection` identifies the network connection of the client, if it is known. `worker_id` is
    the ID that the request claims. It is not verified until it is compared with the worker's row.
    """

    address: str = ""
    user_agent: str = ""
    connection: str | None = None
    worker_id: UUID | None = None
    request_id: str | None = None
    once: IdempotencyRequest | None = None
    if_match: str | None = None


@dataclass(frozen=True)
class Scope:
    """The caller of an action, the projects that it may access, and the role that the call needs.

    `kind` is None for a signed-in person and for the system itself. Tokens of workers and pipelines
    have no role in a project: the access table limits the routes that they can call, so only their
    projects are checked here. `is_limited` is set for a token that was created for some projects
    only; `token_scopes` are those of the token. A scope that `is_cached` is up to half a second
    old. A call that `changes` a project is refused if the project is one of `archived`.
    """

    actor: str
    roles: Mapping[int, Role] = field(default_factory=dict)
    needs: Role = Role.VIEWER
    everything: bool = False
    kind: TokenKind | None = None
    user_id: UUID | None = None
    token_id: UUID | None = None
    session_id: UUID | None = None
    is_operator: bool = False
    is_limited: bool = False
    is_cached: bool = False
    archived: frozenset[int] = frozenset()
    changes: bool = False
    token_scopes: frozenset[TokenScope] = frozenset(TokenScope)
    origin: RequestOrigin = RequestOrigin()

    @classmethod
    def system(cls, actor: str = "system") -> "Scope":
        """Return the scope of Trapline's background work, which may access everything."""
        return cls(actor=actor, everything=True)

    @property
    def is_person(self) -> bool:
        """Whether the caller has all rights of the person's account; a limited token has not."""
        return not self.is_limited and TokenScope.ACCOUNT in self.token_scopes

    @property
    def person(self) -> str:
        """The person as an actor of the audit, the same for the page and for all their tokens."""
        return self.actor if self.user_id is None else f"user:{self.user_id}"

    def project_ids(self) -> list[int] | None:
        """Return the projects that may be read; None means all."""
        return None if self.everything else list(self.roles)

    def open_project_ids(self) -> list[int] | None:
        """Return the readable projects that are not archived; None means all."""
        return (
            None
            if self.everything
            else [project for project in self.roles if project not in self.archived]
        )

    def sees(self, project_id: int) -> bool:
        """Return whether the caller may read this project."""
        return self.everything or project_id in self.roles

    def check(self, project_id: int, needs: Role | None = None) -> None:
        """Require that this call is allowed in the project.

        Raises:
            NotFound: the caller is not a member.
            ProjectArchived: the call would change an archived project.
            Forbidden: the caller's role is too low.
        """
        if self.everything:
            return
        role = self.roles.get(project_id)
        if role is None:
            raise NotFound
        if self.changes and project_id in self.archived:
            raise ProjectArchived
        if self.kind in (TokenKind.WORKER, TokenKind.PIPELINE):
            return
        wanted = needs or self.needs
        if RANK[role] < RANK[wanted]:
            raise Forbidden(
                f"This requires the role {wanted} in the project; yours is {role}. "
                "Nothing was changed. An owner of the project can give you that role."
            )

    def check_unchanged(self, updated_at: datetime) -> None:
        """Require that the caller read the newest version, if the request has If-Match.

        Raises:
            PreconditionFailed: the object was changed after the caller read it.
        """
        self._check_etag(build_etag(updated_at))

    def check_version(self, version: int) -> None:
        """Require that the caller read this version, if the request has If-Match.

        Raises:
            PreconditionFailed: the object was changed after the caller read it.
        """
        self._check_etag(f'"{version}"')

    def _check_etag(self, current: str) -> None:
        wanted = self.origin.if_match
        if wanted is not None and wanted != "*" and current not in re.split(r"\s*,\s*", wanted):
            raise PreconditionFailed(
                "Someone else changed this after you read it. Nothing was changed. "
                "Read it again first."
            )


def build_etag(updated_at: datetime) -> str:
    """Build the ETag of an object from the time of its last change."""
    return f'"{updated_at.timestamp():.6f}"'


def parse_actor(actor: str | None) -> UUID | None:
    """Return the user ID in an actor of the audit; None if the actor is not a user."""
    kind, _, key = (actor or "").partition(":")
    return UUID(key) if kind == "user" else None
