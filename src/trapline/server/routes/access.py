"""Who may call what: one table of all routes, and the one place that finds out who calls.

A route that is not in the table stops the start of the server, and with it every test.
"""

import hashlib
import hmac
from dataclasses import dataclass, replace
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from starlette.exceptions import HTTPException
from starlette.types import Scope as ASGIScope

from trapline.server.actions.auth import csrf_token, scope_of_session, scope_of_token
from trapline.server.errors import Forbidden, Invalid, Unauthenticated, Unavailable
from trapline.server.routes.envelope import largest_body
from trapline.server.rules.access import Once, Origin, Scope
from trapline.server.system import System
from trapline.wire.auth import Role, TokenKind

WORKER_HEADER = "x-trapline-worker"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PERSON = None
"""A person signed in on the page; the other kinds are those of API tokens."""

Kinds = frozenset[TokenKind | None]
PEOPLE: Kinds = frozenset({PERSON, TokenKind.USER})
PEOPLE_AND_WORKERS: Kinds = PEOPLE | {TokenKind.WORKER}
PEOPLE_AND_PIPELINES: Kinds = PEOPLE | {TokenKind.PIPELINE}
TOKENS_THAT_WORK: Kinds = frozenset({TokenKind.USER, TokenKind.WORKER})
ANY_TOKEN: Kinds = PEOPLE | {TokenKind.WORKER, TokenKind.PIPELINE}


@dataclass(frozen=True)
class Access:
    """Who may call a route: which kinds of caller, and the least role in the project that it is about."""

    kinds: Kinds | None
    role: Role = Role.VIEWER


PUBLIC = Access(None)
"""Anybody, without signing in: the route itself says what it answers."""

