"""Who may touch what: roles, and the scope that every query is bound to."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from trapline.server.platform.errors import Forbidden, NotFound, PreconditionFailed, ProjectArchived
from trapline.wire.auth import Role, TokenKind, TokenScope

RANK: dict[Role, int] = {role: rank for rank, role in enumerate(Role)}
ENTRUSTS = Role.MANAGER
"""The role that lets somebody entrust a project to a worker or an outside pipeline."""


IMPLIED: dict[TokenScope, frozenset[TokenScope]] = {
    TokenScope.READ: frozenset({TokenScope.READ}),
    TokenScope.WRITE: frozenset({TokenScope.READ, TokenScope.WRITE}),
    TokenScope.OWN: frozenset({TokenScope.READ, TokenScope.WRITE, TokenScope.OWN}),
    TokenScope.ACCOUNT: frozenset({TokenScope.READ, TokenScope.ACCOUNT}),
}
"""What a scope of a token comes with."""


MACHINES = frozenset({TokenKind.WORKER, TokenKind.PIPELINE})
"""Kinds of tokens that lie on machines: they read no e-mail address."""


def expand_scopes(scopes: Iterable[TokenScope] | None) -> frozenset[TokenScope]:
    """All that a token with these scopes may do; one without any may do everything that its kind may."""
    return (
        frozenset(TokenScope)
        if scopes is None
        else frozenset().union(*(IMPLIED[scope] for scope in scopes))
    )


def list_token_projects(kind: TokenKind, roles: Mapping[int, Role]) -> dict[int, Role]:
    """The projects that a token of this kind reaches, of those that its maker is a member of."""
    if kind == TokenKind.USER:
        return dict(roles)
    return {project: role for project, role in roles.items() if RANK[role] >= RANK[ENTRUSTS]}


@dataclass(frozen=True)
class IdempotencyRequest:
    """A request that its sender may repeat without doing it twice: its Idempotency-Key, and what it asked."""

    key: str
    route: str
    body_sha256: bytes


@dataclass(frozen=True)
class RequestOrigin:
    """Where a request came from, for the audit, and the conditions that it set.

    `worker_id` is what it says of itself; nothing is known by that until it is compared with the
    worker's row.
    """

    address: str = ""
    user_agent: str = ""
    worker_id: UUID | None = None
    request_id: str | None = None
    once: IdempotencyRequest | None = None
    if_match: str | None = None


@dataclass(frozen=True)
class Scope:
    """The projects that a query may touch, as whom, and the role that the call needs in each.

    `kind` is None for a signed-in person and for the system itself. A worker's or pipeline's token
    is no member: the table of routes says what its kind may call, so only its projects are checked
    here. `is_limited` is a token that was made for some projects only; `scopes` are what one may
    do. What `is_remembered` was so half a second ago at most. What `changes` a project is refused
    in those that are `archived`.
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
    is_remembered: bool = False
    archived: frozenset[int] = frozenset()
    changes: bool = False
    scopes: frozenset[TokenScope] = frozenset(TokenScope)
    origin: RequestOrigin = RequestOrigin()

    @classmethod
    def system(cls, actor: str = "system") -> "Scope":
        """Trapline's own background work, which may touch everything."""
        return cls(actor=actor, everything=True)

    @property
    def is_person(self) -> bool:
        """Whether it may do all that its person may with their own account; a limited token may not."""
        return not self.is_limited and TokenScope.ACCOUNT in self.scopes

    @property
    def person(self) -> str:
        """Who does it, as the audit writes actors: the same by the page and by any token of theirs."""
        return self.actor if self.user_id is None else f"user:{self.user_id}"

    def project_ids(self) -> list[int] | None:
        """The projects that may be seen; None stands for all."""
        return None if self.everything else list(self.roles)

    def open_project_ids(self) -> list[int] | None:
        """Those of them that are not archived; None stands for all."""
        return (
            None
            if self.everything
            else [project for project in self.roles if project not in self.archived]
        )

    def sees(self, project_id: int) -> bool:
        """Whether anything of this project may be seen."""
        return self.everything or project_id in self.roles

    def check(self, project_id: int, needs: Role | None = None) -> None:
        """Allow the call in this project, or raise NotFound (not a member), Archived or Forbidden (role too low)."""
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
                f"This needs the role {wanted} in the project; yours is {role}. Nothing was changed. "
                "An owner of the project can give you that role."
            )

    def check_unchanged(self, updated_at: datetime) -> None:
        """Allow a change if the caller saw the newest version (If-Match); raises LostRace."""
        wanted = self.origin.if_match
        if (
            wanted is not None
            and wanted != "*"
            and build_etag(updated_at) not in re.split(r"\s*,\s*", wanted)
        ):
            raise PreconditionFailed(
                "Somebody else changed this since you read it. Nothing was changed. Read it again first."
            )


def build_etag(updated_at: datetime) -> str:
    """Name a version of something by when it was last changed."""
    return f'"{updated_at.timestamp():.6f}"'


def parse_actor(actor: str | None) -> UUID | None:
    """The id of the person whom the audit writes like this; None for anybody else."""
    kind, _, key = (actor or "").partition(":")
    return UUID(key) if kind == "user" else None
