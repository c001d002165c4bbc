"""Authentication of signed requests of external pipelines.

The headers are verified before the body is read, the body before it is parsed, and both before any
query, so that an invalid signature reveals nothing.
"""

import asyncio
import contextlib
import mmap
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from trapline.server.accounts.routes.access import SystemOf, authorise
from trapline.server.external.actions.callbacks import (
    READS,
    CallbackSigner,
    SignatureUse,
    list_signers,
    reject_signature,
)
from trapline.server.external.rules.signatures import (
    BadSignature,
    SignatureClaim,
    SignatureVerifier,
    has_signature,
    parse_claim,
)
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import InvalidRequest, Unauthenticated, UnsupportedEncoding
from trapline.server.platform.http.rate_limits import limit_caller, require_lookup_allowed
from trapline.server.platform.http.request_bodies import receive_body
from trapline.server.platform.http.request_context import get_minimal_origin, get_request_origin

SMALL_BYTES = 64 * 1024
"""The largest body of a callback without annotations, in bytes."""
RECEIVED_WITHIN_S = 3600.0
MARGIN_S = 60.0
"""The largest difference of the clocks of servers and the database, in seconds."""


@dataclass(frozen=True)
class SignedCallback:
    """A request about an analysis: scope, body, and the use of its signature, if it has one."""

    scope: Scope
    body: bytes | mmap.mmap
    use: SignatureUse | None
    is_signed: bool


async def receive_callback(request: Request, system: SystemOf) -> AsyncIterator[SignedCallback]:
    """Authenticate a callback and receive its signed body.

    Raises:
        Unauthenticated: the signature or token is not valid.
    """
    at_most = (
        system.callbacks.body_bytes
        if _is_bulk(request)
        else min(SMALL_BYTES, system.callbacks.body_bytes)
    )
    if not has_signature(request.scope["headers"]):
        scope = await authorise(request, system, await get_request_origin(request))
        async with receive_body(request, at_most) as body:
            yield SignedCallback(scope, body, None, is_signed=False)
        return
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedEncoding(
            "A signed body is sent as it is, without a Content-Encoding. Nothing was changed."
        )
    about = {"method": request.method, "path": request.url.path}
    async with contextlib.AsyncExitStack() as opened:
        try:
            claim = _read_claim(request, system)
            if claim.version == 2:
                require_lookup_allowed(request, system, _key_of(claim))
            signers = await list_signers(
                system, get_minimal_origin(request), claim, request.method, _analysis_of(request)
            )
            check = _check(request, claim, signers)
            take = opened.enter_context(system.callbacks.unverified.share())

            def watch(piece: bytes) -> None:
                take(piece)
                check.feed(piece)

            async with asyncio.timeout(RECEIVED_WITHIN_S):
                body = await opened.enter_async_context(receive_body(request, at_most, watch))
            signer = signers[check.find_signer()]
        except BadSignature as error:
            raise reject_signature(system, error, **about) from error
        except TimeoutError as error:
            raise InvalidRequest(
                "The body was not received within an hour. Nothing was changed; send less."
            ) from error
        limit_caller(request, system.rates.callers, signer.scope.actor)
        use = None
        # A v1 signature may be reused for reads; a nonce is valid for one request of any kind.
        if claim.version == 2 or request.method not in READS:
            name = check.name_use(f"{request.method} {_route_of(request)} {_analysis_of(request)}")
            # A request with the same headers that started in time may still be sending its body.
            kept_s = 2.0 * system.callbacks.skew_s + RECEIVED_WITHIN_S + MARGIN_S
            use = SignatureUse(name, kept_s, claim.version == 2, signer.key)
        yield SignedCallback(signer.scope, body, use, is_signed=True)


def _is_bulk(request: Request) -> bool:
    path: str = request.scope["route"].path
    return path.endswith("/annotations:bulk")


def _read_claim(request: Request, system: AppContext) -> SignatureClaim:
    settings = system.callbacks
    return parse_claim(
        request.scope["headers"], settings.clock(), settings.skew_s, settings.min_version
    )


def _key_of(claim: SignatureClaim) -> str:
    """Return the actor of a service key, for its rate limit."""
    return f"key:{claim.key_id.decode()}"


def _check(
    request: Request, claim: SignatureClaim, signers: Sequence[CallbackSigner]
) -> SignatureVerifier:
    secrets = [signer.secret for signer in signers]
    path, query = request.scope["raw_path"], request.scope["query_string"]
    return SignatureVerifier(claim, secrets, request.method.encode(), path, query)


def _route_of(request: Request) -> str:
    path: str = request.scope["route"].path
    return path.removeprefix("/api/v2").removeprefix("/api")


def _analysis_of(request: Request) -> UUID | None:
    """Return the analysis that the path names, in any form of its ID."""
    try:
        return UUID(request.path_params["analysis_id"])
    except ValueError:
        return None


CallbackOf = Annotated[SignedCallback, Depends(receive_callback)]
"""A signed request or one of a user; the route decides what each may do."""


async def _signed(callback: CallbackOf, system: SystemOf) -> SignedCallback:
    if not callback.is_signed and system.callbacks.require_signature:
        raise Unauthenticated(
            "This request requires a signature: X-ML-Timestamp and X-ML-Signature. Nothing was "
            "changed. The integration guide shows how to sign."
        )
    return callback


SignedOf = Annotated[SignedCallback, Depends(_signed)]
"""A request of an external pipeline: signed, or with an API token if the operator allows it."""
