"""Routes of callback keys of external pipelines, and the signature check."""

from operator import attrgetter
from uuid import UUID

from fastapi import APIRouter

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.external.actions import callback_keys
from trapline.server.platform.db.cursors import slice_page
from trapline.server.platform.http.parameters import Cursor, Limit, ProjectFilter
from trapline.wire.callback_keys import (
    CallbackKey,
    CreatedCallbackKey,
    NewCallbackKey,
    SignatureCheckRequest,
    SignatureCheckResult,
)
from trapline.wire.values import Page

router = APIRouter(prefix="/callback_keys", tags=["callback_keys"])


@router.get("")
async def list_keys(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[CallbackKey]:
    """List the callback keys that are valid for a project, or all of yours, newest first."""
    return slice_page(
        await callback_keys.list_keys(system, scope, project), attrgetter("id"), limit, cursor
    )


@router.post("", status_code=201)
async def create_key(system: SystemOf, scope: ScopeOf, new: NewCallbackKey) -> CreatedCallbackKey:
    """Create a key for one of your processing services; the response shows its secret only once."""
    return await callback_keys.create_key(system, scope, new)


@router.post("/check")
async def check_signature(
    system: SystemOf, scope: ScopeOf, asked: SignatureCheckRequest
) -> SignatureCheckResult:
    """Check which part of a signature is invalid.

    Nothing is stored, and the response contains no secret.
    """
    return await callback_keys.check_signature(system, scope, asked)


@router.delete("/{key_id}", status_code=204)
async def revoke_key(system: SystemOf, scope: ScopeOf, key_id: UUID) -> None:
    """Revoke a key: requests that it signs are refused."""
    await callback_keys.revoke_key(system, scope, key_id)
