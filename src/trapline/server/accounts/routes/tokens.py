"""API tokens: create, list, revoke."""

from operator import attrgetter
from uuid import UUID

from fastapi import APIRouter, Response

from trapline.server.accounts.actions import tokens
from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.platform.db.cursors import slice_page
from trapline.server.platform.http.parameters import Cursor, Limit
from trapline.wire.auth import CreatedToken, NewToken, Token
from trapline.wire.values import Page

router = APIRouter(prefix="/auth/tokens", tags=["auth"])


@router.get("")
async def list_tokens(
    system: SystemOf, scope: ScopeOf, limit: Limit = 50, cursor: Cursor = None
) -> Page[Token]:
    """List your API tokens."""
    return slice_page(await tokens.list_own_tokens(system, scope), attrgetter("id"), limit, cursor)


@router.post("", status_code=201)
async def create_token(
    system: SystemOf, scope: ScopeOf, new: NewToken, response: Response
) -> CreatedToken:
    """Create an API token; only this response, also if repeated with its key, has the secret."""
    response.headers["Cache-Control"] = "no-store"
    return await tokens.create_token(system, scope, new)


@router.delete("/{token_id}", status_code=204)
async def revoke_token(system: SystemOf, scope: ScopeOf, token_id: UUID) -> None:
    """Revoke an API token with immediate effect."""
    await tokens.revoke_token(system, scope, token_id)