ACCESS: dict[str, Access] = {
    "GET /healthz": PUBLIC,
    "GET /readyz": PUBLIC,
    # auth
    "POST /auth/sign-in": PUBLIC,
    "GET /auth/link": PUBLIC,
    "POST /auth/link": PUBLIC,
    "POST /auth/sign-out": Access(frozenset({PERSON})),
    "GET /auth/me": Access(ANY_TOKEN),
    "GET /auth/tokens": Access(PEOPLE),
    "POST /auth/tokens": Access(PEOPLE, Role.MANAGER),
    "DELETE /auth/tokens/{token_id}": Access(PEOPLE),
    # projects
    "GET /projects": Access(ANY_TOKEN),
    "POST /projects": Access(PEOPLE),
    "GET /projects/{project_id}": Access(ANY_TOKEN),
    "PATCH /projects/{project_id}": Access(PEOPLE, Role.OWNER),
    # who did what
    "GET /audit": Access(PEOPLE, Role.OWNER),
    # deployments
    "GET /deployments": Access(PEOPLE),
    "POST /deployments": Access(PEOPLE, Role.MANAGER),
    "GET /deployments/{deployment_id}": Access(PEOPLE),
    "PATCH /deployments/{deployment_id}": Access(PEOPLE, Role.MANAGER),
    "DELETE /deployments/{deployment_id}": Access(PEOPLE, Role.MANAGER),
    # pipelines and workers
    "POST /projects/{project_id}/pipelines": Access(PEOPLE_AND_WORKERS, Role.MANAGER),
    "GET /pipelines": Access(PEOPLE),
    "GET /presets": Access(PEOPLE),
    "POST /presets": Access(PEOPLE, Role.MANAGER),
    "GET /presets/{preset_id}": Access(PEOPLE),
    "PATCH /presets/{preset_id}": Access(PEOPLE, Role.MANAGER),
    "DELETE /presets/{preset_id}": Access(PEOPLE, Role.MANAGER),
    "GET /processing_services": Access(PEOPLE),
    "GET /workers": Access(PEOPLE),
    "GET /workers/{worker_id}": Access(PEOPLE),
    "POST /workers/{worker_id}/evict": Access(PEOPLE, Role.MANAGER),
    "POST /workers/hello": Access(TOKENS_THAT_WORK, Role.MANAGER),
    # jobs
    "GET /jobs": Access(PEOPLE_AND_WORKERS),
    "POST /jobs": Access(PEOPLE, Role.MANAGER),
    "GET /jobs/{job_id}": Access(PEOPLE),
    "PATCH /jobs/{job_id}": Access(PEOPLE, Role.MANAGER),
    "POST /jobs/{job_id}/run": Access(PEOPLE, Role.MANAGER),
    "GET /jobs/{job_id}/analyses": Access(PEOPLE),
    "GET /jobs/{job_id}/failures": Access(PEOPLE),
    "GET /jobs/{job_id}/dead_letters": Access(PEOPLE),
    "GET /jobs/{job_id}/tasks/{analysis_id}": Access(PEOPLE),
    "GET /annotations/{annotation_id}/scores": Access(PEOPLE),
    "POST /jobs/{job_id}/cancel": Access(PEOPLE, Role.MANAGER),
    "POST /jobs/{job_id}/retry": Access(PEOPLE, Role.MANAGER),
    "POST /jobs/{job_id}/pause": Access(PEOPLE, Role.MANAGER),
    "POST /jobs/{job_id}/resume": Access(PEOPLE, Role.MANAGER),
    # pipeline runs
    "POST /pipeline/run": Access(PEOPLE, Role.MANAGER),
    "GET /pipeline/presets": Access(PEOPLE),
    "GET /pipeline/jobs": Access(PEOPLE),
    "GET /pipeline/job/{job_id}": Access(PEOPLE),
    "GET /pipeline/job/{job_id}/events": Access(PEOPLE),
    "POST /pipeline/job/{job_id}/cancel": Access(PEOPLE, Role.MANAGER),
    "POST /pipeline/job/{job_id}/retry": Access(PEOPLE, Role.MANAGER),
    # tasks
    "GET /jobs/{job_id}/tasks": Access(TOKENS_THAT_WORK, Role.MANAGER),
    "POST /jobs/{job_id}/tasks": Access(TOKENS_THAT_WORK, Role.MANAGER),
    "POST /jobs/{job_id}/result": Access(TOKENS_THAT_WORK, Role.MANAGER),
    "POST /tasks/lease": Access(TOKENS_THAT_WORK, Role.MANAGER),
    "POST /tasks/renew": Access(TOKENS_THAT_WORK, Role.MANAGER),
    "POST /tasks/release": Access(TOKENS_THAT_WORK, Role.MANAGER),
    # what changes, as it happens
    "GET /events": Access(PEOPLE),
    # images
    "GET /images": Access(PEOPLE_AND_PIPELINES),
    "POST /images": Access(PEOPLE, Role.MANAGER),
    "GET /images/classes": Access(PEOPLE),
    "GET /images/{image_id}": Access(PEOPLE_AND_PIPELINES),
    # analyses of outside pipelines: where a request is signed, the signature is the caller
    "POST /images/{image_id}/analyses": Access(PEOPLE_AND_PIPELINES, Role.MANAGER),
    "GET /images/{image_id}/analyses": Access(PEOPLE_AND_PIPELINES),
    "GET /analyses/{analysis_id}": Access(PEOPLE_AND_PIPELINES),
    "GET /analyses/{analysis_id}/annotations": Access(PEOPLE_AND_PIPELINES),
    "PATCH /analyses/{analysis_id}/status": Access(PEOPLE_AND_PIPELINES, Role.MANAGER),
    "POST /analyses/{analysis_id}/artifacts/presign": Access(PEOPLE_AND_PIPELINES, Role.MANAGER),
    "POST /analyses/{analysis_id}/annotations:bulk": Access(PEOPLE_AND_PIPELINES, Role.MANAGER),
    "POST /analyses/{analysis_id}/finalize": Access(PEOPLE_AND_PIPELINES, Role.MANAGER),
    "GET /analyses/{analysis_id}/export": Access(PEOPLE),
    "GET /analyses/{analysis_id}/artifacts": Access(PEOPLE_AND_PIPELINES),
    **{
        f"{method} /analyses/{{analysis_id}}/{{rest:path}}": Access(PEOPLE_AND_PIPELINES)
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
    },
    "GET /artifacts/{artifact_id}/download": Access(PEOPLE_AND_PIPELINES),
    # what outside pipelines sign with
    "GET /callback_keys": Access(PEOPLE),
    "POST /callback_keys": Access(PEOPLE, Role.OWNER),
    "DELETE /callback_keys/{key_id}": Access(PEOPLE, Role.OWNER),
    "POST /callback_keys/check": Access(PEOPLE, Role.OWNER),
    # who is told of events: an address can be a secret of its own
    "GET /webhooks": Access(PEOPLE, Role.MANAGER),
    "POST /webhooks": Access(PEOPLE, Role.MANAGER),
    "GET /webhooks/{webhook_id}": Access(PEOPLE, Role.MANAGER),
    "PATCH /webhooks/{webhook_id}": Access(PEOPLE, Role.MANAGER),
    "DELETE /webhooks/{webhook_id}": Access(PEOPLE, Role.MANAGER),
    "POST /webhooks/{webhook_id}/rotate-secret": Access(PEOPLE, Role.MANAGER),
    "POST /webhooks/{webhook_id}/test": Access(PEOPLE, Role.MANAGER),
    "GET /webhooks/{webhook_id}/deliveries": Access(PEOPLE, Role.MANAGER),
    "POST /webhooks/{webhook_id}/deliveries/replay": Access(PEOPLE, Role.MANAGER),
    "POST /webhooks/{webhook_id}/deliveries/{delivery_id}/replay": Access(PEOPLE, Role.MANAGER),
    # what people are written to about: everybody their own
    "GET /notices": Access(PEOPLE),
    "POST /notices": Access(PEOPLE),
    "POST /notices/test": Access(PEOPLE),
    "DELETE /notices/{notice_id}": Access(PEOPLE),
    "GET /files/{key:path}": PUBLIC,  # the signature is the key
    "HEAD /files/{key:path}": PUBLIC,
    "PUT /files/{key:path}": PUBLIC,
    # pull sources
    "GET /image-pull-sources": Access(PEOPLE),
    "POST /image-pull-sources": Access(PEOPLE, Role.MANAGER),
    "POST /image-pull-sources/test": Access(PEOPLE, Role.MANAGER),
    "GET /image-pull-sources/{source_id}": Access(PEOPLE),
    "PATCH /image-pull-sources/{source_id}": Access(PEOPLE, Role.MANAGER),
    "DELETE /image-pull-sources/{source_id}": Access(PEOPLE, Role.MANAGER),
    "POST /image-pull-sources/{source_id}/test": Access(PEOPLE, Role.MANAGER),
    "POST /image-pull-sources/{source_id}/process": Access(PEOPLE, Role.MANAGER),
    "PATCH /image-pull-sources/{source_id}/toggle": Access(PEOPLE, Role.MANAGER),
    "GET /image-pull-sources/{source_id}/runs": Access(PEOPLE),
    "GET /image-pull-sources/{source_id}/runs/{run_id}": Access(PEOPLE),
    "GET /image-pull-sources/{source_id}/files": Access(PEOPLE),
    "POST /image-pull-sources/{source_id}/files/retry": Access(PEOPLE, Role.MANAGER),
    "POST /image-pull-sources/{source_id}/events": PUBLIC,  # the signature is the caller
    "POST /image-pull-sources/{source_id}/event-secret": Access(PEOPLE, Role.MANAGER),
    "DELETE /image-pull-sources/{source_id}/event-secret": Access(PEOPLE, Role.MANAGER),
}


