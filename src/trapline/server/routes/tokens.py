"""API tokens: make, list, revoke."""

from uuid import UUID

from fastapi import APIRouter, Response

from trapline.server.actions import tokens
from trapline.server.errors import Invalid
from trapline.server.routes.access import ScopeOf, SystemOf
from trapline.wire.auth import NewToken, Token, TokenMade
from trapline.wire.values import Page

router = APIRouter(prefix="/auth/tokens", tags=["auth"])


@router.get("")
async def list_tokens(system: SystemOf, scope: ScopeOf) -> Page[Token]:
    """List the API tokens that you made."""
    return await tokens.list_own_tokens(system, scope)


@router.post("", status_code=201)
async def create_token(system: SystemOf, scope: ScopeOf, new: NewToken, response: Response) -> TokenMade:
    """Make an API token; its secret is shown this once, and an Idempotency-Key, which would bring it back, refused."""
    if scope.origin.once is not None:
        raise Invalid(
            "The secret of a token is not kept, so an Idempotency-Key cannot bring it back. No token was made. "
            "Ask without a key, and revoke a token whose answer was lost."
        )
    response.headers["Cache-Control"] = "no-store"
    return await tokens.create_token(system, scope, new)


@router.delete("/{token_id}", status_code=204)
async def revoke_token(system: SystemOf, scope: ScopeOf, token_id: UUID) -> None:
    """Revoke an API token; it is refused at once."""
    await tokens.revoke_token(system, scope, token_id)
