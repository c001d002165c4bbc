"""The models behind observations that are derived for one person."""

from collections.abc import Collection
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction


async def list_analysis_models(
    scope: Scope, tx: Transaction, analyses: Collection[UUID]
) -> dict[UUID, tuple[str, str]]:
    """List the names and versions of the models of analyses."""
    if not analyses:
        return {}
    cursor = await tx.execute(
        "select id, model_name, model_version from analyses where id = any(%s)", (list(analyses),)
    )
    return {key: (name, version) for key, name, version in await cursor.fetchall()}