def access_key(method: str, path: str) -> str:
    """Name a route in the table; the same handlers are mounted under /api/v2, and some under /api or without it."""
    return f"{method} {path.removeprefix('/api').removeprefix('/v2')}"


async def system_of(request: Request) -> System:
    """Give the engines that this application stands on."""
    system: System = request.app.state.system
    return system


SystemOf = Annotated[System, Depends(system_of)]


def cookie_of(system: System) -> str:
    """Name the session's cookie; under https browsers keep that name from every other host and path."""
    return "__Host-trapline_session" if system.public_url.startswith("https://") else "trapline_session"


async def origin_of(request: Request) -> Origin:
    """Read where a request comes from, and its conditions."""
    return replace(plain_origin(request), worker_id=_read_worker_id(request), once=await _read_once(request))


async def _read_once(request: Request) -> Once | None:
    """Read the Idempotency-Key and what it stands for; raises Invalid where it could not hold a twin off."""
    headers = request.headers
    key = headers.get("idempotency-key")
    is_anybody = "authorization" not in headers and "cookie" not in headers
    if request.method != "POST" or is_anybody or key is None:
        return None
    if not 1 <= len(key) <= 255:
        raise Invalid("An Idempotency-Key has 1 to 255 characters.")
    if largest_body(request.scope, headers) is None:
        if headers.get("content-type", "").lower().startswith("multipart/"):
            raise Invalid(
                "Files are stored as they come in, so an Idempotency-Key cannot count for them. Nothing was stored. "
                "Send them without one: the same file again is stored once."
            )
        # Results are known by their leases, callbacks by their signatures, pipelines by what they are made of.
        return None
    asked = hashlib.sha256(await request.body())
    asked.update(request.scope["query_string"])
    return Once(key=key, route=access_key("POST", request.url.path), body_sha256=asked.digest())


def plain_origin(request: Request) -> Origin:
    """Read where a request comes from; nothing of its body, and nothing that it says of itself."""
    return Origin(
        address=request.client.host if request.client else "",
        user_agent=request.headers.get("user-agent", "")[:500],
        request_id=request.scope.get("state", {}).get("request_id"),
        if_match=request.headers.get("if-match"),
    )


def _read_worker_id(request: Request) -> UUID | None:
    given = request.headers.get(WORKER_HEADER)
    if given is None or not request.app.state.worker_additions:
        return None
    try:
        return UUID(given)
    except ValueError:
        raise Invalid("X-Trapline-Worker is the worker_id that a hello was answered with.") from None


OriginOf = Annotated[Origin, Depends(origin_of)]


async def _find_caller(request: Request, system: System, origin: Origin) -> Scope:
    authorization = request.headers.get("authorization")
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() not in ("token", "bearer") or not token:
            raise Unauthenticated("Send `Authorization: Bearer <API token>` (or `Token <API token>`).")
        return await scope_of_token(system, token.strip(), origin)
    secret = request.cookies.get(cookie_of(system))
    scope = await scope_of_session(system, secret, origin) if secret else None
    if scope is None or secret is None:
        raise Unauthenticated("Sign in on the page, or send an API token: `Authorization: Bearer <API token>`.")
    if request.method not in SAFE:
        _check_same_page(request, csrf_token(system, secret))
    return scope


def _check_same_page(request: Request, expected: str) -> None:
    """A browser sends the cookie along for any page: only ours knows the token, and only ours has our origin."""
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise Forbidden("This request came from another web page. Nothing was changed.")
    if not hmac.compare_digest(request.headers.get("x-csrf-token", "").encode(), expected.encode()):
        raise Forbidden("The page is out of date. Nothing was changed; reload it and try again.")


async def judge_caller(scope: ASGIScope) -> None:
    """Find out whether a caller is known before a large body is read. Raises HTTPException with 401 or 403."""
    request = Request(scope)
    try:
        await _find_caller(request, await system_of(request), plain_origin(request))
    except (Unauthenticated, Forbidden) as error:
        # Whoever reads bodies lets nothing else through.
        raise HTTPException(error.status, error.detail) from error
    except Unavailable:
        return  # said where the caller is asked for


async def authorise(request: Request, system: SystemOf, origin: OriginOf) -> Scope:
    """Find who calls, and whether that kind of caller may call this route; projects are checked with their rows."""
    access = ACCESS[access_key(request.method, request.scope["route"].path)]
    assert access.kinds is not None, "a public route asks for no scope"
    scope = await _find_caller(request, system, origin)
    if scope.kind not in access.kinds:
        raise Forbidden(f"An API token of kind {scope.kind or 'session'} may not do this. Nothing was changed.")
    return replace(scope, needs=access.role)


ScopeOf = Annotated[Scope, Depends(authorise)]
